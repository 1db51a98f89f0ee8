"""The API context: what the routes depend on.

`create_app` puts it on `app.state`, tests put their own there.
"""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from threading import Lock
from typing import Annotated, Any, ClassVar, Literal, Protocol

from cachetools import TTLCache
from fastapi import Depends, Request, Response
from fastapi.routing import APIRoute
from xarray import DataArray

from ingest.domain import GERMANY, Domain
from service.api.encoded_cache import EncodedCache, PictureCache
from service.api.quotas import JobQuota, RequestMemory, StreamQuota, UploadQuota
from service.api.schemas import Verification
from service.api.work_pools import PatientCalls, SharedCall, WorkPool
from service.archive.archive import Archive
from service.jobs.queue import Jobs
from service.ledger.alert_table import AlertTable
from service.ledger.ledger import Ledger
from service.monitoring.metrics import Process
from service.pipeline.alerts.channels import Channels
from service.pipeline.ensembles.stored_ensembles import Ensembles
from service.pipeline.rain_sums.sources import SumSources
from service.pipeline.served_models import Forecasters
from service.settings import Settings

Handler = Callable[[Request], Coroutine[Any, Any, Response]]

PICTURE_THREADS = 1
"""Drawing is all Python, so that two pictures at once take as long as one after the other."""
ENSEMBLE_THREADS = 1
"""Each has some 100 MB while an ensemble is derived."""
ENCODING_THREADS = 4
REQUEST_THREADS = 8
"""Threads that submit jobs, which wait where the ledger is locked."""
UPLOAD_THREADS = 2
"""Threads that read uploads, which take long; other requests have the remaining threads."""
TILE_THREADS = 4
MAP_THREADS = QUERY_THREADS = VERIFICATION_THREADS = 1
"""Threads that draw areas of up to four million pixels, extract areas of fields, and sum up
verification: all Python, of which two at once take as long and keep the event loop waiting."""
SUM_THREADS = 2
"""Threads that sum up rain, and wait for the radar and the ensemble of a new issue."""
MOST_SUMS, SUMS_SECONDS = 256, 5.0
"""Results of `/verification` in memory, and their age in s up to which they are used again."""
LEDGER_CALLS, LEDGER_SECONDS = 16, 2.0
"""Calls to the ledger at once, and how long each is waited for, in s, where there is an answer
without it."""


class Pools:
    """Threads by kind of work. Everything else has the threads of the framework.

    Attributes:
        pictures: Draws forecasts.
        ensembles: Derives and encodes ensembles.
        encodings: Encodes forecasts as JSON or netCDF.
        requests: Resolves requests for forecasts and submits their jobs.
        verification: Sums up verification.
        uploads: Reads uploaded frames.
        sums: Sums up rain.
        tiles: Draws tiles.
        maps: Draws areas of any size.
        queries: Extracts areas, cubes, circles and ways of fields.
    """

    def __init__(self, settings: Settings) -> None:
        most, most_slow = settings.requests_waiting, settings.slow_requests_waiting
        self.pictures = WorkPool("pictures", PICTURE_THREADS, most_slow)
        self.ensembles = WorkPool("ensembles", ENSEMBLE_THREADS, most_slow)
        self.encodings = WorkPool("encoded forecasts", ENCODING_THREADS, most)
        self.requests = WorkPool("jobs", REQUEST_THREADS, most)
        self.verification = WorkPool("verification", VERIFICATION_THREADS, most_slow)
        self.uploads = WorkPool("uploads", UPLOAD_THREADS, most)
        self.sums = WorkPool("rain sums", SUM_THREADS, most)
        self.tiles = WorkPool("tiles", TILE_THREADS, most)
        self.maps = WorkPool("maps", MAP_THREADS, most_slow)
        self.queries = WorkPool("areas of fields", QUERY_THREADS, most_slow)


class Drawing(Protocol):
    """Draws forecasts."""

    def draw(self, forecast: DataArray, before: DataArray | None = None) -> bytes:
        """Plot a forecast (lead_time, y, x) as PNG, after the newest frame `before` it."""

    def close(self) -> None:
        """End it."""


