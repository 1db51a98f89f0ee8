"""The archive: what has a name is whole, and never changes."""

import os
import resource
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import numpy as np
import pytest
import xarray as xr
from xarray import DataArray

from ingest.grid import NATIONAL_SPHERE, NATIONAL_WGS84, same_grid
from model_zoo import load_forecaster
from service.archive import ABANDONED_SECONDS, Archive, Key, from_stamp, stamp
from service.errors import NoForecast, NoFrame
from tests.kept import files_of
from tests.showers import frame, time


def forecast(number: int, model: str = "persistence") -> DataArray:
    made = load_forecaster(model)(frame(number))
    made.attrs["generated_at"] = "2026-06-22T00:00:00Z"
    return made


@pytest.fixture
def small_disk() -> Iterator[None]:
    """A disk that takes no file of more than a thousand bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_frame_comes_back_as_it_went_in(archive: Archive) -> None:
    assert archive.put_frame(frame(0))
    xr.testing.assert_identical(archive.frame(time(0)), frame(0))


def test_no_data_stays_no_data_and_dry_stays_dry(archive: Archive) -> None:
    archive.put_frame(frame(0))
    came, went = archive.frame(time(0)).values, frame(0).values
    assert np.isnan(went).any()
    assert (went == 0).any()
    np.testing.assert_array_equal(np.isnan(came), np.isnan(went))
    np.testing.assert_array_equal(came == 0, went == 0)


def test_a_forecast_comes_back_as_it_went_in(archive: Archive) -> None:
    made = forecast(0)
    assert archive.put_forecast(made, history="made")
    key = Key(time(0), "persistence", "none")
    xr.testing.assert_identical(archive.forecast(key), made)
    assert list(archive.forecasts(time(0))) == [key]


def test_the_same_field_is_the_same_bytes(archive: Archive, tmp_path: Path) -> None:
    other = Archive(tmp_path / "other")
    for each in (archive, other):
        each.put_frame(frame(0))
        each.put_forecast(forecast(0), history="made")
    assert files_of(archive.root) == files_of(other.root)


def test_what_is_there_never_changes(archive: Archive) -> None:
    archive.put_frame(frame(0))
    archive.put_forecast(forecast(0), history="first")
    before = files_of(archive.root)
    assert not archive.put_frame(frame(0) * 2)
    assert not archive.put_forecast(forecast(0) * 2, history="second")
    assert files_of(archive.root) == before


def test_a_frame_is_of_its_time_and_no_other(archive: Archive) -> None:
    archive.put_frame(frame(0))
    with pytest.raises(NoFrame, match="20260621T2235Z"):
        archive.frame(time(1))
    with pytest.raises(NoFrame):
        archive.frames([time(1), time(2)])
    with pytest.raises(NoForecast, match="persistence"):
        archive.forecast(Key(time(0), "persistence", "none"))
    with pytest.raises(NoForecast):
        archive.latest_issue("persistence", "none")


@pytest.mark.usefixtures("small_disk")
def test_a_write_that_fails_leaves_nothing(archive: Archive) -> None:
    with pytest.raises(OSError, match="too large"):
        archive.put_frame(frame(0))
    assert files_of(archive.root) == {}
    assert archive.latest_frame() is None


def test_after_a_write_that_failed_the_frame_can_be_put_again(archive: Archive) -> None:
    blocked = archive.root / "frames" / "2026"
    blocked.parent.mkdir(parents=True)
    blocked.touch()
    with pytest.raises(OSError, match=r"frames/2026"):
        archive.put_frame(frame(0))
    assert list(files_of(archive.root)) == ["frames/2026"]
    blocked.unlink()
    assert archive.put_frame(frame(0))


def test_of_many_who_put_one_thing_one_wins_and_what_is_there_is_whole(archive: Archive) -> None:
    path, together = archive.root / "frames" / "one.nc", Barrier(8)

    def put(writer: int) -> bool:
        together.wait()
        return archive.put(path, bytes([writer]) * 300_000)

    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(put, range(8)))
    assert sum(won) == 1
    assert path.read_bytes() == bytes([won.index(True)]) * 300_000
    assert list(files_of(archive.root)) == ["frames/one.nc"]


def test_threads_may_read_and_write_at_once(archive: Archive, tmp_path: Path) -> None:
    archive.put_frame(frame(0))
    expected = archive.frame(time(0))

    def work(worker: int) -> bool:
        mine = Archive(tmp_path / f"{worker}")
        same = [Archive(archive.root).frame(time(0)).equals(expected) for _ in range(12)]
        written = [mine.put_frame(frame(number)) for number in range(6)]
        return all(same + written)

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(work, range(4)))


def test_times_come_newest_first_over_days_months_and_years(archive: Archive) -> None:
    texts = ["2025-12-31T23:55", "2026-06-21T22:30", "2026-01-01T00:00", "2026-06-22T00:00"]
    for text in texts:
        moved = frame(0).assign_coords(time=np.array([text], "M8[ns]"))
        archive.put_frame(moved)
    newest_first = sorted((np.datetime64(text, "ns") for text in texts), reverse=True)
    assert list(archive.frame_times()) == newest_first
    assert archive.latest_frame() == newest_first[0]


def test_the_latest_issue_is_that_of_the_model(archive: Archive) -> None:
    for number in (0, 1):
        archive.put_forecast(forecast(number), history="")
    other = forecast(2)
    other.attrs["model"] = "another"
    archive.put_forecast(other, history="")
    assert archive.latest_issue("persistence", "none") == time(1)
    assert list(archive.issues()) == [time(2), time(1), time(0)]


def test_files_that_are_not_ours_are_left_alone(archive: Archive) -> None:
    archive.put_frame(frame(0))
    archive.put_forecast(forecast(0), history="")
    for foreign in (
        "frames/notes.txt",
        "frames/2027/x",
        "frames/2027/01/01/readme.nc",
        "frames/2026/06/21/20260621T2359Z.nc.bak",
        "frames/2026/06/21/.20260621T2358Z.nc.swp",
        "frames/2026/06/21/20269999T2357Z.nc",
        "forecasts/Thumbs.db",
        "forecasts/2027/01/01/what",
        "forecasts/2026/06/21/20260621T2230Z/notes.nc",
        "forecasts/2026/06/21/20260621T2230Z/.hidden.nc",
    ):
        path = archive.root / foreign
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("not ours")
    assert list(archive.frame_times()) == [time(0)]
    assert list(archive.issues()) == [time(0)]
    assert list(archive.forecasts(time(0))) == [Key(time(0), "persistence", "none")]


def test_frames_come_oldest_first_and_those_that_are_not_there_are_left_out(
    archive: Archive,
) -> None:
    for number in (3, 0, 2):
        archive.put_frame(frame(number))
    found = archive.frames([time(2), time(1), time(0), time(2)])
    np.testing.assert_array_equal(found.time, [time(0), time(2)])
    np.testing.assert_array_equal(found[1], frame(2)[0])


def test_frames_on_sphere_and_ellipsoid_are_never_joined(archive: Archive) -> None:
    grids = [NATIONAL_SPHERE, NATIONAL_SPHERE, NATIONAL_WGS84, NATIONAL_WGS84]
    for number, grid in enumerate(grids):
        archive.put_frame(frame(number, grid))
    times = [time(number) for number in range(4)]
    np.testing.assert_array_equal(archive.frames(times).time, times[2:])
    np.testing.assert_array_equal(archive.frames(times[:2]).time, times[:2])
    assert same_grid(archive.frames(times), frame(3, NATIONAL_WGS84))
    assert not same_grid(archive.frames(times), frame(0))


def test_a_bad_file_is_kept_beside_its_reason(archive: Archive) -> None:
    path = archive.quarantine(b"bad", "radar.bin", "0123456789abcdef" * 4, "it is bad")
    assert path.read_bytes() == b"bad"
    assert path.with_name(path.name + ".reason.txt").read_text() == "it is bad\n"


@pytest.mark.parametrize(
    "name",
    ["../../etc/passwd", "/etc/passwd", "a/b\\c", "\0", "..", "", "\n", "雨" * 85, "x" * 255],
    ids=["up", "root", "backslash", "nul", "dots", "empty", "line", "not-ascii", "long"],
)
def test_no_name_leads_out_of_quarantine_or_is_too_long(archive: Archive, name: str) -> None:
    archive.quarantine(b"bad", name, "ab" * 32, "reason")
    folders = {path.parent for path in archive.root.rglob("*") if path.is_file()}
    assert folders == {archive.root / "quarantine"}
    assert len(files_of(archive.root)) == 2


def test_bad_files_of_one_name_are_all_kept(archive: Archive) -> None:
    paths = {archive.quarantine(data, "x", data.hex() * 16, "") for data in (b"ab", b"cd")}
    assert {path.read_bytes() for path in paths} == {b"ab", b"cd"}


def test_what_the_killed_left_is_swept_and_what_is_being_written_is_not(archive: Archive) -> None:
    archive.put_frame(frame(0))
    abandoned, fresh = (archive.root / "incoming" / name for name in ("abandoned", "fresh"))
    for path in (abandoned, fresh):
        path.touch()
    long_ago = fresh.stat().st_mtime - ABANDONED_SECONDS - 1
    os.utime(abandoned, (long_ago, long_ago))
    assert archive.sweep() == 1
    assert fresh.exists()
    assert archive.has_frame(time(0))


def test_an_archive_that_is_not_there_yet_is_empty_and_stays_away(archive: Archive) -> None:
    assert archive.latest_frame() is None
    assert list(archive.issues()) == []
    assert archive.forecasts(time(0)) == {}
    assert archive.sweep() == 0
    assert not archive.root.exists()


def test_a_stamp_is_read_as_it_was_written() -> None:
    assert from_stamp(stamp(time(5))) == time(5)


@pytest.mark.parametrize(
    "text", ["", "latest", "20260621T2230", "20260621T2460Z", "2026-06-21T22:30Z"]
)
def test_what_is_no_stamp_is_no_time(text: str) -> None:
    assert from_stamp(text) is None


def test_more_frames_than_are_kept_decoded_are_all_read_right(archive: Archive) -> None:
    tiny = frame(0).isel(y=slice(4), x=slice(4))
    times = [time(number) for number in range(80)]
    for number, at in enumerate(times):
        archive.put_frame(
            tiny.copy(data=np.full_like(tiny, number)).assign_coords(time=("time", [at]))
        )
    for _ in range(2):
        assert [float(archive.frame(at)[0, 0, 0]) for at in times] == list(range(80))
