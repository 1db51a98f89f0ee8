"""Tiles as requests name them: the parameters that all tiles have in common."""

from typing import Annotated, NamedTuple

from fastapi import Depends, Path, Query, Request, Response

from service.api.dependencies import ApiContext, Context
from service.api.maps.drawing import Frame
from service.api.maps.frames import tile_frame
from service.api.maps.layers import Picture
from service.api.maps.palettes import Style
from service.api.maps.pictures import picture_response
from service.api.representations import IMMUTABLE
from service.api.schemas import Moment

TimePath = Annotated[Moment, Path(description="Valid time.", examples=["2026-06-21T23:25:00Z"])]
IssuePath = Annotated[
    str,
    Path(
        description="Issue time, model and version of a forecast: its id.",
        examples=["20260621T2325Z-advection-none"],
    ),
]
StyleQuery = Annotated[
    Style, Query(description="Colours: as on the page, for dark maps, colour-blind eyes or greys.")
]


class TileRequest(NamedTuple):
    """A tile that is asked for.

    Attributes:
        request: The request.
        context: The API context.
        frame: Area and size of the tile.
        style: Colours.
    """

    request: Request
    context: ApiContext
    frame: Frame
    style: Style

    def response(self, picture: Picture) -> Response:
        """The response with a picture in this tile; 304 where the client has it."""
        return picture_response(
            self.request, self.context, picture, self.frame, self.style, IMMUTABLE
        )


async def tile_request(
    request: Request,
    context: Context,
    z: Annotated[int, Path(description="Zoom level.", examples=[6])],
    x: Annotated[int, Path(description="Column from the west.", examples=[33])],
    y: Annotated[int, Path(description="Row from the north.", examples=[20])],
    style: StyleQuery = "default",
    size: Annotated[
        int, Query(description="Side of a tile in pixels: 256 or 512.", examples=[256])
    ] = 256,
) -> TileRequest:
    """The tile that a request names, by zoom level, column and row.

    Raises:
        BadQuery: There is no such tile or size.
    """
    return TileRequest(request, context, tile_frame(z, x, y, size), style)


Tile = Annotated[TileRequest, Depends(tile_request)]
"""Parameter of a route that receives the tile to draw."""
