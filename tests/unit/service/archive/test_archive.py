"""The archive: what has a name is whole, and never changes."""

import os
import resource
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from uuid import uuid4

import numpy as np
import pytest
import xarray as xr
from xarray import DataArray

from ingest.formats import netcdf
from ingest.grid import NATIONAL_SPHERE, NATIONAL_WGS84, same_grid, with_places
from model_zoo import load_forecaster
from service.archive import checksum
from service.archive.archive import Archive, Kind
from service.archive.key import Key, from_stamp, stamp
from service.archive.store import ABANDONED_SECONDS, Folder
from service.errors import BadSetting, NoForecast, NoFrame, NotFound
from tests.showers import frame, time
from tests.state_snapshot import files_of

ALL_KINDS: tuple[Kind, ...] = ("frames", "forecasts", "quarantine", "uploads")
LONG_AGO, FAR_OFF = np.datetime64("2020-01-01", "ns"), np.datetime64("2200-01-01", "ns")


@pytest.fixture(params=["folder", "objects"])
def archive(request: pytest.FixtureRequest, tmp_path: Path) -> Archive:
    """An archive with nothing in it, in each kind of store."""
    if request.param == "folder":
        return Archive(tmp_path / "archive")
    return Archive.open(f"memory://{uuid4().hex}")


@pytest.fixture
def folder(tmp_path: Path) -> Archive:
    """An archive with nothing in it, in a folder."""
    return Archive(tmp_path / "archive")


def forecast(number: int, model: str = "persistence", upload: str = "") -> DataArray:
    built = load_forecaster("persistence")(frame(number))
    built.attrs |= {"generated_at": "2026-06-22T00:00:00Z", "model": model}
    if upload:
        built.attrs["upload"] = upload
    return built


def kept(archive: Archive) -> dict[str, bytes]:
    """All that is in the archive, by names."""
    if isinstance(archive.store, Folder):
        return files_of(archive.root)
    paths = [path for kind in ALL_KINDS for path in archive.store.files(kind)]
    return {path: archive.store.get(path) for path in paths}


def fill(archive: Archive, *numbers: int) -> None:
    """Frames and the forecasts from them."""
    for number in numbers:
        archive.put_frame(frame(number))
        archive.put_forecast(forecast(number), history="")


@pytest.fixture
def small_disk() -> Iterator[None]:
    """A disk that takes no file of more than a thousand bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of a megabyte with 100 kB left on it, in the file `ballast` the rest."""
    disk = tmp_path / "disk"
    disk.mkdir()
    options = ["-t", "tmpfs", "-o", "size=1m", "tmpfs"]
    mounted = subprocess.run(["mount", *options, disk], capture_output=True, check=False, text=True)
    if mounted.returncode:
        pytest.skip(f"no small disk can be mounted here: {mounted.stderr.strip()}")
    (disk / "ballast").write_bytes(bytes(2**20 - 100_000))
    yield disk
    subprocess.run(["umount", disk], check=True)


def test_a_frame_comes_back_as_it_went_in(archive: Archive) -> None:
    assert archive.put_frame(frame(0))
    xr.testing.assert_identical(archive.frame(time(0)), frame(0))


def test_no_data_stays_no_data_and_dry_stays_dry(archive: Archive) -> None:
    archive.put_frame(frame(0))
    stored, given = archive.frame(time(0)).values, frame(0).values
    assert np.isnan(given).any()
    assert (given == 0).any()
    np.testing.assert_array_equal(np.isnan(stored), np.isnan(given))
    np.testing.assert_array_equal(stored == 0, given == 0)


def test_a_forecast_comes_back_as_it_went_in(archive: Archive) -> None:
    given = forecast(0)
    assert archive.put_forecast(given, history="made")
    key = Key(time(0), "persistence", "none")
    xr.testing.assert_identical(archive.forecast(key), given)
    assert list(archive.forecasts(time(0))) == [key]


def test_the_same_field_is_the_same_bytes(archive: Archive, tmp_path: Path) -> None:
    other = Archive(tmp_path / "other")
    for each in (archive, other):
        each.put_frame(frame(0))
        each.put_forecast(forecast(0), history="made")
    assert kept(archive) == kept(other)


