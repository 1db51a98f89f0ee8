"""Celery worker and beat: they run forecast jobs and periodic tasks, and send the latter.

The tasks are functions of other modules. They are idempotent, since a message can come twice.
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

from celery import Celery, Task
from celery.beat import Scheduler, Service
from celery.exceptions import CPendingDeprecationWarning
from celery.signals import setup_logging, worker_ready
from celery.worker.request import Request
from structlog.contextvars import bound_contextvars

from service.archive.key import Key
from service.jobs.celery_transport import (
    LONGEST_RUN_SECONDS,
    QUEUES,
    check_queues,
    create_app,
)
from service.jobs.job import INTERACTIVE, SCHEDULED
from service.jobs.queue import Jobs
from service.jobs.transport import REQUEST_ID
from service.monitoring.metrics import Process
from service.runtime.in_process import heartbeat
from service.runtime.periodic import PeriodicThread
from service.runtime.run_job import run_job
from service.runtime.schedule import Item, schedule
from service.settings import Settings

if TYPE_CHECKING:
    from service.runtime.deployment import Deployment

log = logging.getLogger(__name__)

FORECAST_QUEUES = (INTERACTIVE, SCHEDULED)
STEP_SECONDS = 1.0
"""Step of the clock above which it counts as set back, in s; NTP corrects less at a time."""


class Worker:
    """A process that runs the tasks of some queues, one after the other.

    Args:
        deployment: Parts of the deployment.
        queues: Names of the queues.

    Raises:
        BadSetting: There is no queue of a name.
    """

    def __init__(self, deployment: "Deployment", queues: Sequence[str]) -> None:
        check_queues(queues)
        self._deployment = deployment
        self._queues = [name for name in QUEUES if name in queues]
        self._started: float | None = None

    def run(self) -> int:
        """Run until SIGTERM or SIGINT, which let the current task finish. Returns the exit code."""
        app = create_app(self._deployment.settings)
        for name, task in self._tasks().items():
            register(app, name, task)
        forecasts = bool({*FORECAST_QUEUES} & {*self._queues})
        device = self._deployment.forecasters.device if forecasts else ""
        with (
            closing(heartbeat(self._deployment, self._queues, device)),
            closing(PeriodicThread("watchdog", LONGEST_RUN_SECONDS / 60, self._watch)),
        ):
            if forecasts:
                self._deployment.forecasters.warm()
            log.info("%s takes %s", self._deployment.name, ", ".join(self._queues))
            return serve(app, self._deployment.name, self._queues)

    @property
    def jobs(self) -> Jobs:
        """The queue of forecast jobs."""
        return self._deployment.jobs

    @property
    def process(self) -> Process:
        """Metrics counted by this process."""
        return self._deployment.process

    def make_forecast(self, key: Key) -> None:
        """Make the forecast of a key, watched by the watchdog."""
        self._started = time.monotonic()
        try:
            self._deployment.make_forecast(key)
        finally:
            self._started = None

    def _tasks(self) -> Mapping[str, Callable[..., object]]:
        items = schedule(self._deployment.settings).items()
        periodic = {name: partial(item.task, self._deployment) for name, item in items}
        return {"forecast": lambda job: run_job(self, job, self._deployment.name), **periodic}

    def _watch(self) -> None:
        started = self._started
        if started is not None and time.monotonic() - started > LONGEST_RUN_SECONDS:
            log.critical(
                "a forecast has been running for %d s; the worker ends itself",
                time.monotonic() - started,
            )
            os.kill(os.getpid(), signal.SIGKILL)


def serve(app: Celery, name: str, queues: Sequence[str]) -> int:
    """Run Celery's worker in this thread. Returns its exit code."""
    setup_logging.connect(keep_logging, weak=False)
    worker_ready.connect(install_signal_handlers, weak=False)
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


def install_signal_handlers(**arguments: object) -> None:
    """Let a second Ctrl-C, or SIGQUIT, end the worker at once, returning its job to the queue.

    Celery does this only for pools of processes.
    """

    def end_at_once(*arguments: object) -> NoReturn:
        raise SystemExit(1)

    def end(*arguments: object) -> None:
        signal.signal(signal.SIGINT, end_at_once)
        os.kill(os.getpid(), signal.SIGTERM)

    signal.signal(signal.SIGINT, end)
    signal.signal(signal.SIGQUIT, end_at_once)


def keep_logging(**arguments: object) -> None:
    """Receive `setup_logging`: with a receiver, Celery leaves logging as it is."""


class AcknowledgedRequest(Request):  # type: ignore[misc]
    """A Celery request whose failed acknowledgement makes the worker reconnect.

    Celery only logs the failure, as when Redis has just died, and then waits for ever for another
    message. Here the error reaches its loop, which reconnects.
    """

    acknowledged: bool

    def acknowledge(self) -> None:
        """Acknowledge the message once.

        Raises:
            OperationalError: Redis is unreachable.
        """
        if not self.acknowledged:
            self.message.ack()
            self.acknowledged = True


def register(app: Celery, name: str, task: Callable[..., object]) -> None:
    """Register a function as a Celery task."""

    def run(message: Task, *args: str) -> None:
        sender = message.request.get(REQUEST_ID)
        with bound_contextvars(**({REQUEST_ID: sender} if sender else {})):
            task(*args)

    app.task(name=name, bind=True, Request=AcknowledgedRequest)(run)


# the schedule


class ClockAwareScheduler(Scheduler):  # type: ignore[misc]
    """Celery's scheduler, but when the clock is set back it does not wait for former due times."""

    _offset: float | None = None

    def tick(self, *args: object, **more: object) -> float:
        """Send the tasks that are due. Returns the time until the next, in s."""
        offset = time.time() - time.monotonic()
        if self._offset is not None and offset < self._offset - STEP_SECONDS:
            log.warning("the clock was set back by %.0f s", self._offset - offset)
            for entry in self.schedule.values():
                entry.last_run_at = entry.default_now()
            self.populate_heap()
        self._offset = offset
        return float(super().tick(*args, **more))


def beat_entry(name: str, item: Item) -> dict[str, Any]:
    """Return the entry of a task in Celery's schedule."""
    options = {"queue": item.queue, "expires": max(item.seconds, 1)}
    return {"task": name, "schedule": item.seconds, "options": options}


def run_beat(settings: Settings) -> None:
    """Send periodic tasks until SIGTERM. All are due at the start, since no state is stored."""
    beat_schedule = {name: beat_entry(name, item) for name, item in schedule(settings).items()}
    Service(create_app(settings, beat_schedule), scheduler_cls=ClockAwareScheduler).start()
