"""Radar events as npz files: `rate_x100`, `time`, `km`.

Rates are in mm/h x 100 as uint16, 65535 for no data, (time, y, x). Files of German composites,
whose names begin with "dwd", have row 0 in the south, all others in the north.
"""

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from model_zoo.intensity import Scale
from model_zoo.training.data.augmentation import WET, Rates
from model_zoo.training.data.rain import RainSequences, Weighted, rain_windows
from model_zoo.training.data.record import NO_DATA, from_hundredths
from model_zoo.training.data.sample import Split
from model_zoo.training.data.settings import Corpus
from model_zoo.training.errors import BadData

NO_COUNT = 255
COUNT_RATE = 0.5
"""mm/h per count; an estimate that makes such data as rainy as other radar data. They are of use
for motion, not for rates."""
FIRST = np.datetime64("2000-01-01T00:00:00", "s")
SOUTH_FIRST = "dwd"
"""Prefix of the names of files whose first row is in the south."""


@dataclass(frozen=True, eq=False)
class Event:
    """A record in memory, as uint16."""

    name: str
    times: NDArray[np.datetime64]
    hundredths: NDArray[np.uint16]
    """(time, y, x), mm/h x 100, row 0 in the north."""

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        _, rows, columns = self.hundredths.shape
        return rows, columns

    def rates(self, numbers: NDArray[np.int64]) -> Rates:
        """Return frames (time, y, x) in mm/h, NaN for no data."""
        return from_hundredths(self.hundredths[numbers])

    def wet(self) -> NDArray[np.float64]:
        """Return the share of known cells with 0.1 mm/h or more of each frame, (time,)."""
        known = self.hundredths != NO_DATA
        wet = (self.hundredths >= round(WET * 100)) & known
        shares: NDArray[np.float64] = wet.sum((1, 2)) / known.sum((1, 2)).clip(min=1)
        return shares


@cache
def read_event(path: Path) -> Event:
    """Read an event from a file, once per process.

    Raises:
        BadData: The file is missing, damaged or of another layout.
    """
    if not path.is_file():
        raise BadData(f"{path} is not there; check the folder and the names in the experiment")
    try:
        with np.load(path) as file:
            if "count_u8" in file.files:
                return of_counts(path.stem, file["count_u8"])
            missing = {"rate_x100", "time"} - set(file.files)
            if missing:
                raise BadData(
                    f"{path} has {', '.join(file.files)}, should have rate_x100 and time as well"
                )
            rates, times = file["rate_x100"], file["time"]
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise BadData(f"{path} cannot be read as npz ({error}); fetch it again") from error
    if rates.ndim != 3 or rates.dtype != np.uint16 or times.shape != rates.shape[:1]:
        raise BadData(
            f"{path} has rate_x100 {rates.shape} {rates.dtype} for {times.shape} times, should be "
            "(time, y, x) uint16"
        )
    if (
        times.dtype.kind != "M"
        or np.isnat(times).any()
        or (np.diff(times) <= np.timedelta64(0)).any()
    ):
        raise BadData(f"{path} has times that do not rise, or are no times")
    if path.name.startswith(SOUTH_FIRST):
        rates = np.ascontiguousarray(rates[:, ::-1])
    return Event(path.stem, times.astype("datetime64[s]"), rates)


def of_counts(name: str, counts: NDArray[np.uint8]) -> Event:
    """Make an event of sequences of counts of an unknown unit.

    A count is `COUNT_RATE`. Each sequence gets the start of a day of its own, with frames every 5
    minutes, so that windows do not extend over two of them.

    Args:
        name: Of the event.
        counts: (sequence, time, y, x), 255 for no data.

    Raises:
        BadData: They have another layout.
    """
    if counts.ndim != 4 or counts.dtype != np.uint8:
        raise BadData(
            f"{name} has count_u8 {counts.shape} {counts.dtype}, should be (sequence, time, y, x) "
            "uint8"
        )
    sequences, frames = counts.shape[:2]
    days = FIRST + np.arange(sequences)[:, None] * np.timedelta64(1, "D")
    times = (days + np.arange(frames) * np.timedelta64(5, "m")).ravel()
    flat = counts.reshape(-1, *counts.shape[2:])
    hundredths = (flat * np.uint16(round(100 * COUNT_RATE))).astype(np.uint16)
    hundredths[flat == NO_COUNT] = NO_DATA
    return Event(name, times, np.ascontiguousarray(hundredths[:, ::-1]))


def open_corpus(
    settings: Corpus, folder: Path, split: Split, seed: int, scale: Scale
) -> RainSequences:
    """Open the windows of the events of a split.

    Raises:
        BadData: A file is missing or damaged, an event is in two splits, or there are no windows.
    """
    names = check_splits(settings, folder)[split]
    if not names:
        raise BadData(f"the experiment names no event for {split.name.lower()}")
    records = [read_event(folder / f"{name}.npz") for name in names]
    if split is not Split.TRAIN:
        at = rain_windows(records, settings, settings.minutes[:1], settings.stride)
        return RainSequences(records, at, settings, scale, split, seed)
    at = rain_windows(records, settings, settings.minutes, settings.stride, spare=settings.spare)
    if settings.samples is None:
        return RainSequences(records, at, settings, scale, split, seed)
    weights = [settings.weights.get(name, 1.0) for name in names]
    return Weighted(records, at, settings, scale, seed, samples=settings.samples, weights=weights)


def check_splits(settings: Corpus, folder: Path) -> Sequence[list[str]]:
    """Return the names of training, validation and test events, with patterns expanded.

    Raises:
        BadData: An event is in two splits, or has a weight and is not in training.
    """
    parts = [
        [name for pattern in part for name in expand(pattern, folder)]
        for part in (settings.train, settings.validation, settings.test)
    ]
    names = [name for part in parts for name in part]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise BadData(f"{', '.join(twice)}: an event belongs to one split, and there once")
    strange = sorted(set(settings.weights) - set(parts[0]))
    if strange:
        raise BadData(f"weights are for {', '.join(strange)}, which is not trained on")
    return parts


def expand(name: str, folder: Path) -> list[str]:
    """Expand a name with asterisks to all events that match.

    Raises:
        BadData: There are none.
    """
    if "*" not in name:
        return [name]
    found = sorted(path.stem for path in folder.glob(f"{name}.npz"))
    if not found:
        raise BadData(f"{folder} has no events like {name}")
    return found
