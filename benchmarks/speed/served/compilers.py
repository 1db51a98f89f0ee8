"""Seconds of a served network by our C kernels, and by compilers that could replace them.

    python -m benchmarks.speed.served.compilers
    python -m benchmarks.speed.served.compilers --write docs/performance.md

PyTorch's own convolutions (oneDNN), AOTInductor, which compiles for minutes, and OpenVINO where it
is installed (`pip install openvino`) take turns with the kernels, on one thread and in float32.
"""

import argparse
import tempfile
from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from time import process_time
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn

from benchmarks.report import at_least_one, measured, table, write_section
from model_zoo.checkpoints import checkpoint
from model_zoo.fast.autotune import AutotunedNetwork
from model_zoo.forecasters.by_name import find_weights
from model_zoo.nowcaster import Nowcaster

MODEL, HORIZON, SIDE = "ms-lstm", 4, 180
KERNELS, ONEDNN, INDUCTOR, OPENVINO = "C kernels", "PyTorch (oneDNN)", "AOTInductor", "OpenVINO"
REPLACES = 1.15
"""Times the seconds of the kernels up to which a compiler would replace them."""
HEADINGS = ("way", "seconds", "of the C kernels", "largest difference")

Way = Callable[[Tensor], Tensor]


class Found(NamedTuple):
    """What one way takes.

    Attributes:
        way: Its name.
        seconds: Of processor time, the median over rounds.
        ratio: Over that of the kernels just before or after, the median over rounds.
        difference: Largest absolute difference from the network as it is written.
    """

    way: str
    seconds: float
    ratio: float
    difference: float

    def cells(self) -> list[str]:
        """As a row."""
        return [self.way, f"{self.seconds:.2f}", f"{self.ratio:.2f}", f"{self.difference:.0e}"]


class Forecast(nn.Module):
    """The frames that a network predicts, as a module of one tensor."""

    def __init__(self, network: Nowcaster) -> None:
        super().__init__()
        self.network = network

    def forward(self, frames: Tensor) -> Tensor:
        """Predict (batch, horizon, channels, y, x) from (batch, time, channels, y, x)."""
        predicted = self.network(frames, horizon=HORIZON).frames[:, -HORIZON:]
        assert isinstance(predicted, Tensor)
        return predicted


class Minimum(NamedTuple):
    """Of `running_minimum`, as `torch.cummin` returns it."""

    values: Tensor


def running_minimum(values: Tensor, dim: int) -> Minimum:
    """As `torch.cummin` along a dimension of a tensor of any shape, which OpenVINO lacks."""
    parts = list(values.unbind(dim))
    for index in range(1, len(parts)):
        parts[index] = torch.minimum(parts[index], parts[index - 1])
    return Minimum(torch.stack(parts, dim))


def inductor(forecast: Forecast, frames: Tensor, folder: Path) -> Way:
    """The network compiled ahead of time, for frames (batch, time, channels, y, x)."""
    exported = torch.export.export(forecast, (frames,), strict=False)
    package = torch._inductor.aoti_compile_and_package(  # noqa: SLF001  its public name
        exported, package_path=str(folder / "network.pt2")
    )
    compiled = torch._inductor.aoti_load_package(package)  # noqa: SLF001
    return cast("Way", compiled)


def openvino(forecast: Forecast, frames: Tensor) -> Way:
    """The network converted to OpenVINO, for frames (batch, time, channels, y, x)."""
    ov = import_module("openvino")

    kept = Tensor.cummin
    Tensor.cummin = running_minimum  # type: ignore[method-assign,assignment]
    try:
        converted = ov.convert_model(torch.export.export(forecast, (frames,), strict=False))
    finally:
        Tensor.cummin = kept  # type: ignore[method-assign]
    options = {"INFERENCE_NUM_THREADS": 1, "INFERENCE_PRECISION_HINT": "f32"}
    compiled = ov.Core().compile_model(converted, "CPU", options)
    return lambda given: torch.from_numpy(compiled([given.numpy()])[0])


def candidates(network: Nowcaster, frames: Tensor, folder: Path) -> dict[str, Way]:
    """All that there are here for frames (batch, time, channels, y, x), the kernels first."""
    forecast, kernels = Forecast(network).eval(), AutotunedNetwork(network)
    found: dict[str, Way] = {
        KERNELS: lambda given: kernels(given, HORIZON),
        ONEDNN: forecast,
        INDUCTOR: inductor(forecast, frames, folder),
    }
    if find_spec("openvino"):
        found[OPENVINO] = openvino(forecast, frames)
    return found


def compared(by: Mapping[str, Way], frames: Tensor, rounds: int) -> list[Found]:
    """Let all ways forecast from frames (batch, time, channels, y, x) in turns."""
    truth = by[ONEDNN](frames)
    difference = {way: float((run(frames) - truth).abs().max()) for way, run in by.items()}
    seconds: dict[str, list[float]] = {way: [] for way in by}
    for _ in range(rounds):
        for way, run in by.items():
            begun = process_time()
            run(frames)
            seconds[way].append(process_time() - begun)
    return [
        Found(
            way,
            median(own),
            median(taken / kernel for taken, kernel in zip(own, seconds[KERNELS], strict=True)),
            difference[way],
        )
        for way, own in seconds.items()
    ]


def section(found: list[Found]) -> str:
    """What was found, as Markdown."""
    about = measured("benchmarks.speed.served.compilers --write docs/performance.md", "torch")
    others = [entry for entry in found if entry.way != KERNELS]
    best = min(others, key=lambda entry: entry.ratio)
    verdict = "replaces them" if best.ratio <= REPLACES else "the kernels stay"
    return f"""\
## C kernels and compilers

{about}

{table(HEADINGS, (entry.cells() for entry in found))}

Seconds of processor time of a forecast of {HORIZON} frames by the shipped {MODEL}, {SIDE}x{SIDE}
cells, float32, one thread. A compiler within {REPLACES} times the seconds of the kernels would
replace them; the best, {best.way}, takes {best.ratio:.2f} times: {verdict}.
"""


def main() -> None:
    """Print the table, and write it as a section."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=at_least_one, default=7)
    parser.add_argument("--write", type=Path, help="a Markdown file; changes its section only")
    options = parser.parse_args()
    torch.set_num_threads(1)
    network = checkpoint.load(find_weights(MODEL, None)).network.eval()
    # as the served network pads: 180 is a multiple of what it halves by
    frames = torch.rand(1, HORIZON, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    with tempfile.TemporaryDirectory(prefix="nowcast-bench-") as folder, torch.no_grad():
        text = section(compared(candidates(network, frames, Path(folder)), frames, options.rounds))
    print(text)
    if options.write:
        write_section(options.write, text, "c kernels and compilers")


if __name__ == "__main__":
    main()
