"""Bytes of a stored forecast: of all lead times, and of the half hours alone as before.

    python -m benchmarks.speed.served.stored
    python -m benchmarks.speed.served.stored --write docs/performance.md

Each model forecasts once from simulated rain. "Before" is the file of an earlier program, which had
the half hours of the same forecast only, with rates unrounded and probabilities to 0.001; "now" is
the file in the archive. Both are without the padding that earlier programs left at the end.
"""

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from xarray import DataArray

from benchmarks.report import measured, table, write_section
from ingest import to_model_grid
from ingest.grid import NATIONAL_SPHERE
from ingest.precipitation import INTERVAL, SIMULATED, exceedance_probabilities, make
from ingest.simulation.simulate import simulate
from model_zoo.forecasters.by_name import load_forecaster
from service.archive import checksum, field_file
from service.archive.archive import Archive
from service.archive.rounding import HALF_HOUR
from service.ledger.ledger import Ledger
from service.pipeline.forecast import forecast_model, run
from service.pipeline.gap_filling import frames_for
from service.settings import Settings

NAME = "bytes of a stored forecast"
HEADINGS = ("model", "rain", "before, kB", "now, kB", "times as many")
START = np.datetime64("2026-06-21T12:00", "ns")
FRAMES, SEED = 25, 3
EARLIER = 1016
"""Parts of a probability of 1 to which earlier programs rounded all of them."""
MOST = 2.0
"""Times the bytes before that all lead times may take."""


class Stored(NamedTuple):
    """Sizes of a forecast.

    Attributes:
        model: Name of the model.
        wet: Share of the cells of the newest frame with rain.
        before: Bytes of the file of its half hours.
        now: Bytes of the file of all its lead times.
    """

    model: str
    wet: float
    before: int
    now: int

    def cells(self) -> list[str]:
        """As a row."""
        sizes = [f"{size / 1000:,.0f}" for size in (self.before, self.now)]
        return [self.model, f"{100 * self.wet:.0f} %", *sizes, f"{self.now / self.before:.2f}"]


def half_hours(forecast: DataArray) -> DataArray:
    """The lead times of a forecast (lead_time, y, x) that are multiples of half an hour."""
    return forecast.isel(lead_time=forecast["lead_time"].values % HALF_HOUR == np.timedelta64(0))


def file_of_half_hours(forecast: DataArray) -> bytes:
    """The file of an unrounded forecast (lead_time, y, x) as an earlier program stored it."""
    forecast = forecast.copy(deep=True)
    for probability in exceedance_probabilities(forecast).values():
        probability.values[...] = np.round(probability.values * EARLIER) / EARLIER
    title = f"Two-hour precipitation nowcast by {forecast.attrs['model']}"
    data = field_file.encode(half_hours(forecast), title, "", packed=True, **checksum.ATTRIBUTE)
    return checksum.sealed(data)


def stored(models: Sequence[str], folder: Path, frames: int = FRAMES) -> list[Stored]:
    """Forecast from simulated rain with some models, and measure the files.

    Args:
        models: Names of models.
        folder: Empty folder for the archive.
        frames: Number of frames, the last of which is at the issue time.
    """
    archive, ledger = Archive(folder / "archive"), Ledger(f"sqlite:///{folder / 'ledger.sqlite'}")
    for time, rate in simulate(START, frames, SEED):
        frame = to_model_grid(make(rate, time, NATIONAL_SPHERE, "RY", SIMULATED))
        archive.put_frame(frame)
    wet = float((frame.values >= 0.1).sum() / (~np.isnan(frame.values)).sum())
    issue = START + (frames - 1) * INTERVAL
    found = []
    for model in models:
        forecaster = load_forecaster(model)
        key = forecast_model(
            archive, ledger, forecaster, issue, issue.astype("datetime64[us]").item()
        )
        now = len(archive.forecast_bytes(key))
        unrounded, _ = run(forecaster, frames_for(archive, forecaster, issue))
        unrounded.attrs |= archive.full_forecast(key).attrs
        before = len(file_of_half_hours(unrounded))
        found.append(Stored(model, wet, before, now))
    ledger.engine.dispose()
    return found


def section(found: Sequence[Stored]) -> str:
    """What was found, as Markdown."""
    about = measured(
        "benchmarks.speed.served.stored --write docs/performance.md", "numpy", "netCDF4"
    )
    before, now = (sum(getattr(entry, name) for entry in found) for name in ("before", "now"))
    verdict = "as wanted" if now <= MOST * before else "more than wanted"
    return f"""\
## Bytes of a stored forecast

{about}

{table(HEADINGS, (entry.cells() for entry in found))}

Before, the half hours of the forecast alone; now, all its lead times of five minutes, rounded as
the attribute `precision` of the file says. All models together take {now / before:.2f} times the
bytes; {MOST:g} at most are wanted: {verdict}.
"""


def main() -> None:
    """Print the table, and write it as a section."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", nargs="+", default=Settings().models)
    parser.add_argument("--write", type=Path, help="a Markdown file; changes its section only")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="nowcast-bench-") as folder:
        text = section(stored(options.models, Path(folder)))
    print(text)
    if options.write:
        write_section(options.write, text, NAME)


if __name__ == "__main__":
    main()
