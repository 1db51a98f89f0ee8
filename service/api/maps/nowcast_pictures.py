"""One lead time of a forecast in an area, as a picture to be laid on a map."""

from typing import Annotated, NamedTuple

from fastapi import Query, Request, Response

from ingest.precipitation import lead_minutes_of
from service.api.dependencies import ApiContext
from service.api.edr.collections import valid_times
from service.api.edr.metadata import bounding_box
from service.api.field_selection import FieldSelection
from service.api.maps.frames import frame_of
from service.api.maps.layers import forecast_picture
from service.api.maps.palettes import Style
from service.api.maps.pictures import PNG, picture_response
from service.archive.key import Key
from service.errors import BadQuery


class PictureOptions(NamedTuple):
    """The parameters of a picture; all are None where the sheet of all leads is asked for.

    Attributes:
        lead: Lead time in minutes.
        crs: Reference system of the picture.
        width, height: Pixels.
        style: Colours.
    """

    lead: int | None
    crs: str | None
    width: int | None
    height: int | None
    style: Style | None

    def check(self, media: str, selection: FieldSelection) -> bool:
        """Whether a picture of one lead time is asked for.

        Raises:
            BadQuery: Parameters of a picture are given for another format, or with those of a part.
        """
        names = [name for name, value in self._asdict().items() if value is not None]
        if names and media != PNG:
            raise BadQuery(
                f"{', '.join(names)} is for pictures, but the format is {media}; add f=png"
            )
        if names and (selection.leads or selection.parameters):
            raise BadQuery(
                f"leads and parameter are not for pictures, {', '.join(names)} is; leave the ones "
                f"or the others out"
            )
        only_box = selection == FieldSelection(box=selection.box)
        return bool(names) or (media == PNG and selection.box is not None and only_box)


async def picture_options(
    lead: Annotated[
        int | None,
        Query(description="With f=png: only this lead time in minutes.", examples=[30]),
    ] = None,
    crs: Annotated[
        str | None,
        Query(
            description="With f=png: system of the picture, EPSG:3857 by default.",
            examples=["EPSG:3857"],
        ),
    ] = None,
    width: Annotated[int | None, Query(description="With f=png: pixels.", examples=[512])] = None,
    height: Annotated[int | None, Query(description="With f=png: pixels.", examples=[512])] = None,
    style: Annotated[
        Style | None, Query(description="With f=png: colours.", examples=["default"])
    ] = None,
) -> PictureOptions:
    """The parameters of a picture of one lead time in an area."""
    return PictureOptions(lead, crs, width, height, style)


def area_picture(
    request: Request,
    context: ApiContext,
    key: Key,
    options: PictureOptions,
    bbox: str | None,
    cache_control: str,
) -> Response:
    """The response with one lead time of a forecast in an area.

    Args:
        request: The request.
        context: The API context.
        key: The forecast key.
        options: Parameters of the picture.
        bbox: West, south, east and north in degrees; None for the whole grid.
        cache_control: How long the picture may be cached.

    Raises:
        NoForecast: There is no such forecast.
        BadQuery: It has no such lead time, or the picture is too large.
    """
    forecast = context.archive.full_forecast(key)
    leads = lead_minutes_of(forecast)
    lead = min(30, leads[-1]) if options.lead is None else options.lead
    if lead not in leads:
        raise BadQuery(f"lead is {lead}, should be one of {', '.join(map(str, leads))}")
    time = valid_times(forecast)[leads.index(lead)]
    whole = ",".join(map(str, bounding_box(context.area, forecast)))
    frame = frame_of(bbox or whole, None, options.crs, options.width, options.height)
    picture = forecast_picture(context, key, time)
    style = options.style or "default"
    return picture_response(request, context, picture, frame, style, cache_control)
