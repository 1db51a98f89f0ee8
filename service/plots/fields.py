"""Sheets of frames, forecasts and differences of forecasts, and series of sheets to animate.

Fields are (time or lead_time, y, x) or one map (y, x) of them, in mm/h, NaN for no data.
"""

from collections.abc import Callable, Iterator
from datetime import datetime

import numpy as np
from xarray import DataArray

from service.archive.archive import SUSPECT
from service.archive.key import time_of, to_datetime
from service.plots.maps import Panel
from service.plots.sheet import NO_DATA_TEXT, Row, Sheet, Track, png

Translate = Callable[..., str]
"""Called with a text and the values of its names in braces."""
LARGE = 720
"""Width of the map of an animation, in pixels."""
COLUMNS = 5
"""Maps in a row of radar frames."""


def of_forecast(forecast: DataArray, before: DataArray | None = None) -> bytes:
    """Plot a forecast (lead_time, y, x) as PNG, after the newest frame `before` it if given."""
    return png(forecast_sheet(forecast, before))


def forecast_sheet(
    forecast: DataArray, before: DataArray | None = None, observed: DataArray | None = None
) -> Sheet:
    """Return the sheet of a forecast, a map per lead time.

    Args:
        forecast: Rainfall rate (lead_time, y, x) in mm/h.
        before: Frames (time, y, x) up to the issue time; the newest is drawn. None for no frame.
        observed: Frames (time, y, x) at the valid times; None for no frames.
    """
    start: list[Panel | None] = []
    if before is not None:
        start = [radar_panel(before.isel(time=-1))]
    rows = [Row([*start, *lead_panels(forecast)])]
    if observed is not None:
        seen = [radar_panel(frame) for frame in each(observed, "time")]
        rows = [
            rows[0]._replace(heading="Forecast"),
            Row([*[None] * len(start), *seen], "Observed"),
        ]
    return Sheet(f"Rain by {issued(forecast)}", about(forecast), rows)


def forecast_series(forecast: DataArray, before: DataArray | None = None) -> Iterator[Sheet]:
    """Yield sheets of the frames (time, y, x) before a forecast, then of its lead times."""
    frames = [] if before is None else each(before, "time")
    leads = each(forecast, "lead_time")
    marks = [(hour(frame["time"]) if k % 3 == 0 else "", True) for k, frame in enumerate(frames)]
    marks += [(hour(lead["time"]), False) for lead in leads]
    subtitle = (
        f"{forecast.attrs['model']}, issued {moment(forecast['forecast_reference_time'])} UTC"
    )
    for number, frame in enumerate(frames):
        yield large(
            radar_panel(frame), f"Radar {moment(frame['time'])} UTC", subtitle, marks, number
        )
    for number, lead in enumerate(leads, start=len(frames)):
        title = f"Forecast +{minutes(lead)} min, for {moment(lead['time'])} UTC"
        yield large(lead_panel(lead), title, subtitle, marks, number)


def in_english(text: str, **values: object) -> str:
    """A text with values in place of its names in braces."""
    return text.format(**values) if values else text


def case_sheet(
    before: DataArray,
    forecast: DataArray,
    observed: DataArray,
    translate: Translate = in_english,
) -> Sheet:
    """Return the sheet of one lead time of a forecast, between two frames.

    Args:
        before: Frame (time of 1, y, x) of the issue time.
        forecast: Rainfall rate (lead_time of 1, y, x) in mm/h.
        observed: Frame (time of 1, y, x) of the valid time.
        translate: Returns a text in the language of the sheet, with values in place of its names.
    """
    start, end = (radar_panel(frame.isel(time=0)) for frame in (before, observed))
    return Sheet(
        translate("Rain by {forecast}", forecast=issued(forecast, translate)),
        about(forecast, translate),
        [Row([start, *lead_panels(forecast), end])],
        no_data=translate(NO_DATA_TEXT),
    )


def frames_sheet(frames: DataArray) -> Sheet:
    """Return the sheet of radar frames (time, y, x), oldest first, in rows."""
    panels = [radar_panel(frame) for frame in each(frames, "time")]
    rows = [Row(panels[k : k + COLUMNS]) for k in range(0, len(panels), COLUMNS)]
    first, last = moment(frames["time"][0]), moment(frames["time"][-1])
    title = f"Radar, {first} UTC" if first == last else f"Radar, {first} to {last} UTC"
    return Sheet(title, "Mean rain rate of the five minutes that end at the time", rows)


