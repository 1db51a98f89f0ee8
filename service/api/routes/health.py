"""Whether the process lives, and whether it can do its work."""

from fastapi import APIRouter

from service.api.dependencies import AtDesk
from service.api.schemas import Health, Readiness
from service.archive import to_datetime
from service.errors import NoFrames, StaleRadar
from service.tasks import iso

router = APIRouter(tags=["health"])


@router.get("/healthz")
def healthz() -> Health:
    """The process answers."""
    return Health()


@router.get("/readyz")
def readyz(desk: AtDesk) -> Readiness:
    """There is fresh radar to forecast from; 503 with the reason where there is not."""
    newest = desk.archive.latest_frame()
    if newest is None:
        raise NoFrames("there is no radar frame yet; run `nowcast ingest`")
    radar_time = to_datetime(newest)
    age = (desk.clock() - radar_time).total_seconds()
    if age > 60 * desk.settings.stale_minutes:
        raise StaleRadar(
            f"the newest radar frame is of {iso(radar_time)}, {age / 60:.0f} minutes ago, should "
            f"be under {desk.settings.stale_minutes}; see to the ingest"
        )
    return Readiness(radar_time=radar_time, radar_age_s=age)