@dataclass(frozen=True)
class ApiContext:
    """Everything that answering a request needs.

    Attributes:
        settings: Settings of the deployment.
        archive: Radar frames and forecasts.
        ledger: Verification results.
        forecasters: The served models.
        jobs: The job queue.
        clock: The current time in UTC.
        encoded_cache: Encoded forecasts.
        pictures: Pictures of map layers.
        process: Metrics of this process; the API makes its own where it is None.
        drawing: Draws pictures in another process; None to draw them in this one.
        sums: Verification of the last few seconds by request; `sums_lock` guards it.
        checks: Running checks of readiness and metrics, by name.
    """

    settings: Settings
    archive: Archive
    ledger: Ledger
    forecasters: Forecasters
    jobs: Jobs
    clock: Callable[[], datetime]
    encoded_cache: EncodedCache = field(default_factory=EncodedCache)
    pictures: PictureCache = field(default_factory=PictureCache)
    process: Process | None = None
    drawing: Drawing | None = None
    checks: dict[str, SharedCall[Any]] = field(default_factory=dict)
    sums: TTLCache[Any, Verification] = field(
        default_factory=lambda: TTLCache(MOST_SUMS, SUMS_SECONDS)
    )
    sums_lock: Lock = field(default_factory=Lock)

    @property
    def area(self) -> Domain:
        """The served domain, or Germany."""
        return self.archive.domain or GERMANY

    @cached_property
    def pools(self) -> Pools:
        """Threads by kind of work."""
        return Pools(self.settings)

    @cached_property
    def rain_sums(self) -> SumSources:
        """Radar and ensembles that rain sums are made of."""
        return SumSources(self.archive, self.ensembles)

    @cached_property
    def ensembles(self) -> Ensembles:
        """Ensembles of the stored forecasts."""
        return Ensembles(self.archive)

    @cached_property
    def ledger_calls(self) -> PatientCalls:
        """Calls to the ledger for what can be answered without it."""
        return PatientCalls("ledger", LEDGER_CALLS, LEDGER_SECONDS)

    @cached_property
    def alert_table(self) -> AlertTable:
        """Subscriptions to alerts and their messages."""
        return AlertTable(self.ledger.engine)

    @cached_property
    def stream_quota(self) -> StreamQuota:
        """Limits the open streams of events."""
        settings = self.settings
        return StreamQuota(settings.event_streams, settings.event_streams_per_client)

    @cached_property
    def channels(self) -> Channels:
        """Ways in which alerts are sent."""
        return Channels(self.settings)

    @cached_property
    def job_quota(self) -> JobQuota:
        """Limits the unfinished jobs of each client."""
        return JobQuota(self.jobs.job_table, self.settings.jobs_per_client)

    @cached_property
    def upload_quota(self) -> UploadQuota:
        """Limits the disk space of uploads."""
        return UploadQuota(self.archive.store, self.settings)

    @cached_property
    def request_memory(self) -> RequestMemory:
        """Idempotency keys of requests that made no job."""
        return RequestMemory()


async def get_context(request: Request) -> ApiContext:
    """The API context of a request's application."""
    context: ApiContext = request.app.state.context
    return context


Context = Annotated[ApiContext, Depends(get_context)]
"""Parameter of a route that receives the API context."""


class PooledRoute(APIRoute):
    """A route whose requests take turns in a pool; see `in_pool`."""

    pool: ClassVar[str]

    def get_route_handler(self) -> Handler:
        """Return what answers a request when its turn has come."""
        handler = super().get_route_handler()

        async def answer_in_turn(request: Request) -> Response:
            pools = (await get_context(request)).pools
            pool: WorkPool = getattr(pools, self.pool)
            async with pool.turn():
                return await handler(request)

        return answer_in_turn


def in_pool(name: Literal["tiles", "maps", "queries"]) -> type[PooledRoute]:
    """Return the class of routes whose requests take turns in a pool of `Pools`."""
    return type(f"PooledRoute_{name}", (PooledRoute,), {"pool": name})
