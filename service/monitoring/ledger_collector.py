"""Prometheus metrics of the ledger and the job table, read from SQL at every scrape.

They are therefore the same in every process and after a restart. Counters are read from running
totals, which never decrease.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from itertools import product
from typing import TypeVar, get_args

import numpy as np
from prometheus_client import Metric as Family
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from model_zoo.forecasters.contract import HORIZON, LEAD_STEP
from service.clock import utc_now
from service.errors import BadLedger, LedgerAway
from service.jobs.job import INTERACTIVE, SCHEDULED, Status
from service.jobs.job_table import GIVEN_UP, JobTable
from service.ledger.alert_table import AlertTable
from service.ledger.ledger import Ledger
from service.monitoring import metrics
from service.monitoring.metrics import UNKNOWN, Metric
from service.pipeline.alerts.deliver import first_due
from service.pipeline.served_models import AUTO, PROVIDER_MODEL
from service.settings import Settings
from service.skill.verification import THRESHOLDS

T = TypeVar("T")
Samples = dict[tuple[str, ...], float]
"""Values by label values, in the order of the metric's labels."""

OUTCOMES = ("accepted", "duplicate", "late", "quarantined", "missing")
MESSAGE_OUTCOMES = ("sent", "failed")
QUEUES = (INTERACTIVE, SCHEDULED)
PIXEL_OUTCOMES = {
    "hits": "hit",
    "misses": "miss",
    "false_alarms": "false_alarm",
    "correct_negatives": "correct_negative",
}
LEADS = [f"{lead * LEAD_STEP / np.timedelta64(1, 'm'):g}" for lead in range(1, HORIZON + 1)]
RATES = [f"{threshold:g}" for threshold in THRESHOLDS]


class LedgerCollector(Collector):
    """Collects the metrics of the ledger and the job table of a deployment.

    While the database is unreachable the only sample is `nowcast_ledger_up` 0, since stale values
    would mislead.
    """

    def __init__(self, settings: Settings, ledger: Ledger, job_table: JobTable) -> None:
        self._settings, self._ledger, self._job_table = settings, ledger, job_table
        self._alert_table = AlertTable(ledger.engine)
        self._models = (*settings.models, AUTO)

    def collect(self) -> Iterator[Family]:
        """Yield the metric families at a scrape."""
        try:
            found = [family(metric, samples) for metric, samples in self._samples()]
        except (LedgerAway, BadLedger):
            found = []
        yield family(metrics.LEDGER_UP, {(): float(bool(found))})
        yield from found

    def _samples(self) -> Iterator[tuple[Metric, Samples]]:
        yield from self._of_frames()
        yield from self._of_forecasts()
        yield from self._of_verification()
        yield from self._of_jobs()
        yield from self._of_workers()
        yield from self._of_alerts()

    def _of_frames(self) -> Iterator[tuple[Metric, Samples]]:
        arrivals = self._ledger.arrivals_by()
        fetched = metrics.products(self._settings)
        names = dict.fromkeys([*fetched, *(name or UNKNOWN for name, _ in arrivals), UNKNOWN])
        counted = {(name or UNKNOWN, outcome): n for (name, outcome), n in arrivals.items()}
        waited_for = next((name for name in fetched if name not in PROVIDER_MODEL), UNKNOWN)
        missing = {(waited_for, "missing"): float(self._ledger.frames_missing())}
        yield metrics.FRAMES, zeros(names, OUTCOMES) | counted | missing
        known = {name for name, _ in arrivals if name}
        newest = {name: arrival for name in known if (arrival := self._ledger.latest(name))}
        yield metrics.LAST_FRAME, each(newest, lambda arrival: seconds(arrival.frame_time))
        yield metrics.DELAY, each(newest, lambda arrival: arrival.delay_seconds)
        yield metrics.VALID_AREA, each(newest, lambda arrival: arrival.valid_area)
        yield metrics.DOUBTFUL, each(newest, lambda arrival: float(arrival.reason is not None))

    def _of_forecasts(self) -> Iterator[tuple[Metric, Samples]]:
        newest, weights = self._ledger.forecasts_latest(), self._ledger.weights_latest()
        yield metrics.REFERENCE, each(newest, seconds)
        served = {model: weights.get(model, "") for model in self._settings.models}
        yield metrics.MODEL, {(model, of[:8], of): 1.0 for model, of in served.items()}

    def _of_verification(self) -> Iterator[tuple[Metric, Samples]]:
        provided = map(PROVIDER_MODEL.get, metrics.products(self._settings))
        models = [*self._models, *(model for model in provided if model)]
        counted = {
            (row["model"], str(row["lead_minutes"]), f"{row['threshold']:g}", outcome): row[name]
            for row in self._ledger.pixels()
            for name, outcome in PIXEL_OUTCOMES.items()
        }
        yield metrics.PIXELS, zeros(models, LEADS, RATES, PIXEL_OUTCOMES.values()) | counted
        yield metrics.PENDING, zeros(models) | each(self._ledger.pending_by_model(), float)
        yield metrics.LAST_VERIFIED, each(self._ledger.verified_latest(), seconds)

    def _of_jobs(self) -> Iterator[tuple[Metric, Samples]]:
        job_table = self._job_table
        yield metrics.JOBS, zeros(self._models, get_args(Status)) | job_table.jobs_by()
        yield metrics.GIVEN_UP, zeros(self._models, GIVEN_UP) | job_table.given_up_by()
        waiting = {queue: job_table.waiting([queue]) for queue in QUEUES}
        yield metrics.WAITING, each(waiting, lambda found: found[0])
        yield metrics.OLDEST, each(waiting, lambda found: seconds(found[1]))

    def _of_workers(self) -> Iterator[tuple[Metric, Samples]]:
        workers = self._job_table.workers()
        seen = {worker.worker: worker.seen for worker in workers}
        serving = [
            (worker.worker, queue, worker.device) for worker in workers for queue in worker.queues
        ]
        yield metrics.HEARTBEAT, each(seen, seconds)
        yield metrics.WORKER, dict.fromkeys(serving, 1.0)

    def _of_alerts(self) -> Iterator[tuple[Metric, Samples]]:
        subscriptions, events = self._alert_table.numbers()
        yield metrics.SUBSCRIPTIONS, {(): float(subscriptions)}
        yield metrics.EVENTS, {(): float(events)}
        counted = zeros(self._settings.alert_channels, MESSAGE_OUTCOMES)
        yield metrics.MESSAGES, counted | self._alert_table.messages_by()
        now = utc_now()
        due = [time for time in map(first_due, self._alert_table.unsent()) if time <= now]
        yield metrics.UNSENT, {(): min(due).timestamp()} if due else {}


def family(metric: Metric, samples: Samples) -> Family:
    """Return a metric with its samples, as a family of the client library."""
    kind = CounterMetricFamily if metric.name.endswith("_total") else GaugeMetricFamily
    created = kind(metric.name, metric.help, labels=metric.labels)
    for labels, value in samples.items():
        created.add_metric(labels, value)
    return created


def zeros(*labels: Iterable[str]) -> Samples:
    """Return 0 for each combination of labels, so that counters exist before the first event."""
    return dict.fromkeys(product(*labels), 0.0)


def each(things: Mapping[str, T], value: Callable[[T], float | None]) -> Samples:
    """Return the value of each item by its name, without items whose value is None."""
    found = {(name,): value(thing) for name, thing in things.items()}
    return {name: number for name, number in found.items() if number is not None}


def seconds(time: datetime | None) -> float | None:
    """Return a time as Unix time in s."""
    return None if time is None else time.timestamp()
