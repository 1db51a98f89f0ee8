"""Frames, forecasts and the difference of two of them as sheets, or as series of sheets to play."""

from collections.abc import Iterator
from datetime import datetime

import numpy as np
from xarray import DataArray

from service.archive.key import time_of, to_datetime
from service.plots.maps import Panel
from service.plots.sheet import Row, Sheet, Track, png

LARGE = 720
"""Pixels of the one map of a picture that moves."""
COLUMNS = 5


def of_forecast(forecast: DataArray, before: DataArray | None = None) -> bytes:
    """PNG of a forecast, lead by lead, after the frame it starts from where that is given."""
    return png(forecast_sheet(forecast, before))


def forecast_sheet(
    forecast: DataArray, before: DataArray | None = None, observed: DataArray | None = None
) -> Sheet:
    """A forecast (lead_time, y, x), lead by lead.

    Args:
        observed: Frames (time, y, x), of which the newest is what the forecast starts from.
        came: Frames at the valid times of the leads, where these have come.
    """
    start: list[Panel | None] = []
    if before is not None:
        start = [radar_panel(before.isel(time=-1))]
    rows = [Row([*start, *lead_panels(forecast)])]
    if observed is not None:
        seen = [radar_panel(frame) for frame in each(observed, "time")]
        rows = [
            rows[0]._replace(heading="What was forecast"),
            Row([*[None] * len(start), *seen], "What came"),
        ]
    return Sheet(f"Rain by {issued(forecast)}", about(forecast), rows)


def forecast_series(forecast: DataArray, before: DataArray | None = None) -> Iterator[Sheet]:
    """The frames (time, y, x) before a forecast, if any, then the forecast, a sheet each."""
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


def case_sheet(before: DataArray, forecast: DataArray, observed: DataArray) -> Sheet:
    """One lead of a forecast between the frame it starts from and the one that came.

    Args:
        observed, came: Frames (time of one, y, x).
        forecast: (lead_time of one, y, x).
    """
    start, end = (radar_panel(frame.isel(time=0)) for frame in (before, observed))
    return Sheet(
        f"Rain by {issued(forecast)}", about(forecast), [Row([start, *lead_panels(forecast), end])]
    )


def frames_sheet(frames: DataArray) -> Sheet:
    """Radar frames (time, y, x), oldest first, in rows."""
    panels = [radar_panel(frame) for frame in each(frames, "time")]
    rows = [Row(panels[k : k + COLUMNS]) for k in range(0, len(panels), COLUMNS)]
    first, last = moment(frames["time"][0]), moment(frames["time"][-1])
    title = f"Radar, {first} UTC" if first == last else f"Radar, {first} to {last} UTC"
    return Sheet(title, "Mean rain rate of the five minutes that end at the time", rows)


def frames_series(frames: DataArray) -> Iterator[Sheet]:
    """Radar frames (time, y, x), oldest first, a sheet each."""
    every = max(frames.sizes["time"] // 8, 1)
    shown = each(frames, "time")
    marks = [(hour(f["time"]) if k % every == 0 else "", True) for k, f in enumerate(shown)]
    for number, frame in enumerate(shown):
        title, subtitle = f"Radar {moment(frame['time'])} UTC", "Mean rain rate of five minutes"
        yield large(radar_panel(frame), title, subtitle, marks, number)


def difference_sheet(first: DataArray, second: DataArray) -> Sheet:
    """Two forecasts (lead_time, y, x) of the same valid times, and what the first has more."""
    rows = [
        Row(lead_panels(first), issued(first)),
        Row(lead_panels(second), issued(second)),
        Row(
            difference_panels(first, second), "Difference: green-blue where the first has more rain"
        ),
    ]
    return Sheet(title_of_two(first, second), about(first), rows)


def difference_series(first: DataArray, second: DataArray) -> Iterator[Sheet]:
    """The same lead by lead: the first, the second and the difference side by side."""
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
    return Sheet(title, subtitle, [Row([panel._replace(title="")])], LARGE, Track(marks, current))


def radar_panel(frame: DataArray) -> Panel:
    return Panel(frame, f"Radar · {hour(frame['time'])}", is_radar=True)


def lead_panels(forecast: DataArray) -> list[Panel]:
    return [lead_panel(lead) for lead in each(forecast, "lead_time")]


def lead_panel(lead: DataArray) -> Panel:
    return Panel(lead, f"+{minutes(lead)} min · {hour(lead['time'])}")


def difference_panels(first: DataArray, second: DataArray) -> list[Panel]:
    difference = first.copy(data=first.values - second.values)
    return [panel._replace(is_difference=True) for panel in lead_panels(difference)]


def title_of_two(first: DataArray, second: DataArray) -> str:
    begin, end = first["time"][0], first["time"][-1]
    return (
        f"{first.attrs['model']} minus {second.attrs['model']}, {moment(begin)} to {hour(end)} UTC"
    )


def issued(forecast: DataArray) -> str:
    return f"{forecast.attrs['model']}, issued {moment(forecast['forecast_reference_time'])} UTC"


def about(forecast: DataArray) -> str:
    """What else is to be known of a forecast."""
    parts = ["Lead and valid time (UTC) above each map, mean rate of five minutes"]
    if "chosen" in forecast.attrs:
        parts.append(f"by lead: {forecast.attrs['chosen'].replace(',', ', ')}")
    if "bridged" in forecast.attrs:
        parts.append("made with a missing frame bridged")
    return "; ".join(parts)


def each(field: DataArray, dim: str) -> list[DataArray]:
    return [field.isel({dim: k}) for k in range(field.sizes[dim])]


def minutes(lead: DataArray) -> int:
    return int(lead["lead_time"].values / np.timedelta64(1, "m"))


def moment(time: DataArray) -> str:
    return f"{datetime_of(time):%Y-%m-%d %H:%M}"


def hour(time: DataArray) -> str:
    return f"{datetime_of(time):%H:%M}"


def datetime_of(time: DataArray) -> datetime:
    return to_datetime(time_of(time))
