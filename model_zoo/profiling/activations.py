"""Activations and effective receptive fields of the layers of a network.

After figures 4 and 5 of the MS-LSTM paper (arXiv 2304.07724), 4 and 5 of the MS-RNN paper
(arXiv 2206.03010). The effective receptive field is that of Luo et al. (2016), arXiv 1701.04128.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import NamedTuple, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F
from xarray import DataArray

from model_zoo import intensity
from model_zoo.cell import Step
from model_zoo.checkpoints import checkpoint
from model_zoo.intensity import Scale
from model_zoo.nowcaster import Nowcaster
from model_zoo.zoo import build

GIVEN = 4
"""Number of given frames."""
BLOBS = 12


class Sight(NamedTuple):
    """Sensitivity of a layer to the newest frame, (height, width), maximum 1."""

    layer: int
    level: int
    """Halvings of the resolution at which the layer works."""
    field: NDArray[np.float32]
    """Effective receptive field: mean over inputs of the magnitude of the gradient of the centre
    cell with respect to each pixel."""
    gradient: NDArray[np.float32]
    """Magnitude of the gradient of all outputs with respect to each pixel of one input."""


def open_network(name_or_path: str, channels: int, seed: int) -> tuple[str, Nowcaster, Scale]:
    """Open a network with random weights by its name in the zoo, or a checkpoint.

    Returns:
        A title, the network and its intensity scale.

    Raises:
        UnknownModel: There is no such network.
        BadCheckpoint: The file is not a checkpoint.
    """
    if name_or_path.endswith(".safetensors"):
        trained = checkpoint.load(name_or_path)
        return trained.model, trained.network, intensity.scale(trained.scale)
    torch.manual_seed(seed)
    network = build(name_or_path, channels=channels)
    return f"{name_or_path} with random weights", network, intensity.scale("reflectivity")


def scaled_frames(frames: DataArray, scale: Scale, multiple: int) -> Tensor:
    """Convert frames (time, y, x) in mm/h to network input.

    Args:
        frames: NaN, which is no data, becomes dry.
        scale: Of the network.
        multiple: Height and width are padded to a multiple of this.

    Returns:
        (1, time, 1, height, width) in 0..1.
    """
    rates = torch.from_numpy(np.nan_to_num(frames.to_numpy().astype(np.float32)))
    height, width = rates.shape[-2:]
    return F.pad(scale.encode(rates)[None, :, None], (0, -width % multiple, 0, -height % multiple))


def layer_outputs(network: Nowcaster, frames: Tensor, horizon: int) -> list[NDArray[np.float32]]:
    """Return the mean magnitude over channels of the hidden states of each layer, bottom first.

    Args:
        network: Any network of the zoo.
        frames: (batch, time, 1, height, width), scaled to 0..1; the first sample is used.
        horizon: Number of frames to predict after them.

    Returns:
        For each layer (time + horizon - 1, height, width) at its resolution.
    """
    with torch.no_grad(), recorded_outputs(network) as recorded:
        network.eval()(frames, horizon=horizon)
    return [
        torch.stack([hidden[0].abs().mean(0) for hidden in layer]).float().cpu().numpy()
        for layer in recorded
    ]


def sights(network: Nowcaster, frames: Tensor) -> Iterator[Sight]:
    """Compute the sensitivity of the encoder layers, the lower half, bottom first.

    Args:
        network: Any network of the zoo.
        frames: (batch, time, 1, height, width), scaled to 0..1; sensitivity is to the newest. The
            receptive field is the mean over the batch.
    """
    network.eval()
    given = frames.clone().requires_grad_()
    with recorded_outputs(network) as recorded:
        network(given, horizon=1)
    newest = [layer[-1] for layer in recorded]
    for layer in range((len(newest) + 1) // 2):
        hidden = newest[layer]
        row, column = (side // 2 for side in hidden.shape[-2:])
        centre = magnitude(hidden[..., row, column].sum(), given)
        everything = magnitude(hidden[0].square().sum(), given)
        yield Sight(
            layer,
            network.stack.levels[layer],
            scaled(centre[:, -1, 0].mean(0)),
            scaled(everything[0, -1, 0]),
        )


def magnitude(output: Tensor, given: Tensor) -> Tensor:
    """Return the magnitude of the gradient of a scalar, shaped as `given`."""
    (gradient,) = torch.autograd.grad(output, given, retain_graph=True)
    return gradient.abs()


def scaled(field: Tensor) -> NDArray[np.float32]:
    """Scale a field (height, width) to a maximum of 1; zeros stay zero."""
    largest = field.max().clamp(min=torch.finfo(field.dtype).tiny)
    found: NDArray[np.float32] = (field / largest).float().cpu().numpy()
    return found


@contextmanager
def recorded_outputs(network: Nowcaster) -> Iterator[list[list[Tensor]]]:
    """Collect the hidden states (batch, channels, height, width) of a network by layer and step."""
    recorded: list[list[Tensor]] = []
    handles = []
    for cell in cast("Iterable[nn.Module]", network.stack.cells):
        outputs: list[Tensor] = []
        recorded.append(outputs)

        def record(
            module: nn.Module, given: object, step: Step, to: list[Tensor] = outputs
        ) -> None:
            del module, given
            to.append(step.hidden)

        handles.append(cell.register_forward_hook(record))
    try:
        yield recorded
    finally:
        for handle in handles:
            handle.remove()


def drifting_blobs(time: int, side: int, batch: int = 1, seed: int = 0) -> Tensor:
    """Make frames (batch, time, 1, side, side) in 0..1 of round blobs that drift together."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:side, :side]
    frames = np.zeros((batch, time, 1, side, side), np.float32)
    for sample in range(batch):
        places = rng.uniform(0, side, (BLOBS, 2))
        widths, heights = rng.uniform(side / 40, side / 10, BLOBS), rng.uniform(0.2, 0.8, BLOBS)
        drift = rng.normal(0, side / 30, 2)
        for t in range(time):
            for (row, column), width, height in zip(
                places + t * drift, widths, heights, strict=True
            ):
                blob = height * np.exp(-((y - row) ** 2 + (x - column) ** 2) / (2 * width**2))
                frames[sample, t, 0] = np.maximum(frames[sample, t, 0], blob)
    return torch.from_numpy(frames)
