"""Kills, damage, locks, full disks and wrong clocks, drawn at random: in the end archive, ledger
and counts are those of a clean run.

NOWCAST_CHAOS_SECONDS sets how long it runs, by default some rounds only; NOWCAST_CHAOS_SEED sets
what is drawn.
"""

import os
import random
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from ingest.errors import NotRead
from service.archive.archive import DAILY
from service.ledger import integrity
from service.pipeline.ingest import ingest_bytes
from service.pipeline.repair import check_files, differences
from service.pipeline.verify import verify
from service.runtime.cycle import remove_old_files
from service.runtime.deployment import Deployment
from service.settings import Settings
from tests.clean import (
    MODELS,
    Frames,
    assert_same_counts,
    assert_same_forecasts,
    assert_same_frames,
    clean_run,
)
from tests.showers import file_bytes, file_name, moment, write_file

ROOT = Path(__file__).parents[2]
FRAMES = 12
ROUNDS = 8
SECONDS = float(os.environ.get("NOWCAST_CHAOS_SECONDS", "0"))
SEED = int(os.environ.get("NOWCAST_CHAOS_SEED", "1"))
DISK = "size=64m"
REPLAYS = 4
"""Undisturbed replays after which all is healed."""
CLOCK_STEPS = (timedelta(days=-4000), timedelta(hours=-7), timedelta(hours=3))
"""How wrong a clock may be, from the end of the event on."""


class Chaos:
    """Faults in one folder of data, and a process that replays into it and can be killed."""

    def __init__(self, radar: Path, data: Path, *, small_disk: bool) -> None:
        self.data, self.chance = data, random.Random(SEED)
        self.done: Counter[str] = Counter()
        command = [sys.executable, "-m", "tests.end_to_end.killable_replay"]
        command += [",".join(MODELS), str(radar)]
        self.process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.faults: list[Callable[[], str]] = [self.kill, self.damage, self.lock, self.step_clock]
        if small_disk:
            self.faults.append(self.fill_disk)
        self.longest = self.replay_all()

    def replay_all(self) -> float:
        """Replay the event to its end. Returns the seconds of processor time used."""
        outcome, _, seconds = self.replay(0).partition(" ")
        assert outcome == "finished"
        return float(seconds)

    def replay(self, seconds: float) -> str:
        """Replay, killed after some seconds of processor time, or not if 0. Returns the outcome."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{self.data} {seconds}\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def round(self) -> None:
        """Let one fault happen, drawn at random, and note what came of it."""
        fault = self.chance.choice(self.faults)
        outcome = fault().partition(" ")[0]
        self.done[f"{fault.__name__}: {outcome}"] += 1

    def files(self) -> list[Path]:
        found = [path for kind in DAILY for path in (self.data / "archive" / kind).rglob("*.nc")]
        return sorted(found)

    def kill(self) -> str:
        """Kill a replay that has some files to make again."""
        for path in self.chance.sample(self.files(), k=min(8, len(self.files()))):
            path.unlink()
        return self.replay(self.chance.uniform(0.01, self.longest))

    def damage(self) -> str:
        """Do to some files what disks do, and replay."""
        for path in self.chance.sample(self.files(), k=min(3, len(self.files()))):
            data = bytearray(path.read_bytes())
            place = self.chance.randrange(len(data))
            kind = self.chance.choice(("cut", "zeros", "flip", "empty"))
            if kind == "flip":
                data[place] ^= 1 << self.chance.randrange(8)
            elif kind == "zeros":
                data[place : place + 8192] = bytes(len(data[place : place + 8192]))
            else:
                del data[place if kind == "cut" else 0 :]
            path.write_bytes(data)
        return self.replay(self.chance.uniform(0.01, 2 * self.longest))

    def lock(self) -> str:
        """Keep the ledger locked for a while of a replay."""
        for path in self.chance.sample(self.files(), k=min(3, len(self.files()))):
            path.unlink()
        connection = sqlite3.connect(
            self.data / "ledger.sqlite", check_same_thread=False, isolation_level=None
        )
        with closing(connection):
            connection.execute("BEGIN EXCLUSIVE")
            until = threading.Timer(self.longest / 4, connection.rollback)
            until.start()
            found = self.replay(2 * self.longest)
            until.join()
        return found

    def step_clock(self) -> str:
        """Run the periodic tasks by a clock that is wrong."""
        now = moment(FRAMES) + self.chance.choice(CLOCK_STEPS)
        deployment = Deployment(Settings(data=self.data, models=MODELS))
        number = self.chance.randrange(FRAMES)
        with suppress(NotRead):
            ingest_bytes(
                deployment.archive, deployment.ledger, file_bytes(number), file_name(number), now
            )
        verify(deployment.archive, deployment.ledger, now)
        remove_old_files(deployment, now)
        deployment.ledger.engine.dispose()
        return "done"

    def fill_disk(self) -> str:
        """Replay with no room on the disk, then with some again."""
        for path in self.chance.sample(self.files(), k=min(4, len(self.files()))):
            path.unlink()
        ballast = self.data / "ballast"
        with suppress(OSError), ballast.open("wb") as file:
            while True:
                file.write(bytes(2**16))
                file.flush()
        found = self.replay(2 * self.longest)
        ballast.unlink()
        return found

    def close(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture(scope="module")
def chaos(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chaos]:
    radar = tmp_path_factory.mktemp("radar")
    for number in range(FRAMES):
        write_file(radar, number)
    data = tmp_path_factory.mktemp("chaos") / "data"
    data.mkdir()
    mount = shutil.which("mount") or "mount"
    command = [mount, "-t", "tmpfs", "-o", DISK, "tmpfs", str(data)]
    mounted = subprocess.run(command, check=False, capture_output=True).returncode == 0
    try:
        with closing(Chaos(radar, data, small_disk=mounted)) as chaos:
            yield chaos
    finally:
        if mounted:
            subprocess.run(["umount", "--lazy", str(data)], check=True)


def test_after_any_faults_all_is_as_in_a_clean_run(
    chaos: Chaos, tmp_path: Path, tell: Callable[[str], None]
) -> None:
    begin, rounds = time.monotonic(), 0
    while rounds < ROUNDS or time.monotonic() - begin < SECONDS:
        chaos.round()
        rounds += 1
    live = Deployment(Settings(data=chaos.data, models=MODELS))
    damaged = [checked.path for checked in check_files(live.archive) if checked.damage]
    healed = sum(chaos.replay_all() for _ in range(REPLAYS))
    done = ", ".join(f"{name} {n}" for name, n in sorted(chaos.done.items()))
    tell(
        f"seed {SEED}, {rounds} rounds ({done}), {len(damaged)} files left damaged, "
        f"healed in {healed:.1f} s of processor time"
    )
    assert list(differences(live.archive, live.ledger).sentences()) == []
    assert integrity.faults(live.settings.ledger_url) == []
    clean = clean_run(tmp_path / "clean", event(), live)
    assert_same_frames(live, clean)
    assert_same_forecasts(live, clean)
    assert assert_same_counts(live, clean) > 0
    for deployment in (live, clean):
        deployment.ledger.engine.dispose()


def event() -> Frames:
    """Times and files of the event."""
    times: list[datetime] = [moment(number) for number in range(FRAMES)]
    return [(time, file_bytes(number)) for number, time in enumerate(times)]
