"""Formats of the answers to queries, chosen by the parameter `f` or by `Accept`."""

from collections.abc import Iterable
from typing import NamedTuple

from fastapi import Request

from service.api.negotiation import accept_of, quality
from service.errors import BadQuery, NotAcceptable
from service.pipeline.upload import NETCDF

WITHOUT_NAME = ("text/html",)
"""Media types that stand for a format in `Accept` only."""


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

    def is_named(self, text: str) -> bool:
        """Whether a text is its name or a media type of it, in any case, without parameters."""
        media = (name for name in self.accepted if name not in WITHOUT_NAME)
        names = (self.name, *self.aliases, *media)
        return text.partition(";")[0].strip().lower() in (name.lower() for name in names)


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
    """The format to answer in, by the parameter `f` in any case or else by `Accept`.

    Raises:
        BadQuery: There is no such format of this query.
        NotAcceptable: The client accepts none.
    """
    formats = tuple(offered)
    if f is not None:
        for form in formats:
            if form.is_named(f):
                return form
        raise BadQuery(
            f"f is {f[:60]!r}, should be one of {', '.join(form.name for form in formats)}"
        )
    accept = accept_of(request)
    qualities = [max(quality(name, accept) for name in form.accepted) for form in formats]
    best = max(range(len(formats)), key=lambda number: qualities[number])
    if qualities[best] == 0:
        raise NotAcceptable(
            f"{accept[:200]} is not available, only {', '.join(form.media for form in formats)}"
        )
    return formats[best]
