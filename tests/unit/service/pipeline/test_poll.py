"""Radar as it comes from the provider's server: every frame once, whatever goes wrong."""

import gzip
import logging
import os
import re
import signal
import subprocess
import sys
import time as clock
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from threading import Event

import pytest
from rich.console import Console
from sqlalchemy import select

from ingest import NotRead, SourceUnavailable, parse
from ingest.simulation.simulate import encode
from ingest.sources.polled_server import Source
from ingest.sources.web_folder import Limits
from service.archive.archive import Archive
from service.archive.key import Key, frame_name, to_datetime, to_time
from service.cli import main
from service.cli.demo.batches import newest_published
from service.cli.demo.run import run as run_demo
from service.clock import utc_now
from service.errors import NoFrame
from service.ledger import tables
from service.ledger.ledger import Ledger
from service.pipeline import poll
from service.pipeline.ingest import ingest_file
from service.pipeline.poll import poll_once
from service.runtime.deployment import Deployment
from service.runtime.follow import follow
from service.settings import Settings
from tests.free_port import free_port
from tests.provider import Fault, Handler, Provider, cut, half, other, provider, refuse, stall
from tests.showers import file_bytes, file_name, moment, rate, time, write_file
from tests.state_snapshot import files_of, outcomes_of

RY = "radolan/ry/raa01-ry_10000-%y%m%d%H%M-dwd---bin.gz"
RV = "composite/rv/DE1200_RV%y%m%d%H%M.tar.bz2"
QUICK = Limits(wait_seconds=0.01)
DELAY = timedelta(minutes=4)
"""After which the server has a frame."""


@pytest.fixture
def dwd(monkeypatch: pytest.MonkeyPatch) -> Iterator[Provider]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with provider() as started:
        yield started


def path(number: int) -> str:
    return f"radolan/ry/{file_name(number)}"


def put(dwd: Provider, *numbers: int) -> None:
    dwd.files |= {path(number): file_bytes(number) for number in numbers}


def radar(dwd: Provider) -> Source:
    return Source(dwd.url, RY, QUICK)


def kept(archive: Archive) -> list[datetime]:
    return sorted(map(to_datetime, archive.frame_times()))


class Days(Event):
    """A clock that runs while a caller waits, until its end; things happen at their times."""

    def __init__(self, begin: datetime, end: datetime) -> None:
        super().__init__()
        self.now, self.end = begin, end
        self.events: list[tuple[datetime, Callable[[], object]]] = []
        self.new: list[datetime] = []
        """When there was a new frame to forecast from."""

    def schedule(self, when: datetime, event: Callable[[], object]) -> None:
        self.events.append((when, event))

    def wait(self, timeout: float | None = None) -> bool:
        self.now += timedelta(seconds=timeout or 0)
        for due in [event for event in self.events if event[0] <= self.now]:
            self.events.remove(due)
            due[1]()
        if self.now >= self.end:
            self.set()
        return self.is_set()


def run(data: Path, sources: list[Source], days: Days, **settings: float) -> Deployment:
    deployment = Deployment(Settings.model_validate({"data": data, "poll_seconds": 30, **settings}))
    follow(deployment, sources, days, lambda: days.now, lambda: days.new.append(days.now))
    return deployment


def test_every_frame_comes_once_whatever_the_server_does(dwd: Provider, tmp_path: Path) -> None:
    days = Days(moment(0), moment(18))
    ahead, cut_off, broken, foreign, stalled, missing, late = 2, 3, 4, 5, 6, 7, 8
    faults: dict[int, list[Fault]] = {
        cut_off: [cut, cut, cut, half],
        broken: [refuse(404)] * 4 + [refuse(500)] * 7,
        foreign: [refuse(404), *[other(b"<html>busy</html>")] * 3, other(file_bytes(1))],
        stalled: [stall(0.1), stall(0.5), cut],
    }

    def appear(number: int) -> None:
        put(dwd, number)
        dwd.fault(path(number), *faults.get(number, []))

    for number in set(range(14)) - {missing}:
        delay = timedelta(minutes=40) if number == late else DELAY
        days.schedule(moment(number) + delay, partial(appear, number))
    dwd.listed = {path(ahead), path(missing)}
    deployment = run(tmp_path / "data", [radar(dwd)], days, backfill_hours=1.5)

    clean = Archive(tmp_path / "clean"), Ledger(f"sqlite:///{tmp_path / 'clean.sqlite'}")
    for number in sorted(set(range(14)) - {missing}):
        ingest_file(*clean, write_file(tmp_path, number), moment(30))
    frames = {k: v for k, v in files_of(deployment.archive.root).items() if k.startswith("frames/")}
    assert frames == files_of(clean[0].root)
    assert outcomes_of(deployment.ledger) == {"accepted": 12, "late": 1, "quarantined": 3}
    assert len(days.new) == 12, "nothing is forecast from a late frame, nor from a bad one"
    reasons = {
        path.name.split("-", 1)[1].removesuffix(".reason.txt"): path.read_text()
        for path in (deployment.archive.root / "quarantine").glob("*.reason.txt")
    }
    assert set(reasons) == {file_name(cut_off), file_name(foreign)}
    assert "truncated" in reasons[file_name(cut_off)]


