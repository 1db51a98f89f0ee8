"""Layers of maps: radar and forecasts, as rates, rain sums and exceedance probabilities.

The name of a layer is `radar` or the name of a model, with what it shows of it where that is not
the rate: `radar_sum_60` and `ms-lstm_sum_60` are sums of an hour, `ms-lstm_probability_0.5` is a
probability.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Literal, NamedTuple

from xarray import DataArray

from ingest.accumulation import amount_name
from ingest.precipitation import (
    credit,
    exceedance_probabilities,
    exceedance_probability_name,
)
from model_zoo.errors import ModelError
from service.api.dependencies import ApiContext
from service.api.edr.collections import DEFAULT_FRAMES, valid_times
from service.api.nowcast_requests.lookup import key_of_id
from service.api.page.overview import window_before
from service.archive.key import Key, Time, iso, to_datetime, to_time
from service.errors import NoForecast, NoFrame, NoItem
from service.pipeline.rain_sums.radar_history import FRAMES_MISSING
from service.pipeline.rain_sums.sum_fields import PERIODS
from service.pipeline.served_models import AUTO, PROVIDER_MODEL

RADAR = "radar"
PROBABILITY, SUM = "_probability_", "_sum_"
Kind = Literal["rain", "sum", "probability"]


class Layer(NamedTuple):
    """A layer.

    Attributes:
        name: Its name.
        title: What it shows.
        model: Name of the model; empty for radar.
        threshold: Threshold of the probability in mm/h; None where it shows none.
        minutes: Length of the period of the sum; None where it shows none.
    """

    name: str
    title: str
    model: str = ""
    threshold: float | None = None
    minutes: int | None = None

    @property
    def kind(self) -> Kind:
        """What its values are, which decides on their colours."""
        if self.minutes is not None:
            return "sum"
        return "rain" if self.threshold is None else "probability"


class Picture(NamedTuple):
    """A field to be drawn.

    Attributes:
        name: Name of its content, the base of entity tags; it never changes.
        kind: What its values are.
        field: Values (y, x) in mm/h, mm, or 0 to 1; NaN for no data.
        time: Its valid time.
        attribution: Whom to credit.
        is_final: Whether it stays as it is. A sum changes when a missing radar frame arrives.
    """

    name: str
    kind: Kind
    field: DataArray
    time: datetime
    attribution: str
    is_final: bool = True


def layer_named(name: str) -> Layer:
    """The layer of a name.

    Raises:
        NoItem: It is no name of a layer.
    """
    if name == RADAR:
        return Layer(RADAR, "Rainfall rate measured by radar")
    model, separator, text = name.partition(SUM)
    if separator:
        return sum_layer(model, text)
    model, separator, text = name.partition(PROBABILITY)
    if not separator:
        return Layer(name, f"Rainfall rate forecast by {model}", model)
    try:
        threshold = float(text)
    except ValueError:
        raise NoItem(f"there is no layer {name[:60]!r}; /tiles lists all") from None
    title = f"Probability of {threshold:g} mm/h or more, forecast by {model}"
    return Layer(name, title, model, threshold)


def sum_layer(model: str, text: str) -> Layer:
    """The layer of the sums of a model, or of the radar, of a period in minutes.

    Raises:
        NoItem: There are no sums of such a period.
    """
    known = {str(minutes): minutes for minutes in PERIODS}
    if text not in known:
        raise NoItem(f"there is no layer {f'{model}{SUM}{text}'[:60]!r}; /tiles lists all")
    period = f"Rain of the {text} minutes before"
    name = f"{model}{SUM}{text}"
    if model == RADAR:
        return Layer(name, f"{period}, measured by radar", minutes=known[text])
    title = f"{period}, radar up to the issue and then forecast by {model}"
    return Layer(name, title, model, minutes=known[text])


def layers(context: ApiContext) -> Iterator[Layer]:
    """All layers that have something to show now."""
    for model in ("", *context.forecasters.served, AUTO, *PROVIDER_MODEL.values()):
        yield from layers_of(context, model)


def layers_of(context: ApiContext, model: str) -> Iterator[Layer]:
    """The layers of a model, or of the radar, that have something to show now."""
    if not model:
        if context.archive.latest_frame() is not None:
            yield layer_named(RADAR)
            yield from (sum_layer(RADAR, str(minutes)) for minutes in PERIODS)
        return
    try:
        key = newest_key(context, model)
        forecast = context.archive.forecast(key)
        periods = PERIODS if context.rain_sums.has_fields(key) else ()
    except (ModelError, NoForecast):
        return
    yield layer_named(model)
    yield from (sum_layer(model, str(minutes)) for minutes in periods)
    for threshold in exceedance_probabilities(forecast):
        yield layer_named(f"{model}{PROBABILITY}{threshold:g}")


def is_there(context: ApiContext, layer: Layer) -> bool:
    """Whether a layer has something to show now."""
    return any(other.name == layer.name for other in layers_of(context, layer.model))


def newest_key(context: ApiContext, model: str) -> Key:
    """Key of the newest forecast of a model.

    Raises:
        NoForecast: It has none.
        ModelError: There is no such model.
    """
    name = context.forecasters.named(model)
    return Key(context.archive.latest_issue(*name), *name)


def key_named(name: str) -> Key:
    """Key of a forecast by its id.

    Raises:
        NoItem: It is no id of a forecast from radar.
    """
    key = key_of_id(name)
    if key is None or key.upload:
        raise NoItem(f"there is no forecast {name[:100]!r}; /nowcasts lists all")
    return key


def radar_times(context: ApiContext) -> list[Time]:
    """Times of the radar frames of the last two hours, oldest first."""
    newest = context.archive.latest_frame()
    if newest is None:
        return []
    times = window_before(newest)[:DEFAULT_FRAMES]
    return [time for time in reversed(times) if context.archive.has_frame(time)]


def times_of(context: ApiContext, layer: Layer) -> list[datetime]:
    """Times that a layer shows now: radar of two hours, or those of the newest forecast."""
    if not layer.model:
        return [to_datetime(time) for time in radar_times(context)]
    return valid_times(context.archive.forecast(newest_key(context, layer.model)))


def default_time(layer: Layer, times: list[datetime]) -> datetime:
    """The time that a layer shows where none is asked for: newest radar, first of a forecast."""
    return times[0] if layer.model else times[-1]


def radar_picture(context: ApiContext, time: Time) -> Picture:
    """A radar frame to be drawn.

    Raises:
        NoFrame: There is none of this time.
    """
    frame = context.archive.frame(time)
    moment = to_datetime(time)
    return Picture(f"radar-{iso(moment)}", "rain", frame.isel(time=0), moment, credit(frame))


def radar_sum_picture(context: ApiContext, time: Time, minutes: int) -> Picture:
    """The measured rain of the minutes up to a time, to be drawn.

    Raises:
        NoFrame: There is no frame of this time.
    """
    field = context.rain_sums.measured(time, minutes)
    moment, missing = to_datetime(time), field.attrs[FRAMES_MISSING]
    name = f"radar-{iso(moment)}-sum-{minutes}-{missing}"
    return Picture(name, "sum", field, moment, credit(field), is_final=not missing)


def forecast_sum_picture(context: ApiContext, key: Key, time: datetime, minutes: int) -> Picture:
    """The rain of the minutes up to a valid time of a forecast, to be drawn.

    Raises:
        NoForecast: There is no such forecast, or it has no such time or no sums.
    """
    sums = context.rain_sums.fields(key)
    missing = sums.attrs[FRAMES_MISSING]
    name = f"{key.id}-{iso(time)}-sum-{minutes}-{missing}"
    field = at_time(sums, key, time)[amount_name(minutes)]
    return Picture(name, "sum", field, time, credit(sums), is_final=not missing)


def at_time(forecast: DataArray, key: Key, time: datetime) -> DataArray:
    """The field (y, x) of a forecast (lead_time, y, x) at a valid time.

    Raises:
        NoForecast: It has no such time.
    """
    times = valid_times(forecast)
    if time not in times:
        raise NoForecast(
            f"the forecast of {iso(to_datetime(key.issue))} has no time {iso(time)}, only "
            f"{iso(times[0])} to {iso(times[-1])}"
        )
    return forecast.isel(lead_time=times.index(time))


def forecast_picture(
    context: ApiContext, key: Key, time: datetime, threshold: float | None = None
) -> Picture:
    """A valid time of a forecast to be drawn.

    Args:
        context: The API context.
        key: Key of the forecast.
        time: Valid time.
        threshold: Threshold of the probability in mm/h; None for rates.

    Raises:
        NoForecast: There is no such forecast, or it has no such time or probability.
    """
    forecast = context.archive.forecast(key)
    if time not in valid_times(forecast):
        forecast = context.archive.full_forecast(key)
    field = at_time(forecast, key, time)
    name = f"{key.id}-{iso(time)}"
    if threshold is None:
        return Picture(name, "rain", field, time, credit(forecast))
    thresholds = exceedance_probabilities(forecast)
    if threshold not in thresholds:
        known = ", ".join(f"{value:g}" for value in thresholds) or "none"
        raise NoForecast(
            f"{key.model} has no probability of {threshold:g} mm/h, thresholds: {known}"
        )
    probability = field[exceedance_probability_name(threshold)]
    return Picture(f"{name}-{threshold:g}", "probability", probability, time, credit(forecast))


def picture(
    context: ApiContext, layer: Layer, time: datetime | None, issue: datetime | None = None
) -> Picture:
    """What a layer shows at a time.

    Args:
        context: The API context.
        layer: The layer.
        time: Valid time; by default that of `default_time`.
        issue: Issue time of the forecast; by default the newest.

    Raises:
        NoForecast: There is nothing to show.
        NoFrame: There is no such radar frame.
    """
    if not layer.model:
        newest = context.archive.latest_frame()
        if newest is None:
            raise NoFrame("there is no radar frame yet; run `nowcast ingest`")
        radar_time = newest if time is None else to_time(time)
        if layer.minutes is not None:
            return radar_sum_picture(context, radar_time, layer.minutes)
        return radar_picture(context, radar_time)
    key = newest_key(context, layer.model)
    if issue is not None:
        key = key._replace(issue=to_time(issue))
    if time is None:
        time = valid_times(context.archive.forecast(key))[0]
    if layer.minutes is not None:
        return forecast_sum_picture(context, key, time, layer.minutes)
    return forecast_picture(context, key, time, layer.threshold)
