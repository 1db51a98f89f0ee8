"""TaxiBJ: taxi flows in Beijing every half hour, on 32 x 32 cells.

Zhang et al. (2017), https://arxiv.org/abs/1610.00081; files BJ13_M32x32_T30_InOut.h5 to BJ16_... .
As the code published with the MS-RNN papers reads them: days with all 48 half hours, negative
counts as 0, scaled by the extremes of the training part over both flows, of which the inflow is
taken. Deviations: time runs forward; counts above the training part's largest are 1 and do not
wrap; a window belongs to a split only if none of its frames belongs to a later one.
"""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from model_zoo.training.data.data_sets.images import Windows
from model_zoo.training.data.sample import Split
from model_zoo.training.data.settings import TaxiBJ
from model_zoo.training.data.sliding_windows import windows
from model_zoo.training.errors import BadData

YEARS = (13, 14, 15, 16)
SLOTS = 48
"""Half hours of a day; the first slot is numbered 1."""
INFLOW = 0


def open_taxibj(settings: TaxiBJ, folder: Path, split: Split) -> Windows:
    """Open the windows of a split, frames forward in time.

    Args:
        settings: Lengths of windows and splits.
        folder: Of the four files.
        split: Training, validation or test.

    Raises:
        BadData: A file is missing or damaged, or there are too few windows.
    """
    parts = [read_year(folder / f"BJ{year}_M32x32_T30_InOut.h5") for year in YEARS]
    slots = np.concatenate([slots for slots, _ in parts])
    flows = np.concatenate([flows for _, flows in parts])
    order = np.argsort(slots, kind="stable")
    slots, flows = slots[order], flows[order].clip(min=0)
    found = split_windows(windows(slots, settings.frames, 1, 1), settings, folder)
    first_held_back = int(found[Split.VALIDATION][0, 0])
    lowest, highest = flows[:first_held_back].min(), flows[:first_held_back].max()
    if not highest > lowest:
        raise BadData(f"all counts of the training part in {folder} are {highest:g}")
    scaled = (flows[:, INFLOW] - lowest) / (highest - lowest)
    return Windows(scaled.clip(0, 1).astype(np.float32), found[split])


def split_windows(
    windows: NDArray[np.int64], settings: TaxiBJ, folder: Path
) -> Sequence[NDArray[np.int64]]:
    """Split windows (window, frame) into training, validation and test, in this order of time.

    Splits have no frames in common.

    Raises:
        BadData: There are too few windows.
    """
    test = windows[-settings.test :]
    before = windows[: -settings.test]
    before = before[before[:, -1] < test[0, 0]] if len(before) else before
    validation = before[-settings.validation :]
    train = before[: -settings.validation]
    train = train[train[:, -1] < validation[0, 0]] if len(train) else train
    if not len(train):
        raise BadData(
            f"{folder} has {len(windows)} windows without gaps, too few for {settings.test} of "
            f"test, {settings.validation} of validation and any of training"
        )
    return train, validation, test


def read_year(path: Path) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Read half hours since 1970 (time,) and flows (time, 2, 32, 32) of complete days.

    Raises:
        BadData: The file is missing, damaged or of another layout.
    """
    if not path.is_file():
        raise BadData(f"{path} is not there; put the four files of TaxiBJ into its folder")
    try:
        with h5py.File(path) as file:
            flows, dates = file["data"][:].astype(np.float32), file["date"][:]
    except (OSError, KeyError, ValueError, TypeError) as error:
        raise BadData(f"{path} cannot be read as TaxiBJ ({error}); fetch it again") from error
    if flows.shape != (len(dates), 2, *flows.shape[2:]) or flows.ndim != 4 or not len(dates):
        raise BadData(
            f"{path} has data {flows.shape} for {len(dates)} dates, should be (n, 2, y, x)"
        )
    if not np.isfinite(flows).all():
        raise BadData(f"{path} has counts that are no numbers; fetch it again")
    days = np.array([bytes(date)[:8] for date in dates])
    names, where, lengths = np.unique(days, return_inverse=True, return_counts=True)
    whole = (lengths == SLOTS)[where]
    midnights = np.array([day_number(bytes(name), path) for name in names])
    try:
        slots = np.array([int(bytes(date)[8:]) for date in dates]) - 1
    except ValueError as error:
        raise BadData(f"{path} has a date without the number of a half hour: {error}") from error
    numbers = midnights[where] * SLOTS + slots
    return numbers[whole].astype(np.int64), flows[whole]


def day_number(name: bytes, path: Path) -> int:
    """Parse a date such as b"20130701" to days since 1970.

    Raises:
        BadData: It is not a date.
    """
    try:
        day = datetime.strptime(name.decode(), "%Y%m%d")  # noqa: DTZ007  local days, no zone
    except ValueError as error:
        raise BadData(f"{path} has a date {name!r}, should begin like b'20130701'") from error
    return int(np.datetime64(day, "D").astype(np.int64))
