"""KTH: videos of people who walk, jog and run, as folders of frames.

Schuldt et al. (2004), doi:10.1109/ICPR.2004.1334462. Any folders below the given one whose path
states the action and the person, such as walking/person01_walking_d1_uncomp, with one picture a
frame and the number of the frame last in its name. Persons 1 to 16 train and 17 to 25 test, as in
the MS-LSTM paper; two of the first are for validation. Windows do not extend over missing frames,
and start 3 frames apart for running, else 10.
"""

import re
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from model_zoo.training.data.data_sets.images import Windows
from model_zoo.training.data.sample import Split
from model_zoo.training.data.settings import KTH
from model_zoo.training.data.sliding_windows import windows
from model_zoo.training.errors import BadData

STRIDES = {"walking": 10, "jogging": 10, "running": 3}
FOLDER = re.compile(r"person(\d{2})_(walking|jogging|running)_d\d")
PICTURES = {".png", ".jpg", ".jpeg", ".bmp"}


def open_kth(settings: KTH, folder: Path, split: Split) -> Windows:
    """Open the windows of the persons of a split.

    Args:
        settings: Side, lengths, persons.
        folder: With the folders of frames at any depth.
        split: Which persons.

    Raises:
        BadData: There are no such folders, or a picture is damaged.
    """
    frames: list[NDArray[np.uint8]] = []
    first_frames: list[NDArray[np.int64]] = []
    total = 0
    for video, action in videos(settings, folder, split):
        pictures = numbered(video)
        numbers = np.array(sorted(pictures), np.int64)
        found = windows(numbers, settings.frames, 1, STRIDES[action])
        if len(found):
            frames += [read_picture(pictures[number], settings.side) for number in sorted(pictures)]
            first_frames.append(found + total)
            total += len(numbers)
    if not first_frames:
        raise BadData(
            f"{folder} has no {settings.frames} frames in a row of the persons for "
            f"{split.name.lower()}; expected folders like walking/person01_walking_d1 of pictures"
        )
    return Windows(np.stack(frames), np.concatenate(first_frames))


def videos(settings: KTH, folder: Path, split: Split) -> list[tuple[Path, str]]:
    """List the folders of frames of a split and their actions, in the order of their names.

    Raises:
        BadData: There is no such folder.
    """
    if not folder.is_dir():
        raise BadData(f"{folder} is not a folder; name the one with the frames of KTH")
    held_out = {Split.VALIDATION: settings.validation_persons, Split.TEST: settings.test_persons}
    others = {person for persons in held_out.values() for person in persons}
    found = []
    for path in sorted(folder.rglob("person*")):
        match = FOLDER.match(path.name)
        if match and path.is_dir():
            person = int(match[1])
            if person in held_out[split] if split in held_out else person not in others:
                found.append((path, match[2]))
    return found


def numbered(video: Path) -> dict[int, Path]:
    """List the pictures of a folder by the last number in their names.

    Raises:
        BadData: A name has no number, or that of another.
    """
    found: dict[int, Path] = {}
    for path in sorted(video.iterdir()):
        if path.suffix.lower() in PICTURES:
            digits = re.findall(r"\d+", path.stem)
            if not digits or int(digits[-1]) in found:
                raise BadData(f"{path} should end with the number of its frame, as no other does")
            found[int(digits[-1])] = path
    return found


def read_picture(path: Path, side: int) -> NDArray[np.uint8]:
    """Read a picture as grey levels, (side, side).

    Raises:
        BadData: It cannot be read.
    """
    grey = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    if grey is None:
        raise BadData(f"{path} cannot be read as a picture; fetch or extract it again")
    small: NDArray[np.uint8] = cv2.resize(grey, (side, side), interpolation=cv2.INTER_AREA)
    return small
