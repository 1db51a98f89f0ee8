"""Which way to forecast is fastest on the machine at hand, and equal: found once, remembered.

Every way there is runs two steps of the forecast that is wanted and is timed against the network as
it is. One that says anything else is left out. What was found is kept on file beside the compiled
kernels, under a key that changes with network, grid, threads, torch, kernels and processor; without
the file, or with a damaged one, it is found again.
"""

import ctypes
import hashlib
import json
import logging
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from model_zoo.checkpoints.checkpoint import write_whole
from model_zoo.fast import c_library
from model_zoo.fast.c_backend import InTiles, Narrow, Native
from model_zoo.fast.cuda_graph import Recorded
from model_zoo.fast.network import FastNowcaster
from model_zoo.fast.torch_backend import Arithmetic, ByTorch
from model_zoo.nowcaster import Nowcaster, Rollout

logger = logging.getLogger(__name__)

Forecast = Callable[[Tensor, int], Tensor]
"""From frames (batch, time, channels, height, width) and a horizon to what a `Nowcaster` says of
the frames after them, (batch, horizon, ...)."""

TOLERANCE = 1e-4
"""By how much a way may differ from the network as it is, in what that says."""
ROUGH = 0.03
"""The same where bfloat16 is allowed, as a share of the largest number that it says."""
STEPS, ROUNDS = 2, 2
"""The first step starts from nothing; in the second all there is takes part."""
ALIKE = 0.8
"""Of the time of another way, that may be the noise of a busy machine."""
KEPT = 200
"""Findings on file; older ones go."""
AS_IT_IS, IN_BF16 = "as it is", "in bfloat16"
FILE = "ways.json"


class Quickest:
    """A network that forecasts in the fastest way for the frames it is given."""

    def __init__(self, network: Nowcaster, *, bf16: bool = False) -> None:
        """Take `network`, whose weights must not change any more.

        Args:
            network: On its device.
            bf16: Whether convolutions may be in bfloat16, where that is the fastest.
        """
        self.network, self.bf16 = network, bf16
        self._ways: dict[tuple[int, ...], Forecast] = {}

    def __call__(self, frames: Tensor, horizon: int) -> Tensor:
        """What the network says of the `horizon` frames after the given ones.

        Raises:
            BadGrid: As `Nowcaster` does.
        """
        shape = tuple(frames.shape)
        if shape not in self._ways:
            self._ways[shape] = choose(self.network, frames, bf16=self.bf16)
        return self._ways[shape](frames, horizon)


def choose(network: Nowcaster, frames: Tensor, *, bf16: bool) -> Forecast:
    """The fastest way for frames of this shape, on this device, with the threads torch has now."""
    found = ways(network, frames, bf16=bf16)
    file, key = c_library.folder() / FILE, key_of(network, frames, bf16=bf16)
    name = read(file).get(key, "")
    if name not in found:
        name = quickest(found, frames)
        with suppress(OSError, RuntimeError):  # it is found again
            file.parent.mkdir(parents=True, exist_ok=True)
            known = [*read(file).items(), (key, name)][-KEPT:]
            write_whole(file, json.dumps(dict(known), indent=1).encode())
    return found[name]()


def ways(network: Nowcaster, frames: Tensor, *, bf16: bool) -> Mapping[str, Callable[[], Forecast]]:
    """What there is to choose from, by name, what is likely to be fastest first; each is made when
    it is asked for."""
    found: dict[str, Callable[[], Forecast]] = {}
    weights = next(network.parameters())
    if weights.dtype == torch.float32:
        on_cpu = weights.device.type == "cpu"
        kernels = c_library.load() if on_cpu and len(frames) == 1 else None
        rearranged = partial(FastNowcaster, network, ByTorch(weights.device))
        if not on_cpu:
            found["rearranged and recorded"] = lambda: Recorded(rearranged())
        if kernels is None:
            found["rearranged"] = rearranged
        else:
            for threads in sorted({1, torch.get_num_threads()}, reverse=True):
                make = partial(compiled, network, kernels, threads)
                found[f"compiled, threads {threads}"] = make
        if bf16:
            narrow = partial(in_bf16, network)
            if not on_cpu:
                found[IN_BF16] = lambda: Recorded(narrow())
            elif len(frames) == 1:
                found[IN_BF16] = narrow
    return {**found, AS_IT_IS: lambda: partial(as_it_is, network)}


def compiled(network: Nowcaster, kernels: ctypes.CDLL, threads: int) -> Forecast:
    """By the kernels in C."""
    return FastNowcaster(network, Native(kernels, threads))


def in_bf16(network: Nowcaster) -> Forecast:
    """Convolutions in bfloat16; states and all else stay in float32."""
    return FastNowcaster(network, rough(next(network.parameters()).device))


def rough(device: torch.device) -> Arithmetic:
    """With convolutions in bfloat16: by the matrix unit of the processor where it has one, else by
    torch."""
    kernels = c_library.load() if device.type == "cpu" else None
    if kernels is None:
        return ByTorch(device, torch.bfloat16)
    threads = torch.get_num_threads()
    return InTiles(kernels, threads) if kernels.has_tiles() else Narrow(Native(kernels, threads))


def as_it_is(network: Nowcaster, frames: Tensor, horizon: int) -> Tensor:
    """By the network itself."""
    with torch.inference_mode():
        rollout: Rollout = network(frames, horizon=horizon)
    return rollout.frames[:, -horizon:].float()


def quickest(found: Mapping[str, Callable[[], Forecast]], frames: Tensor) -> str:
    """The name of the fastest way that says the same as the network as it is; of ways that take
    about as long, the first."""
    newest = frames[:, -1:]
    wanted, _ = run(found[AS_IT_IS](), newest)
    seconds: dict[str, float] = {}
    for name, make in found.items():
        forecast = make()
        # not the first run only: what is wrong may show when buffers are used again
        runs = [run(forecast, newest) for _ in range(ROUNDS)]
        apart = max((said - wanted).abs().max().item() for said, _ in runs)
        allowed = ROUGH * wanted.abs().max().item() if name == IN_BF16 else TOLERANCE
        if apart <= allowed:
            seconds[name] = min(taken for _, taken in runs)
        else:
            logger.warning("%r is not used: it says something else, by %g", name, apart)
    logger.info("seconds for %d steps of %s: %s", STEPS, tuple(newest.shape), seconds)
    least = min(seconds.values())
    return next(name for name, taken in seconds.items() if taken * ALIKE <= least)


def run(forecast: Forecast, frames: Tensor) -> tuple[Tensor, float]:
    """What a forecast says, and the seconds it takes."""
    start = time.perf_counter()
    said = forecast(frames, STEPS)
    said.sum().item()  # waits for a GPU
    return said, time.perf_counter() - start


def key_of(network: Nowcaster, frames: Tensor, *, bf16: bool) -> str:
    """Other wherever another way may be the fastest."""
    stack = network.stack
    device = torch.cuda.get_device_name() if frames.is_cuda else c_library.processor()
    about = (
        *(str(network), stack.levels, stack.skips, tuple(frames.shape), device),
        *(torch.get_num_threads(), torch.__version__, c_library.source_hash(), bf16),
    )
    return hashlib.sha256("\n".join(map(str, about)).encode()).hexdigest()[:16]


def read(file: Path) -> dict[str, str]:
    """What was found before; nothing where the file is not there, or not what was written."""
    with suppress(OSError, ValueError):
        found = json.loads(file.read_text())
        if isinstance(found, dict):
            return {str(key): str(name) for key, name in found.items()}
    return {}
