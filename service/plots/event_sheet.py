"""The picture of an event of training data, by which units, orientation and place are seen."""

import warnings

import numpy as np
from xarray import DataArray

from ingest.composites.event_store import EventFile, source_name
from ingest.composites.found import Rates
from ingest.precipitation import make
from service.plots.maps import Panel
from service.plots.sheet import Row, Sheet

LATER = np.timedelta64(30, "m")
"""Time from the wettest frame to the second one, by which motion is seen."""
WET = 0.1
"""mm/h from which a cell is wet."""


def event_sheet(event: EventFile, name: str) -> Sheet:
    """Return the sheet of an event: its wettest frame, one later, and the mean of all frames.

    Args:
        event: With frames (time, y, x) in mm/h.
        name: For the title.
    """
    wet = (event.rates >= WET).mean(axis=(1, 2))
    first = int(wet.argmax())
    after = int(np.abs(event.times - (event.times[first] + LATER)).argmin())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of cells without data
        mean = np.nanmean(event.rates, axis=0)
    panels = [
        Panel(field(event, event.rates[first]), f"wettest: {minute(event, first)}", is_radar=True),
        Panel(field(event, event.rates[after]), minute(event, after), is_radar=True),
        Panel(field(event, mean), "mean of all frames", is_radar=True),
    ]
    kilometres = event.grid.cell / 1000
    rows, columns = event.grid.shape
    subtitle = (
        f"{source_name(str(event.about.get('source', '')))}; {len(event.times)} frames, "
        f"{rows} x {columns} cells of {kilometres:g} km"
    )
    return Sheet(f"Event {name}", subtitle, [Row(panels)])


def field(event: EventFile, rate: Rates) -> DataArray:
    """Return one map (y, x) in mm/h of an event, with its places."""
    whole = make(rate, event.times[0], event.grid, "event").isel(time=0)
    return whole.assign_attrs(attribution=str(event.about.get("source", "")))


def minute(event: EventFile, number: int) -> str:
    """Return the time of a frame to the minute."""
    return str(event.times[number].astype("datetime64[m]")).replace("T", " ") + " UTC"
