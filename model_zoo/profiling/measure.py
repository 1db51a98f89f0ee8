"""Time and memory of a network on this machine, measured in a process of its own.

    python -m model_zoo.profiling.measure ms-lstm 32 180 180 4 4

A process of its own, so that memory of networks is not mixed, and one that runs out of memory ends
only itself.
"""

import argparse
import gc
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from model_zoo.nowcaster import Nowcaster
from model_zoo.profiling.cost import saved_bytes
from model_zoo.profiling.papers import DataSet
from model_zoo.zoo import build

REPEATS = 3
ENOUGH_SECONDS = 5.0
"""Runs are not repeated after this time."""
MEGABYTE = 1e6


class Measurement(NamedTuple):
    """Cost of one sample in float32: best times of a few runs in s, memory in MB."""

    forecast_seconds: float
    forecast_peak: float
    """Above the network at rest: allocated memory on a GPU, resident memory on a CPU."""
    step_seconds: float
    """Forward, backward and Adam."""
    step_peak: float
    kept: float
    """Saved by the forward pass for the backward pass."""


def measure(name: str, channels: int, data: DataSet, patience_seconds: float) -> Measurement | None:
    """Measure a network in a process of its own; None if it fails or takes too long.

    Args:
        name: One of `zoo.MODELS`.
        channels: Width of every layer.
        data: Shape of the sequences.
        patience_seconds: Time limit.
    """
    numbers = [channels, data.height, data.width, data.given, data.horizon]
    command = [sys.executable, "-m", "model_zoo.profiling.measure", name, *map(str, numbers)]
    try:
        done = subprocess.run(  # noqa: S603  this module, by this Python
            command, capture_output=True, text=True, timeout=patience_seconds, check=True
        )
    except (subprocess.TimeoutExpired, subprocess.CalledProcessError):
        return None
    return Measurement(**json.loads(done.stdout.splitlines()[-1]))


class MeasurementFile:
    """File of measurements, a JSON line each, so that long series can be interrupted and resumed.

    Several processes may write to it; lines are read on the machine they were measured on only.
    """

    def __init__(self, path: Path | None, machine: str) -> None:
        self.path, self.machine = path, machine

    def find(self, name: str, channels: int, data: DataSet) -> Measurement | None:
        """Return an earlier measurement of a network; None if there is none."""
        if self.path is None or not self.path.exists():
            return None
        key = [self.machine, name, channels, *data[1:]]
        lines = map(json.loads, self.path.read_text().splitlines())
        return next((Measurement(*line["found"]) for line in lines if line["key"] == key), None)

    def append(self, name: str, channels: int, data: DataSet, found: Measurement) -> None:
        """Append a measurement."""
        if self.path is not None:
            line = {"key": [self.machine, name, channels, *data[1:]], "found": list(found)}
            with self.path.open("a") as file:
                file.write(json.dumps(line) + "\n")


def main() -> None:
    """Measure in this process and print the result as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name")
    for number in ("channels", "height", "width", "given", "horizon"):
        parser.add_argument(number, type=int)
    asked = parser.parse_args()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.manual_seed(0)
    network = build(asked.name, channels=asked.channels).to(device)
    frames = torch.rand(1, asked.given + asked.horizon, 1, asked.height, asked.width).to(device)
    found = run(network, frames[:, : asked.given], frames[:, 1:], asked.horizon)
    sys.stdout.write(json.dumps(found._asdict()) + "\n")


def run(network: Nowcaster, given: Tensor, truth: Tensor, horizon: int) -> Measurement:
    """Measure forecasts, then training steps.

    Args:
        network: On the device of the frames.
        given: (batch, time, 1, height, width) in 0..1.
        truth: Frames after each given one and predicted one, likewise.
        horizon: Number of frames to predict.
    """
    rest = forget_peak(given.device)
    network.eval()
    forecast_seconds = best(lambda: forecast(network, given, horizon), given.device)
    forecast_peak = peak(given.device) - rest
    network.train()
    forget_peak(given.device)
    optimiser = torch.optim.Adam(network.parameters(), lr=3e-4)
    step_seconds = best(lambda: step(network, optimiser, given, truth, horizon), given.device)
    step_peak = peak(given.device) - rest
    kept = saved_bytes(network, given, horizon) / MEGABYTE
    return Measurement(forecast_seconds, forecast_peak, step_seconds, step_peak, kept)


def forecast(network: Nowcaster, given: Tensor, horizon: int) -> None:
    """Run a forecast from frames (batch, time, 1, height, width)."""
    with torch.inference_mode():
        network(given, horizon=horizon)


def step(
    network: Nowcaster, optimiser: torch.optim.Optimizer, given: Tensor, truth: Tensor, horizon: int
) -> None:
    """Run a training step; shapes as in `run`."""
    optimiser.zero_grad(set_to_none=True)
    rollout = network(given, horizon=horizon)
    error = rollout.frames - truth
    (error.square().sum() + error.abs().sum() + rollout.penalty).backward()
    optimiser.step()


def best(work: Callable[[], object], device: torch.device) -> float:
    """Return the shortest time of a few runs in s, or of a single long one."""
    times: list[float] = []
    while len(times) < REPEATS and sum(times) < ENOUGH_SECONDS:
        start = time.perf_counter()
        work()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        times.append(time.perf_counter() - start)
    return min(times)


def peak(device: torch.device) -> float:
    """Return the peak memory since `forget_peak` in MB."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / MEGABYTE
    return resident("VmHWM")


def forget_peak(device: torch.device) -> float:
    """Reset the peak memory and return the current memory in MB."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        return torch.cuda.memory_allocated(device) / MEGABYTE
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")  # Linux: resets the peak
    return resident("VmRSS")


def resident(field: str) -> float:
    """Read a field of /proc/self/status in MB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field)) * 1024 / MEGABYTE


if __name__ == "__main__":
    main()
