"""A trained network beside baselines and the shipped networks, on the radar events of a split.

All forecast from the same frames, as the service has them, and count on the cells where each of
them and the radar have data. Scores are means over events; the 90 % intervals are of a bootstrap
over blocks of starts, and over events where there are several.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from xarray import DataArray, Dataset

from ingest.precipitation import lead_minutes_of
from model_zoo.checkpoints import checkpoint
from model_zoo.exceedance import FORECAST_THRESHOLDS
from model_zoo.forecasters.by_name import load_forecaster
from model_zoo.forecasters.contract import Forecaster
from model_zoo.training.blending import Case, cases
from model_zoo.training.data.augmentation import Rates
from model_zoo.training.data.data_sets.corpus import (
    cell_kilometres,
    check_splits,
    event_path,
    read_event,
    tiles,
)
from model_zoo.training.data.opening import BEGIN, END, open_record
from model_zoo.training.data.record import Record
from model_zoo.training.data.sample import Split
from model_zoo.training.data.settings import Corpus, Germany, data_settings
from model_zoo.training.errors import BadData
from model_zoo.training.evaluation import Table
from verification import common_mask, count, csi, estimate

BESIDE = ("persistence", "advection", "s-prog", "ms-lstm", "ms-preciplstm")
"""Baselines and shipped networks to compare with."""
OURS = "this network"
"""Name of the network that is compared."""
HOUR_MINUTES = 60
"""Starts within an hour see the same rain and are drawn together."""
SHOWN = (0.5, 2.0, 5.0)
"""Thresholds of the tables in mm/h."""
START = "start"
MODEL_CELL_KM = 5.0
"""Width of a cell of the model grid."""
Report = Callable[[str], None]


class Period:
    """A part of a record, from a time until before another.

    Args:
        record: The record.
        begin: Time of the first frame, or before it.
        end: A time after the last frame.
    """

    def __init__(self, record: Record, begin: np.datetime64, end: np.datetime64) -> None:
        self._record = record
        chosen = np.flatnonzero((record.times >= begin) & (record.times < end))
        self._numbers = chosen.astype(np.int64)
        self.times: NDArray[np.datetime64] = record.times[chosen]
        self.name, self.shape, self.measured = record.name, record.shape, record.measured

    def rates(self, numbers: NDArray[np.int64]) -> Rates:
        """Return frames (time, y, x) in mm/h, row 0 in the north, NaN for no data."""
        return self._record.rates(self._numbers[numbers])

    def wet(self) -> NDArray[np.float64]:
        """Return the share of known cells with 0.1 mm/h or more of each frame, (time,)."""
        return self._record.wet()[self._numbers]


class Source(NamedTuple):
    """A record of radar frames and the width of its cells in km."""

    record: Record
    kilometres: float


def compare(
    path: Path,
    source: str,
    data: Path | None,
    *,
    split: Split = Split.TEST,
    beside: Sequence[str] = BESIDE,
    every_minutes: int = 60,
    report: Report = lambda _: None,
) -> list[Table]:
    """Compare a trained network with other forecasters.

    Args:
        path: The checkpoint.
        source: Name of the data set, "corpus" or "germany".
        data: Folder of its files.
        split: Training, validation or test.
        beside: Names of the other forecasters.
        every_minutes: Least time between two starts, in min.
        report: Called with the name of each event that is begun.

    Returns:
        The critical success index of each forecaster, and of the network less each other.

    Raises:
        NoWeights: There is no such checkpoint, or no such forecaster has weights.
        BadExperiment: The data set needs settings that the checkpoint does not have.
        BadData: Files are missing or damaged, or no forecast can start.
    """
    settings = data_settings(source, checkpoint.load(path).experiment)
    if data is None or not isinstance(settings, Corpus | Germany):
        raise BadData(f"{source} has no radar to forecast from; only corpus and germany have")
    forecasters = {OURS: load_forecaster(path), **{name: load_forecaster(name) for name in beside}}
    every = np.timedelta64(every_minutes, "m")
    events: dict[str, list[Dataset]] = {}
    for found in records(settings, data, split):
        report(found.record.name)
        members, width = list(forecasters.values()), found.kilometres
        for case in cases(found.record, members, kilometres=width, every=every):
            events.setdefault(case.event, []).append(counts_of(case, forecasters))
    if not events:
        raise BadData(
            f"no forecast can start in {split.name.lower()}: frames 30, 60 and 90 minutes before "
            f"and 30 minutes after one with rain on a hundredth of the cells are needed"
        )
    starts = sum(map(len, events.values()))
    counts = [xr.concat(found, START) for found in events.values()]
    blocks = [max(HOUR_MINUTES // every_minutes, 1)] * len(counts)
    title = f"CSI on {len(events)} events, {starts} starts, with 90 % intervals"
    tables = [table(title, estimate(counts, csi, START, blocks))]
    if len(forecasters) > 1:
        title = "CSI of this network less that of others; * where the interval excludes 0"
        tables.append(table(title, estimate(counts, above_others, START, blocks), sign=True))
    return tables


def records(settings: Corpus | Germany, folder: Path, split: Split) -> Iterator[Source]:
    """Yield the records of a split with the width of their cells.

    Raises:
        BadData: A file is missing or damaged.
    """
    if isinstance(settings, Germany):
        borders = [np.datetime64(t, "s") for t in (settings.validation_from, settings.test_from)]
        begin, end = [BEGIN, *borders][split], [*borders, END][split]
        yield Source(Period(open_record(folder), begin, end), MODEL_CELL_KM)
        return
    for name in check_splits(settings, folder)[split]:
        path = event_path(folder, name)
        event, kilometres = read_event(path), cell_kilometres(path, MODEL_CELL_KM)
        for record in tiles(event, settings.tile):
            yield Source(record, kilometres)


def counts_of(case: Case, forecasters: dict[str, Forecaster]) -> Dataset:
    """Contingency counts (model, threshold, lead_time) of a case on the cells that all know."""
    rates = [forecast.reset_coords(drop=True) for forecast in case.forecasts]
    observed = rates[0].copy(data=case.observed)
    compared = observed.where(common_mask(*rates, observed=observed))
    forecasts = xr.concat(rates, "model").assign_coords(model=list(forecasters))
    return count(forecasts, compared, FORECAST_THRESHOLDS, ["y", "x"])


def above_others(counts: Dataset) -> DataArray:
    """CSI of the network less that of each other, (model, threshold, lead_time)."""
    scores = csi(counts)
    return scores.sel(model=OURS, drop=True) - scores.drop_sel(model=OURS)


def table(title: str, found: Sequence[DataArray], *, sign: bool = False) -> Table:
    """The table of a score (model, threshold, lead_time) with its bounds, by lead.

    Args:
        title: Its title.
        found: The score and its lower and upper bound; NaN where it is undefined.
        sign: Whether it is a difference, which has a sign and is marked where it is significant.
    """
    value = found[0]

    def shown(**coordinates: object) -> str:
        return cell(*(float(each.sel(coordinates)) for each in found), sign=sign)

    minutes = lead_minutes_of(value)
    lines = [
        [str(model), f"{threshold:g}"]
        + [
            shown(model=model, threshold=threshold, lead_time=lead)
            for lead in value["lead_time"].to_numpy()
        ]
        for threshold in SHOWN
        for model in value["model"].to_numpy()
    ]
    return Table(title, ["", "mm/h", *(f"+{lead} min" for lead in minutes)], lines)


def cell(value: float, low: float, high: float, *, sign: bool) -> str:
    """A score with its bounds, if it has any; a dash where it is undefined."""
    if np.isnan(value):
        return "-"
    pattern = "{:+.3f}" if sign else "{:.3f}"
    shown = pattern.format(value)
    if np.isnan(low) or np.isnan(high):
        return shown
    mark = " *" if sign and (low > 0 or high < 0) else ""
    return f"{shown} [{pattern.format(low)}, {pattern.format(high)}]{mark}"
