"""The collections: which parameters they have, and the fields that answer a query."""

from collections.abc import Iterable
from datetime import datetime
from itertools import islice, takewhile
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from xarray import DataArray

from ingest.accumulation import amount_name
from ingest.precipitation import (
    INTERVAL,
    NAME,
    credit,
    exceedance_probabilities,
    exceedance_probability_name,
    lead_minutes_of,
)
from model_zoo.errors import ModelError
from service.api.dependencies import ApiContext
from service.api.edr.parameters import selected_parameters
from service.api.edr.times import ALWAYS, Interval
from service.api.field_selection import ALL, at_leads
from service.api.representations import listed
from service.archive.archive import SUSPECT
from service.archive.key import Key, Time, from_stamp, iso, time_of, to_datetime, to_time
from service.errors import BadQuery, NoForecast, NoFrame, NoItem
from service.pipeline.rain_sums.radar_history import FRAMES_MISSING
from service.pipeline.rain_sums.sum_fields import PERIODS

MOST_FRAMES = 145
"""Radar frames in one answer: twelve hours."""
DEFAULT_FRAMES = 25
"""Radar frames in an answer to a query without `datetime`: two hours."""


class Collection(NamedTuple):
    """A collection.

    Attributes:
        id: Its name in URLs.
        title: Short title.
        description: What its data are, `{area}` for the served area.
        forecasts: Whether it has forecasts, one instance for each issue time; else radar frames.
        rates: Whether rainfall rates are among its parameters.
        probabilities: Whether exceedance probabilities are.
        sums: Whether rain sums are.
    """

    id: str
    title: str
    description: str
    forecasts: bool
    rates: bool
    probabilities: bool
    sums: bool = False


COLLECTIONS = {
    collection.id: collection
    for collection in (
        Collection(
            "nowcast",
            "Precipitation nowcast",
            "Rainfall rate over {area} in the next two hours, with the probability of exceeding "
            "thresholds where the model forecasts it; the newest issue, older ones as instances",
            forecasts=True,
            rates=True,
            probabilities=True,
        ),
        Collection(
            "radar",
            "Radar",
            "Rainfall rate over {area} as measured by radar, every five minutes",
            forecasts=False,
            rates=True,
            probabilities=False,
        ),
        Collection(
            "probability",
            "Probability of rain",
            "Probability that the rainfall rate over {area} reaches thresholds in the next two "
            "hours; the newest issue, older ones as instances",
            forecasts=True,
            rates=False,
            probabilities=True,
        ),
        Collection(
            "sums",
            "Rain sums",
            "Rain over {area} in the 15 minutes to six hours before each time of the next two "
            "hours, from radar and forecast together; the newest issue, older ones as instances",
            forecasts=True,
            rates=False,
            probabilities=False,
            sums=True,
        ),
    )
}


class Source(NamedTuple):
    """The fields that answer a query.

    Attributes:
        field: Rates (step, y, x) in mm/h, NaN for no data, with all they carry.
        times: Valid time of each step.
        parameters: Names of the parameters asked for.
        complete: The field before `datetime` selected its steps.
    """

    field: DataArray
    times: tuple[datetime, ...]
    parameters: list[str]
    complete: DataArray

    def values(self, name: str) -> NDArray[np.float32]:
        """Values (step, y, x) of a parameter, NaN for no data."""
        values: NDArray[np.float32] = (self.field if name == NAME else self.field[name]).values
        return values

    @property
    def is_forecast(self) -> bool:
        """Whether it is a forecast, not radar."""
        return "forecast_reference_time" in self.field.coords

    def about(self) -> dict[str, Any]:
        """Members of an answer that CoverageJSON does not know."""
        suspect = self.field.attrs.get(SUSPECT)
        common = {"nowcast:suspect": suspect, "nowcast:attribution": credit(self.field)}
        if not self.is_forecast:
            return common
        if FRAMES_MISSING in self.field.attrs:
            common["nowcast:frames_missing"] = self.field.attrs[FRAMES_MISSING]
        return {
            "nowcast:issue_time": iso(to_datetime(issue_of(self.field))),
            "nowcast:generated_at": self.field.attrs["generated_at"],
            "nowcast:lead_minutes": lead_minutes_of(self.field),
            "nowcast:model": self.field.attrs["model"],
            "nowcast:chosen": listed(self.complete, "chosen"),
            "nowcast:bridged": listed(self.complete, "bridged"),
            **common,
        }

    def start(self) -> Time:
        """Time of the newest radar frame in it."""
        if self.is_forecast:
            return issue_of(self.field)
        newest: Time = self.complete["time"].values[-1]
        return newest


def issue_of(field: DataArray) -> Time:
    """Issue time of a forecast (lead_time, y, x)."""
    return time_of(field["forecast_reference_time"])


def collection_named(name: str) -> Collection:
    """The collection of a name.

    Raises:
        NoItem: There is none.
    """
    if name not in COLLECTIONS:
        raise NoItem(
            f"there is no collection {name[:60]!r}, only {', '.join(COLLECTIONS)}; see /collections"
        )
    return COLLECTIONS[name]


