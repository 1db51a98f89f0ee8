"""Workers, which do what messages say, and the beat of the schedule, which sends them: by Celery.

The tasks are plain functions elsewhere. One may run twice, and the second time finds its work done.
"""

import logging
import os
import signal
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn

from celery import Celery
from celery.beat import Scheduler, Service
from celery.exceptions import CPendingDeprecationWarning
from celery.signals import setup_logging, worker_ready
from celery.worker.request import Request

from service.archive.key import Key
from service.errors import BadSetting
from service.jobs.celery_transport import LONGEST_RUN_SECONDS, QUEUES, create_app
from service.jobs.job import INTERACTIVE, SCHEDULED
from service.jobs.queue import Jobs
from service.monitoring.metrics import Process
from service.runtime.in_process import heartbeat
from service.runtime.periodic import Round
from service.runtime.run_job import run_job
from service.runtime.schedule import Item, schedule
from service.settings import Settings

if TYPE_CHECKING:
    from service.runtime.deployment import Deployment

log = logging.getLogger(__name__)

FORECASTS = (INTERACTIVE, SCHEDULED)
STEP_SECONDS = 1.0
"""By how much less a clock is corrected all the time."""


class Worker:
    """One process that takes messages from some queues, one after the other.

    Raises:
        BadSetting: There is no such queue.
    """

    def __init__(self, desk: "Deployment", queues: Sequence[str]) -> None:
        if unknown := [name for name in queues if name not in QUEUES]:
            raise BadSetting(f"there is no queue {unknown[0]!r}, only {', '.join(QUEUES)}")
        self._desk = desk
        self._queues = [name for name in QUEUES if name in queues]
        self._begun: float | None = None

    def run(self) -> int:
        """Work until told to stop by SIGTERM or SIGINT, which lets the task that runs come to its
        end. Returns the exit code."""
        app = create_app(self._desk.settings)
        for name, do in self._tasks().items():
            register(app, name, do)
        forecasts = bool({*FORECASTS} & {*self._queues})
        device = self._desk.forecasters.device if forecasts else ""
        with (
            closing(heartbeat(self._desk, self._queues, device)),
            closing(Round("watchdog", LONGEST_RUN_SECONDS / 60, self._watch)),
        ):
            if forecasts:
                self._desk.forecasters.warm()
            log.info("%s takes %s", self._desk.name, ", ".join(self._queues))
            return serve(app, self._desk.name, self._queues)

    @property
    def jobs(self) -> Jobs:
        return self._desk.jobs

    @property
    def process(self) -> Process:
        return self._desk.process

    def make(self, key: Key) -> None:
        self._begun = time.monotonic()
        try:
            self._desk.make(key)
        finally:
            self._begun = None

    def _tasks(self) -> Mapping[str, Callable[..., object]]:
        items = schedule(self._desk.settings).items()
        timed = {name: partial(item.do, self._desk) for name, item in items}
        return {"forecast": lambda job: run_job(self, job, self._desk.name), **timed}

    def _watch(self) -> None:
        begun = self._begun
        if begun is not None and time.monotonic() - begun > LONGEST_RUN_SECONDS:
            log.critical(
                "a forecast has been running for %d s; the worker ends", time.monotonic() - begun
            )
            os.kill(os.getpid(), signal.SIGKILL)


def serve(app: Celery, name: str, queues: Sequence[str]) -> int:
    """Run Celery's worker in this thread. Returns its exit code."""
    setup_logging.connect(leave_logging, weak=False)
    worker_ready.connect(take_signals, weak=False)
    worker = app.Worker(
        hostname=name,
        pool="solo",
        concurrency=1,
        queues=queues,
        quiet=True,
        redirect_stdouts=False,
        without_gossip=True,
        without_mingle=True,
        without_heartbeat=True,
    )
    warnings.simplefilter("ignore", CPendingDeprecationWarning)
    worker.start()
    return int(worker.exitcode or 0)


def take_signals(**said: object) -> None:
    """Let a second Ctrl-C, or SIGQUIT, end the worker at once: what it does is given back. Celery
    would take it from a pool, and this one has none."""

    def end_at_once(*told: object) -> NoReturn:
        raise SystemExit(1)

    def end(*told: object) -> None:
        signal.signal(signal.SIGINT, end_at_once)
        os.kill(os.getpid(), signal.SIGTERM)

    signal.signal(signal.SIGINT, end)
    signal.signal(signal.SIGQUIT, end_at_once)


def leave_logging(**said: object) -> None:
    """What is asked by Celery before it changes how logs are written: it does not then."""


class Acknowledged(Request):  # type: ignore[misc]
    """A message that is being worked on.

    Celery only logs an acknowledgement that fails, as when Redis has just died, and then waits for
    ever to be given another message: a worker that lives and is deaf. Here the failure comes to its
    loop, which connects anew.
    """

    acknowledged: bool

    def acknowledge(self) -> None:
        if not self.acknowledged:
            self.message.ack()
            self.acknowledged = True


def register(app: Celery, name: str, do: Callable[..., object]) -> None:
    def task(*args: str) -> None:
        do(*args)

    app.task(name=name, Request=Acknowledged)(task)


# the schedule


class Steadfast(Scheduler):  # type: ignore[misc]
    """Celery's, which waits for the time at which a thing was due before the clock was set back."""

    _offset: float | None = None

    def tick(self, *args: object, **more: object) -> float:
        offset = time.time() - time.monotonic()
        if self._offset is not None and offset < self._offset - STEP_SECONDS:
            log.warning("the clock was set back by %.0f s", self._offset - offset)
            for entry in self.schedule.values():
                entry.last_run_at = entry.default_now()
            self.populate_heap()
        self._offset = offset
        return float(super().tick(*args, **more))


def beaten(name: str, item: Item) -> dict[str, Any]:
    """An entry of Celery's schedule."""
    options = {"queue": item.queue, "expires": max(item.seconds, 1)}
    return {"task": name, "schedule": item.seconds, "options": options}


def run_beat(settings: Settings) -> None:
    """Send what is due, until told to stop. All is due at the start: nothing is kept on disk."""
    beat_schedule = {name: beaten(name, item) for name, item in schedule(settings).items()}
    Service(create_app(settings, beat_schedule), scheduler_cls=Steadfast).start()
