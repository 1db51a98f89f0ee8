"""What a disk does to finished files: it is seen when they are read, and stops no other file."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from ingest.formats import netcdf
from model_zoo import load_forecaster
from service.archive import checksum, field_file
from service.archive.archive import Archive
from service.archive.key import Key, forecast_name, frame_name
from service.archive.object_store import ObjectStore
from service.errors import NoForecast, NoFrame
from tests.showers import frame, time

KEY = Key(time(1), "persistence", "none")
FRAME, FORECAST = frame_name(time(1)), forecast_name(KEY)


def zeros(begin: float) -> Callable[[bytes], bytes]:
    """Eight kilobytes of zeros from a part of the file on, as of a lost block of a disk."""

    def damage(data: bytes) -> bytes:
        place = int(begin * len(data))
        return data[:place] + bytes(min(8192, len(data) - place)) + data[place + 8192 :]

    return damage


def flipped(part: float) -> Callable[[bytes], bytes]:
    def damage(data: bytes) -> bytes:
        byte = int(part * (len(data) - 1))
        return data[:byte] + bytes([data[byte] ^ 1]) + data[byte + 1 :]

    return damage


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "zeros in the middle": zeros(0.5),
    "zeros at the beginning": zeros(0),
    "zeros at the end": lambda data: data[:-8192] + bytes(8192),
    "zeros throughout": lambda data: bytes(len(data)),
    "half of it": lambda data: data[: len(data) // 2],
    "without the last block": lambda data: data[:-4096],
    "without its checksum": lambda data: data[: -checksum.SIZE],
    "empty": lambda data: b"",
    "longer": lambda data: data + b"\0" * 512,
    "a bit flipped in the data": flipped(0.7),
    "a bit flipped in the checksum": flipped(0.9999),
    "another file": lambda data: b"<html>503</html>",
}


@pytest.fixture
def filled_archive(archive: Archive) -> Archive:
    for number in (0, 1):
        archive.put_frame(frame(number))
        forecast = load_forecaster("persistence")(frame(number))
        forecast.attrs["generated_at"] = "2026-06-21T22:40:00Z"
        archive.put_forecast(forecast, history="made")
    return archive


def damage(archive: Archive, path: str, change: Callable[[bytes], bytes]) -> None:
    file = archive.root / path
    file.write_bytes(change(file.read_bytes()))


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_file_is_missing_moved_to_quarantine_and_told(
    filled_archive: Archive, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    archive = filled_archive
    for path in (FRAME, FORECAST):
        damage(archive, path, DAMAGES[name])
    with pytest.raises(NoFrame):
        archive.frame(time(1))
    with pytest.raises(NoForecast):
        archive.forecast(KEY)
    assert not archive.has_frame(time(1))
    assert not archive.has_forecast(KEY)
    assert archive.damaged() == {"frames": 1, "forecasts": 1}
    assert caplog.text.count("is damaged") == 2
    assert archive.frame(time(0)).equals(frame(0)), "the others are read"
    assert archive.put_frame(frame(1)), "and it can be stored again"
    assert archive.frame(time(1)).equals(frame(1))


def test_bytes_of_a_damaged_forecast_are_not_sent(filled_archive: Archive) -> None:
    damage(filled_archive, FORECAST, DAMAGES["zeros in the middle"])
    with pytest.raises(NoForecast):
        filled_archive.forecast_bytes(KEY)
    assert filled_archive.damaged() == {"forecasts": 1}


def test_one_damaged_forecast_of_an_issue_leaves_the_others(filled_archive: Archive) -> None:
    other = filled_archive.forecast(KEY).copy()
    other.attrs |= {"model": "advection"}
    filled_archive.put_forecast(other, history="made")
    reader = Archive(filled_archive.root)
    damage(reader, FORECAST, DAMAGES["half of it"])
    assert [key.model for key in reader.forecasts(time(1))] == ["advection"]


def test_a_file_in_the_place_of_another_is_damaged(filled_archive: Archive) -> None:
    for path, other in (
        (FRAME, frame_name(time(0))),
        (FORECAST, forecast_name(KEY._replace(issue=time(0)))),
    ):
        (filled_archive.root / path).write_bytes((filled_archive.root / other).read_bytes())
    with pytest.raises(NoFrame):
        filled_archive.frame(time(1))
    with pytest.raises(NoForecast):
        filled_archive.forecast(KEY)


def test_damaged_uploads_are_asked_for_again(archive: Archive) -> None:
    sha = archive.put_upload(frame(0))
    damage(archive, f"uploads/{sha[:16]}/frames.nc", zeros(0.5))
    with pytest.raises(NoFrame, match="send them again"):
        archive.upload(sha)
    assert archive.put_upload(frame(0)) == sha
    assert archive.upload(sha).equals(frame(0))


def test_files_of_earlier_versions_have_no_checksum_and_are_read(archive: Archive) -> None:
    data = field_file.encode(frame(0), "Radar rainfall rate", "", packed=False)
    archive.store.put(frame_name(time(0)), data)
    assert archive.frame(time(0)).equals(frame(0))
    assert not checksum.has_checksum(data)


def test_archived_files_are_netcdf_that_others_open(
    filled_archive: Archive, tmp_path: Path
) -> None:
    for path, engine in ((FRAME, "netcdf4"), (FRAME, "scipy"), (FORECAST, "netcdf4")):
        with xr.open_dataset(filled_archive.root / path, engine=engine) as opened:
            assert "rainfall_rate" in opened
    sent = netcdf.decode(filled_archive.forecast_bytes(KEY))
    xr.testing.assert_equal(
        sent.reset_coords(drop=True), filled_archive.forecast(KEY).reset_coords(drop=True)
    )


def test_what_cannot_be_moved_is_missing_all_the_same(
    filled_archive: Archive, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    damage(filled_archive, FRAME, DAMAGES["half of it"])

    def refuse(*_: object) -> bool:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(filled_archive.store, "put", refuse)
    with pytest.raises(NoFrame):
        filled_archive.frame(time(1))
    assert "cannot be moved to quarantine" in caplog.text


@pytest.mark.parametrize("step", ["opened", "field_in"])
def test_no_memory_is_no_damage(
    filled_archive: Archive, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr(netcdf, step, fail)
    with pytest.raises(OSError, match="no memory"):
        filled_archive.frame(time(1))
    assert filled_archive.has_frame(time(1))


def test_damage_in_an_object_store_is_seen_too() -> None:
    archive = Archive(ObjectStore("memory://damage"))
    archive.put_frame(frame(0))
    path = frame_name(time(0))
    data = archive.store.get(path)
    archive.store.renew(path, zeros(0.5)(data))
    with pytest.raises(NoFrame):
        archive.frame(time(0))
    assert archive.damaged() == {"frames": 1}


def test_no_flip_of_a_bit_makes_an_archived_frame_or_forecast_drier(
    filled_archive: Archive, tmp_path: Path
) -> None:
    """It is read the same, or it is missing: never something else."""
    chance = np.random.default_rng(4)
    outcomes = set()
    for path in (FRAME, FORECAST):
        data = (filled_archive.root / path).read_bytes()
        truth = filled_archive.frame(time(1)) if path == FRAME else filled_archive.forecast(KEY)
        for _ in range(60):
            copy = Archive(ObjectStore(f"memory://flips-{chance.integers(2**62)}"))
            spoilt = bytearray(data)
            spoilt[chance.integers(len(data))] ^= 1 << int(chance.integers(8))
            copy.store.put(path, bytes(spoilt))
            try:
                read = copy.frame(time(1)) if path == FRAME else copy.forecast(KEY)
            except (NoFrame, NoForecast):
                outcomes.add("missing")
            else:
                outcomes.add("read")
                np.testing.assert_array_equal(read.values, truth.values)
    assert outcomes <= {"missing", "read"}
    assert "missing" in outcomes
