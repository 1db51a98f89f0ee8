"""Radar events as npz files (`rate_x100`, `time`, `km`), or as `nowcast data import` writes them.

The latter are Zarr stores, NAME.zarr (`ingest.composites.event_store`). In npz files, rates are in
mm/h x 100 as uint16, 65535 for no data, (time, y, x). `first_row` says whether row 0 is in the
"north" or in the "south"; without it files of German composites, whose names begin with "dwd", have
row 0 in the south, all others in the north. `measured`, two numbers in mm/h, is there where a
product resolves no rates below the first and above the second.
"""

import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ingest.composites import event_store
from ingest.errors import IngestError
from model_zoo.intensity import Scale, scale
from model_zoo.training.data.augmentation import WET, Rates
from model_zoo.training.data.rain import RainSequences, Weighted, rain_windows
from model_zoo.training.data.record import EVERY_RATE, NO_DATA, from_hundredths, to_hundredths
from model_zoo.training.data.sample import Split, spread
from model_zoo.training.data.settings import Corpus
from model_zoo.training.errors import BadData

NO_COUNT = 255
COUNT_RATE = 0.5
"""mm/h per count; an estimate that makes such data as rainy as other radar data. They are of use
for motion, not for rates."""
FIRST = np.datetime64("2000-01-01T00:00:00", "s")
SOUTH_FIRST = "dwd"
"""Begin of the names of files whose first row is in the south, where they do not say so."""
CLIPPED = (1.0, 40.0)
"""mm/h; what files resolve whose names state that they are clipped."""
OVERLAP = 10
"""Cells that neighbouring tiles share."""
OVERSIZE = 2
"""Fields that are larger than a tile by this factor are cut."""
TILE_KNOWN = 0.4
"""Share of the cells of a tile that have data."""


@dataclass(frozen=True, eq=False)
class Event:
    """A record in memory, as uint16."""

    name: str
    times: NDArray[np.datetime64]
    hundredths: NDArray[np.uint16]
    """(time, y, x), mm/h x 100, row 0 in the north."""
    measured: tuple[float, float] = EVERY_RATE
    """The least and the largest rate in mm/h that the product resolves."""

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


def event_path(folder: Path, name: str) -> Path:
    """Return the file or store of an event; the path of a file where there is neither.

    Raises:
        BadData: There are both.
    """
    file, store = folder / f"{name}.npz", folder / f"{name}{event_store.SUFFIX}"
    if file.exists() and store.exists():
        raise BadData(f"{folder} has both {file.name} and {store.name}; remove one of them")
    return store if store.exists() else file


def event_names(folder: Path, pattern: str = "*") -> list[str]:
    """Return the names of the events in a folder that match a pattern, sorted."""
    suffixes = (".npz", event_store.SUFFIX)
    return sorted({path.stem for suffix in suffixes for path in folder.glob(pattern + suffix)})


def cell_kilometres(path: Path, otherwise: float | None = None) -> float:
    """Return the width of the cells of an event in km.

    Args:
        path: Of its file or store.
        otherwise: Width where the file does not state it.

    Raises:
        BadData: The file does not state it, or cannot be read.
    """
    if path.suffix == event_store.SUFFIX:
        return imported(path).grid.cell / 1000
    with np.load(path) as file:
        if "km" in file:
            return float(file["km"])
    if otherwise is None:
        raise BadData(f"{path} does not say how wide its cells are; add `km` to its arrays")
    return otherwise


def imported(path: Path) -> event_store.EventFile:
    """Read an event that was imported.

    Raises:
        BadData: It is damaged, or zarr is not installed.
    """
    try:
        return event_store.read_event(path)
    except IngestError as error:
        raise BadData(str(error)) from error