def test_what_is_there_never_changes(archive: Archive) -> None:
    archive.put_frame(frame(0))
    archive.put_forecast(forecast(0), history="first")
    before = kept(archive)
    assert not archive.put_frame(frame(0) * 2)
    assert not archive.put_forecast(forecast(0) * 2, history="second")
    assert kept(archive) == before


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
def test_a_write_that_fails_leaves_nothing(folder: Archive) -> None:
    with pytest.raises(OSError, match=r"too large; frames/2026/06/21/20260621T2230Z.nc, \d+ bytes"):
        folder.put_frame(frame(0))
    assert kept(folder) == {}
    assert folder.latest_frame() is None


def test_on_a_full_disk_nothing_is_half_written_and_with_room_it_goes_on(full_disk: Path) -> None:
    archive = Archive(full_disk / "archive")
    for _ in range(2):
        with pytest.raises(OSError, match=r"No space left on device; .*, free some space there"):
            archive.put_frame(frame(0))
        with pytest.raises(OSError, match=r"No space left"):
            archive.put_upload(frame(0))
    assert kept(archive) == {}
    assert not archive.has_frame(time(0))
    (full_disk / "ballast").unlink()
    assert archive.put_frame(frame(0))
    xr.testing.assert_identical(archive.frame(time(0)), frame(0))
    assert archive.upload(archive.put_upload(frame(0))).equals(frame(0))


def test_after_a_write_that_failed_the_frame_can_be_put_again(folder: Archive) -> None:
    blocked = folder.root / "frames" / "2026"
    blocked.parent.mkdir(parents=True)
    blocked.touch()
    with pytest.raises(OSError, match=r"frames/2026"):
        folder.put_frame(frame(0))
    assert list(kept(folder)) == ["frames/2026"]
    blocked.unlink()
    assert folder.put_frame(frame(0))


def test_threads_may_read_and_write_at_once(archive: Archive, tmp_path: Path) -> None:
    archive.put_frame(frame(0))
    expected = archive.frame(time(0))

    def work(worker: int) -> bool:
        mine = Archive(tmp_path / f"{worker}")
        same = [Archive(archive.store).frame(time(0)).equals(expected) for _ in range(12)]
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
        archive.store.put(foreign, b"not ours")
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
    assert path == "quarantine/0123456789abcdef-radar.bin"
    assert kept(archive) == {path: b"bad", f"{path}.reason.txt": b"it is bad\n"}


@pytest.mark.parametrize(
    "name",
    ["../../etc/passwd", "/etc/passwd", "a/b\\c", "\0", "..", "", "\n", "雨" * 85, "x" * 255],
    ids=["up", "root", "backslash", "nul", "dots", "empty", "line", "not-ascii", "long"],
)
def test_no_name_leads_out_of_quarantine_or_is_too_long(folder: Archive, name: str) -> None:
    folder.quarantine(b"bad", name, "ab" * 32, "reason")
    folders = {path.parent for path in folder.root.parent.rglob("*") if path.is_file()}
    assert folders == {folder.root / "quarantine"}
    assert len(kept(folder)) == 2


def test_bad_files_of_one_name_are_all_kept(archive: Archive) -> None:
    paths = {archive.quarantine(data, "x", data.hex() * 16, "") for data in (b"ab", b"cd")}
    assert {archive.store.get(path) for path in paths} == {b"ab", b"cd"}


def test_uploaded_frames_come_back_by_their_hash_and_are_kept_once(archive: Archive) -> None:
    both = xr.concat([frame(0), frame(1)], "time", coords="minimal", compat="override")
    sha = archive.put_upload(both)
    assert len(sha) == 64
    xr.testing.assert_identical(archive.upload(sha), both)
    assert archive.put_upload(both) == sha
    assert archive.put_upload(frame(0)) != sha
    assert len(kept(archive)) == 2
    with pytest.raises(NoFrame, match="send them again"):
        archive.upload("0" * 64)


def test_uploaded_frames_on_a_grid_of_their_own_keep_their_places(archive: Archive) -> None:
    part = frame(0).isel(y=slice(8, 40), x=slice(8, 40))
    xr.testing.assert_identical(archive.upload(archive.put_upload(part)), part)


