"""Which form of a forecast a client takes, and whether it has it already."""

from typing import Annotated

from fastapi import Depends, Query, Request

from service.errors import NotAcceptable

JSON, NETCDF, PNG = "application/json", "application/x-netcdf", "image/png"
OFFERED = {
    JSON: (JSON,),
    NETCDF: (NETCDF, "application/netcdf"),
    # A browser's address bar wants text/html: what it can show of a forecast is its picture.
    PNG: (PNG, "text/html"),
}
"""Names by which a client may ask for what there is; of equals the first is sent."""
FORMATS = {"json": JSON, "netcdf": NETCDF, "png": PNG}


async def form(
    request: Request,
    f: Annotated[
        str | None,
        Query(
            description="The form of the answer; where left out, the header `Accept` tells it.",
            json_schema_extra={"enum": [*FORMATS]},
        ),
    ] = None,
) -> str:
    """The media type to answer in, by the parameter `f` or else by `Accept`.

    Raises:
        NotAcceptable: The client takes none that there is.
    """
    if f:
        if f not in FORMATS:
            raise NotAcceptable(f"f is {f!r}, should be one of {', '.join(FORMATS)}")
        return FORMATS[f]
    wanted = ",".join(request.headers.getlist("accept")) or "*/*"
    qualities = {
        media: max(quality(name, wanted) for name in names) for media, names in OFFERED.items()
    }
    best = max(qualities, key=lambda media: qualities[media])
    if qualities[best] == 0:
        raise NotAcceptable(f"there is no {wanted}, only {JSON}, {NETCDF} and {PNG}")
    return best


Form = Annotated[str, Depends(form)]
"""The media type that a client takes, found before any work is done."""


def quality(media: str, accept: str) -> float:
    """How much a media type is wanted by an Accept header, 0 for not at all.

    The most specific range counts (RFC 9110, section 12.5.1).
    """
    weights: dict[str, float] = {}
    for part in accept.lower().split(","):
        pattern, *parameters = (piece.strip() for piece in part.split(";"))
        said = next((p[2:] for p in parameters if p.startswith("q=")), "1")
        try:
            weights[pattern] = float(said)
        except ValueError:
            weights[pattern] = 0.0
    ranges = (media, f"{media.partition('/')[0]}/*", "*/*")
    weight = next((weights[pattern] for pattern in ranges if pattern in weights), 0.0)
    return weight if weight > 0 else 0.0  # nor is NaN wanted


def etag_matches(request: Request, tag: str) -> bool:
    """Whether the client says that it has this already (RFC 9110, section 13.1.2)."""
    if request.method not in ("GET", "HEAD"):
        return False
    said = ",".join(request.headers.getlist("if-none-match")).split(",")
    tags = [text.strip().removeprefix("W/") for text in said]
    return tag in tags or "*" in tags
