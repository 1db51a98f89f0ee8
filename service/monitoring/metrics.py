"""What the service tells Prometheus: all metrics are declared here, by name, meaning and labels.

There are two kinds. Facts of the ledger are read from SQL at every scrape
(`service.monitoring.ledger_collector`), so that they are right across processes and after every
restart. What only a process knows, it counts itself (`Process`) from zero on, as `rate` and
`increase` expect of a process that starts.
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
    """A metric: a counter where its name ends in `_total`, else a gauge or histogram."""

    name: str
    says: str
    labels: tuple[str, ...] = ()


# Facts of the ledger

FRAMES = Metric(
    "nowcast_ingest_frames_total",
    "Radar files that came, by what became of them, and frames that forecasts waited for in vain.",
    ("product", "outcome"),
)
LAST_FRAME = Metric(
    "nowcast_ingest_last_frame_timestamp_seconds",
    "Time of the newest radar frame.",
    ("product",),
)
DELAY = Metric(
    "nowcast_ingest_publication_delay_seconds",
    "From the time of the newest frame to the arrival of its file.",
    ("product",),
)
VALID_AREA = Metric(
    "nowcast_ingest_valid_area_ratio",
    "Share of the newest frame that has data.",
    ("product",),
)
JOBS = Metric(
    "nowcast_jobs_total",
    "How often jobs came to a status; running once per delivery.",
    ("model", "status"),
)
GIVEN_UP = Metric(
    "nowcast_jobs_given_up_total",
    "Jobs that failed because no worker survived them (DeadLetter) or had time (Expired).",
    ("model", "reason"),
)
WAITING = Metric("nowcast_queue_waiting", "Jobs that wait for a worker.", ("queue",))
OLDEST = Metric(
    "nowcast_queue_oldest_timestamp_seconds",
    "When the job was asked for that waits the longest; absent where none waits.",
    ("queue",),
)
HEARTBEAT = Metric(
    "nowcast_worker_heartbeat_timestamp_seconds",
    "Last sign of life of a worker, also of an API that does the jobs itself.",
    ("worker",),
)
WORKER = Metric(
    "nowcast_worker_info", "Queues that a worker serves, and where.", ("worker", "queue", "device")
)
REFERENCE = Metric(
    "nowcast_forecast_reference_timestamp_seconds",
    "Time that the newest forecast starts from.",
    ("model",),
)
MODEL = Metric(
    "nowcast_model_info",
    "Models that are served, with the weights of the newest forecast.",
    ("model", "version", "weights"),
)
PIXELS = Metric(
    "nowcast_verification_pixels_total",
    "Cells of forecasts compared with radar.",
    ("model", "lead_minutes", "threshold", "outcome"),
)
PENDING = Metric(
    "nowcast_verification_pending", "Leads of forecasts that wait for their frame.", ("model",)
)
LAST_VERIFIED = Metric(
    "nowcast_verification_last_valid_timestamp_seconds",
    "Newest valid time that is verified.",
    ("model",),
)
SKILL = Metric(
    "nowcast_skill_score",
    "Score of the last hours, over the same forecasts of every model; absent where undefined.",
    ("model", "score", "lead_minutes", "threshold", "window"),
)
SKILL_FORECASTS = Metric(
    "nowcast_skill_forecasts",
    "Forecasts that the scores of the last hours are of.",
    ("model", "lead_minutes", "window"),
)
SKILL_MISSING = Metric(
    "nowcast_skill_missing_forecasts",
    "Forecasts of the last hours whose radar frame never came.",
    ("model", "lead_minutes", "window"),
)
RELIABILITY_PROBABILITY = Metric(
    "nowcast_reliability_forecast_probability_ratio",
    "Mean exceedance probability forecast in the last hours, of those from `bin` to 0.1 above it.",
    ("model", "lead_minutes", "threshold", "bin", "window"),
)
RELIABILITY_FREQUENCY = Metric(
    "nowcast_reliability_observed_frequency_ratio",
    "Observed frequency of the event where the forecast probability was in the bin.",
    ("model", "lead_minutes", "threshold", "bin", "window"),
)
RELIABILITY_CELLS = Metric(
    "nowcast_reliability_cells",
    "Cells whose forecast probability was in the bin; absent where there are none.",
    ("model", "lead_minutes", "threshold", "bin", "window"),
)
SKILL_REFRESHED = Metric(
    "nowcast_skill_refreshed_timestamp_seconds",
    "When the scores of the last hours were made.",
    ("window",),
)
LEDGER_UP = Metric("nowcast_ledger_up", "Whether the ledger could be read: 1, or 0.")

# What a process knows

INFERENCE = Metric(
    "nowcast_inference_duration_seconds", "How long a model took for a forecast.", ("model",)
)
WAIT = Metric(
    "nowcast_queue_wait_seconds", "How long a job waited until a worker began it.", ("queue",)
)
FALLBACKS = Metric(
    "nowcast_device_fallbacks_total",
    "Forecasts that the processor made because the device failed.",
    ("model",),
)
POLLS = Metric(
    "nowcast_ingest_polls_total", "Looks at the provider's server.", ("product", "result")
)
CACHE = Metric("nowcast_cache_requests_total", "Representations asked of the cache.", ("result",))
REQUESTS = Metric(
    "nowcast_http_requests_total",
    "Requests over HTTP. Refusals on purpose, 429 and 503, are no part of 4xx and 5xx.",
    ("method", "route", "code"),
)
REQUEST_SECONDS = Metric(
    "nowcast_http_request_duration_seconds",
    "From the first byte of a request's head to the last of the answer.",
    ("method", "route"),
)

CODES = ("2xx", "3xx", "4xx", "429", "5xx", "503")
LONG_SECONDS = (0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 60)
SHORT_SECONDS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 5, 20, 60)


class Process:
    """What one process counts: every method notes one thing that happened, and may be called from
    any thread. Nothing is shared with another Process.

    Args:
        settings: Names the models and products whose counts begin at 0.

    Attributes:
        registry: What to scrape.
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
        """Found once: looking a metric up by its labels takes longer than counting."""
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
        """A model has made a forecast."""
        self._inference.labels(model).observe(seconds)

    def waited(self, queue: str, seconds: float) -> None:
        """A job of a queue has been begun."""
        self._wait.labels(queue).observe(seconds)

    def fell_back(self, model: str) -> None:
        """The processor takes over from a device that failed."""
        self._fallbacks.labels(model).inc()

    def polled(self, product: str, *, failed: bool) -> None:
        """The provider's server was looked at for files of a product, or could not be."""
        self._polls.labels(product or UNKNOWN, "failed" if failed else "ok").inc()

    def cached(self, *, hit: bool) -> None:
        """A representation was there, or had to be made."""
        (self._hits if hit else self._misses).inc()

    def expects(self, method: str, route: str) -> None:
        """Requests of this kind may come: their counts begin at 0."""
        self._request_seconds.labels(method, route)
        for code in CODES:
            self._requests.labels(method, route, code)

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """A request was answered.

        Args:
            route: Its template, as in "/jobs/{id}"; never the path, of which there is no end.
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
"""Product of files that do not tell theirs."""


def products(settings: Settings) -> list[str]:
    """The products that a deployment fetches, as the names of their files tell."""
    mark = datetime(2001, 2, 3, 4, 5, tzinfo=UTC)
    names = [mark.strftime(files.rpartition("/")[2]) for files in settings.radar_files]
    found = [match for name in names for kind, _ in NAMES if (match := kind.match(name))]
    return list(dict.fromkeys(match["product"].upper() for match in found))


@contextmanager
def exposed(process: Process, host: str, port: int) -> Iterator[int]:
    """What a process without the API counts, at http://HOST:PORT/metrics. Gives the port."""
    server, thread = prometheus_client.start_http_server(port, host, process.registry)
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