def test_forecasts_of_uploads_stay_apart_from_those_of_the_radar(archive: Archive) -> None:
    shas = [archive.put_upload(frame(number)) for number in (0, 1)]
    keys = [Key(time(0), "persistence", "none", sha) for sha in ("", *shas)]
    for factor, key in enumerate(keys[:2], 1):
        of_upload = forecast(0, upload=key.upload)
        archive.put_forecast(of_upload.copy(data=of_upload * factor), history="")
    assert archive.forecast(keys[1]).equals(archive.forecast(keys[0]) * 2)
    assert [archive.has_forecast(key) for key in keys] == [True, True, False]
    with pytest.raises(NoForecast):
        archive.forecast(keys[2])
    assert list(archive.forecasts(time(0))) == keys[:1]
    assert list(archive.issues()) == [time(0)]
    assert {key.id.rpartition("-")[2] for key in keys} == {"none", shas[0][:16], shas[1][:16]}
    assert archive.has_forecast(Key(time(0), "persistence", "none", shas[0][:16])), "as in an id"


def test_a_forecast_is_sent_as_the_bytes_that_are_kept_before_their_checksum(
    archive: Archive,
) -> None:
    archive.put_forecast(forecast(0), history="made")
    key = Key(time(0), "persistence", "none")
    assert checksum.sealed(archive.forecast_bytes(key)) == next(iter(kept(archive).values()))
    sent = with_places(netcdf.decode(archive.forecast_bytes(key)))
    xr.testing.assert_equal(sent, forecast(0))
    with pytest.raises(NoForecast, match="20260621T2235Z"):
        archive.forecast_bytes(key._replace(issue=time(1)))


@pytest.mark.parametrize("kind", ["frames", "forecasts"])
def test_of_what_has_a_time_all_before_one_is_removed_and_nothing_else(
    archive: Archive, kind: Kind
) -> None:
    fill(archive, 0, 1, 17, 18, 19)  # the last two are of the next day
    archive.store.put(f"{kind}/2026/06/21/ours.txt", b"not ours")
    archive.put_upload(frame(0))
    archive.quarantine(b"bad", "x", "0" * 64, "")
    readers: dict[str, Callable[[np.datetime64], DataArray]] = {
        "frames": archive.frame,
        "forecasts": lambda issue: archive.forecast(Key(issue, "persistence", "none")),
    }
    read = readers[kind]
    assert len([read(time(number)) for number in (0, 19)]) == 2
    before = kept(archive)
    assert archive.remove_before(kind, time(18)) == 3
    with pytest.raises(NotFound):
        read(time(0))
    assert read(time(19)).size
    gone = before.keys() - kept(archive).keys()
    stamps = {stamp(time(number)) for number in (0, 1, 17)}
    assert {path.split("/")[4].removesuffix(".nc") for path in gone} == stamps
    assert {path.split("/")[0] for path in gone} == {kind}
    assert archive.remove_before(kind, time(18)) == 0
    assert archive.remove_before(kind, FAR_OFF) == 2
    left = list(archive.frame_times() if kind == "frames" else archive.issues())
    assert left == []


@pytest.mark.parametrize("kind", ["quarantine", "uploads"])
def test_of_what_has_no_time_all_that_came_before_one_is_removed(
    archive: Archive, kind: Kind
) -> None:
    fill(archive, 0)
    archive.quarantine(b"bad", "x", "0" * 64, "")
    sha = archive.put_upload(frame(0))
    archive.put_forecast(forecast(0, upload=sha), history="")
    before = kept(archive)
    assert archive.remove_before(kind, LONG_AGO) == 0
    assert archive.remove_before(kind, FAR_OFF) == 2
    assert {path.split("/")[0] for path in before.keys() - kept(archive).keys()} == {kind}
    if kind == "uploads":
        with pytest.raises(NoFrame):
            archive.upload(sha)


def test_folders_that_are_empty_are_removed_too(folder: Archive) -> None:
    fill(folder, 0, 18)
    sha = folder.put_upload(frame(0))
    folder.put_forecast(forecast(0, upload=sha), history="")
    folder.remove_before("frames", time(18))
    assert [path.name for path in (folder.root / "frames/2026/06").iterdir()] == ["22"]
    for kind in ALL_KINDS:
        folder.remove_before(kind, FAR_OFF)
    left = sorted(str(path.relative_to(folder.root)) for path in folder.root.rglob("*"))
    assert left == ["forecasts", "frames", "incoming", "uploads"]


def test_frames_that_are_sent_again_are_kept_from_then_on(folder: Archive) -> None:
    shas = [folder.put_upload(frame(number)) for number in (0, 1)]
    for path in folder.root.rglob("frames.nc"):
        os.utime(path, (0, 0))
    assert folder.put_upload(frame(0)) == shas[0]
    assert folder.remove_before("uploads", LONG_AGO) == 1
    assert folder.upload(shas[0]).equals(frame(0))


