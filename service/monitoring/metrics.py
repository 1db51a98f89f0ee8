"""All Prometheus metrics of the service, with name, help text and labels.

There are two kinds. Metrics of the ledger are read from SQL at every scrape
(`service.monitoring.ledger_collector`), so they are correct across processes and restarts. Metrics
of a process (`Process`) start at 0, as `rate` and `increase` expect after a restart.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import NamedTuple

import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector

from ingest.formats.radar_file import NAMES
from service.jobs.job import INTERACTIVE, SCHEDULED
from service.settings import Settings


class Metric(NamedTuple):
    """A metric: a counter if its name ends in `_total`, else a gauge or histogram."""

    name: str
    help: str
    labels: tuple[str, ...] = ()


# Metrics of the ledger

FRAMES = Metric(
    "nowcast_ingest_frames_total",
    "Radar files by outcome; missing: frames that never arrived for verification.",
    ("product", "outcome"),
)
LAST_FRAME = Metric(
    "nowcast_ingest_last_frame_timestamp_seconds",
    "Time of the newest radar frame.",
    ("product",),
)
DELAY = Metric(
    "nowcast_ingest_publication_delay_seconds",
    "Time from the newest frame to the arrival of its file.",
    ("product",),
)
VALID_AREA = Metric(
    "nowcast_ingest_valid_area_ratio",
    "Share of the newest frame that has data.",
    ("product",),
)
DOUBTFUL = Metric(
    "nowcast_ingest_suspect",
    "Whether the newest radar frame does not fit those before it: 1, or 0.",
    ("product",),
)
DAMAGED = Metric(
    "nowcast_archive_damaged_files",
    "Files of the archive in quarantine since the disk has damaged them.",
    ("kind",),
)
JOBS = Metric(
    "nowcast_jobs_total",
    "Transitions of jobs to a status; running counts once per attempt.",
    ("model", "status"),
)
GIVEN_UP = Metric(
    "nowcast_jobs_given_up_total",
    "Jobs given up after their workers died (DeadLetter) or without a free worker (Expired).",
    ("model", "reason"),
)
WAITING = Metric("nowcast_queue_waiting", "Jobs waiting for a worker.", ("queue",))
OLDEST = Metric(
    "nowcast_queue_oldest_timestamp_seconds",
    "Creation time of the oldest waiting job; absent if none is waiting.",
    ("queue",),
)
HEARTBEAT = Metric(
    "nowcast_worker_heartbeat_timestamp_seconds",
    "Last heartbeat of a worker, or of an API that runs jobs itself.",
    ("worker",),
)
WORKER = Metric(
    "nowcast_worker_info", "Queues and device of a worker.", ("worker", "queue", "device")
)
REFERENCE = Metric(
    "nowcast_forecast_reference_timestamp_seconds",
    "Issue time of the newest forecast.",
    ("model",),
)
MODEL = Metric(
    "nowcast_model_info",
    "Served models, with the weights of their newest forecast.",
    ("model", "version", "weights"),
)
PIXELS = Metric(
    "nowcast_verification_pixels_total",
    "Cells of forecasts verified against radar, by outcome.",
    ("model", "lead_minutes", "threshold", "outcome"),
)
PENDING = Metric(
    "nowcast_verification_pending", "Lead times waiting for their observed frame.", ("model",)
)
LAST_VERIFIED = Metric(
    "nowcast_verification_last_valid_timestamp_seconds",
    "Newest verified valid time.",
    ("model",),
)
SKILL = Metric(
    "nowcast_skill_score",
    "Score over a rolling window, over the same forecasts of every model; absent if undefined.",
    ("model", "score", "lead_minutes", "threshold", "window"),
)
SUM_SKILL = Metric(
    "nowcast_sum_skill_score",
    "Score of the rain sum in mm of the hour before a lead time over a rolling window, over the "
    "same forecasts of every model; absent if undefined.",
    ("model", "score", "lead_minutes", "threshold", "window"),
)
DRY_CLAIMS_WRONG = Metric(
    "nowcast_dry_claims_wrong_ratio",
    "Share of places called dry for two hours that got 0.5 mm/h or more, over a rolling window; "
    "absent if none was called dry.",
    ("model", "window"),
)
DRY_PLACES_CALLED = Metric(
    "nowcast_dry_places_called_ratio",
    "Share of places without 0.5 mm/h for two hours that were called dry, over a rolling window; "
    "absent if there was none.",
    ("model", "window"),
)
DRY_CLAIM_FORECASTS = Metric(
    "nowcast_dry_claims_forecasts",
    "Number of forecasts whose dry places were compared with radar, over a rolling window.",
    ("model", "window"),
)
SKILL_FORECASTS = Metric(
    "nowcast_skill_forecasts",
    "Number of forecasts in the scores of a rolling window.",
    ("model", "lead_minutes", "window"),
)
SKILL_MISSING = Metric(
    "nowcast_skill_missing_forecasts",
    "Number of forecasts of a rolling window without an observed frame.",
    ("model", "lead_minutes", "window"),
)
RELIABILITY_PROBABILITY = Metric(
    "nowcast_reliability_forecast_probability_ratio",
    "Mean forecast exceedance probability over a rolling window, from `bin` to 0.1 above it.",
    ("model", "lead_minutes", "threshold", "bin", "window"),
)
RELIABILITY_FREQUENCY = Metric(
    "nowcast_reliability_observed_frequency_ratio",
    "Observed frequency of the event where the forecast probability was in the bin.",
    ("model", "lead_minutes", "threshold", "bin", "window"),
)
RELIABILITY_CELLS = Metric(
    "nowcast_reliability_cells",
    "Cells whose forecast probability was in the bin; absent if there are none.",
    ("model", "lead_minutes", "threshold", "bin", "window"),
)
SKILL_REFRESHED = Metric(
    "nowcast_skill_refreshed_timestamp_seconds",
    "Time of the last refresh of a rolling window.",
    ("window",),
)
SUBSCRIPTIONS = Metric("nowcast_alert_subscriptions", "Subscriptions to alerts about rain.")
EVENTS = Metric("nowcast_alert_events", "Subscriptions to alerts whose rain is announced or lasts.")
MESSAGES = Metric(
    "nowcast_alert_messages_total",
    "Messages of alerts that were sent, or that failed for good.",
    ("channel", "outcome"),
)
UNSENT = Metric(
    "nowcast_alert_oldest_unsent_timestamp_seconds",
    "When the oldest message that waits to be sent was first due; absent if none is due.",
)
LEDGER_UP = Metric("nowcast_ledger_up", "Whether the ledger could be read: 1, or 0.")

# Metrics of a process

INFERENCE = Metric(
    "nowcast_inference_duration_seconds", "Duration of the inference of a forecast.", ("model",)
)
WAIT = Metric(
    "nowcast_queue_wait_seconds", "Time from the creation of a job to its start.", ("queue",)
)
FALLBACKS = Metric(
    "nowcast_device_fallbacks_total",
    "Forecasts made by the CPU because the device failed.",
    ("model",),
)
POLLS = Metric(
    "nowcast_ingest_polls_total", "Polls of the provider's server.", ("product", "result")
)
CACHE = Metric(
    "nowcast_cache_requests_total", "Requests to the cache of representations.", ("result",)
)
REQUESTS = Metric(
    "nowcast_http_requests_total",
    "HTTP requests; 429 and 503, which are refusals on purpose, are not in 4xx and 5xx.",
    ("method", "route", "code"),
)
REQUEST_SECONDS = Metric(
    "nowcast_http_request_duration_seconds",
    "Time from the first byte of a request to the last byte of its response.",
    ("method", "route"),
)

CODES = ("2xx", "3xx", "4xx", "429", "5xx", "503")
READ_CODES = ("2xx", "5xx")
"""Codes of reads that are counted from 0, so that a first failure is an increase; others appear
with their first response. Those of other methods are all counted from 0."""
LONG_SECONDS = (0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 60)
SHORT_SECONDS = (0.002, 0.01, 0.05, 0.2, 1, 5, 20)
"""Few, as each is a sample of each route at every scrape."""


class Process:
    """Metrics of one process. Each method counts one event and can be called from any thread.

    Args:
        settings: Models and products, whose counters exist from the start.

    Attributes:
        registry: Registry to scrape.
    """

    def __init__(self, settings: Settings) -> None:
        prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._inference = self._histogram(INFERENCE, LONG_SECONDS)
        self._wait = self._histogram(WAIT, LONG_SECONDS)
        self._requests = self._counter(REQUESTS)
        self._request_seconds = self._histogram(REQUEST_SECONDS, SHORT_SECONDS)
        self._answers: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}
        """Metrics by labels: looking them up takes longer than counting."""
        self._fallbacks, self._polls, self._cache = map(self._counter, (FALLBACKS, POLLS, CACHE))
        for model in settings.models:
            self._inference.labels(model)
            self._fallbacks.labels(model)
        for queue in (INTERACTIVE, SCHEDULED):
            self._wait.labels(queue)
        for product in products(settings):
            for result in ("ok", "failed"):
                self._polls.labels(product, result)
        self._hits, self._misses = (self._cache.labels(result) for result in ("hit", "miss"))

    def inferred(self, model: str, seconds: float) -> None:
        """Count a forecast of a model and its duration in s."""
        self._inference.labels(model).observe(seconds)

    def waited(self, queue: str, seconds: float) -> None:
        """Count a started job of a queue and its waiting time in s."""
        self._wait.labels(queue).observe(seconds)

    def fell_back(self, model: str) -> None:
        """Count a forecast of a model on the CPU after its device failed."""
        self._fallbacks.labels(model).inc()

    def polled(self, product: str, *, failed: bool) -> None:
        """Count a poll for files of a product."""
        self._polls.labels(product or UNKNOWN, "failed" if failed else "ok").inc()

    def cached(self, *, hit: bool) -> None:
        """Count a request to the cache of representations."""
        (self._hits if hit else self._misses).inc()

    def expects(self, method: str, route: str) -> None:
        """Create the counters of a route, at 0."""
        self._request_seconds.labels(method, route)
        for code in READ_CODES if method == "GET" else CODES:
            self._requests.labels(method, route, code)

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request and its duration.

        Args:
            method: HTTP method.
            route: Template of the path, as in "/jobs/{id}", which has few values.
            status: HTTP status code.
            seconds: Duration in s.
        """
        counts = self._answers.get((method, route, status))
        if counts is None:
            code = str(status) if str(status) in CODES else f"{status // 100}xx"
            counts = (
                self._requests.labels(method, route, code),
                self._request_seconds.labels(method, route),
            )
            self._answers[method, route, status] = counts
        counts[0].inc()
        counts[1].observe(seconds)

    def _counter(self, metric: Metric) -> Counter:
        return Counter(*metric, registry=self.registry)

    def _histogram(self, metric: Metric, buckets: Iterable[float]) -> Histogram:
        return Histogram(*metric, registry=self.registry, buckets=tuple(buckets))


UNKNOWN = "unknown"
"""Product of files whose product is unknown."""


def products(settings: Settings) -> list[str]:
    """Return the products that a deployment fetches, recognised by the names of their files."""
    mark = datetime(2001, 2, 3, 4, 5, tzinfo=UTC)
    names = [mark.strftime(files.rpartition("/")[2]) for files in settings.radar_files]
    found = [match for name in names for kind, _ in NAMES if (match := kind.match(name))]
    return list(dict.fromkeys(match["product"].upper() for match in found))


@contextmanager
def exposed(process: Process, host: str, port: int) -> Iterator[int]:
    """Serve the metrics of a process at http://HOST:PORT/metrics. Yields the port."""
    server, thread = prometheus_client.start_http_server(port, host, process.registry)
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
