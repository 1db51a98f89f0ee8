"""German composites from RYDL.hdf5, radar files, an archive and a prepared store."""

from pathlib import Path

import h5py
import numpy as np
import pytest

from ingest.formats import netcdf
from ingest.formats import radar_file as radar
from model_zoo.training.data.opening import open_data, open_record
from model_zoo.training.data.sample import Draw, Split
from model_zoo.training.data.settings import Germany
from model_zoo.training.errors import BadData
from tests.showers import write_file

FIRST = np.datetime64("2013-05-01T00:00", "m")
SETTINGS = Germany(given=2, horizon=1, minutes=5, stride=5)


def write_rydl(path: Path, marks: list[int]) -> None:
    """Frames of 5 minutes: 0.01 mm x mark in the north half, unknown at the south edge."""
    with h5py.File(path, "w") as file:
        for mark in marks:
            amount = np.zeros((900, 900), np.float32)
            amount[450:] = mark / 100  # row 0 is in the south
            amount[:5] = np.nan
            amount[5:10] = -9999
            stamp = str(FIRST + 5 * mark).replace("-", "").replace("T", "").replace(":", "")
            file.create_dataset(stamp, data=amount, compression="gzip", compression_opts=1)


def test_rydl_is_read_north_up_in_mm_per_hour(tmp_path: Path) -> None:
    write_rydl(tmp_path / "RYDL.hdf5", [10, 11])
    record = open_record(tmp_path)
    assert record.shape == (180, 180)
    assert record.times.tolist() == (FIRST + np.array([50, 55])).tolist()
    rates = record.rates(np.array([1]))[0]
    assert rates[:90] == pytest.approx(0.11 * 12)
    assert (rates[90:178] == 0).all()
    assert np.isnan(rates[178:]).all()
    assert record.wet() == pytest.approx([90 / 178] * 2)


def test_splits_are_spans_of_time_and_windows_keep_to_them(tmp_path: Path) -> None:
    write_rydl(tmp_path / "RYDL.hdf5", [0, 1, 2, 3, 5, 6, 7, 8, 9])
    settings = Germany.model_validate(
        SETTINGS.model_dump()
        | {"validation_from": "2013-05-01T00:25", "test_from": "2013-05-01T00:40"}
    )
    # 4 is missing, 5 to 7 are for validation, and 8 and 9 are too few for a test
    for split, number in ((Split.TRAIN, 2), (Split.VALIDATION, 1)):
        data = open_data(settings, tmp_path, split, seed=1, scale="reflectivity")
        assert len(data) == number
        assert data[Draw(0, 0)].frames.shape == (3, 1, 180, 180)
    with pytest.raises(BadData, match="of 0 windows"):
        open_data(settings, tmp_path, Split.TEST, seed=1, scale="reflectivity")


def test_radar_files_and_the_archive_give_the_same_frames(tmp_path: Path) -> None:
    files, archive = tmp_path / "files", tmp_path / "data"
    files.mkdir()
    for number in range(4):
        path = write_file(files, number)
        frame = radar.parse(path.read_bytes(), path.name, factor=5)
        stamp = str(frame.time.values[0].astype("datetime64[m]"))
        day, name = stamp[:10].replace("-", "/"), stamp.replace("-", "").replace(":", "") + "Z"
        kept = archive / "archive" / "frames" / day / f"{name}.nc"
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_bytes(netcdf.encode(frame.drop_vars(["lat", "lon"]), title="a frame"))
    first, second = open_record(files), open_record(archive)
    assert first.times.tolist() == second.times.tolist()
    assert len(first.times) == 4
    numbers = np.arange(4)
    assert np.array_equal(first.rates(numbers), second.rates(numbers), equal_nan=True)
    assert first.shape == second.shape == (180, 180)


def test_damaged_sources_are_told(tmp_path: Path) -> None:
    (tmp_path / "RYDL.hdf5").write_bytes(b"no HDF5")
    with pytest.raises(BadData, match="cannot be read as HDF5"):
        open_record(tmp_path)
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["x"] = 1
        file["201305010000"] = np.zeros((4, 4))
    with pytest.raises(BadData, match=r"has \(4, 4\) cells"):
        open_record(tmp_path / "other.h5").rates(np.array([0]))
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["x"] = 1
    with pytest.raises(BadData, match="no arrays named"):
        open_record(tmp_path / "other.h5")
    folder = tmp_path / "radar"
    folder.mkdir()
    path = write_file(folder, 0)
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(BadData, match=f"{path.name}.*fetch it again"):
        open_record(folder).rates(np.array([0]))
    path.rename(folder / "what")
    with pytest.raises(BadData, match="no radar files with a time"):
        open_record(folder)
