"""Overview for the map page: the frames of two hours and the forecasts that start from them."""

from datetime import datetime
from typing import Literal

import numpy as np
from pydantic import BaseModel
from xarray import DataArray

from ingest.domain import Domain
from ingest.grid import MODEL_FACTOR, NATIONAL_SPHERE, NATIONAL_WGS84, Grid, lies_on
from ingest.precipitation import INTERVAL, SIMULATED, credit
from model_zoo.errors import ModelError
from model_zoo.forecasters.contract import HORIZON, LEAD_STEP
from service.api.dependencies import ApiContext
from service.archive.archive import SUSPECT
from service.archive.key import Key, Time, to_datetime, to_time
from service.errors import NoFrame, NoItem
from service.pipeline.rain_sums.sum_fields import PERIODS
from service.pipeline.served_models import AUTO, PROVIDER_MODEL

GridName = Literal["sphere", "wgs84", "domain"]
"""Grids of Germany, and that of a domain that is served instead."""
GRIDS: dict[GridName, Grid] = {
    "sphere": NATIONAL_SPHERE.coarser(MODEL_FACTOR),
    "wgs84": NATIONAL_WGS84.coarser(MODEL_FACTOR),
}
WINDOW = HORIZON * LEAD_STEP
"""As long as a forecast."""
MOST_ISSUES = 6
"""Issue times listed of a model, enough for two models to have one in common."""


class GridInfo(BaseModel):
    """A grid of square cells in a projection; edges and cell size in m."""

    name: GridName
    projection: str
    west: float
    north: float
    cell: float
    shape: tuple[int, int]


class TownInfo(BaseModel):
    """A town that the map labels."""

    name: str
    lon: float
    lat: float


class DomainInfo(BaseModel):
    """A served domain other than Germany."""

    title: str
    """The area, as in "rain over the Netherlands"."""
    title_de: str
    """The area in German."""
    time_zone: str
    """IANA name of its local time."""
    has_places: bool
    """Whether places can be searched for by name."""
    towns: list[TownInfo]
    """Its towns, the largest first."""


class RadarInfo(BaseModel):
    """Radar frames of the last two hours."""

    times: list[datetime]
    """Times of the frames, oldest first."""
    age_s: float | None
    """Present age of the newest frame in seconds."""
    attribution: str | None
    simulated: bool
    """Whether the rain is simulated."""
    suspect: str | None
    """Why the newest frame is doubtful; null where it is not."""
    grid: GridInfo | None
    """Grid of the newest frame."""


class ModelForecasts(BaseModel):
    """A model and the issue times of its forecasts."""

    name: str
    version: str | None
    issues: list[datetime]
    """Issue times, newest first, up to six."""
    problem: str | None = None
    """Why the model cannot forecast."""


class Overview(BaseModel):
    """Radar frames and forecasts that the map page can show."""

    now: datetime
    until: datetime | None
    """Time of an overview of the past; nothing after it is listed."""
    stale_minutes: int
    poll_seconds: float
    """Interval at which the overview changes."""
    default_model: str
    sum_minutes: list[int]
    """Lengths in minutes of the periods that there are rain sums of."""
    web_push: bool
    """Whether browsers can be sent alerts by Web Push."""
    radar: RadarInfo
    models: list[ModelForecasts]
    domain: DomainInfo | None = None
    """The domain; null for Germany."""


def overview(context: ApiContext, until: datetime | None) -> Overview:
    """The overview now, or at a time in the past."""
    newest = newest_frame(context, until)
    return Overview(
        now=context.clock(),
        until=until,
        stale_minutes=context.settings.stale_minutes,
        poll_seconds=context.settings.poll_seconds,
        default_model=context.forecasters.default,
        sum_minutes=list(PERIODS),
        web_push=context.settings.api_keys is not None and context.channels.has_web_push,
        radar=radar(context, newest),
        models=models(context, newest),
        domain=domain_info(context.archive.domain),
    )


