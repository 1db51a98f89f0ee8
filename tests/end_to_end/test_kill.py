"""A replay killed at any moment leaves no half file, and the next one ends as if it never was."""

import random
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import netCDF4
import pytest

from ingest.formats import netcdf
from ingest.precipitation import check
from tests.showers import file_bytes, file_name, write_file

ROOT = Path(__file__).parents[2]
FRAMES = 12
KILLS = 50
IN_A_ROW = 10
"""Kills in one folder of data before a replay may end there."""
LONGEST = 0.3
"""Share of the time of a replay after which one is killed at the latest: each goes on from where
the one before it was killed, so together they come to the end."""
SEED = 1
HDF5 = b"\x89HDF"
TABLES = ("arrivals", "forecasts", "leads", "counts", "fractions", "probabilities")


class Done(NamedTuple):
    """What a replay has done: what the files of the archive say, and rows of the ledger."""

    files: dict[str, bytes]
    rows: dict[str, list[Any]]


def columns(connection: sqlite3.Connection, table: str) -> str:
    """Those of a table, but for how long things took."""
    found = [
        name for (name,) in connection.execute(f"SELECT name FROM pragma_table_info('{table}')")
    ]
    return ", ".join(f'"{name}"' for name in found if name != "duration_seconds")


def done(data: Path) -> Done:
    archive, ledger = data / "archive", data / "ledger.sqlite"
    files = {
        str(path.relative_to(archive)): content(path)
        for folder in ("frames", "forecasts", "quarantine")
        for path in (archive / folder).rglob("*")
        if path.is_file()
    }
    if not ledger.exists():
        return Done(files, {})
    connection = sqlite3.connect(ledger)
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    there = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    rows = {
        table: sorted(
            connection.execute(f"SELECT {columns(connection, table)} FROM {table}"), key=repr
        )
        for table in TABLES
        if table in there
    }
    connection.close()
    return Done(files, rows)


def content(path: Path) -> bytes:
    """What a file says, if it is whole. A packed one also holds the time it was written at."""
    data = path.read_bytes()
    if path.suffix != ".nc":
        return data
    check(netcdf.decode(data))
    with netCDF4.Dataset("file", memory=data) as file:
        file.set_auto_maskandscale(False)
        values = [(name, attributes(v), v[...].tobytes()) for name, v in file.variables.items()]
        return repr((attributes(file), values)).encode()


def attributes(holder: Any) -> dict[str, str]:
    return {name: str(holder.getncattr(name)) for name in holder.ncattrs()}


@pytest.fixture(scope="module")
def radar(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Radar files of an hour; one is damaged and one comes twice."""
    folder: Path = tmp_path_factory.mktemp("radar")
    for number in range(FRAMES):
        write_file(folder, number)
    (folder / file_name(4)).write_bytes(file_bytes(4)[:-100])
    (folder / file_name(7).replace("-dwd-", "-dwd-again-")).write_bytes(file_bytes(7))
    return folder


@pytest.fixture(scope="module")
def unbroken(radar: Path, tmp_path_factory: pytest.TempPathFactory) -> Done:
    """What is done by the command when nothing happens to it."""
    data: Path = tmp_path_factory.mktemp("unbroken")
    command = [sys.executable, "-m", "service.cli", "replay", str(radar)]
    command += ["--data", str(data), "--quiet"]
    subprocess.run(command, cwd=ROOT, check=True, timeout=550, capture_output=True)
    return done(data)


class Mortal:
    """A process that replays as often as it is told to, and is killed at it; see `mortal`."""

    def __init__(self, radar: Path) -> None:
        command = [sys.executable, "-m", "tests.end_to_end.killable_replay", str(radar)]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True)

    def replay(self, data: Path, seconds: float = 550.0) -> str:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(data, seconds, file=self.process.stdin, flush=True)
        return self.process.stdout.readline().strip()


@pytest.fixture(scope="module")
def mortal(radar: Path) -> Iterator[Mortal]:
    started = Mortal(radar)
    yield started
    started.process.communicate(timeout=550)


def test_an_unbroken_replay_does_all_of_its_work(unbroken: Done, tmp_path: Path) -> None:
    outcomes = sorted(row[4] for row in unbroken.rows["arrivals"])
    assert outcomes == ["accepted"] * (FRAMES - 1) + ["duplicate", "quarantined"]
    kinds = [name.split("/")[0] for name in unbroken.files]
    assert kinds.count("frames") == FRAMES - 1
    assert kinds.count("forecasts") == len(unbroken.rows["forecasts"]) == 2 * (FRAMES - 1) - 1
    assert kinds.count("quarantine") == 2
    assert len(unbroken.rows["counts"]) > 0


def test_killed_at_any_moment_it_leaves_whole_files_and_is_made_good(
    unbroken: Done, mortal: Mortal, tmp_path: Path
) -> None:
    assert mortal.replay(tmp_path / "first") == "finished"
    # the first includes the start of the process, the second is what a replay takes
    begin = time.monotonic()
    assert mortal.replay(tmp_path / "second") == "finished"
    duration = time.monotonic() - begin
    assert done(tmp_path / "first") == done(tmp_path / "second") == unbroken
    moments = random.Random(SEED)
    kills, amid = 0, set()
    while kills < KILLS:
        data = tmp_path / f"after-{kills}"
        for _ in range(IN_A_ROW):
            if mortal.replay(data, moments.uniform(0, LONGEST * duration)) == "finished":
                break
            kills += 1
            left = done(data)
            assert left.files.items() <= unbroken.files.items(), "whole, and as they should be"
            amid.add((len(left.files), *(len(left.rows.get(table, ())) for table in TABLES)))
        assert mortal.replay(data) == "finished"
        assert done(data) == unbroken
    assert kills >= KILLS
    assert len(amid) > 6, "they were killed at different moments"
