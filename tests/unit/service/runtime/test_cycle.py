"""What is done by schedule: each fresh frame is forecast from once, and old files are removed."""

import asyncio
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from threading import Barrier, Event, Thread

import pytest

from model_zoo.forecasters.baselines import Advection, Persistence
from model_zoo.forecasters.contract import Forecaster
from service.archive.key import Key
from service.ledger import tables
from service.pipeline.verify import MISSING_AFTER, verify
from service.runtime.cycle import CycleResult, remove_old_files, run_cycle
from service.settings import Settings
from tests.served import StandingStill, make_forecasts, put_frames
from tests.showers import frame, moment, time
from tests.state_snapshot import files_of, rows_of
from tests.unit.service.fake_forecasters import Broken, Demanding, FakeForecasters

SECONDS = 200.0
SOON = timedelta(minutes=3)
"""What a frame takes to come."""


class ServiceFixture:
    """A deployment on a folder, and the jobs it submitted."""

    def __init__(
        self,
        folder: Path,
        *stock: Forecaster,
        before: Callable[[Key], object] = lambda key: None,
        **settings: float,
    ) -> None:
        self.forecast_ids: list[str] = []
        self.before = before
        wanted = Settings.model_validate({"data": folder, **settings})
        self.deployment = StandingStill(wanted, moment(0), self.note)
        self.deployment.forecasters = FakeForecasters(*(stock or (Advection(), Persistence())))

    def note(self, key: Key) -> None:
        self.forecast_ids.append(key.id)
        self.before(key)

    def cycle(self, number: int, after: timedelta = SOON) -> CycleResult:
        """A cycle some minutes after a frame, and the jobs it asked for."""
        self.deployment.now = moment(number) + after
        done = run_cycle(self.deployment, self.deployment.now)
        self.work()
        return done

    def work(self) -> None:
        """Wait until no job is left."""
        for job in self.jobs():
            asyncio.run(self.deployment.jobs.wait(job, SECONDS))
        assert {"accepted", "running"}.isdisjoint(self.jobs().values())

    def jobs(self) -> dict[str, str]:
        """Status of each job."""
        with self.deployment.ledger.engine.connect() as connection:
            return {row.id: row.status for row in connection.execute(tables.jobs.select())}

    def forecasts(self, number: int) -> list[str]:
        return sorted(key.model for key in self.deployment.archive.forecasts(time(number)))


@pytest.fixture
def service(tmp_path: Path) -> Iterator[ServiceFixture]:
    opened = ServiceFixture(tmp_path)
    yield opened
    opened.deployment.jobs.close()


def test_a_new_frame_is_forecast_from_by_every_served_model_and_then_by_the_best(
    service: ServiceFixture,
) -> None:
    put_frames(service.deployment.archive, 0, 1)
    assert service.cycle(1).submitted == 3, "advection has nothing before the first frame"
    assert service.forecasts(0) == ["persistence"]
    assert service.forecasts(1) == ["advection", "persistence"]
    assert service.cycle(1).submitted == 2
    assert service.forecasts(1) == ["advection", "auto", "persistence"]
    assert service.cycle(1) == (0, 0)
    assert len(service.forecast_ids) == len(set(service.forecast_ids)) == 5
    assert {row["queue"] for row in rows(service)} == {"scheduled"}


def rows(service: ServiceFixture) -> list[dict[str, str]]:
    with service.deployment.ledger.engine.connect() as connection:
        return [dict(row) for row in connection.execute(tables.jobs.select()).mappings()]


def test_what_has_become_verifiable_is_verified(service: ServiceFixture) -> None:
    put_frames(service.deployment.archive, 0, 1)
    service.cycle(1)
    put_frames(service.deployment.archive, 7)
    assert service.cycle(7).verified == 2
    assert service.cycle(7).verified == 0
    states = {
        row["status"] for row in service.deployment.ledger.rows(tables.leads, lead_minutes=30)
    }
    assert states == {"verified", "pending"}