def test_from_nothing_the_newest_comes_first_and_then_all_that_is_held(
    dwd: Provider, archive: Archive, ledger: Ledger
) -> None:
    put(dwd, *range(10))
    polled = poll_once(archive, ledger, [radar(dwd)], moment(9) + DELAY, hours=0.5)
    assert [arrival.frame_time for arrival in polled.arrivals] == [
        moment(number) for number in range(9, 3, -1)
    ]
    assert [arrival.outcome for arrival in polled.arrivals] == ["accepted"] + ["late"] * 5
    assert polled.errors == []


def test_a_gap_is_filled_after_a_pause_and_nothing_comes_twice(
    dwd: Provider, archive: Archive, ledger: Ledger, tmp_path: Path
) -> None:
    for number in (0, 1, 2, 6):
        ingest_file(archive, ledger, write_file(tmp_path, number), moment(number) + DELAY)
    put(dwd, *range(9))
    source, now = radar(dwd), moment(8) + DELAY
    arrivals = poll_once(archive, ledger, [source], now, hours=12).arrivals
    assert [arrival.frame_time for arrival in arrivals] == [moment(n) for n in (8, 7, 5, 4, 3)]
    assert kept(archive) == [moment(number) for number in range(9)]
    before = len(dwd.requests)
    for asking in (source, radar(dwd)):
        assert poll_once(archive, ledger, [asking], now, hours=0.6).arrivals == []
    assert len(dwd.requests) == before


def test_a_frame_that_was_kept_but_not_entered_is_made_good(
    dwd: Provider, archive: Archive, ledger: Ledger, tmp_path: Path
) -> None:
    """As when the process is killed between the archive and the ledger."""
    other_ledger = Ledger(f"sqlite:///{tmp_path / 'other.sqlite'}")
    ingest_file(archive, other_ledger, write_file(tmp_path, 0), moment(1))
    put(dwd, 0)
    arrival = poll_once(archive, ledger, [radar(dwd)], moment(1), hours=1).arrivals[0]
    assert (arrival.outcome, arrival.frame_time) == ("accepted", moment(0))


def test_a_source_that_cannot_be_had_does_not_stop_the_others(
    dwd: Provider, archive: Archive, ledger: Ledger
) -> None:
    put(dwd, 0)
    dwd.lists = False
    gone = Source(f"http://127.0.0.1:{free_port()}", RV, QUICK)
    polled = poll_once(archive, ledger, [gone, radar(dwd)], moment(1), hours=1)
    assert [arrival.outcome for arrival in polled.arrivals] == ["accepted"]
    assert ["ConnectError" in str(error) for error in polled.errors] == [True]


def test_a_source_that_hangs_does_not_keep_the_others_waiting(
    dwd: Provider, tmp_path: Path
) -> None:
    put(dwd, 0)
    taken, waits = Event(), list[bool]()

    def hang(handler: Handler, data: bytes) -> None:
        del data
        waits.append(taken.wait(300))
        handler.close_connection = True

    for file in ("", *(f"DE1200_RV{moment(n):%y%m%d%H%M}.tar.bz2" for n in (0, -1, -2))):
        dwd.fault(f"composite/rv/{file}", *[hang] * 9)
    slow = Source(dwd.url, RV, Limits(attempts=1, silence_seconds=400))
    deployment = Deployment(Settings(data=tmp_path, backfill_hours=0.2, poll_seconds=0.05))
    archive, stop = deployment.archive, Event()

    def look() -> datetime:
        if archive.has_frame(time(0)):
            taken.set()
            stop.set()
        return moment(1)

    follow(deployment, [slow, radar(dwd)], stop, look)
    assert waits
    assert all(waits)


