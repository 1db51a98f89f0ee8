"""The API context: what the routes depend on.

`create_app` puts it on `app.state`, tests put their own there.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated

from anyio import CapacityLimiter
from fastapi import Depends, Request

from service.api.encoded_cache import EncodedCache
from service.archive.archive import Archive
from service.jobs.queue import Jobs
from service.ledger.ledger import Ledger
from service.monitoring.metrics import Process
from service.pipeline.served_models import Forecasters
from service.settings import Settings

UPLOADS_AT_ONCE = 2
"""Threads that read uploads, which take long; other requests have the remaining threads."""


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
        uploading: Limits the threads that read uploads.
        process: Metrics of this process; the API makes its own where it is None.
    """

    settings: Settings
    archive: Archive
    ledger: Ledger
    forecasters: Forecasters
    jobs: Jobs
    clock: Callable[[], datetime]
    encoded_cache: EncodedCache = field(default_factory=EncodedCache)
    uploading: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(UPLOADS_AT_ONCE))
    process: Process | None = None


def get_context(request: Request) -> ApiContext:
    """The API context of a request's application."""
    context: ApiContext = request.app.state.context
    return context


Context = Annotated[ApiContext, Depends(get_context)]
"""Parameter of a route that receives the API context."""
