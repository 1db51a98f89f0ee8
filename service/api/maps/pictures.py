"""Responses with pictures: tagged by their content and held for the next client."""

import hashlib

from fastapi import Request, Response

from service.api.dependencies import ApiContext
from service.api.maps.drawing import Frame, draw
from service.api.maps.layers import Picture
from service.api.maps.palettes import Background, Style
from service.api.page.static_files import conditional_response
from service.api.representations import SHORT_LIVED

PNG = "image/png"
FORMAT = "m1"
"""Version of the drawing, part of the entity tags."""
DIGITS = 12
"""Hexadecimal digits of the hash of a frame in an entity tag."""


def picture_response(
    request: Request,
    context: ApiContext,
    picture: Picture,
    frame: Frame,
    style: Style,
    cache_control: str,
    background: Background | None = None,
) -> Response:
    """The response with a picture; 304 where the client has it.

    Args:
        request: The request.
        context: The API context.
        picture: The picture.
        frame: Its area and size.
        style: Its colours.
        cache_control: How long it may be cached where it is final.
        background: Colour behind it; None for a transparent picture.
    """
    area = hashlib.sha256(repr(frame).encode()).hexdigest()[:DIGITS]
    behind = "" if background is None else f"-{bytes(background).hex()}"
    name = f"{picture.name}-{style}{behind}-{area}-{FORMAT}"
    return conditional_response(
        request,
        name,
        lambda: context.pictures.get(name, lambda: draw(picture, frame, style, background)),
        {"Cache-Control": cache_control if picture.is_final else SHORT_LIVED},
        PNG,
    )