def test_the_providers_own_forecast_comes_too(
    dwd: Provider, archive: Archive, ledger: Ledger, shared: Path
) -> None:
    file = shared / "data/dwd/fixtures/DE1200_RV2210180700.tar.bz2"
    dwd.files[f"composite/rv/{file.name}"] = file.read_bytes()
    issue = datetime.fromisoformat("2022-10-18T07:00Z")
    sources = [Source(dwd.url, RV, QUICK)]
    arrival = poll_once(archive, ledger, sources, issue + DELAY, hours=1).arrivals[0]
    assert (arrival.outcome, arrival.product, arrival.frame_time) == ("accepted", "RV", issue)
    assert archive.has_forecast(Key(to_time(issue), "dwd-rv", "none"))
    assert poll_once(archive, ledger, sources, issue + DELAY, hours=1).arrivals == []
    assert len(dwd.asked(f"composite/rv/{file.name}")) == 1


def test_what_cannot_be_written_comes_again_when_it_can(
    dwd: Provider, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    put(dwd, 0)
    days = Days(moment(1), moment(2))
    obstacle = tmp_path / "archive" / "frames"
    obstacle.parent.mkdir()
    obstacle.touch()
    days.schedule(moment(1) + timedelta(minutes=2), obstacle.unlink)
    deployment = run(tmp_path, [radar(dwd)], days)
    assert kept(deployment.archive) == [moment(0)]
    assert outcomes_of(deployment.ledger) == {"accepted": 1}
    assert "could not be ingested; the next poll tries again" in caplog.text


def test_a_server_that_goes_and_comes_back_is_said_once_each(
    dwd: Provider, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    put(dwd, 0)
    dwd.outage = refuse(503)
    days = Days(moment(1), moment(2))
    days.schedule(moment(1) + timedelta(minutes=3), lambda: setattr(dwd, "outage", None))
    with caplog.at_level(logging.INFO, "service"):
        run(tmp_path, [radar(dwd)], days, backfill_hours=0.25)
    messages = [record.getMessage() for record in caplog.records]
    assert "following" in messages[0]
    assert "files of the last 0.25 h are fetched" in messages[1]
    assert "cannot be had" in messages[2]
    assert messages[3:] == [f"{file_name(0)}: kept", f"{dwd.url}/{RY} answers again"]


def test_settings_name_the_sources_and_a_bad_one_is_refused() -> None:
    ry, rv = poll.sources_of(Settings())
    assert (ry.product, rv.product) == ("RY", "RV")
    assert str(ry).startswith("https://opendata.dwd.de/weather/radar/radolan/ry/raa01-ry_10000-")
    with pytest.raises(SourceUnavailable, match="should hold the time"):
        poll.sources_of(Settings(radar_files=("radolan/ry/",)))
    with pytest.raises(SourceUnavailable, match="is empty"):
        poll.sources_of(Settings(radar_files=()))


# as users start it


def put_fresh(dwd: Provider, frames: int) -> datetime:
    """Frames up to now. Returns the time of the newest."""
    newest = to_datetime(newest_published(utc_now()))
    for number in range(frames):
        when = newest - (frames - 1 - number) * timedelta(minutes=5)
        dwd.files[when.strftime(RY)] = gzip.compress(encode(rate(number), when), 1, mtime=0)
    return newest


def environment(url: str) -> dict[str, str]:
    return {
        "NOWCAST_RADAR_SERVER": url,
        "NOWCAST_RADAR_FILES": f'["{RY}"]',
        "NOWCAST_POLL_SECONDS": "0.2",
        "NOWCAST_MODELS": '["advection", "persistence"]',
        "NO_PROXY": "127.0.0.1",
    }


def test_the_command_follows_the_server_until_it_is_interrupted(
    dwd: Provider, tmp_path: Path
) -> None:
    newest = Key(to_time(put_fresh(dwd, 3)), "persistence", "none")
    command = [sys.executable, "-m", "service.cli", "ingest", "--follow", "--data", str(tmp_path)]
    started = subprocess.Popen(
        command,
        env=os.environ | environment(dwd.url),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    archive, until = Archive(tmp_path / "archive"), clock.monotonic() + 500
    while not (len(kept(archive)) == 3 and archive.has_forecast(newest)):
        assert clock.monotonic() < until
        assert started.poll() is None
        clock.sleep(0.1)
    started.send_signal(signal.SIGINT)
    out, err = started.communicate(timeout=500)
    assert len(kept(archive)) == 3, err
    assert (started.returncode, out.strip()) == (0, "stopped"), err
    ledger = Ledger(f"sqlite:///{tmp_path / 'ledger.sqlite'}")
    with ledger.engine.connect() as connection:
        outcomes = connection.execute(select(tables.arrivals.c.outcome)).scalars().all()
    assert sorted(outcomes) == ["accepted", "late", "late"]
    assert err.count(": kept seconds=") == 1
    assert "HTTP Request" not in err


@pytest.mark.parametrize("words", [["ingest"], ["ingest", "folder", "--follow"]])
def test_files_or_the_server_are_ingested_and_not_both_or_neither(
    words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["nowcast", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert "or use --follow" in " ".join(capsys.readouterr().err.split())


def test_the_demo_shows_the_newest_real_frames(
    dwd: Provider, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_fresh(dwd, 12)
    for name, value in environment(dwd.url).items():
        monkeypatch.setenv(name, value)
    out = Console(record=True, width=120)
    run_demo(out, tmp_path, frames=10, seed=1, port=0, once=True, live=True)
    output = out.export_text()
    assert f"the newest frames on {dwd.url}" in output
    assert re.search("1[012] accepted frames", output)
    assert "200  advection issued at" in output
    assert (tmp_path / "latest.png").read_bytes().startswith(b"\x89PNG")


def test_the_demo_says_what_to_do_where_there_is_no_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in environment(f"http://127.0.0.1:{free_port()}").items():
        monkeypatch.setenv(name, value)
    words = ["demo", "--live", "--once", "--port", "0", "--data", str(tmp_path)]
    monkeypatch.setattr("sys.argv", ["nowcast", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    output = " ".join(capsys.readouterr().err.split())
    assert "SourceUnavailable: http://127.0.0.1" in output
    assert "HTTPS_PROXY" in output
    assert "`nowcast demo` shows the same on simulated weather" in output


def test_the_demo_refuses_radar_of_yesterday(
    dwd: Provider, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment(dwd.url).items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SourceUnavailable, match="there is none"):
        run_demo(Console(quiet=True), tmp_path, 10, 1, 0, once=True, live=True)


@pytest.mark.parametrize(
    ("error", "kept_then"), [(NotRead("busy"), [0, 2]), (RuntimeError("bug"), [0, 2])]
)
def test_a_file_that_cannot_be_read_stops_no_other(
    archive: Archive,
    ledger: Ledger,
    dwd: Provider,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    kept_then: list[int],
) -> None:
    failures = [error]

    def fail_once(data: bytes, name: str, **how: int) -> object:
        if name == file_name(1) and failures:
            raise failures.pop()
        return parse(data, name, **how)

    monkeypatch.setattr("service.pipeline.ingest.parse", fail_once)
    put(dwd, 0, 1, 2)
    source = radar(dwd)
    poll_once(archive, ledger, [source], moment(2) + DELAY, 1)
    assert kept(archive) == list(map(moment, kept_then))
    poll_once(archive, ledger, [source], moment(2) + DELAY, 1)
    if isinstance(error, NotRead):
        assert kept(archive) == [moment(0), moment(1), moment(2)], "it was fetched again"
        assert outcomes_of(ledger) == {"accepted": 1, "late": 2}
    else:
        assert outcomes_of(ledger) == {"accepted": 1, "late": 1, "quarantined": 1}


def test_a_frame_that_the_archive_has_lost_is_fetched_again(
    archive: Archive, ledger: Ledger, dwd: Provider
) -> None:
    put(dwd, 0, 1, 2)
    poll_once(archive, ledger, [radar(dwd)], moment(2) + DELAY, 1)
    before = files_of(archive.root)
    for number, damage in ((0, b""), (1, b"rotten")):
        file = archive.root / frame_name(time(number))
        file.write_bytes(damage)
    reader = Archive(archive.root)
    for number in (0, 1):
        with pytest.raises(NoFrame):
            reader.frame(time(number))
    poll_once(reader, ledger, [radar(dwd)], moment(2) + DELAY, 1)
    after = files_of(archive.root)
    assert {path: after[path] for path in before} == before
    assert outcomes_of(ledger) == {"accepted": 1, "late": 2}
