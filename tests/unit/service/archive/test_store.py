"""Stores of finished files: what has a name is whole, in a folder as in an object store."""

import random
import signal
import subprocess
import sys
import time as clock
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Barrier, Event
from uuid import uuid4

import pytest

from service.archive.object_store import ObjectStore
from service.archive.store import Folder, Store
from tests.state_snapshot import files_of

ROOT = Path(__file__).parents[4]
PATH = "frames/2026/one.nc"
SIZE = 300_000
WRITER = """
import pathlib, sys
from service.archive.store import Folder
store, writer = Folder(pathlib.Path(sys.argv[1])), int(sys.argv[2])
print("ready", flush=True)
for line in sys.stdin:
    print(store.put(line.strip(), bytes([writer]) * {size}), flush=True)
"""
"""A process that puts a file of its own under every name it is given."""


class Writer:
    """Such a process."""

    def __init__(self, place: str, number: int) -> None:
        self.number = number
        pipe, program = subprocess.PIPE, WRITER.format(size=SIZE)
        command = [sys.executable, "-c", program, place, str(number)]
        self.process = subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True)
        assert self._line() == "ready"

    def _line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def start(self, path: str) -> None:
        assert self.process.stdin is not None
        print(path, file=self.process.stdin, flush=True)

    def won(self) -> bool:
        return self._line() == "True"

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.communicate()

    def end(self) -> None:
        self.process.communicate(timeout=550)


@pytest.fixture(params=["folder", "objects"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    if request.param == "folder":
        return Folder(tmp_path / "store")
    return ObjectStore(f"memory://{uuid4().hex}")


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "store")


def test_a_name_is_given_once_and_what_has_it_never_changes(store: Store) -> None:
    assert not store.has(PATH)
    assert store.put(PATH, b"first")
    assert not store.put(PATH, b"second")
    assert store.has(PATH)
    assert store.get(PATH) == b"first"


def test_a_file_may_be_empty(store: Store) -> None:
    assert store.put(PATH, b"")
    assert store.has(PATH)
    assert store.get(PATH) == b""


@pytest.mark.parametrize("path", ["frames/two.nc", f"{PATH}/below", "not/there/at/all"])
def test_what_is_not_there_is_not_found(store: Store, path: str) -> None:
    store.put(PATH, b"file")
    assert not store.has(path)
    assert not store.remove(path)
    for ask in (store.get, store.modified):
        with pytest.raises(FileNotFoundError):
            ask(path)


def test_a_folder_is_no_file(store: Store) -> None:
    store.put(PATH, b"file")
    assert not store.has("frames")
    assert not store.has("frames/2026")


def test_names_and_files_come_in_falling_order(store: Store) -> None:
    paths = ["a/1/x.nc", "a/10/z.nc", "a/1-b/y.nc", "a/2", "b/3", "ab/4"]
    for path in paths:
        store.put(path, b"")
    assert store.names("a") == ["2", "10", "1-b", "1"]
    assert list(store.files("a")) == ["a/2", "a/10/z.nc", "a/1-b/y.nc", "a/1/x.nc"]
    for nothing in ("a/2", "a/3", "c"):
        assert store.names(nothing) == []
    for nothing in ("a/3", "c"):
        assert list(store.files(nothing)) == []


def test_what_is_removed_is_gone_and_its_neighbours_stay(store: Store) -> None:
    for name in ("one", "two"):
        store.put(f"frames/2026/{name}", b"")
    assert store.remove("frames/2026/one")
    assert not store.remove("frames/2026/one")
    assert list(store.files("frames")) == ["frames/2026/two"]
    assert store.put("frames/2026/one", b"again")


def test_the_age_of_a_file_is_told_and_begins_anew_when_it_is_renewed(store: Store) -> None:
    before = datetime.now(UTC) - timedelta(seconds=2)
    store.put(PATH, b"same")
    first = store.modified(PATH)
    assert before < first < datetime.now(UTC) + timedelta(seconds=2)
    clock.sleep(1.1)  # some stores tell whole seconds
    store.renew(PATH, b"same")
    assert store.modified(PATH) > first
    assert store.get(PATH) == b"same"
    store.remove(PATH)
    store.renew(PATH, b"same")
    assert store.get(PATH) == b"same"


def test_of_many_threads_that_put_one_thing_one_wins(folder: Folder) -> None:
    barrier = Barrier(8)

    def put(writer: int) -> bool:
        barrier.wait()
        return folder.put(PATH, bytes([writer]) * SIZE)

    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(put, range(8)))
    assert sum(won) == 1
    assert files_of(folder.root) == {PATH: bytes([won.index(True)]) * SIZE}


def test_of_many_processes_that_put_one_thing_one_wins(folder: Folder) -> None:
    writers = [Writer(str(folder.root), number) for number in range(8)]
    paths = [f"frames/2026/{number}.nc" for number in range(5)]
    for path in paths:
        for writer in writers:
            writer.start(path)
        winners = [writer.number for writer in writers if writer.won()]
        assert len(winners) == 1
        assert folder.get(path) == bytes([winners[0]]) * SIZE
    for writer in writers:
        writer.end()
    assert files_of(folder.root).keys() == set(paths)


def test_writers_that_are_killed_leave_nothing_that_has_a_name_and_is_not_whole(
    folder: Folder,
) -> None:
    moments = random.Random(1)
    number = 0
    while number < 12 or not list(folder.files("incoming")):  # until one had a file in hand
        writer = Writer(str(folder.root), number)
        for file in range(200):
            writer.start(f"frames/2026/{number}-{file}.nc")
        assert writer.won()
        clock.sleep(moments.uniform(0, 0.1))
        writer.kill()
        number += 1
    left = [folder.get(path) for path in folder.files("frames")]
    assert number <= len(left) < number * 200, "they were killed at it"
    assert all(data == data[:1] * SIZE for data in left)


def test_a_file_is_kept_though_its_folder_is_removed_as_empty_all_the_time(folder: Folder) -> None:
    over = Event()

    def put_and_remove() -> None:
        while not over.is_set():
            folder.put("frames/2026/other", b"")
            folder.remove("frames/2026/other")

    with ThreadPoolExecutor(2) as pool:
        others = [pool.submit(put_and_remove) for _ in range(2)]
        try:
            for number in range(100):
                assert folder.put(PATH, b"%d" % number)
                folder.renew(PATH, b"%d" % -number)
                assert folder.get(PATH) == b"%d" % -number
                assert folder.remove(PATH)
        finally:
            over.set()
        for other in others:
            other.result()
