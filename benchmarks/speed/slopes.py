"""What the parts of the service cost by their size, each measured in a fresh process.

    python -m benchmarks.speed.slopes forecast 180   seconds and MB of one forecast on 180x180 cells
    python -m benchmarks.speed.slopes requests 200   milliseconds of one request

`benchmarks.speed.scale` runs it.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from http.client import HTTPConnection
from pathlib import Path
from time import perf_counter, process_time
from typing import NamedTuple

import numpy as np

from benchmarks.server_process import serving
from benchmarks.speed.comparison import shifted
from benchmarks.speed.startup import so_far

MODEL, BASELINE = "ms-lstm", "persistence"
REPEATS = 3
NEWEST = np.datetime64("2025-06-21T12:00", "ns")


class Forecast(NamedTuple):
    """What one forecast takes with one thread."""

    side: int
    seconds: float
    """Of the processor: the best of a few, once the way it is made has been chosen."""
    megabytes: float
    """Resident at most above the process with its model loaded, the first forecast included, which
    finds out the fastest way."""
    stored: int
    """Bytes of its file."""

    @property
    def cells(self) -> int:
        """Number of cells."""
        return self.side**2


class Line(NamedTuple):
    """What grows with the number of cells: so much at rest, and so much for each."""

    rest: float
    slope: float

    def value_at(self, cells: float) -> float:
        """Return the value at a number of cells."""
        return self.rest + self.slope * cells


def fitted(cells: Sequence[float], values: Sequence[float]) -> Line:
    """Fit a line by least squares of relative errors.

    Large sizes would else decide alone. Where it would be below 0 at rest it begins there, as
    nothing costs less.
    """
    x, y = np.array(cells, float), np.array(values, float)
    rows = np.stack([1 / y, x / y], axis=1)
    (rest, slope), *_ = np.linalg.lstsq(rows, np.ones(len(y)), rcond=None)
    if rest < 0:
        rest, slope = 0.0, float((x / y).sum() / ((x / y) ** 2).sum())
    return Line(float(rest), float(slope))


def forecast(side: int) -> Forecast:
    """Measure a forecast in a process of its own."""
    found = run_in_process("forecast", side)
    return Forecast(side, found["seconds"], found["megabytes"], int(found["stored"]))


def request_milliseconds(number: int) -> dict[str, float]:
    """Milliseconds of the processor that the API takes for one request, by what is asked for."""
    return run_in_process("requests", number)


def run_in_process(what: str, number: int) -> dict[str, float]:  # values as `main` prints them
    """Run `main` in a process of its own and return the values it prints."""
    command = [sys.executable, "-m", "benchmarks.speed.slopes", what, str(number)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


# in that process


def measure_forecast(side: int) -> Forecast:
    """Measure a forecast in this process."""
    import torch
    import xarray as xr

    from ingest.formats import netcdf
    from ingest.grid import MODEL_FACTOR, NATIONAL_SPHERE, block_mean
    from ingest.precipitation import make
    from ingest.simulation.simulate import simulate
    from model_zoo import load_forecaster
    from model_zoo.profiling.measure import forget_peak, peak

    torch.set_num_threads(1)
    _, rate = next(simulate(NEWEST, 1, seed=1))
    frame = np.nan_to_num(block_mean(rate, MODEL_FACTOR))
    tiles = -(-side // len(frame))
    rain = np.tile(frame, (tiles, tiles))[:side, :side]
    grid = replace(NATIONAL_SPHERE.coarser(MODEL_FACTOR), shape=(side, side))
    forecaster = load_forecaster(MODEL, device="cpu")
    times = forecaster.needs.times(NEWEST)
    fields = [make(np.roll(rain, k, 1), t, grid, "RY") for k, t in enumerate(times)]
    frames = xr.concat(fields, "time", coords="minimal", compat="override", join="override")
    device, seconds = torch.device("cpu"), []
    rest = forget_peak(device)
    forecast = forecaster(frames)
    for given, _ in zip(shifted(frames), range(REPEATS), strict=False):
        begun = process_time()
        forecaster(given)
        seconds.append(process_time() - begun)
    forecast.attrs["generated_at"] = ""
    stored = len(netcdf.encode(forecast, title="", history=""))
    return Forecast(side, min(seconds), max(peak(device) - rest, 0.0), stored)


def measure_requests(number: int) -> dict[str, float]:
    """Of the API on a forecast of its own: its JSON, held ready; the same not changed; a place."""
    from model_zoo import load_forecaster
    from service.archive.archive import Archive
    from service.ledger.ledger import Ledger
    from service.pipeline.forecast import forecast_model
    from service.pipeline.served_models import sample_frames

    with tempfile.TemporaryDirectory(prefix="nowcast-bench-") as name:
        folder = Path(name)
        archive, ledger = Archive(folder / "archive"), Ledger(f"sqlite:///{folder}/ledger.sqlite")
        forecaster = load_forecaster(BASELINE)
        frames = sample_frames(forecaster.needs)
        for frame in range(frames.sizes["time"]):
            archive.put_frame(frames.isel(time=[frame]))
        newest = frames["time"].values[-1]
        forecast_model(archive, ledger, forecaster, newest, datetime.now(UTC))
        ledger.engine.dispose()
        issue = f"{newest.astype('datetime64[s]')}Z"
        whole = f"/nowcasts/{issue}?model={BASELINE}"
        position = f"/collections/nowcast/position?coords=POINT(10%2051)&model={BASELINE}"
        serve = ("-m", "service.cli", "serve", "--port", "PORT", "--data", name)
        with serving(*serve, "--models", BASELINE) as server:
            server.wait_for(whole)
            tag = asked(server.port, whole, {}, 1)
            requests = {
                "the JSON of a forecast": (whole, {}),
                "the same, not changed": (whole, {"If-None-Match": tag}),
                "a place": (position, {}),
            }
            found = {}
            for request, (path, headers) in requests.items():
                asked(server.port, path, headers, 1)
                before, _ = so_far(server.process.pid)
                asked(server.port, path, headers, number)
                after, _ = so_far(server.process.pid)
                found[request] = 1e3 * (after - before) / number
    return found


def asked(port: int, path: str, headers: dict[str, str], number: int) -> str:
    """Ask a path so many times over one connection. Returns the tag of the last answer.

    Raises:
        RuntimeError: It is refused.
    """
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        for _ in range(number):
            connection.request("GET", path, headers=headers)
            reply = connection.getresponse()
            body = reply.read()
            if reply.status not in (200, 304):
                raise RuntimeError(f"{path} is {reply.status}: {body[:300]!r}")
        return reply.headers["ETag"] or ""
    finally:
        connection.close()


def main() -> None:
    """Print what was measured as JSON."""
    what, number = sys.argv[1], int(sys.argv[2])
    begun = perf_counter()
    if what == "forecast":
        print(json.dumps(measure_forecast(number)._asdict()))
    else:
        print(json.dumps(measure_requests(number)))
    print(f"{what} {number}: {perf_counter() - begun:.1f} s", file=sys.stderr)


if __name__ == "__main__":
    main()
