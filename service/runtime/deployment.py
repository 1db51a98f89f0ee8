"""Archive, ledger, job queue and forecasters of a deployment, created from its settings."""

import logging
import os
import secrets
import socket
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from service.api.middleware import api_keys
from service.archive.archive import Archive
from service.archive.key import Key
from service.clock import Clock, utc_now
from service.errors import LedgerAway
from service.jobs.job_table import JobTable
from service.jobs.queue import Jobs
from service.jobs.transport import ThreadTransport, Transport
from service.ledger.alert_table import AlertTable
from service.ledger.ledger import Ledger
from service.monitoring.metrics import Process
from service.pipeline.alerts.evaluate import evaluate
from service.pipeline.forecast import forecast_by_key
from service.pipeline.poll import sources_of
from service.pipeline.served_models import Forecasters
from service.runtime.run_job import run_job
from service.settings import Settings

if TYPE_CHECKING:
    from ingest.domain import Domain
    from ingest.sources.polled_server import Source


log = logging.getLogger(__name__)


def process_name() -> str:
    """Return a unique name of this process: restarted containers reuse host name and process id."""
    return f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"


class Deployment:
    """Archive, ledger, forecasters and jobs of a deployment, each created on first use.

    Args:
        settings: The settings.
        ledger: The ledger where it is open already.

    Attributes:
        settings: The settings.
        clock: Returns the current time, which can be simulated.
    """

    def __init__(self, settings: Settings, ledger: Ledger | None = None) -> None:
        self.settings, self._ledger = settings, ledger
        self.clock = Clock(settings.simulated_time)

    @cached_property
    def name(self) -> str:
        """Unique name of this process."""
        return process_name()

    @cached_property
    def domain(self) -> "Domain | None":
        """The served domain; None for Germany.

        Raises:
            BadField: Its file is wrong.
        """
        if self.settings.domain is None:
            return None
        from ingest.domain import read_domain

        return read_domain(self.settings.domain)

    @cached_property
    def archive(self) -> Archive:
        """The archive, without the temporary files of killed processes."""
        archive = Archive.open(self.settings.archive or self.settings.data / "archive")
        archive.domain = self.domain
        archive.sweep()
        return archive

    @cached_property
    def ledger(self) -> Ledger:
        """The ledger, upgraded to the newest revision."""
        return self._ledger or Ledger(self.settings.ledger_url)

    @cached_property
    def job_table(self) -> JobTable:
        """The job table, in the database of the ledger."""
        return JobTable(self.ledger.engine)

    @cached_property
    def alert_table(self) -> AlertTable:
        """Subscriptions to alerts and their messages, in the database of the ledger."""
        return AlertTable(self.ledger.engine)

    @cached_property
    def forecasters(self) -> Forecasters:
        """The models, whose durations and fallbacks are counted in `process`."""
        settings = self.settings
        hardware = settings.device, settings.threads
        models = Forecasters(settings.models, settings.weights, *hardware, bf16=settings.bf16)
        models.on_fallback, models.on_forecast = self.process.fell_back, self.process.inferred
        return models

    @cached_property
    def process(self) -> Process:
        """Metrics counted by this process."""
        return Process(self.settings)

    @cached_property
    def sources(self) -> "Sequence[Source]":
        """Sources of radar files, which keep the state of their polls."""
        return sources_of(self.settings)

    @cached_property
    def jobs(self) -> Jobs:
        """The queue of forecast jobs."""
        settings = self.settings
        return Jobs(
            self.job_table,
            self._transport(),
            utc_now,
            settings.jobs_waiting,
            settings.oldest_job_seconds,
            settings.worker_seconds,
        )

    def _transport(self) -> Transport:
        if not self.settings.redis:
            return ThreadTransport(lambda job: run_job(self, job, self.name))
        from service.jobs.celery_transport import CeleryTransport

        return CeleryTransport(self.settings)

    def make_forecast(self, key: Key) -> None:
        """Make the forecast of a key, store it and evaluate alerts; see `forecast_by_key`."""
        forecast_by_key(self.archive, self.ledger, self.forecasters, key, self.clock())
        if not key.upload:
            self.evaluate_alerts()

    def evaluate_alerts(self) -> None:
        """Compare all alerts with the newest forecasts; a failure is logged, and tried again.

        Raises:
            LedgerAway: The database is unreachable.
        """
        minutes = self.settings.stale_minutes
        parts = self.archive, self.alert_table, self.forecasters
        try:
            evaluate(*parts, self.clock(), minutes, self._key_holders())
        except LedgerAway:
            raise
        except Exception:
            log.exception("alerts could not be evaluated, which is tried again")

    def _key_holders(self) -> set[str] | None:
        """Holders of API keys; None where this process has no file of them."""
        path = self.settings.api_keys
        if path is None or not path.exists():
            return None
        return {key.name for key in api_keys.read(path)}