@cache
def read_event(path: Path) -> Event:
    """Read an event from a file or store, once per process.

    Raises:
        BadData: The file is missing, damaged or of another layout.
    """
    if path.suffix == event_store.SUFFIX and path.is_dir():
        event = imported(path)
        return Event(path.stem, event.times, to_hundredths(event.rates))
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
            first_row = str(file["first_row"]) if "first_row" in file.files else ""
            measured = measured_by(path.stem, file)
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
    if first_row not in {"", "north", "south"}:
        raise BadData(f"{path} has first_row {first_row!r}, should be 'north' or 'south'")
    if first_row == "south" or (not first_row and path.name.startswith(SOUTH_FIRST)):
        rates = np.ascontiguousarray(rates[:, ::-1])
    return Event(path.stem, times.astype("datetime64[s]"), rates, measured)


def measured_by(name: str, file: Mapping[str, NDArray[np.float64]]) -> tuple[float, float]:
    """Return the smallest and the largest rate in mm/h that a file resolves.

    They are its `measured`, two numbers, or what is known of files that were clipped before.
    """
    if "measured" in file:
        least, largest = file["measured"].tolist()
        return float(least), float(largest)
    return CLIPPED if "_clipped_" in name else EVERY_RATE


def tiles(event: Event, side: int | None) -> list[Event]:
    """Cut an event of large fields into squares of `side` cells that overlap a little.

    Squares with data in less than `TILE_KNOWN` of their cells are left out. Fields of at most
    `OVERSIZE` times the side stay whole.
    """
    rows, columns = event.shape
    if side is None or max(rows, columns) <= OVERSIZE * side:
        return [event]
    found = []
    for row in range(0, max(rows - side, 0) + 1, side - OVERLAP):
        for column in range(0, max(columns - side, 0) + 1, side - OVERLAP):
            cut = event.hundredths[:, row : row + side, column : column + side]
            if (cut[0] != NO_DATA).mean() >= TILE_KNOWN:
                name = f"{event.name}_{row}_{column}"
                found.append(replace(event, name=name, hundredths=np.ascontiguousarray(cut)))
    return found


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
    found = [(name, tiles(read_event(event_path(folder, name)), settings.tile)) for name in names]
    records = [record for _, parts in found for record in parts]
    if split is not Split.TRAIN:
        starts = rain_windows(records, settings, settings.minutes[:1], settings.stride)
        return RainSequences(records, starts, settings, scale, split, seed)
    starts = rain_windows(
        records, settings, settings.minutes, settings.stride, spare=settings.spare
    )
    if settings.samples is None:
        return RainSequences(records, starts, settings, scale, split, seed)
    given = {name: w for pattern, w in settings.weights.items() for name in expand(pattern, folder)}
    weights = [given.get(name, 1.0) / len(parts) for name, parts in found for _ in parts]
    return Weighted(
        records, starts, settings, scale, seed, samples=settings.samples, weights=weights
    )


def whole_fields(
    settings: Corpus, folder: Path | None, plan: Sequence[tuple[str, int]], scale_name: str
) -> list[tuple[RainSequences, list[int]]]:
    """Windows of whole fields of events, unvaried, and which of them to take.

    Args:
        settings: Length, view and guidance of a window.
        folder: Where the files lie.
        plan: Names of events, patterns as in the settings, and how many windows of each, spread
            evenly; of an event that has fewer all, of one without a wet window none.
        scale_name: Name of the intensity scale.

    Raises:
        BadData: No folder was named, or a file is missing or damaged.
    """
    if folder is None:
        raise BadData("the corpus needs its files, and no folder was named; say where by --data")
    found: list[tuple[RainSequences, list[int]]] = []
    whole = settings.model_copy(update={"validation_crop": None})
    for pattern, number in plan:
        for name in expand(pattern, folder):
            for record in tiles(read_event(event_path(folder, name)), settings.tile):
                try:
                    starts = rain_windows(
                        [record], whole, settings.minutes[:1], settings.stride, spare=settings.spare
                    )
                except BadData:  # a part of an event that is dry
                    continue
                sequences = RainSequences(
                    [record], starts, whole, scale(scale_name), Split.VALIDATION, seed=0
                )
                found.append((sequences, spread([range(len(starts))], number)))
    return found


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
    weighted = {name for pattern in settings.weights for name in expand(pattern, folder)}
    strange = sorted(weighted - set(parts[0]))
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
    found = event_names(folder, name)
    if not found:
        raise BadData(f"{folder} has no events like {name}")
    return found