def domain_info(domain: Domain | None) -> DomainInfo | None:
    """A domain as the schema has it."""
    if domain is None:
        return None
    towns = [TownInfo(name=name, lon=lon, lat=lat) for name, (lon, lat) in domain.towns.items()]
    return DomainInfo(
        title=domain.title,
        title_de=domain.title_de,
        time_zone=domain.time_zone,
        has_places=bool(domain.places),
        towns=towns,
    )


def grid_named(name: GridName, domain: Domain | None) -> Grid:
    """The grid of a name.

    Raises:
        NoItem: It is that of a domain, and Germany is served.
    """
    if name != "domain":
        return GRIDS[name]
    if domain is None:
        raise NoItem("there is no domain, only the grids of Germany: sphere and wgs84")
    return domain.grid


def newest_frame(context: ApiContext, until: datetime | None) -> Time | None:
    """Time of the newest frame, or of the newest in the two hours before a time."""
    if until is None:
        return context.archive.latest_frame()
    end = to_time(until)
    last = end - (end - np.datetime64(0, "ns")) % INTERVAL
    return next((time for time in window_before(last) if context.archive.has_frame(time)), None)


def window_before(time: Time) -> list[Time]:
    """Frame times in the window that ends at a frame time, newest first."""
    return [time - step * INTERVAL for step in range(WINDOW // INTERVAL + 1)]


def radar(context: ApiContext, newest: Time | None) -> RadarInfo:
    """Frames in the window that ends with the newest; damaged ones are left out."""
    window = [] if newest is None else window_before(newest)
    times = [time for time in window if context.archive.has_frame(time)]
    for number, time in enumerate(times):
        try:
            frame = context.archive.frame(time)
        except NoFrame:
            continue
        return RadarInfo(
            times=[to_datetime(time) for time in reversed(times[number:])],
            age_s=(context.clock() - to_datetime(time)).total_seconds(),
            attribution=credit(frame),
            simulated=frame.attrs.get("source") == SIMULATED,
            suspect=frame.attrs.get(SUSPECT),
            grid=grid_of(frame, context.archive.domain),
        )
    return RadarInfo(
        times=[], age_s=None, attribution=None, simulated=False, suspect=None, grid=None
    )


def grid_of(field: DataArray, domain: Domain | None) -> GridInfo | None:
    """The grid of a field (..., y, x) as the schema has it; None for an unknown grid."""
    grids: dict[GridName, Grid] = {**GRIDS} if domain is None else {"domain": domain.grid}
    found = (grid_info(name, grid) for name, grid in grids.items() if lies_on(field, grid))
    return next(found, None)


def grid_info(name: GridName, grid: Grid) -> GridInfo:
    """A grid as the schema has it."""
    return GridInfo(
        name=name,
        projection=grid.projection,
        west=grid.west,
        north=grid.north,
        cell=grid.cell,
        shape=grid.shape,
    )


def models(context: ApiContext, newest: Time | None) -> list[ModelForecasts]:
    """All served models, then `auto` and the provider's forecast where they have issue times."""
    others = [model_forecasts(context, name, newest) for name in (AUTO, *PROVIDER_MODEL.values())]
    served = [model_forecasts(context, name, newest) for name in context.forecasters.served]
    return served + [model for model in others if model.issues]


def model_forecasts(context: ApiContext, name: str, newest: Time | None) -> ModelForecasts:
    """Issue times of a model in the window that ends with the newest frame."""
    try:
        key = context.forecasters.named(name) if name != AUTO else (AUTO, "none")
    except ModelError as error:
        return ModelForecasts(name=name, version=None, issues=[], problem=str(error))
    issues: list[datetime] = []
    for time in [] if newest is None else window_before(newest):
        if context.archive.has_forecast(Key(time, *key)):
            issues.append(to_datetime(time))
        if len(issues) == MOST_ISSUES:
            break
    return ModelForecasts(name=name, version=Key(np.datetime64("NaT"), *key).version, issues=issues)
