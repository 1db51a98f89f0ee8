"""Radar events that forecasters are verified on, and their role in training, validation or test.

They lie in ../shared/data (see reference/data.md there): sequences of several countries at 4 or
5 km as npz, and folders of German radar files at 1 km, which are brought to 5 km.
"""

from collections.abc import Collection, Iterator, Mapping
from enum import Enum
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from xarray import DataArray

import ingest
from ingest.composites.event_store import SUFFIX
from model_zoo.training.data.augmentation import WET
from model_zoo.training.data.data_sets.corpus import (
    cell_kilometres,
    event_names,
    event_path,
    read_event,
)
from model_zoo.training.errors import BadData

SHARED = Path(__file__).parents[3] / "shared"
VALIDATION = "knmi_20100826_5km"
CORPUS = (
    "fmi_20160928_5km",
    VALIDATION,
    "knmi_20110910_5km",
    "mch_20150515_5km",
    "mch_20170131_5km",
    "opera_20180824_without_germany_4km",
    "bom_c10_20201031_5km",
    "bom_cscn_20180616_5km",
)
"""On which the motion of advection was tuned."""
TUNED_ON = (VALIDATION, "de_ry_20180712_5km", "taasrad19_201609_5km")
"""On which S-PROG was tuned."""
GERMAN = "ry_20200907"
HIGHEST = 200.0
"""mm/h; the European composite has spikes above that are no rain."""
CREDITS = (
    'Radar data: Deutscher Wetterdienst ("Quelle: Deutscher Wetterdienst", CC BY 4.0 / GeoNutzV); '
    'KNMI; FMI (CC BY 4.0); MeteoSwiss ("Source: MeteoSwiss"); OPERA/EUMETNET; Bureau of '
    "Meteorology; TAASRAD19 (Meteotrentino; Franch et al. 2020, doi:10.1038/s41597-020-0574-8, "
    "CC BY 4.0); Dipartimento della Protezione Civile (CC BY-SA 4.0); NOAA (public domain)."
)


class UnknownEvent(LookupError):
    """There are no files of this event."""


class EventRole(Enum):
    """Role of an event for some forecasters."""

    TRAINING = "training: a network has learnt from it"
    VALIDATION = "validation: choices were made on it"
    TEST = "test: nothing was chosen on it"


def role_of(event: str, experiments: Collection[Mapping[str, Any]] = ()) -> EventRole:
    """What an event can show of the baselines and of networks trained by these experiments."""
    for split, found in (("train", EventRole.TRAINING), ("validation", EventRole.VALIDATION)):
        if any(
            fnmatch(event, name) for experiment in experiments for name in named(experiment, split)
        ):
            return found
    return EventRole.VALIDATION if event in (*CORPUS, *TUNED_ON) else EventRole.TEST


def named(experiment: Mapping[str, Any], split: str) -> tuple[str, ...]:
    """Events of a split of an experiment, perhaps with asterisks; none if it has no events."""
    data = experiment.get("data", {})
    return tuple(data.get(split, ())) if data.get("source") == "corpus" else ()


def find(event: str, shared: Path) -> Path:
    """The folder or file of an event.

    Raises:
        UnknownEvent: There is neither; the message lists the events there are.
    """
    sequences, folders = shared / "data" / "corpus", shared / "data" / "dwd"
    for path in (event_path(sequences, event), folders / event):
        if path.exists():
            return path
    known = event_names(sequences)
    known += [path.name for path in folders.glob("*") if any(path.glob("raa01-ry*"))]
    raise UnknownEvent(
        f"no event {event!r} in {shared / 'data'}; there are {', '.join(sorted(known)) or 'none'}"
    )


def read(event: str, shared: Path = SHARED) -> DataArray:
    """Frames (time, y, x) of an event in mm/h, row 0 in the north, NaN for no data.

    Raises:
        UnknownEvent: There are no files of this event.
        BadData: There are, but not with what an event should have.
    """
    path = find(event, shared)
    return composites(path) if path.is_dir() and path.suffix != SUFFIX else sequence(path)


def sequence(path: Path) -> DataArray:
    """Return the frames (time, y, x) of an event of the corpus in mm/h, NaN for no data.

    x and y are in m from a corner, since the projection is unknown.

    Raises:
        BadData: The file does not have the width of its cells.
    """
    record = read_event(path)
    metres = 1000 * cell_kilometres(path)
    rows, columns = record.shape
    coords = {
        "time": record.times.astype("datetime64[ns]"),
        "y": metres * np.arange(rows)[::-1],
        "x": metres * np.arange(columns),
    }
    rates = record.rates(np.arange(len(record.times)))
    return DataArray(np.minimum(rates, np.float32(HIGHEST)), coords, ("time", "y", "x"))


def composites(folder: Path) -> DataArray:
    """Return the frames (time, y, x) of a folder of RY files in mm/h, on the model grid.

    Raises:
        BadData: The folder has no such files.
    """
    frames = [ingest.to_model_grid(ingest.read(file)) for file in sorted(folder.glob("raa01-ry*"))]
    if not frames:
        raise BadData(f"{folder} has no files raa01-ry*, which an event is read from")
    # headers that name different radars are no different grid
    return xr.concat(frames, "time", coords="minimal", compat="override", combine_attrs="override")


def starts(
    frames: DataArray, every: np.timedelta64, history: np.timedelta64, ahead: np.timedelta64
) -> Iterator[np.datetime64]:
    """Yield the issue times of an event.

    Args:
        frames: Frames (time, y, x) of the event.
        every: Issue times are multiples of this from midnight.
        history: Time that the event has before an issue time.
        ahead: Time that it has after it.
    """
    times = frames["time"].to_numpy()
    midnight = times[0].astype("datetime64[D]")
    for issue in times[times >= times[0] + history]:
        if issue + ahead <= times[-1] and not (issue - midnight) % every:
            yield issue


def wet_share(frame: DataArray) -> float:
    """Return the fraction of cells with data of a frame (any shape) with 0.1 mm/h or more.

    Without data it is 0.
    """
    return float((frame >= WET).sum()) / max(int(frame.notnull().sum()), 1)


def cell_km(frames: DataArray) -> float:
    """Return the width of a cell of frames (time, y, x), in km."""
    return abs(float(frames["x"][1] - frames["x"][0])) / 1000


def described(frames: DataArray) -> str:
    """Return period, grid and wet area of frames (time, y, x) as a line of text."""
    first, last = (f"{time:%Y-%m-%d %H:%M}" for time in frames.indexes["time"][[0, -1]])
    cells = " x ".join(str(frames.sizes[dim]) for dim in ("y", "x"))
    wet = 100 * wet_share(frames)
    return f"{first} to {last} UTC, {cells} cells of {cell_km(frames):g} km, {wet:.1f} % wet"
