"""TaxiBJ and KTH, on small files of the same layout."""

from pathlib import Path
from typing import Any

import cv2
import h5py
import numpy as np
import pytest
import torch

from model_zoo.training.data.data_sets.kth import open_kth
from model_zoo.training.data.data_sets.taxibj import open_taxibj, read_year
from model_zoo.training.data.sample import Draw, Split
from model_zoo.training.data.settings import KTH, TaxiBJ
from model_zoo.training.errors import BadData

TAXI = TaxiBJ(given=2, horizon=2, validation=10, test=20)


def write_year(folder: Path, year: int, days: list[int], first: float, **changes: Any) -> None:
    """Counts that rise by one each half hour, the same in every cell; the outflow is 10 more."""
    dates = [f"20{year}01{day:02d}{slot:02d}".encode() for day in days for slot in range(1, 49)]
    flows = first + np.arange(len(dates), dtype=np.float32)[:, None, None, None]
    flows = np.broadcast_to(flows, (len(dates), 2, 4, 4)).copy()
    flows[:, 1] += 10
    arrays = {"data": flows, "date": np.array(dates)} | changes
    with h5py.File(folder / f"BJ{year}_M32x32_T30_InOut.h5", "w") as file:
        for name, values in arrays.items():
            if values is not None:
                file[name] = values


@pytest.fixture
def taxis(tmp_path: Path) -> Path:
    for number, year in enumerate((13, 14, 15, 16)):
        write_year(tmp_path, year, [1, 2, 4], number * 144)
    return tmp_path


def test_taxis_run_forward_in_time_and_never_over_a_missing_day(taxis: Path) -> None:
    lengths = {}
    for split in Split:
        windows = open_taxibj(TAXI, taxis, split)
        lengths[split] = len(windows)
        for number in range(len(windows)):
            frames = windows[Draw(0, number)].frames
            assert frames.shape == (4, 1, 4, 4)
            steps = frames[:, 0, 0, 0].diff()
            # where nothing is cut at 1, each half hour is one count later than the last
            assert (steps[frames[1:, 0, 0, 0] < 1] > 0).all()
            assert torch.allclose(steps[:1], steps, atol=1e-6) or frames.max() == 1
    # days 1 and 2 lie together and 4 alone: 93 + 45 windows a year, of which some are split apart
    assert lengths[Split.TEST] == 20
    assert lengths[Split.VALIDATION] == 10
    assert lengths[Split.TRAIN] == 4 * (93 + 45) - 20 - 10 - 2 * 3


def test_days_that_lack_a_half_hour_are_left_out(taxis: Path) -> None:
    slots = [(day, slot) for day in (1, 2, 3) for slot in range(1, 49) if (day, slot) != (2, 30)]
    dates = np.array([f"201301{day:02d}{slot:02d}".encode() for day, slot in slots])
    flows = np.ones((len(dates), 2, 4, 4), np.float32)
    write_year(taxis, 13, [1], 0, date=dates, data=flows)
    numbers, kept = read_year(taxis / "BJ13_M32x32_T30_InOut.h5")
    assert len(kept) == len(numbers) == 96
    assert np.diff(numbers).max() == 49, "the day between is gone"


def test_taxis_of_the_splits_share_no_frame(taxis: Path) -> None:
    frames = [set(open_taxibj(TAXI, taxis, split).windows.ravel().tolist()) for split in Split]
    assert not frames[0] & frames[1]
    assert not frames[1] & frames[2]
    assert max(frames[0]) < min(frames[1]) < max(frames[1]) < min(frames[2])


def test_taxis_above_the_training_maximum_do_not_wrap(taxis: Path) -> None:
    train, test = (open_taxibj(TAXI, taxis, split) for split in (Split.TRAIN, Split.TEST))
    assert train[Draw(0, 0)].frames.min() == 0
    assert (test[Draw(0, 19)].frames == test[Draw(0, 19)].frames.max()).all()
    assert 0.9 < test[Draw(0, 19)].frames.max() <= 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"date": None}, "cannot be read as TaxiBJ"),
        ({"data": np.ones((5, 2, 4, 4), np.float32)}, "for 48 dates"),
        ({"date": np.array([b"nonsense01"] * 48)}, "has a date"),
        ({"data": np.full((48, 2, 4, 4), np.nan, np.float32)}, "no numbers"),
    ],
)
def test_damaged_years_are_told(taxis: Path, changes: dict[str, Any], message: str) -> None:
    write_year(taxis, 14, [1], 0, **changes)
    with pytest.raises(BadData, match=message):
        open_taxibj(TAXI, taxis, Split.TRAIN)


def test_truncated_and_missing_years_are_told(taxis: Path) -> None:
    path = taxis / "BJ15_M32x32_T30_InOut.h5"
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(BadData, match=r"BJ15.* cannot be read"):
        open_taxibj(TAXI, taxis, Split.TRAIN)
    path.unlink()
    with pytest.raises(BadData, match=r"BJ15.* is not there"):
        open_taxibj(TAXI, taxis, Split.TRAIN)


PEOPLE = KTH(given=3, horizon=2, side=8)


@pytest.fixture
def people(tmp_path: Path) -> Path:
    """Every picture is as bright as ten times its person plus its frame's number modulo ten."""
    for person in (1, 15, 20):
        for action in ("walking", "running", "boxing"):
            video = tmp_path / action / f"person{person:02d}_{action}_d1_uncomp"
            video.mkdir(parents=True)
            for number in [*range(1, 31), *range(41, 46)]:
                grey = np.full((12, 16), person * 10 + number % 10, np.uint8)
                cv2.imwrite(str(video / f"image-{number:03d}_120x160.png"), grey)
    # the number of the frame must come last
    for path in tmp_path.rglob("*.png"):
        path.rename(path.with_name(path.name.replace("_120x160", "")))
    return tmp_path


def test_people_are_split_by_person_and_windows_keep_to_one_video(people: Path) -> None:
    for split, person in ((Split.TRAIN, 1), (Split.VALIDATION, 15), (Split.TEST, 20)):
        windows = open_kth(PEOPLE, people, split)
        # starts at 1, 11, 21 and 41 of walking; 1, 4 ... 25 and 41 of running; no boxing
        assert len(windows) == 4 + 10
        for number in range(len(windows)):
            grey = windows[Draw(0, number)].frames[:, 0, 0, 0] * 255
            assert ((grey / 10).floor() == person).all()
            assert ((grey.round() % 10).diff() % 10 == 1).all(), "frames follow one another"


def test_damaged_pictures_and_missing_people_are_told(people: Path) -> None:
    picture = next((people / "walking" / "person01_walking_d1_uncomp").iterdir())
    picture.write_bytes(picture.read_bytes()[:20])
    with pytest.raises(BadData, match=f"{picture.name} cannot be read as a picture"):
        open_kth(PEOPLE, people, Split.TRAIN)
    with pytest.raises(BadData, match="no 500 frames in a row"):
        open_kth(PEOPLE.model_copy(update={"horizon": 497}), people, Split.TEST)
    with pytest.raises(BadData, match="is not a folder"):
        open_kth(PEOPLE, people / "nowhere", Split.TEST)
