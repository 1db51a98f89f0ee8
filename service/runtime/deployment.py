"""The parts of one deployment, made from its settings."""

import os
import secrets
import socket
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from service.archive.archive import Archive
from service.archive.key import Key
from service.clock import Clock, utc_now
from service.jobs.job_table import JobBook
from service.jobs.queue import Jobs
from service.jobs.transport import Threads, Transport
from service.ledger.ledger import Ledger
from service.monitoring.metrics import Process
from service.pipeline.forecast import make_forecast
from service.pipeline.poll import sources_of
from service.pipeline.served_models import Forecasters
from service.runtime.run_job import run_job
from service.settings import Settings

if TYPE_CHECKING:
    from ingest.sources.polled_server import Source


def process_name() -> str:
    """A name that no other process has or had: a container is started anew as the same process of
    the same host."""
    return f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"


class Deployment:
    """Archive, ledger, forecasters and jobs as the settings say, each made when first used.

    Attributes:
        clock: What time it is, which in drills is another than the real one.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.clock = Clock(settings.drill)

    @cached_property
    def name(self) -> str:
        """What this process is called by others."""
        return process_name()

    @cached_property
    def archive(self) -> Archive:
        archive = Archive.at(self.settings.archive or self.settings.data / "archive")
        archive.sweep()
        return archive

    @cached_property
    def ledger(self) -> Ledger:
        return Ledger(self.settings.ledger_url)

    @cached_property
    def book(self) -> JobBook:
        return JobBook(self.ledger.engine)

    @cached_property
    def forecasters(self) -> Forecasters:
        settings = self.settings
        where = settings.device, settings.threads
        made = Forecasters(settings.models, settings.weights, *where, bf16=settings.bf16)
        made.on_fallback, made.on_forecast = self.process.fell_back, self.process.inferred
        return made

    @cached_property
    def process(self) -> Process:
        """What this process counts."""
        return Process(self.settings)

    @cached_property
    def sources(self) -> "Sequence[Source]":
        """Where radar comes from; they remember what they asked for."""
        return sources_of(self.settings)

    @cached_property
    def jobs(self) -> Jobs:
        settings = self.settings
        return Jobs(
            self.book,
            self._transport(),
            utc_now,
            settings.jobs_waiting,
            settings.oldest_job_seconds,
            settings.worker_seconds,
        )

    def _transport(self) -> Transport:
        if not self.settings.redis:
            return Threads(lambda job: run_job(self, job, self.name))
        from service.jobs.celery_transport import Messages

        return Messages(self.settings)

    def make(self, key: Key) -> None:
        """Make the forecast of a key, now."""
        make_forecast(self.archive, self.ledger, self.forecasters, key, self.clock())