def test_nothing_of_an_issue_is_verified_while_a_forecast_of_it_is_on_its_way(
    tmp_path: Path,
) -> None:
    gate = Event()
    service = ServiceFixture(
        tmp_path, before=lambda key: key.model == "persistence" or gate.wait(SECONDS)
    )
    deployment = service.deployment
    put_frames(deployment.archive, 0, 1, 7)
    make_forecasts(deployment.archive, deployment.ledger, 1, models=["persistence"])
    deployment.jobs.submit(Key(time(1), "advection", "none"))
    try:
        assert deployment.job_table.issues_under_way() == {moment(1)}
        assert run_cycle(deployment, moment(7)).verified == 0
    finally:
        gate.set()
    service.work()
    assert run_cycle(deployment, moment(8)).verified == 2
    deployment.jobs.close()


def test_what_never_came_is_given_up(service: ServiceFixture) -> None:
    put_frames(service.deployment.archive, 0)
    service.cycle(0)
    put_frames(service.deployment.archive, 25)
    service.cycle(30, MISSING_AFTER)
    states = {
        row["status"] for row in service.deployment.ledger.rows(tables.leads, ["persistence"])
    }
    assert states == {"missing"}


def test_a_clock_that_is_ahead_by_years_does_not_clear_the_archive(service: ServiceFixture) -> None:
    put_frames(service.deployment.archive, 0)
    assert remove_old_files(service.deployment, moment(0) + timedelta(days=9000)) == 0
    assert service.deployment.archive.has_frame(time(0))


def test_a_frame_that_came_too_late_is_kept_and_not_forecast_from(service: ServiceFixture) -> None:
    put_frames(service.deployment.archive, 0, 7)
    minutes = service.deployment.settings.forecast_minutes
    assert minutes == 30
    service.cycle(7, timedelta(0))
    assert service.forecasts(0) == []
    service.cycle(0, timedelta(minutes=minutes))
    assert service.forecasts(0) == ["persistence"]


def test_a_forecast_that_lacked_a_frame_is_made_when_that_has_come(service: ServiceFixture) -> None:
    put_frames(service.deployment.archive, 1)
    service.cycle(1)
    service.cycle(1)
    assert service.forecasts(1) == ["auto", "persistence"]
    put_frames(service.deployment.archive, 0)
    service.cycle(1)
    assert service.forecasts(1) == ["advection", "auto", "persistence"]


def test_a_model_that_failed_is_not_asked_again_and_the_others_go_on(tmp_path: Path) -> None:
    service = ServiceFixture(tmp_path, Broken(), Advection(), Persistence())
    put_frames(service.deployment.archive, 0, 1)
    for _ in range(4):
        service.cycle(1)
    assert service.forecasts(1) == ["advection", "auto", "persistence"]
    assert [key for key in service.forecast_ids if "broken" in key] == [
        Key(time(number), "broken", "none").id for number in (1, 0)
    ]
    assert service.jobs()[Key(time(1), "broken", "none").id] == "failed"


def test_there_is_nothing_to_choose_of_one_model(tmp_path: Path) -> None:
    service = ServiceFixture(tmp_path, Persistence())
    put_frames(service.deployment.archive, 0)
    for _ in range(3):
        service.cycle(0)
    assert service.forecasts(0) == ["persistence"]


def test_where_no_model_can_nothing_is_asked_for(tmp_path: Path) -> None:
    service = ServiceFixture(tmp_path, Demanding(), Advection())
    put_frames(service.deployment.archive, 0)
    for _ in range(3):
        assert service.cycle(0).submitted == 0


def test_the_best_is_chosen_when_nothing_of_the_others_is_under_way(tmp_path: Path) -> None:
    door, entered = Event(), Event()

    def wait(key: Key) -> None:
        if key.model == "persistence":
            entered.set()
            assert door.wait(SECONDS)

    service = ServiceFixture(tmp_path, before=wait)
    put_frames(service.deployment.archive, 0, 1)
    assert run_cycle(service.deployment, moment(1) + SOON).submitted == 3
    assert entered.wait(SECONDS)
    assert service.forecasts(1) == ["advection"]
    assert run_cycle(service.deployment, moment(1) + SOON).submitted == 0
    door.set()
    service.work()
    assert service.cycle(1).submitted == 2