def frames_series(frames: DataArray) -> Iterator[Sheet]:
    """Yield a sheet of each radar frame (time, y, x), oldest first."""
    every = max(frames.sizes["time"] // 8, 1)
    shown = each(frames, "time")
    marks = [(hour(f["time"]) if k % every == 0 else "", True) for k, f in enumerate(shown)]
    for number, frame in enumerate(shown):
        title, subtitle = f"Radar {moment(frame['time'])} UTC", "Mean rain rate of five minutes"
        yield large(radar_panel(frame), title, subtitle, marks, number)


def difference_sheet(first: DataArray, second: DataArray) -> Sheet:
    """Return the sheet of two forecasts (lead_time, y, x) of the same valid times.

    Its third row is the first minus the second.
    """
    rows = [
        Row(lead_panels(first), issued(first)),
        Row(lead_panels(second), issued(second)),
        Row(
            difference_panels(first, second), "Difference: green-blue where the first has more rain"
        ),
    ]
    return Sheet(title_of_two(first, second), about(first), rows)


def difference_series(first: DataArray, second: DataArray) -> Iterator[Sheet]:
    """Yield a sheet per lead time of two forecasts (lead_time, y, x) and their difference."""
    parts = lead_panels(first), lead_panels(second), difference_panels(first, second)
    marks = [(hour(lead["time"]), False) for lead in each(first, "lead_time")]
    names = first.attrs["model"], second.attrs["model"], "difference"
    for number, panels in enumerate(zip(*parts, strict=True)):
        named = [p._replace(title=f"{n}: {p.title}") for p, n in zip(panels, names, strict=True)]
        track = Track(marks, number)
        yield Sheet(title_of_two(first, second), about(first), [Row(named)], track=track)


def large(
    panel: Panel, title: str, subtitle: str, marks: list[tuple[str, bool]], current: int
) -> Sheet:
    """Return a sheet of one large map with its place in the series."""
    return Sheet(title, subtitle, [Row([panel._replace(title="")])], LARGE, Track(marks, current))


def radar_panel(frame: DataArray) -> Panel:
    """Return the map of a radar frame (y, x)."""
    return Panel(frame, f"Radar · {hour(frame['time'])}", is_radar=True)


def lead_panels(forecast: DataArray) -> list[Panel]:
    """Return the maps of a forecast (lead_time, y, x)."""
    return [lead_panel(lead) for lead in each(forecast, "lead_time")]


def lead_panel(lead: DataArray) -> Panel:
    """Return the map of one lead time (y, x) of a forecast."""
    return Panel(lead, f"+{minutes(lead)} min · {hour(lead['time'])}")


def difference_panels(first: DataArray, second: DataArray) -> list[Panel]:
    """Return the maps of the difference of two forecasts (lead_time, y, x)."""
    difference = first.copy(data=first.values - second.values)
    return [panel._replace(is_difference=True) for panel in lead_panels(difference)]


def title_of_two(first: DataArray, second: DataArray) -> str:
    """Return the title of the difference of two forecasts (lead_time, y, x)."""
    begin, end = first["time"][0], first["time"][-1]
    return (
        f"{first.attrs['model']} minus {second.attrs['model']}, {moment(begin)} to {hour(end)} UTC"
    )


def issued(forecast: DataArray, translate: Translate = in_english) -> str:
    """Return model and issue time of a forecast (lead_time, y, x) as text."""
    time = moment(forecast["forecast_reference_time"])
    return translate("{model}, issued {time} UTC", model=forecast.attrs["model"], time=time)


def about(forecast: DataArray, translate: Translate = in_english) -> str:
    """Return the subtitle of a forecast (lead_time, y, x): selected models, interpolated frames."""
    parts = [translate("Lead and valid time (UTC) above each map, mean rate of five minutes")]
    if "chosen" in forecast.attrs:
        models = forecast.attrs["chosen"].replace(",", ", ")
        parts.append(translate("by lead: {models}", models=models))
    if "bridged" in forecast.attrs:
        parts.append(translate("from frames of which a missing one is interpolated"))
    if SUSPECT in forecast.attrs:
        parts.append(translate("MADE FROM DOUBTFUL RADAR"))
    if "stale" in forecast.attrs:
        parts.append(translate("OUTDATED: {reason}", reason=forecast.attrs["stale"]))
    return "; ".join(parts)


def each(field: DataArray, dim: str) -> list[DataArray]:
    """Return the maps (y, x) of a field along a dimension."""
    return [field.isel({dim: k}) for k in range(field.sizes[dim])]


def minutes(lead: DataArray) -> int:
    """Return the lead time in min of one lead time (y, x) of a forecast."""
    return int(lead["lead_time"].values / np.timedelta64(1, "m"))


def moment(time: DataArray) -> str:
    """Return a time, a scalar, as date and time of day."""
    return f"{datetime_of(time):%Y-%m-%d %H:%M}"


def hour(time: DataArray) -> str:
    """Return a time, a scalar, as time of day."""
    return f"{datetime_of(time):%H:%M}"


def datetime_of(time: DataArray) -> datetime:
    """Convert a time, a scalar, to a datetime."""
    return to_datetime(time_of(time))
