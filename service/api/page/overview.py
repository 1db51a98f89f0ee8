"""What there is to show: the frames of two hours and the forecasts that start from them."""

from datetime import datetime
from typing import Literal

import numpy as np
from pydantic import BaseModel

from ingest.grid import MODEL_FACTOR, NATIONAL_SPHERE, NATIONAL_WGS84, Grid, known_grid
from ingest.precipitation import INTERVAL, credit
from model_zoo.errors import ModelError
from service.api.dependencies import ApiContext
from service.archive.key import Key, Time, to_datetime, to_time
from service.pipeline.served_models import AUTO, PROVIDER_MODEL

GridName = Literal["sphere", "wgs84"]
GRIDS: dict[GridName, Grid] = {
    "sphere": NATIONAL_SPHERE.coarser(MODEL_FACTOR),
    "wgs84": NATIONAL_WGS84.coarser(MODEL_FACTOR),
}
WINDOW = np.timedelta64(2, "h")
MOST_ISSUES = 6
"""Of a model, so that two models find an issue that both have."""


class GridThere(BaseModel):
    """Square cells in a projection, counted from the north-west; edges and side in m."""

    name: GridName
    projection: str
    west: float
    north: float
    cell: float
    shape: tuple[int, int]


class RadarThere(BaseModel):
    times: list[datetime]
    """Of the frames of two hours that there are, oldest first."""
    age_s: float | None
    """Of the newest, now."""
    attribution: str | None
    grid: GridThere | None
    """Of the newest."""


class ModelThere(BaseModel):
    name: str
    version: str | None
    issues: list[datetime]
    """Newest first, up to six."""
    problem: str | None = None
    """Why it cannot forecast at all."""


class Overview(BaseModel):
    now: datetime
    until: datetime | None
    """Where a time of the past was asked for: nothing after it is told."""
    stale_minutes: int
    poll_seconds: float
    """How often it is worth to ask."""
    default_model: str
    radar: RadarThere
    models: list[ModelThere]


def overview(context: ApiContext, until: datetime | None) -> Overview:
    """What there is, or what there was at a time of the past."""
    newest = newest_frame(context, until)
    return Overview(
        now=context.clock(),
        until=until,
        stale_minutes=context.settings.stale_minutes,
        poll_seconds=context.settings.poll_seconds,
        default_model=context.forecasters.default,
        radar=radar(context, newest),
        models=models(context, newest),
    )


def newest_frame(context: ApiContext, until: datetime | None) -> Time | None:
    """Time of the newest frame; until a time, of the newest in the two hours before."""
    if until is None:
        return context.archive.latest_frame()
    asked = to_time(until)
    last = asked - (asked - np.datetime64(0, "ns")) % INTERVAL
    return next((time for time in back_from(last) if context.archive.has_frame(time)), None)


def back_from(time: Time) -> list[Time]:
    """Times of frames in the window that ends with one, newest first."""
    return [time - step * INTERVAL for step in range(WINDOW // INTERVAL + 1)]


def radar(context: ApiContext, newest: Time | None) -> RadarThere:
    if newest is None:
        return RadarThere(times=[], age_s=None, attribution=None, grid=None)
    there = [time for time in back_from(newest) if context.archive.has_frame(time)]
    frame = context.archive.frame(newest)
    return RadarThere(
        times=[to_datetime(time) for time in reversed(there)],
        age_s=(context.clock() - to_datetime(newest)).total_seconds(),
        attribution=credit(frame),
        grid=described(known_grid(frame)),
    )


def described(grid: Grid | None) -> GridThere | None:
    for name, known in GRIDS.items():
        if known == grid:
            return GridThere(
                name=name,
                projection=grid.projection,
                west=grid.west,
                north=grid.north,
                cell=grid.cell,
                shape=grid.shape,
            )
    return None


def models(context: ApiContext, newest: Time | None) -> list[ModelThere]:
    """All served models; the choice among them and the provider's own where there are any."""
    others = [offered(context, name, newest) for name in (AUTO, *PROVIDER_MODEL.values())]
    served = [offered(context, name, newest) for name in context.forecasters.served]
    return served + [model for model in others if model.issues]


def offered(context: ApiContext, name: str, newest: Time | None) -> ModelThere:
    try:
        key = context.forecasters.named(name) if name != AUTO else (AUTO, "none")
    except ModelError as error:
        return ModelThere(name=name, version=None, issues=[], problem=str(error))
    issues: list[datetime] = []
    for time in [] if newest is None else back_from(newest):
        if context.archive.has_forecast(Key(time, *key)):
            issues.append(to_datetime(time))
        if len(issues) == MOST_ISSUES:
            break
    return ModelThere(name=name, version=Key(np.datetime64("NaT"), *key).version, issues=issues)
