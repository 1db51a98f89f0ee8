"""Selection of a part of a forecast by query parameters: lead times, parameters and a box."""

import hashlib
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from fastapi import Depends, Query
from xarray import DataArray

from ingest.errors import OutsideGrid
from ingest.precipitation import NAME, exceedance_probabilities, exceedance_probability_name
from service.archive.archive import Archive
from service.archive.key import Key
from service.archive.rounding import HALF_HOUR
from service.errors import BadRequest

ALL = "all"
PROBABILITY = "exceedance_probability"
NUMBER = r"[-+]?\d{1,3}(?:\.\d{1,10})?"

LeadsQuery = Annotated[
    str | None,
    Query(
        max_length=200,
        pattern=r"^(all|\d{1,4}(,\d{1,4})*)$",
        description="Lead times: `all`, or minutes with commas between; by default each half hour.",
        examples=["5,10,15"],
    ),
]
ParameterQuery = Annotated[
    str | None,
    Query(
        max_length=100,
        pattern=rf"^({NAME}|{PROBABILITY})(,({NAME}|{PROBABILITY}))?$",
        description=f"`{NAME}`, `{PROBABILITY}` or both with a comma between; by default both.",
        examples=[NAME],
    ),
]
BoxQuery = Annotated[
    str | None,
    Query(
        max_length=100,
        pattern=rf"^{NUMBER}(,{NUMBER}){{3}}$",
        description="West, south, east and north in degrees, with commas between; the smallest "
        "rectangle of cells that holds all whose centres lie within.",
        examples=["12.9,52.2,13.9,52.8"],
    ),
]


@dataclass(frozen=True)
class FieldSelection:
    """A part of a forecast; by default all of it at each half hour.

    Attributes:
        leads: Lead times as in the query.
        parameters: `NAME`, `PROBABILITY` or both, separated by commas.
        box: West, south, east and north in degrees, separated by commas.
    """

    leads: str | None = None
    parameters: str | None = None
    box: str | None = None

    @property
    def suffix(self) -> str:
        """Part of an entity tag that tells selections apart; empty for the default."""
        if self == FieldSelection():
            return ""
        text = f"{self.leads} {self.parameters} {self.box}"
        return f"-{hashlib.sha256(text.encode()).hexdigest()[:12]}"

    def read(self, archive: Archive, key: Key) -> DataArray:
        """Return the selected part (lead_time, y, x) of a forecast of the archive.

        Raises:
            NoForecast: There is no such forecast.
            BadRequest: A lead time is not stored, or the box is empty.
            OutsideGrid: No cell lies in the box.
        """
        if self.leads is None:
            forecast = archive.forecast(key)
        else:
            forecast = at_leads(archive.full_forecast(key), self.leads)
        if not self.has(PROBABILITY):
            names = map(exceedance_probability_name, exceedance_probabilities(forecast))
            forecast = forecast.drop_vars(list(names))
        return forecast if self.box is None else in_box(forecast, self.box)

    def has(self, parameter: str) -> bool:
        """Whether a parameter is selected."""
        return self.parameters is None or parameter in self.parameters.split(",")


def selection_of(
    leads: LeadsQuery = None, parameter: ParameterQuery = None, bbox: BoxQuery = None
) -> FieldSelection:
    """The selection of a request."""
    return FieldSelection(leads, parameter, bbox)


Selection = Annotated[FieldSelection, Depends(selection_of)]
"""Parameters of a route that gives part of a forecast."""


def at_leads(forecast: DataArray, leads: str | None) -> DataArray:
    """Select lead times of a forecast (lead_time, ...) as in the query; None for each half hour.

    Raises:
        BadRequest: A lead time is not stored; the message lists those that are.
    """
    stored = forecast["lead_time"].values
    if leads is None:
        return forecast.isel(lead_time=stored % HALF_HOUR == np.timedelta64(0))
    if leads == ALL:
        return forecast
    wanted = sorted({int(minutes) for minutes in leads.split(",")})
    known = (stored / np.timedelta64(1, "m")).astype(int).tolist()
    missing = [minutes for minutes in wanted if minutes not in known]
    if missing:
        raise BadRequest(
            f"leads has {', '.join(map(str, missing))}, should be {ALL} or some of "
            f"{','.join(map(str, known))}"
        )
    return forecast.isel(lead_time=[known.index(minutes) for minutes in wanted])


def in_box(forecast: DataArray, box: str) -> DataArray:
    """Select the smallest rectangle of cells that holds all whose centres lie in a box.

    Args:
        forecast: (lead_time, y, x) with `lat` and `lon` (y, x).
        box: West, south, east and north in degrees, separated by commas.

    Raises:
        BadRequest: The box reaches from east to west or from north to south.
        OutsideGrid: No cell lies in it.
    """
    west, south, east, north = map(float, box.split(","))
    if west >= east or south >= north:
        raise BadRequest(
            f"bbox is {box}, should be west,south,east,north with west < east and south < north"
        )
    longitude, latitude = forecast["lon"].values, forecast["lat"].values
    inside = (longitude >= west) & (longitude <= east) & (latitude >= south) & (latitude <= north)
    rows, columns = np.flatnonzero(inside.any(1)), np.flatnonzero(inside.any(0))
    if not rows.size:
        raise OutsideGrid(
            f"bbox {box} holds no cell of the grid, which reaches from {longitude.min():.2f} to "
            f"{longitude.max():.2f} east and from {latitude.min():.2f} to {latitude.max():.2f} "
            "north; give a larger box, or one inside"
        )
    return forecast.isel(y=slice(rows[0], rows[-1] + 1), x=slice(columns[0], columns[-1] + 1))
