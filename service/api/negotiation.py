"""Content negotiation: the encoding of a forecast, and conditional requests."""

from typing import Annotated

from fastapi import Depends, Query, Request

from service.errors import BadQuery, NotAcceptable
from service.pipeline.upload import JSON, NETCDF

PNG = "image/png"
OFFERED = {
    JSON: (JSON,),
    NETCDF: (NETCDF, "application/netcdf"),
    # A browser's address bar asks for text/html; the picture is what it can show of a forecast.
    PNG: (PNG, "text/html"),
}
"""Encodings and the media types that clients may ask for; at equal quality the first wins."""
MOST_LISTED = 100
"""Media types or entity tags in one header that are read; the rest is ignored."""
FORMATS = {"json": JSON, "netcdf": NETCDF, "png": PNG}


async def media_type(
    request: Request,
    f: Annotated[
        str | None,
        Query(
            description="Encoding of the response; by default that of the header `Accept`.",
            json_schema_extra={"enum": [*FORMATS]},
        ),
    ] = None,
) -> str:
    """The media type to answer in, by the parameter `f` or else by `Accept`.

    Raises:
        BadQuery: There is no such format.
        NotAcceptable: The client accepts no available encoding.
    """
    if f is not None:
        if f not in FORMATS:
            raise BadQuery(f"f is {f[:200]!r}, should be one of {', '.join(FORMATS)}")
        return FORMATS[f]
    accept = accept_of(request)
    qualities = {
        media: max(quality(name, accept) for name in names) for media, names in OFFERED.items()
    }
    best = max(qualities, key=lambda media: qualities[media])
    if qualities[best] == 0:
        raise NotAcceptable(f"{accept} is not available, only {JSON}, {NETCDF} and {PNG}")
    return best


MediaType = Annotated[str, Depends(media_type)]
"""Parameter of a route that receives the media type to answer in."""


def accept_of(request: Request) -> str:
    """The header `Accept` of a request; anything where there is none."""
    return ",".join(request.headers.getlist("accept")) or "*/*"


def quality(media: str, accept: str) -> float:
    """Quality of a media type in an Accept header, 0 where it is not acceptable.

    The most specific range decides (RFC 9110, section 12.5.1).
    """
    weights: dict[str, float] = {}
    for part in accept.lower().split(",", MOST_LISTED)[:MOST_LISTED]:
        pattern, *parameters = (piece.strip() for piece in part.split(";"))
        value = next((p[2:] for p in parameters if p.startswith("q=")), "1")
        try:
            weights[pattern] = float(value)
        except ValueError:
            weights[pattern] = 0.0
    ranges = (media, f"{media.partition('/')[0]}/*", "*/*")
    weight = next((weights[pattern] for pattern in ranges if pattern in weights), 0.0)
    return weight if weight > 0 else 0.0  # also where q is NaN


def etag_matches(request: Request, etag: str) -> bool:
    """Whether If-None-Match of a GET or HEAD names an entity tag (RFC 9110, section 13.1.2)."""
    if request.method not in ("GET", "HEAD"):
        return False
    listed = ",".join(request.headers.getlist("if-none-match")).split(",", MOST_LISTED)
    tags = [text.strip().removeprefix("W/") for text in listed]
    return etag in tags or "*" in tags
