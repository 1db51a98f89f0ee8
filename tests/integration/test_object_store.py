"""The archive in an S3 store, here one that moto plays: all that holds of a folder holds there."""

# ruff: noqa: F401  tests of every store are run here once more

import multiprocessing
import random
import signal
import subprocess
import sys
import time as clock
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import fsspec
import pytest

from service.archive.archive import Archive
from service.archive.object_store import ObjectStore
from service.runtime.deployment import Deployment
from service.settings import Settings
from tests.showers import frame, time
from tests.unit.service.archive.test_archive import (
    test_a_bad_file_is_kept_beside_its_reason,
    test_a_forecast_comes_back_as_it_went_in,
    test_a_forecast_is_sent_as_the_bytes_that_are_kept_before_their_checksum,
    test_a_frame_comes_back_as_it_went_in,
    test_a_frame_is_of_its_time_and_no_other,
    test_an_archive_that_is_not_there_yet_is_empty_and_stays_away,
    test_files_that_are_not_ours_are_left_alone,
    test_forecasts_of_uploads_stay_apart_from_those_of_the_radar,
    test_of_what_has_a_time_all_before_one_is_removed_and_nothing_else,
    test_of_what_has_no_time_all_that_came_before_one_is_removed,
    test_the_latest_issue_is_not_looked_for_further_back_than_a_week,
    test_the_latest_issue_is_that_of_the_model,
    test_threads_may_read_and_write_at_once,
    test_times_come_newest_first_over_days_months_and_years,
    test_uploaded_frames_come_back_by_their_hash_and_are_kept_once,
    test_what_is_there_never_changes,
    test_who_reads_while_old_is_removed_finds_all_or_is_told_that_there_is_none,
)
from tests.unit.service.archive.test_store import (
    test_a_file_may_be_empty,
    test_a_folder_is_no_file,
    test_a_name_is_given_once_and_what_has_it_never_changes,
    test_names_and_files_come_in_falling_order,
    test_the_age_of_a_file_is_told_and_begins_anew_when_it_is_renewed,
    test_what_is_not_there_is_not_found,
    test_what_is_removed_is_gone_and_its_neighbours_stay,
)

pytest.importorskip("s3fs", reason="s3fs is not installed")
moto = pytest.importorskip("moto.server", reason="moto[server] is not installed")

ROOT = Path(__file__).parents[2]
PATH = "frames/2026/one.nc"
SIZE = 300_000
WRITER = """
import sys
from service.archive.object_store import ObjectStore
store, writer = ObjectStore(sys.argv[1]), int(sys.argv[2])
print("ready", flush=True)
for line in sys.stdin:
    print(store.put(line.strip(), bytes([writer]) * {size}), flush=True)
"""


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    """The URL of an empty bucket."""
    server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "test")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        fsspec.filesystem("s3", skip_instance_cache=True).mkdir("radar")
        yield "s3://radar"
    server.stop()


@pytest.fixture
def url(bucket: str) -> str:
    """A place in the bucket with nothing in it."""
    return f"{bucket}/{uuid4().hex}"


@pytest.fixture
def store(url: str) -> ObjectStore:
    return ObjectStore(url)


@pytest.fixture
def archive(url: str) -> Archive:
    return Archive.open(url)


def writer(url: str, number: int) -> "subprocess.Popen[str]":
    """A process that puts a file of its own under every name it is given."""
    command = [sys.executable, "-c", WRITER.format(size=SIZE), url, str(number)]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True)


def line_of(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def tell(process: "subprocess.Popen[str]", path: str) -> None:
    assert process.stdin is not None
    print(path, file=process.stdin, flush=True)


def test_a_deployment_keeps_its_files_where_its_settings_say(url: str, tmp_path: Path) -> None:
    settings = Settings(data=tmp_path, archive=url)
    assert Deployment(settings).archive.put_frame(frame(0))
    assert Deployment(settings).archive.latest_frame() == time(0)
    assert list(tmp_path.iterdir()) == []


def test_of_many_processes_that_put_one_thing_all_find_the_same_and_it_is_whole(
    url: str, store: ObjectStore
) -> None:
    writers = [writer(url, number) for number in range(8)]
    assert [line_of(each) for each in writers] == ["ready"] * 8
    for file in range(3):
        path = f"frames/2026/{file}.nc"
        for each in writers:
            tell(each, path)
        won = [number for number, each in enumerate(writers) if line_of(each) == "True"]
        assert store.get(path) in [bytes([number]) * SIZE for number in won]
    for each in writers:
        each.communicate(timeout=550)


def test_writers_that_are_killed_leave_nothing_that_is_not_whole(
    url: str, store: ObjectStore
) -> None:
    moments = random.Random(1)
    for number in range(4):
        process = writer(url, number)
        for file in range(100):
            tell(process, f"frames/2026/{number}-{file}.nc")
        assert [line_of(process) for _ in range(3)] == ["ready", "True", "True"]
        clock.sleep(moments.uniform(0, 0.1))
        process.send_signal(signal.SIGKILL)
        process.communicate()
    left = [store.get(path) for path in store.files("frames")]
    assert 8 <= len(left) < 4 * 100, "they were killed at it"
    assert all(data == data[:1] * SIZE for data in left)


def test_a_store_that_was_opened_before_a_fork_may_be_used_after_it(store: ObjectStore) -> None:
    store.put(PATH, b"of the parent")
    child = multiprocessing.get_context("fork").Process(target=store.put, args=("of/it", b"child"))
    child.start()
    child.join(300)
    assert child.exitcode == 0
    assert store.get("of/it") == b"child"
    assert store.get(PATH) == b"of the parent"


def test_what_cannot_be_put_is_said_with_its_name(bucket: str) -> None:
    store = ObjectStore(f"{bucket}-that-is-not-there/x")
    with pytest.raises(OSError, match=r"NoSuchBucket|does not exist.*frames/2026/one.nc, 4 bytes"):
        store.put(PATH, b"file")


def test_a_store_that_does_not_answer_is_not_taken_for_an_empty_one(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    fsspec.get_filesystem_class("s3").clear_instance_cache()
    away = Archive.open(f"{url}/away")
    with pytest.raises(OSError, match=r"away does not respond .*127\.0\.0\.1:9"):
        away.has_frame(time(0))
    with pytest.raises(OSError, match="away does not respond"):
        away.latest_frame()
    with pytest.raises(OSError, match="away does not respond"):
        away.frame(time(0))
