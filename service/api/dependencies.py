"""What routes may ask for. `create_app` puts the real ones on `app.state`, tests put theirs."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated

from fastapi import Depends, Request

from service.api.idempotency import Asked
from service.archive import Archive
from service.forecasters import Forecasters
from service.jobs import Jobs
from service.ledger import Ledger
from service.settings import Settings


@dataclass(frozen=True)
class Desk:
    """All that answering a request may need."""

    settings: Settings
    archive: Archive
    ledger: Ledger
    forecasters: Forecasters
    jobs: Jobs
    clock: Callable[[], datetime]
    asked: Asked = field(default_factory=Asked)


def get_desk(request: Request) -> Desk:
    desk: Desk = request.app.state.desk
    return desk


AtDesk = Annotated[Desk, Depends(get_desk)]
