"""Selects frames and forecasts to plot, from the archive or from files.

Errors name what exists instead and what to do.
"""

from collections.abc import Sequence
from datetime import datetime
from itertools import islice
from pathlib import Path

import numpy as np
from xarray import DataArray

from ingest.grid import same_grid
from ingest.precipitation import INTERVAL
from service.archive.archive import Archive
from service.archive.key import Key, Time, iso, stamp, time_of, to_datetime, to_time
from service.errors import BadRequest, NoForecast, NoFrames
from service.ledger.ledger import Ledger
from service.plots.field_files import forecast_in, frames_in, is_file

FARTHEST_BACK = 4032
"""Number of newest issue times that are searched for one of two models, two weeks."""


class Selection:
    """Frames and forecasts of a deployment.

    Args:
        archive: Archive of frames and forecasts.
        ledger: Ledger of forecasts.
        default: Model to use if none is named.
    """

    def __init__(self, archive: Archive, ledger: Ledger, default: str) -> None:
        self._archive, self._ledger, self._default = archive, ledger, default

    # forecasts

    def forecast(self, named: str | None, issue: datetime | None) -> DataArray:
        """Return a forecast (lead_time, y, x) in mm/h, NaN for no data.

        Args:
            named: Model or file; None for the default model.
            issue: Issue time; None for the newest of the model. Ignored for files.

        Raises:
            NoForecast: There is none in the archive.
            BadField: The file has no valid forecast.
            SourceUnavailable: There is no such file.
        """
        if is_file(named):
            return forecast_in(Path(str(named)))
        model = named or self._default
        return self._of_archive(model, issue or self._newest(model))

    def pair(self, first: str, second: str, issue: datetime | None) -> tuple[DataArray, DataArray]:
        """Return two forecasts (lead_time, y, x) in mm/h at their common valid times.

        Args:
            first: Model or file.
            second: Model or file.
            issue: Issue time of models; None for the newest of both, or for that of the file.

        Raises:
            BadRequest: They are on different grids, or have no common valid time.
            NoForecast: There is none in the archive.
            BadField: A file has no valid forecast.
            SourceUnavailable: There is no such file.
        """
        if issue is None and not (is_file(first) or is_file(second)):
            issue = self._newest_of_both(first, second)
        elif issue is None and is_file(first) != is_file(second):
            issue = issue_of(forecast_in(Path(first if is_file(first) else second)))
        return at_common_times(self.forecast(first, issue), self.forecast(second, issue))

    def before(self, forecast: DataArray, minutes: int) -> DataArray | None:
        """Return the existing frames (time, y, x) of some minutes up to the issue of a forecast.

        None if there is no frame of the issue time on the grid of the forecast.
        """
        issue = to_time(issue_of(forecast))
        steps = range(minutes // 5, -1, -1)
        return self._frames_like(forecast, [issue - k * INTERVAL for k in steps], issue)

    def observed(self, forecast: DataArray) -> DataArray | None:
        """Return the frames (time, y, x) at the valid times of a forecast; None if any lacks."""
        times = [time.astype("datetime64[ns]") for time in forecast["time"].values]
        if not all(self._archive.has_frame(time) for time in times):
            return None
        return self._frames_like(forecast, times, times[-1])

    # frames

    def frames(
        self, files: Sequence[Path], begin: datetime | None, end: datetime | None, most: int
    ) -> DataArray:
        """Return frames (time, y, x) in mm/h, oldest first.

        Args:
            files: Files of frames; if empty, they are those of the archive.
            begin: First time; None for `most` frames up to the end.
            end: Last time; None for the newest frame.
            most: Number of frames if there is no begin.

        Raises:
            NoFrames: The archive has none of that time.
            BadField: A file has no valid frames, or they are on another grid than the first.
        """
        if files:
            return frames_in(files)
        newest = self._archive.latest_frame()
        if newest is None:
            raise NoFrames("there is no radar frame in the archive yet; run `nowcast ingest` first")
        found = [
            time
            for time in self._archive.frame_times()
            if (end is None or time <= to_time(end)) and (begin is None or time >= to_time(begin))
        ]
        if not found:
            first = stamp(min(self._archive.frame_times()))
            raise NoFrames(
                f"there is no radar frame {within(begin, end)}; the archive has frames from "
                f"{first} to {stamp(newest)}, name a time among them with --from and --to"
            )
        return self._archive.frames(found if begin else found[:most])

    # the archive

    def _newest(self, model: str) -> datetime:
        known = self._ledger.forecasts_latest()
        if model in known:
            return known[model]
        there = f"only of {', '.join(sorted(known))}" if known else "nor of any other model"
        raise NoForecast(
            f"there is no forecast of {model}, {there}; `nowcast forecast --model {model}` makes "
            f"one, and a file is named with its folder or its ending, as in ./{model} or {model}.nc"
        )

    def _newest_of_both(self, first: str, second: str) -> datetime:
        self._newest(first), self._newest(second)  # raises if one has no forecast
        weights = self._ledger.weights_latest()
        for issue in islice(self._archive.issues(), FARTHEST_BACK):
            keys = [Key(issue, model, weights[model]) for model in (first, second)]
            if all(map(self._archive.has_forecast, keys)):
                return to_datetime(issue)
        raise NoForecast(
            f"{first} and {second} have no issue in common in the last two weeks; "
            f"`nowcast forecast --model {first}` and `--model {second}` from one frame make one"
        )

    def _of_archive(self, model: str, issue: datetime) -> DataArray:
        there = self._archive.forecasts(to_time(issue))
        found = {key: forecast for key, forecast in there.items() if key.model == model}
        if not found:
            names = ", ".join(sorted({key.model for key in there}))
            raise NoForecast(
                f"there is no forecast of {model} issued at {iso(issue)}"
                + (f", only of {names}" if names else "")
                + f"; `nowcast forecast --model {model} --issue {iso(issue)}` makes it"
            )
        return max(found.values(), key=lambda forecast: str(forecast.attrs["generated_at"]))

    def _frames_like(
        self, forecast: DataArray, times: Sequence[Time], needed: Time
    ) -> DataArray | None:
        there = [time for time in times if self._archive.has_frame(time)]
        if needed not in there:
            return None
        found = self._archive.frames(there)
        return found if same_grid(found, forecast) else None


def at_common_times(first: DataArray, second: DataArray) -> tuple[DataArray, DataArray]:
    """Return two forecasts (lead_time, y, x) at their common valid times.

    Raises:
        BadRequest: They are on different grids, or have no common valid time.
    """
    if not same_grid(first, second):
        sizes = [f"{f.sizes['y']} x {f.sizes['x']} cells" for f in (first, second)]
        raise BadRequest(
            f"{first.attrs['model']} and {second.attrs['model']} lie on different grids "
            f"({' and '.join(sizes)}), should lie on the same; compare forecasts of the same radar"
        )
    common = np.intersect1d(first["time"].values, second["time"].values)
    if not common.size:
        raise BadRequest(
            f"the forecasts of {first.attrs['model']} and {second.attrs['model']} have no valid "
            f"time in common: they are issued at {iso(issue_of(first))} and "
            f"{iso(issue_of(second))}; name an --issue, or files of the same two hours"
        )
    first, second = (f.isel(lead_time=np.isin(f["time"].values, common)) for f in (first, second))
    return first, second


def issue_of(forecast: DataArray) -> datetime:
    """Return the issue time of a forecast (lead_time, y, x)."""
    return to_datetime(time_of(forecast["forecast_reference_time"]))


def within(begin: datetime | None, end: datetime | None) -> str:
    """Return a time range as text."""
    bounds = [f"from {iso(begin)} on"] if begin else []
    return " ".join([*bounds, f"until {iso(end)}"] if end else bounds) or "at all"
