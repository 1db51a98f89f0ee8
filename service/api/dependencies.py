"""What routes may ask for. `create_app` puts the real ones on `app.state`, tests put theirs."""

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
"""Threads for uploads, which take long: they shall not keep those who read waiting."""


@dataclass(frozen=True)
class ApiContext:
    """All that answering a request may need."""

    settings: Settings
    archive: Archive
    ledger: Ledger
    forecasters: Forecasters
    jobs: Jobs
    clock: Callable[[], datetime]
    encoded: EncodedCache = field(default_factory=EncodedCache)
    uploading: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(UPLOADS_AT_ONCE))
    process: Process | None = None
    """What counts here; the API has one of its own where there is none."""


def get_context(request: Request) -> ApiContext:
    context: ApiContext = request.app.state.context
    return context


Context = Annotated[ApiContext, Depends(get_context)]