def test_who_reads_while_old_is_removed_finds_all_or_is_told_that_there_is_none(
    archive: Archive,
) -> None:
    whole, key = forecast(0), Key(time(0), "persistence", "none")
    over = Event()

    def read() -> None:
        while not over.is_set():
            reader = Archive(archive.store)  # remembers nothing
            try:
                assert reader.frame(time(0)).equals(frame(0))
                assert reader.forecast(key).equals(whole)
                assert list(reader.forecasts(time(0))) in ([], [key])
            except (NoFrame, NoForecast):
                continue

    with ThreadPoolExecutor(2) as pool:
        readers = [pool.submit(read) for _ in range(2)]
        try:
            for _ in range(6):
                fill(archive, 0)
                for kind in ALL_KINDS:
                    archive.remove_before(kind, FAR_OFF)
        finally:
            over.set()
        for reader in readers:
            reader.result()
    with pytest.raises(NoFrame):
        archive.frame(time(0))
    with pytest.raises(NoForecast):
        archive.forecast(key)


def test_the_latest_issue_is_not_looked_for_further_back_than_a_week(archive: Archive) -> None:
    day = np.timedelta64(1, "D")
    archive.put_forecast(forecast(0), history="")
    for days in (1, 7, 8):
        newer = forecast(0, model="another")
        newer["forecast_reference_time"] = newer["forecast_reference_time"] + days * day
        newer["time"] = newer["time"] + days * day
        archive.put_forecast(newer, history="")
        assert archive.latest_issue("another", "none") == time(0) + days * day
        if days <= 7:
            assert archive.latest_issue("persistence", "none") == time(0)
    with pytest.raises(NoForecast, match="no forecast of persistence since 20260622T2230Z"):
        archive.latest_issue("persistence", "none")


def test_what_the_killed_left_is_swept_and_what_is_being_written_is_not(folder: Archive) -> None:
    folder.put_frame(frame(0))
    abandoned, fresh = (folder.root / "incoming" / name for name in ("abandoned", "fresh"))
    for path in (abandoned, fresh):
        path.touch()
    long_ago = fresh.stat().st_mtime - ABANDONED_SECONDS - 1
    os.utime(abandoned, (long_ago, long_ago))
    assert folder.sweep() == 1
    assert fresh.exists()
    assert folder.has_frame(time(0))


def test_an_archive_that_is_not_there_yet_is_empty_and_stays_away(archive: Archive) -> None:
    assert archive.latest_frame() is None
    assert list(archive.issues()) == []
    assert archive.forecasts(time(0)) == {}
    assert archive.sweep() == 0
    assert [archive.remove_before(kind, FAR_OFF) for kind in ALL_KINDS] == [0, 0, 0, 0]
    assert not isinstance(archive.store, Folder) or not archive.root.exists()


def test_an_archive_is_opened_by_path_or_url(tmp_path: Path) -> None:
    for place in (tmp_path / "a", str(tmp_path / "b"), f"file://{tmp_path}/c", "memory://there"):
        archive = Archive.open(place)
        archive.put_frame(frame(0))
        assert Archive.open(place).latest_frame() == time(0)
        archive.remove_before("frames", FAR_OFF)
    assert {path.name for path in tmp_path.iterdir()} == {"a", "b", "c"}
    with pytest.raises(TypeError, match="not in a folder"):
        _ = Archive.open("memory://there").root
    with pytest.raises(BadSetting, match="archive at 'nonsense://x' cannot be opened"):
        Archive.open("nonsense://x")


def test_a_stamp_is_read_as_it_was_written() -> None:
    assert from_stamp(stamp(time(5))) == time(5)


@pytest.mark.parametrize(
    "text", ["", "latest", "20260621T2230", "20260621T2460Z", "2026-06-21T22:30Z"]
)
def test_what_is_no_stamp_is_no_time(text: str) -> None:
    assert from_stamp(text) is None


def test_more_frames_than_are_kept_decoded_are_all_read_right(archive: Archive) -> None:
    times = [time(number) for number in range(80)]
    for number, valid in enumerate(times):
        same = np.full_like(frame(0), number)
        archive.put_frame(frame(0).copy(data=same).assign_coords(time=("time", [valid])))
    for _ in range(2):
        assert [float(archive.frame(valid)[0, 0, 0]) for valid in times] == list(range(80))
