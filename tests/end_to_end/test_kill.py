"""A replay killed at any moment leaves no half file, and the next one ends as if it never was."""

import hashlib
import random
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import netCDF4
import pytest

from ingest.formats import netcdf
from ingest.precipitation import check
from tests.showers import file_bytes, file_name, write_file

ROOT = Path(__file__).parents[2]
FRAMES = 8
KILLS = 50
IN_A_ROW = 10
"""Kills in one folder of data before a replay may end there."""
LONGEST = 0.5
"""Share of a replay's processor time after which one is killed at the latest: each goes on from
where the one before it was killed, so together they come to the end."""
SEED = 1
HDF5 = b"\x89HDF"
MODELS = ("advection", "persistence")
"""What is replayed: both are quick, and the same files give the same forecasts."""
TABLES = ("arrivals", "forecasts", "leads", "counts", "fractions", "probabilities")


class Done(NamedTuple):
    """What a replay has done: digests of what files of the archive say, and rows of the ledger."""

    files: dict[str, str]
    rows: dict[str, list[Any]]


def differences(found: Done, wanted: Done) -> list[str]:
    """Files and tables that are not as they should be. (A diff of all rows would take minutes.)"""
    files = [name for name, _ in sorted(found.files.items() ^ wanted.files.items())]
    return files + [table for table in TABLES if found.rows.get(table) != wanted.rows.get(table)]


def columns(connection: sqlite3.Connection, table: str) -> str:
    """Those of a table, but for how long things took."""
    found = [
        name for (name,) in connection.execute(f"SELECT name FROM pragma_table_info('{table}')")
    ]
    return ", ".join(f'"{name}"' for name in found if name != "duration_seconds")


def done(data: Path) -> Done:
    archive, ledger = data / "archive", data / "ledger.sqlite"
    files = {
        str(path.relative_to(archive)): digest(path)
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


def digest(path: Path, known: dict[bytes, str] = {}) -> str:  # noqa: B006  kept between calls
    """Of what a file says. Most files are there after many kills, and are looked into once."""
    data = path.read_bytes()
    of_bytes = hashlib.sha256(data).digest()
    if of_bytes not in known:
        unpacked = content(data) if path.suffix == ".nc" else data
        known[of_bytes] = hashlib.sha256(unpacked).hexdigest()
    return known[of_bytes]


def content(data: bytes) -> bytes:
    """What a netCDF file says, if it is whole. It also holds the time it was written at."""
    check(netcdf.decode(data))
    with netCDF4.Dataset("file", memory=data) as file:
        file.set_auto_maskandscale(False)
        values = [(name, attributes(v), v[...].tobytes()) for name, v in file.variables.items()]
        return repr((attributes(file), values)).encode()


def attributes(holder: Any) -> dict[str, str]:
    return {name: str(holder.getncattr(name)) for name in holder.ncattrs()}


@pytest.fixture(scope="module")
def radar(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Radar files of 40 minutes; one is damaged and one comes twice."""
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
    command += ["--data", str(data), "--models", ",".join(MODELS), "--quiet"]
    subprocess.run(command, cwd=ROOT, check=True, timeout=550, capture_output=True)
    return done(data)


class Mortal:
    """A process that replays on request, and is killed at it; see `killable_replay`."""

    def __init__(self, radar: Path) -> None:
        command = [sys.executable, "-m", "tests.end_to_end.killable_replay"]
        command += [",".join(MODELS), str(radar)]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True)

    def replay(self, data: Path, seconds: float = 0.0) -> float | None:
        """Returns the processor time that it took, None if it was killed after some seconds."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(data, seconds, file=self.process.stdin, flush=True)
        outcome = self.process.stdout.readline().split()
        assert outcome[0] in ("killed", "finished"), outcome
        return float(outcome[1]) if outcome[0] == "finished" else None


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
    assert kinds.count("forecasts") == len(unbroken.rows["forecasts"])
    # one of each model from each frame, but advection needs one more before it
    assert kinds.count("forecasts") == len(MODELS) * (FRAMES - 1) - 1
    assert kinds.count("quarantine") == 2
    assert len(unbroken.rows["counts"]) > 0


def test_killed_at_any_moment_it_leaves_whole_files_and_is_made_good(
    unbroken: Done, mortal: Mortal, tmp_path: Path, tell: Callable[[str], None]
) -> None:
    duration = mortal.replay(tmp_path / "whole")
    assert duration is not None
    assert not differences(done(tmp_path / "whole"), unbroken)
    moments = random.Random(SEED)
    kills, amid = 0, set()
    while kills < KILLS:
        data = tmp_path / f"after-{kills}"
        for _ in range(IN_A_ROW):
            # never 0, which would let it end
            if mortal.replay(data, moments.uniform(0.001, LONGEST * duration)) is not None:
                break
            kills += 1
            left = done(data)
            unlike = [name for name, _ in left.files.items() - unbroken.files.items()]
            assert not unlike, "whole, and as they should be"
            amid.add((len(left.files), *(len(left.rows.get(table, ())) for table in TABLES)))
        assert mortal.replay(data) is not None
        assert not differences(done(data), unbroken)
    assert kills >= KILLS
    assert len(amid) > 6, "they were killed at different moments"
    tell(f"{kills} kills, {len(amid)} states left; made good in one replay ({duration:.2f} s)")
