"""Formats of the answers to queries, chosen by the parameter `f` or by `Accept`."""

from collections.abc import Iterable
from typing import NamedTuple

from fastapi import Request

from service.api.negotiation import quality
from service.errors import BadQuery, NotAcceptable
from service.pipeline.upload import NETCDF


class Format(NamedTuple):
    """A format.

    Attributes:
        name: Its name in metadata and in the parameter `f`.
        media: Media type of answers.
        accepted: Media types by which clients ask for it.
        aliases: Further names in the parameter `f`.
    """

    name: str
    media: str
    accepted: tuple[str, ...]
    aliases: tuple[str, ...]


COVERAGE_JSON = Format(
    "CoverageJSON",
    "application/prs.coverage+json",
    # A browser's address bar asks for text/html.
    ("application/prs.coverage+json", "application/vnd.cov+json", "application/json", "text/html"),
    ("covjson", "json"),
)
GEOJSON = Format("GeoJSON", "application/geo+json", ("application/geo+json",), ("geojson",))
CSV = Format("CSV", "text/csv; charset=utf-8; header=present", ("text/csv",), ("csv",))
NETCDF_FORMAT = Format("netCDF", NETCDF, (NETCDF, "application/netcdf"), ("netcdf",))
GEOTIFF = Format("GeoTIFF", "image/tiff; application=geotiff", ("image/tiff",), ("geotiff", "cog"))
ALL = (COVERAGE_JSON, GEOJSON, CSV, NETCDF_FORMAT, GEOTIFF)
TABLES = (COVERAGE_JSON, GEOJSON, CSV)
"""Formats of answers that are no raster."""
NAMES = list({name.lower(): name for form in ALL for name in (*form.aliases, form.name)}.values())
"""All values of the parameter `f`, of those that differ in case alone the name in metadata."""


def chosen_format(request: Request, f: str | None, offered: Iterable[Format]) -> Format:
    """The format to answer in, by the parameter `f` or else by `Accept`.

    Raises:
        BadQuery: There is no such format of this query.
        NotAcceptable: The client accepts none.
    """
    formats = tuple(offered)
    if f is not None:
        for form in formats:
            if f in (form.name, *form.aliases, form.media):
                return form
        raise BadQuery(
            f"f is {f[:60]!r}, should be one of {', '.join(form.name for form in formats)}"
        )
    accept = ",".join(request.headers.getlist("accept")) or "*/*"
    qualities = [max(quality(name, accept) for name in form.accepted) for form in formats]
    best = max(range(len(formats)), key=lambda number: qualities[number])
    if qualities[best] == 0:
        raise NotAcceptable(
            f"{accept[:200]} is not available, only {', '.join(form.media for form in formats)}"
        )
    return formats[best]
