"""Numbers of our own, for every network, where the parity kits of the published ones are missing.

They were computed by this code, at a time when it agreed with the parity kits, from weights and
frames that are plain formulas. Written again, after a change that is meant to change them, by

    python tests/unit/model_zoo/test_golden.py
"""

import json
from pathlib import Path

import pytest
import torch
from torch import Tensor

from model_zoo import MODELS, Nowcaster, build

FILE = Path(__file__).with_name("golden.json")
GIVEN, HORIZON, SIZE = 3, 2, 16

Numbers = dict[str, float | list[float]]


def network(name: str) -> Nowcaster:
    """A network of the zoo whose weights are sines, of the size of usual initial weights."""
    built = build(name, channels=4).double()
    with torch.no_grad():
        for order, weight in enumerate(built.parameters(), start=1):
            place = torch.arange(weight.numel(), dtype=torch.float64)
            size = (weight[0].numel() if weight.ndim > 1 else 16) ** -0.5
            weight.copy_((size * torch.sin(0.7 * order + 1.3 * place)).view_as(weight))
    return built


def frames() -> Tensor:
    """Two unequal samples of waves that travel."""
    time, sample, row, column = torch.meshgrid(
        torch.arange(GIVEN, dtype=torch.float64),
        torch.arange(2, dtype=torch.float64),
        torch.arange(SIZE, dtype=torch.float64),
        torch.arange(SIZE, dtype=torch.float64),
        indexing="ij",
    )
    waves = 0.5 + 0.5 * torch.sin(0.4 * row + (0.3 + sample) * column - 0.9 * time)
    return waves.transpose(0, 1).unsqueeze(2)


def numbers(name: str) -> Numbers:
    """What is compared: some pixels of the last frames, and how the loss leans on the weights."""
    built = network(name)
    rollout = built(frames(), horizon=HORIZON)
    (rollout.frames.square().mean() + rollout.penalty).backward()
    gradients = [p.grad.norm() for p in built.parameters() if p.grad is not None]
    return {
        "pixels": rollout.frames[:, -HORIZON:, 0, ::7, ::5].flatten()[::5].tolist(),
        "mean": rollout.frames.mean().item(),
        "penalty": rollout.penalty.item(),
        "gradient": torch.stack(gradients).norm().item(),
    }


@pytest.mark.parametrize("name", MODELS)
def test_gives_the_numbers_it_gave_when_it_was_checked(name: str) -> None:
    wanted: Numbers = json.loads(FILE.read_text())[name]
    got = numbers(name)
    assert got.keys() == wanted.keys()
    for key, value in got.items():
        assert value == pytest.approx(wanted[key], rel=1e-9, abs=1e-12), key


if __name__ == "__main__":
    rounded = json.loads(json.dumps({name: numbers(name) for name in MODELS}))
    FILE.write_text(json.dumps(rounded, indent=1) + "\n")