def test_a_choice_that_failed_is_not_asked_for_again(tmp_path: Path) -> None:
    def fail(key: Key) -> None:
        if key.model == "auto":
            raise RuntimeError("out of order")

    service = ServiceFixture(tmp_path, before=fail)
    put_frames(service.deployment.archive, 0)
    for _ in range(4):
        service.cycle(0)
    assert service.forecast_ids == [
        Key(time(0), model, "none").id for model in ("persistence", "auto")
    ]


def test_two_cycles_at_once_ask_once(tmp_path: Path) -> None:
    services = [ServiceFixture(tmp_path) for _ in range(2)]
    put_frames(services[0].deployment.archive, *range(4))
    barrier = Barrier(2)

    def go(service: ServiceFixture) -> None:
        for number in range(1, 4):
            barrier.wait()
            service.cycle(number)
            barrier.wait()
            service.cycle(number)

    threads = [Thread(target=go, args=[service]) for service in services]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    forecast_ids = services[0].forecast_ids + services[1].forecast_ids
    assert len(forecast_ids) == len(set(forecast_ids)) == len(services[0].jobs())
    assert [services[0].forecasts(number) for number in range(4)] == [
        ["auto", "persistence"],
        *[["advection", "auto", "persistence"]] * 3,
    ]


def test_forecasts_and_frames_go_when_their_time_is_over_and_the_ledger_stays(
    tmp_path: Path,
) -> None:
    service = ServiceFixture(tmp_path, keep_days=1.0)
    archive, ledger = service.deployment.archive, service.deployment.ledger
    put_frames(archive, *range(0, 31, 6), 300)
    make_forecasts(archive, ledger, 6)
    verify(archive, ledger, moment(300))
    before = rows_of(ledger)
    assert remove_old_files(service.deployment, moment(288) + timedelta(minutes=1)) == 1
    assert not archive.has_frame(time(0))
    assert archive.has_frame(time(6)), "its age is just under a day"
    assert remove_old_files(service.deployment, moment(310)) == 5
    assert list(archive.frame_times()) == [time(300), time(30), time(24)]
    assert archive.forecasts(time(6)) == {}
    assert rows_of(ledger) == before
    assert remove_old_files(service.deployment, moment(310)) == 0


def test_nothing_goes_that_a_pending_lead_needs(tmp_path: Path) -> None:
    service = ServiceFixture(tmp_path, keep_days=0.01)
    archive, ledger = service.deployment.archive, service.deployment.ledger
    put_frames(archive, 0, 1, 2, 6, 7, 12)
    make_forecasts(archive, ledger, 2, models=["persistence"])
    remove_old_files(service.deployment, moment(12))
    assert sorted(archive.frame_times()) == [time(number) for number in (2, 6, 7, 12)]
    assert archive.has_forecast(Key(time(2), "persistence", "none"))
    put_frames(archive, 27)
    verify(archive, ledger, moment(30) + MISSING_AFTER)
    remove_old_files(service.deployment, moment(40))
    assert list(archive.frame_times()) == []
    assert list(archive.issues()) == []


def test_uploads_go_soon_and_bad_files_with_the_frames(tmp_path: Path) -> None:
    service = ServiceFixture(tmp_path, keep_days=2, keep_uploads_hours=3)
    archive = service.deployment.archive
    sha = archive.put_upload(frame(0))
    archive.quarantine(b"bad", "name", "f" * 64, "why")
    now = archive.store.modified(f"uploads/{sha[:16]}/frames.nc")
    for hours, left in ((2.9, 3), (3.1, 2), (47.9, 2), (48.1, 0)):
        remove_old_files(service.deployment, now + timedelta(hours=hours))
        assert len(files_of(archive.root)) == left


def test_the_windows_of_skill_are_refreshed(service: ServiceFixture) -> None:
    archive, ledger = service.deployment.archive, service.deployment.ledger
    put_frames(archive, *range(20))
    make_forecasts(archive, ledger, 6)
    verify(archive, ledger, moment(19))
    assert ledger.windows() == []
    ledger.refresh_windows(moment(19))
    assert {row["model"] for row in ledger.windows()} == {"advection", "persistence"}
