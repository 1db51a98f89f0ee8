"""Many frames in one store; needs the packages of the extra `train`."""

from pathlib import Path

import numpy as np
import pytest

from model_zoo.training.data import store
from model_zoo.training.data.opening import open_record
from model_zoo.training.data.preparation import prepare
from model_zoo.training.errors import BadData, MissingPackage
from tests.unit.model_zoo.training.data.test_germany import write_rydl

TIMES = np.datetime64("2013-05-01T00:00", "m") + 5 * np.arange(2 * store.BLOCK + 10)


def frame(number: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    rates = np.full((6, 4), number / 100, np.float32)
    rates[0] = np.nan
    return rates


def test_a_missing_package_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(store, "import_module", missing)
    with pytest.raises(MissingPackage, match=r"nowcast\[train\]"):
        store.create(tmp_path / "store", TIMES, (6, 4))


def test_a_store_is_written_block_by_block_and_taken_up_where_it_stopped(tmp_path: Path) -> None:
    pytest.importorskip("zarr", reason="needs zarr: pip install nowcast[train]")
    path = tmp_path / "store"
    assert store.create(path, TIMES, (6, 4)) == [0, 1, 2]

    def read(number: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
        if number == store.BLOCK + 3:
            raise BadData("damaged")
        return frame(number)

    assert store.write_block(path, 1, len(TIMES), read) == ["damaged"]
    assert store.create(path, TIMES, (6, 4)) == [0, 2]
    with pytest.raises(BadData, match="has 1 of 3 blocks"):
        open_record(path)
    with pytest.raises(BadData, match="of other frames"):
        store.create(path, TIMES[1:], (6, 4))
    for block in (0, 2):
        assert store.write_block(path, block, len(TIMES), read) == []
    record = open_record(path)
    kept = np.delete(np.arange(len(TIMES)), store.BLOCK + 3)
    assert record.times.tolist() == TIMES[kept].tolist(), "without the one that was damaged"
    numbers = np.array([0, store.BLOCK - 1, store.BLOCK + 3, len(kept) - 1])
    expected = np.stack([frame(int(n)) for n in kept[numbers]])
    assert record.rates(numbers) == pytest.approx(expected, abs=0.005, nan_ok=True)
    assert record.wet() == pytest.approx((kept >= 10).astype(float))
    assert record.shape == (6, 4)


def test_years_are_prepared_by_workers_and_again_nothing_is_left_to_do(tmp_path: Path) -> None:
    pytest.importorskip("zarr", reason="needs zarr: pip install nowcast[train]")
    pytest.importorskip("distributed", reason="needs distributed: pip install nowcast[train]")
    write_rydl(tmp_path / "RYDL.hdf5", [0, 1, 2, 4])
    reported: list[tuple[int, int]] = []
    path = tmp_path / "germany.zarr"
    faults = prepare(
        tmp_path / "RYDL.hdf5", path, workers=1, report=lambda n, of, _: reported.append((n, of))
    )
    assert faults == []
    assert reported == [(1, 1)]
    ready, source = open_record(path), open_record(tmp_path / "RYDL.hdf5")
    assert ready.times.tolist() == source.times.tolist()
    numbers = np.arange(4)
    assert ready.rates(numbers) == pytest.approx(source.rates(numbers), abs=0.005, nan_ok=True)
    prepare(
        tmp_path / "RYDL.hdf5", path, workers=1, report=lambda n, of, _: reported.append((n, of))
    )
    assert reported == [(1, 1)]
