"""Autotuning: choose the fastest implementation of a network that reproduces its results.

Every candidate forecasts two steps of the given frames and is compared with the unoptimised
network; candidates whose outputs deviate are dropped. The choice is cached in a file beside the
compiled kernels, under a key of network, grid, threads, torch version, kernels and processor; if
the file is missing or damaged, tuning runs again. Where it cannot be written, nothing is measured:
the choice shipped for the kind of processor is used (`shipped_choices`).
"""

import ctypes
import hashlib
import json
import logging
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from model_zoo.checkpoints.checkpoint import write_whole
from model_zoo.fast import c_library
from model_zoo.fast.backend import Backend
from model_zoo.fast.bf16_backend import AmxBackend, Bf16Backend
from model_zoo.fast.c_backend import CBackend
from model_zoo.fast.cuda_graph import CudaGraph
from model_zoo.fast.network import FastNowcaster
from model_zoo.fast.shipped_choices import table
from model_zoo.fast.torch_backend import TorchBackend
from model_zoo.nowcaster import Nowcaster, Rollout

logger = logging.getLogger(__name__)

Forecast = Callable[[Tensor, int], Tensor]
"""From frames (batch, time, channels, height, width) and a horizon to the frames that a `Nowcaster`
predicts after them, (batch, horizon, channels, height, width)."""

TOLERANCE = 1e-4
"""Maximum absolute deviation of a float32 candidate from the unoptimised network."""
BF16_TOLERANCE = 0.03
"""Maximum deviation of a bfloat16 candidate, relative to the largest output of the network."""
STEPS, RUNS = 2, 2
"""Forecast steps and repetitions of a trial; from the second step on, states are not zero."""
TIMING_MARGIN = 0.8
"""A candidate is replaced by a later one only if that takes less than this fraction of its time."""
MAX_ENTRIES = 200
"""Choices in the cache file; the oldest are dropped."""
UNOPTIMISED, BF16 = "unoptimised", "bfloat16"
CACHE_FILE = "autotune.json"


class AutotunedNetwork:
    """A network run by the fastest implementation for each shape of frames."""

    def __init__(self, network: Nowcaster, *, bf16: bool = False) -> None:
        """Wrap a network whose weights do not change any more.

        Args:
            network: On its device.
            bf16: Whether convolutions may run in bfloat16 where that is fastest.
        """
        self.network, self.bf16 = network, bf16
        self._forecasts: dict[tuple[int, ...], Forecast] = {}

    def __call__(self, frames: Tensor, horizon: int) -> Tensor:
        """Predict the `horizon` frames after the given ones.

        Args:
            frames: (batch, time, channels, height, width), as `Nowcaster` takes them.
            horizon: Number of frames to predict.

        Returns:
            (batch, horizon, channels, height, width), float32.

        Raises:
            BadGrid: Height or width cannot be halved as often as the network needs.
        """
        shape = tuple(frames.shape)
        if shape not in self._forecasts:
            self._forecasts[shape] = choose(self.network, frames, bf16=self.bf16)
        return self._forecasts[shape](frames, horizon)


def choose(network: Nowcaster, frames: Tensor, *, bf16: bool) -> Forecast:
    """Return the fastest implementation for this shape, device and number of torch threads.

    Args:
        network: On its device.
        frames: Representative input, (batch, time, channels, height, width).
        bf16: Whether convolutions may run in bfloat16.
    """
    available = candidates(network, frames, bf16=bf16)
    key = cache_key(network, frames, bf16=bf16)
    name, reason = cached_choice(key), "measured here before"
    if name not in available:
        folder = writable_folder()
        if folder is None:
            device = frames.device.type
            kind = table.processor_kind(c_library.processor()) if device == "cpu" else device
            threads = torch.get_num_threads()
            name, reason = table.look_up(table.read(), kind, threads, [*available], bf16=bf16)
        else:
            name, reason = fastest(available, frames), "measured now"
            keep_choice(folder / CACHE_FILE, key, name)
    logger.info("forecasts of %s run by %r: %s", tuple(frames.shape), name, reason)
    return available[name]()


def candidates(
    network: Nowcaster, frames: Tensor, *, bf16: bool
) -> Mapping[str, Callable[[], Forecast]]:
    """Return the available implementations by name, as functions that make them.

    Args:
        network: On its device.
        frames: Representative input, (batch, time, channels, height, width).
        bf16: Whether convolutions may run in bfloat16.

    Returns:
        Those that are probably the fastest first, the unoptimised network last.
    """
    available: dict[str, Callable[[], Forecast]] = {}
    weights = next(network.parameters())
    if weights.dtype == torch.float32:
        on_cpu = weights.device.type == "cpu"
        kernels = c_library.load() if on_cpu and len(frames) == 1 else None
        fused = partial(FastNowcaster, network, TorchBackend(weights.device))
        if not on_cpu:
            available["fused, CUDA graph"] = lambda: CudaGraph(fused())
        if kernels is None:
            available["fused"] = fused
        else:
            for threads in sorted({1, torch.get_num_threads()}, reverse=True):
                make = partial(with_c_backend, network, kernels, threads)
                available[f"fused, C kernels, {threads} threads"] = make
        if bf16:
            bf16_network = partial(with_bf16, network)
            if not on_cpu:
                available[BF16] = lambda: CudaGraph(bf16_network())
            elif len(frames) == 1:
                available[BF16] = bf16_network
    return {**available, UNOPTIMISED: lambda: partial(unoptimised, network)}