def available_parameters(collection: Collection, field: DataArray | None) -> list[str]:
    """Names of the parameters of a collection, as the newest field (step, y, x) has them."""
    names = [NAME] if collection.rates else []
    names += map(amount_name, PERIODS if collection.sums else ())
    if collection.probabilities and field is not None:
        names += map(exceedance_probability_name, exceedance_probabilities(field))
    return names


def instance_time(instance: str) -> Time:
    """The issue time that an instance is named after.

    Raises:
        NoItem: It is no issue time.
    """
    time = from_stamp(instance)
    if time is None:
        raise NoItem(
            f"there is no instance {instance[:60]!r}; instances are named like 20200907T1400Z"
        )
    return time


def existing_instance(context: ApiContext, collection: Collection, instance: str) -> Time:
    """The issue time of an instance that has forecasts.

    Raises:
        NoItem: There is no such instance.
    """
    issue = instance_time(instance)
    if not context.archive.forecasts(issue):
        raise NoItem(
            f"there is no instance {instance[:60]!r}; "
            f"/collections/{collection.id}/instances lists the newest"
        )
    return issue


def load(
    context: ApiContext,
    collection: Collection,
    key: Key | None,
    interval: Interval,
    parameters: str | None,
    leads: str | None = None,
) -> Source:
    """The fields that answer a query.

    Args:
        context: The API context.
        collection: The collection.
        key: Key of the forecast; None for radar.
        interval: Valid times asked for.
        parameters: Parameters asked for, separated by commas; None for all.
        leads: Lead times asked for, as in the query; None for each half hour, or for the one that
            an instant in `interval` means.

    Raises:
        NoForecast: There is no such forecast, or it has no time in the interval.
        NoFrame: There is no radar frame in the interval.
        BadQuery: There is no such parameter, or too much is asked for.
    """
    if key is None:
        field = radar_frames(context, interval)
    elif collection.sums:
        instant = interval.first == interval.last
        field = at_leads(context.rain_sums.fields(key), ALL if instant and not leads else leads)
    elif leads is not None:
        field = at_leads(context.archive.full_forecast(key), leads)
    elif interval.first == interval.last:
        field = context.archive.full_forecast(key)
    else:
        field = context.archive.forecast(key)
    names = selected_parameters(parameters, available_parameters(collection, field))
    times = valid_times(field)
    steps = [number for number, time in enumerate(times) if interval.includes(time)]
    if not steps:
        raise NoForecast(
            f"datetime is {interval}; the forecast of {iso(to_datetime(issue_of(field)))} has the "
            f"times {iso(times[0])} to {iso(times[-1])}; other issues are instances of the "
            f"collection"
        )
    if not names:
        raise NoForecast(
            f"the forecast of {field.attrs['model']} has no probabilities; name another model"
        )
    part = field.isel({field.dims[0]: steps})
    return Source(part, tuple(times[number] for number in steps), names, field)


def valid_times(field: DataArray) -> list[datetime]:
    """Valid times of a field (step, y, x)."""
    return [to_datetime(time) for time in np.atleast_1d(field["time"].values)]


def radar_frames(context: ApiContext, interval: Interval) -> DataArray:
    """Radar frames (time, y, x) of an interval; of the last two hours where it is open.

    Raises:
        NoFrame: There is no radar frame in the interval.
        BadQuery: The interval has too many.
    """
    newest = context.archive.latest_frame()
    if newest is None:
        raise NoFrame("there is no radar frame yet; run `nowcast ingest`")
    if interval == ALWAYS:
        return context.archive.frames(newest - INTERVAL * step for step in range(DEFAULT_FRAMES))
    last = min(to_time(interval.last), newest)
    last -= (last - np.datetime64(0, "ns")) % INTERVAL
    number = int((last - to_time(interval.first)) // INTERVAL) + 1
    wanted = [last - INTERVAL * step for step in range(min(max(number, 0), MOST_FRAMES + 1))]
    if len(wanted) > MOST_FRAMES:  # more than may be asked for, if none of them is missing
        wanted = existing_frames(context, to_time(interval.first), last)
    if len(wanted) > MOST_FRAMES:
        raise BadQuery(
            f"datetime is {interval} with more than {MOST_FRAMES} radar frames; ask in parts"
        )
    if not wanted:
        raise NoFrame(
            f"there is no radar frame of {interval}; the newest is of {iso(to_datetime(newest))}"
        )
    return context.archive.frames(wanted)


def existing_frames(context: ApiContext, first: Time, last: Time) -> list[Time]:
    """Times of frames from a time to another, newest first, up to more than may be asked for."""
    until_last = context.archive.frame_times(last + INTERVAL)
    return list(islice(takewhile(lambda time: time >= first, until_last), MOST_FRAMES + 1))


def newest_field(context: ApiContext, collection: Collection) -> DataArray | None:
    """The newest field (step, y, x) of a collection; None where it has none yet."""
    if not collection.forecasts:
        newest = context.archive.latest_frame()
        return None if newest is None else context.archive.frame(newest)
    for key in newest_keys(context):
        field = context.archive.forecast(key)
        if available_parameters(collection, field):
            return field
    return None


def newest_keys(context: ApiContext) -> Iterable[Key]:
    """Keys of the newest forecast of the default model, then of the others."""
    for name in context.forecasters.served:
        try:
            named = context.forecasters.named(name)
            yield Key(context.archive.latest_issue(*named), *named)
        except (ModelError, NoForecast):
            continue
