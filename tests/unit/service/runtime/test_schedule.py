"""What the service does by itself: when it is due, at once where that is wanted, and again."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from service.archive.key import Key
from service.clock import utc_now
from service.errors import BadSetting
from service.jobs.job import SCHEDULED
from service.runtime.deployment import Deployment
from service.runtime.in_process import at_work
from service.runtime.periodic import PeriodicThread
from service.runtime.schedule import FOLLOWING, find_lost, poll, schedule
from service.settings import Settings
from tests.provider import provider
from tests.showers import file_bytes, file_name, frame, moment
from tests.showers import time as time_of

SECONDS = 100.0
MODELS = ("persistence",)


def eventually(true: Callable[[], object]) -> None:
    until = time.monotonic() + SECONDS
    while not true():
        assert time.monotonic() < until
        time.sleep(0.01)


def simulated(begin: datetime, speed: float = 1) -> str:
    return f"{begin.isoformat()}@{time.time()}*{speed}"


def test_a_round_is_done_at_once_and_then_when_it_is_due() -> None:
    done: list[float] = []
    going = PeriodicThread("test", 0.1, lambda: done.append(time.monotonic()))
    eventually(lambda: len(done) >= 4)
    going.close()
    assert done[3] - done[0] > 0.25
    times = len(done)
    time.sleep(0.2)
    assert len(done) == times, "closed is closed"


def test_closing_just_before_a_round_ends_the_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    class ClearedLate(threading.Event):
        def clear(self) -> None:
            self.wait(SECONDS)
            super().clear()

    names = SimpleNamespace(Event=ClearedLate, Thread=threading.Thread)
    monkeypatch.setattr("service.runtime.periodic.threading", names)
    PeriodicThread("closed before its round", 3600, lambda: None).close()
    assert "closed before its round" not in {thread.name for thread in threading.enumerate()}


def test_a_round_comes_sooner_when_it_is_called() -> None:
    done = threading.Semaphore(0)
    going = PeriodicThread("test", 3600, done.release)
    for _ in range(3):
        assert done.acquire(timeout=SECONDS)
        going.run_now()
    going.close()


def test_a_round_that_fails_says_so_once_and_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    tried: list[int] = []

    def fail() -> None:
        tried.append(1)
        raise ValueError("a fault" if len(tried) < 4 else "another fault")

    going = PeriodicThread("test", 0.01, fail)
    eventually(lambda: len(tried) > 6)
    going.close()
    assert caplog.text.count("test failed") == 2
    assert "another fault" in caplog.text


def test_weather_is_looked_after_faster_in_a_drill_and_processes_are_not() -> None:
    real = schedule(Settings())
    fast = schedule(Settings(simulated_time=simulated(moment(0), 10)))
    assert {name: item.seconds for name, item in real.items()} == {
        "cycle": 15,
        "refresh_windows": 300,
        "clean_up": 3600,
        "send_lost": 10,
        "send_alerts": 5,
        "poll": 5,
    }
    assert (fast["cycle"].seconds, fast["clean_up"].seconds) == (1.5, 360)
    assert (fast["send_lost"].seconds, fast["poll"].seconds) == (10, 5)
    assert schedule(Settings(simulated_time=simulated(moment(0), 1000)))["cycle"].seconds == 0.5


def test_one_process_forecasts_a_new_frame_at_once_and_takes_up_what_was_left(
    tmp_path: Path,
) -> None:
    settings = Settings(data=tmp_path, models=MODELS, simulated_time=simulated(moment(1)))
    before, deployment = Deployment(settings), Deployment(settings)
    left, new = (Key(time_of(number), "persistence", "none") for number in (0, 1))
    deployment.archive.put_frame(frame(0))
    before.job_table.ask(left, SCHEDULED, utc_now())
    with at_work(deployment, [SCHEDULED], "cycle", "send_lost") as run_now:
        eventually(lambda: deployment.archive.has_forecast(left))
        deployment.archive.put_frame(frame(1))
        run_now("cycle")
        eventually(lambda: deployment.archive.has_forecast(new))
        assert [worker.worker for worker in deployment.job_table.workers()] == [deployment.name]
    deployment.jobs.close()


def test_scheduled_jobs_that_are_of_no_use_any_more_are_given_up(tmp_path: Path) -> None:
    deployment = Deployment(Settings(data=tmp_path, models=MODELS, forecast_minutes=30))
    old, young = (Key(time_of(number), "persistence", "none") for number in (0, 1))
    deployment.job_table.ask(old, SCHEDULED, utc_now() - timedelta(minutes=31))
    deployment.job_table.ask(young, SCHEDULED, utc_now())
    find_lost(deployment)
    assert deployment.jobs.get(old.id).status == "failed"
    assert deployment.jobs.get(young.id).status == "accepted"
    deployment.jobs.close()


def test_the_server_is_polled_unless_somebody_follows_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with provider() as dwd:
        dwd.files[f"radolan/ry/{file_name(0)}"] = file_bytes(0)
        settings = Settings(
            data=tmp_path,
            models=MODELS,
            radar_server=dwd.url,
            radar_files=("radolan/ry/raa01-ry_10000-%y%m%d%H%M-dwd---bin.gz",),
            simulated_time=simulated(moment(1)),
            backfill_hours=0.5,
        )
        deployment = Deployment(settings)
        deployment.job_table.beat("one", [FOLLOWING], "", utc_now())
        poll(deployment)
        assert dwd.requests == []
        deployment.job_table.beat("one", [FOLLOWING], "", utc_now() - timedelta(minutes=1))
        poll(deployment)
        assert deployment.archive.has_frame(time_of(0))
        wanted = Key(time_of(0), "persistence", "none")
        eventually(lambda: deployment.archive.has_forecast(wanted))
        deployment.jobs.close()


def test_a_redis_that_is_none_is_refused() -> None:
    for url in ("localhost:6379", "amqp://user:secret@host"):
        with pytest.raises(BadSetting, match="should be like redis://host:6379/0") as refused:
            _ = Deployment(Settings(redis=url)).jobs
        assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("module", "heavy"),
    [("service.runtime.worker", "torch"), ("service.runtime.deployment", "matplotlib")],
)
def test_what_starts_the_schedule_and_the_api_leaves_out_what_it_does_not_use(
    module: str, heavy: str
) -> None:
    program = f"import sys, {module}; sys.exit({heavy!r} in sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True)