def with_c_backend(network: Nowcaster, kernels: ctypes.CDLL, threads: int) -> Forecast:
    """Make the network with fused convolutions by the C kernels."""
    return FastNowcaster(network, CBackend(kernels, threads))


def with_bf16(network: Nowcaster) -> Forecast:
    """Make the network with convolutions in bfloat16; states and all else stay in float32."""
    return FastNowcaster(network, bf16_backend(next(network.parameters()).device))


def bf16_backend(device: torch.device) -> Backend:
    """Return the backend for bfloat16: the matrix unit (AMX) of a CPU that has one, else torch."""
    kernels = c_library.load() if device.type == "cpu" else None
    if kernels is None:
        return TorchBackend(device, torch.bfloat16)
    threads = torch.get_num_threads()
    if kernels.has_amx():
        return AmxBackend(kernels, threads)
    return Bf16Backend(CBackend(kernels, threads))


def unoptimised(network: Nowcaster, frames: Tensor, horizon: int) -> Tensor:
    """Forecast by the network itself; shapes as `AutotunedNetwork.__call__` has them.

    Args:
        network: On the device of `frames`.
        frames: (batch, time, channels, height, width).
        horizon: Number of frames to predict.

    Returns:
        (batch, horizon, channels, height, width), float32.
    """
    with torch.inference_mode():
        rollout: Rollout = network(frames, horizon=horizon)
    return rollout.frames[:, -horizon:].float()


def fastest(available: Mapping[str, Callable[[], Forecast]], frames: Tensor) -> str:
    """Time the candidates and return the name of the fastest with the outputs of the network.

    Args:
        available: Functions that make the candidates, by name.
        frames: (batch, time, channels, height, width); the newest frame is used.

    Returns:
        Of candidates that take about as long, the first.
    """
    seconds = measure(available, frames)
    shortest = min(seconds.values())
    return next(name for name, duration in seconds.items() if duration * TIMING_MARGIN <= shortest)


def measure(available: Mapping[str, Callable[[], Forecast]], frames: Tensor) -> dict[str, float]:
    """Return the seconds of the candidates with the outputs of the network, by name.

    Args:
        available: Functions that make the candidates, by name.
        frames: (batch, time, channels, height, width); the newest frame is used.
    """
    newest = frames[:, -1:]
    reference, _ = timed_run(available[UNOPTIMISED](), newest)
    seconds: dict[str, float] = {}
    for name, make in available.items():
        forecast = make()
        # more than one run: faults may show only when buffers are reused
        runs = [timed_run(forecast, newest) for _ in range(RUNS)]
        deviation = max((output - reference).abs().max().item() for output, _ in runs)
        allowed = BF16_TOLERANCE * reference.abs().max().item() if name == BF16 else TOLERANCE
        if deviation <= allowed:
            seconds[name] = min(duration for _, duration in runs)
        else:
            logger.warning("%r is not used: its output deviates by %g", name, deviation)
    logger.info("seconds for %d steps of %s: %s", STEPS, tuple(newest.shape), seconds)
    return seconds


def timed_run(forecast: Forecast, frames: Tensor) -> tuple[Tensor, float]:
    """Return the output (batch, time, channels, height, width) of a forecast, and its seconds."""
    start = time.perf_counter()
    output = forecast(frames, STEPS)
    output.sum().item()  # waits for a GPU
    return output, time.perf_counter() - start


def cache_key(network: Nowcaster, frames: Tensor, *, bf16: bool) -> str:
    """Return the cache key of frames (batch, time, channels, height, width) on this machine."""
    stack = network.stack
    device = torch.cuda.get_device_name() if frames.is_cuda else c_library.processor()
    parts = (
        *(str(network), stack.levels, stack.skips, tuple(frames.shape), device),
        *(torch.get_num_threads(), torch.__version__, c_library.source_hash(), bf16),
    )
    return hashlib.sha256("\n".join(map(str, parts)).encode()).hexdigest()[:16]


def read_cache(file: Path) -> dict[str, str]:
    """Read the cached choices; none where the file is missing or damaged."""
    with suppress(OSError, ValueError):
        cached = json.loads(file.read_text())
        if isinstance(cached, dict):
            return {str(key): str(name) for key, name in cached.items()}
    return {}


def cached_choice(key: str) -> str:
    """Return the candidate that was measured under this key; empty if there is none."""
    with suppress(RuntimeError):  # no home folder
        return read_cache(c_library.folder() / CACHE_FILE).get(key, "")
    return ""


def writable_folder() -> Path | None:
    """Return the cache folder, created if need be; None where it cannot be written."""
    with suppress(OSError, RuntimeError):  # a full disk or a read-only one; no home folder
        folder = c_library.folder()
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(b"0")
            probe.flush()
        return folder
    return None


def keep_choice(file: Path, key: str, name: str) -> None:
    """Add a choice to the cache file; the oldest are dropped."""
    entries = [*read_cache(file).items(), (key, name)][-MAX_ENTRIES:]
    with suppress(OSError):  # it is measured again at the next start
        write_whole(file, json.dumps(dict(entries), indent=1).encode())
