"""Responses to queries, in the format that the client asks for."""

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

from fastapi import Request, Response

from ingest.precipitation import NAME
from service.api.dependencies import ApiContext
from service.api.edr.cells import Cells, indices
from service.api.edr.collections import Collection, Source, load
from service.api.edr.encodings import rasters
from service.api.edr.encodings.coverage_json import coverages
from service.api.edr.encodings.tables import comma_separated, feature_collection
from service.api.edr.extracts import Extract
from service.api.edr.formats import (
    CSV,
    GEOJSON,
    NETCDF_FORMAT,
    Format,
    chosen_format,
)
from service.api.edr.options import Options
from service.api.edr.summary import freshness, place_summary, summary_document
from service.api.encoded_cache import json_bytes, with_members
from service.api.negotiation import etag_matches
from service.api.representations import SHORT_LIVED
from service.archive.key import key_of, stamp
from service.errors import BadQuery

MINUTE = 60
DIGITS = 20
"""Hexadecimal digits of the hash in an entity tag."""


class Query:
    """A query, with the fields that answer it.

    Args:
        request: The request.
        context: The API context.
        collection: The collection.
        options: The shared parameters.
        offered: Formats of this kind of query.
    """

    def __init__(
        self,
        request: Request,
        context: ApiContext,
        collection: Collection,
        options: Options,
        offered: Sequence[Format],
    ) -> None:
        self.request, self.context, self.collection = request, context, collection
        self.options, self.system = options, options.system
        self.format = chosen_format(request, options.f, offered)
        if self.format is GEOJSON and not self.system.is_geographic:
            raise BadQuery(
                f"GeoJSON is in longitude and latitude, crs is {self.system.name}; leave crs out, "
                f"or ask for another format"
            )
        if self.format is NETCDF_FORMAT and options.crs_given and self.system.definition:
            raise BadQuery(
                f"netCDF is in the projection of the radar with latitude and longitude beside, crs "
                f"is {self.system.name}; leave crs out, or ask for crs=radar or another format"
            )
        self.source: Source = load(
            context,
            collection,
            options.key(context, collection),
            options.interval,
            options.parameters,
            options.leads,
        )

    def raster(self, cells: Callable[[], Cells], extract: Callable[[], Extract]) -> Response:
        """The response with cells that form a raster.

        Args:
            cells: The cells, for formats of rasters.
            extract: Their values, for the other formats.
        """
        if self.format is NETCDF_FORMAT:
            content = rasters.netcdf(self.source, cells(), self.collection.title)
        elif self.format.name == "GeoTIFF":
            system = self.system if self.options.crs_given else None
            content = rasters.geotiff(self.source, cells(), system)
        else:
            return self.points([extract()])
        headers = {"Content-Disposition": f'attachment; filename="{self._file_name()}"'}
        return self._respond(content, hashlib.sha256(content).digest(), headers)

    def points(self, extracts: Sequence[Extract], *, several: bool = False) -> Response:
        """The response with values at points.

        Args:
            extracts: The values; several become a collection of coverages.
            several: Whether they are a collection even where there is one.
        """
        if self.format is CSV:
            content = comma_separated(extracts)
            return self._respond(content, hashlib.sha256(content).digest(), {})
        about = self.source.about()
        if len(extracts) == 1 and extracts[0].kind == "PointSeries" and not several:
            about |= self._summary(extracts[0])
        if self.format is GEOJSON:
            document = feature_collection(extracts, about)
        else:
            field = self.source.field
            document = coverages(extracts, field, about, several=several or len(extracts) > 1)
        return self._respond_json(document)

    def _summary(self, extract: Extract) -> dict[str, Any]:
        """The summary of a forecast at one position, whatever times are asked for."""
        source = self.source
        if not (source.is_forecast and NAME in source.parameters and self.collection.rates):
            return {}
        forecast = self.context.archive.full_forecast(key_of(source.field))
        row, column = position_in(source, extract)
        return {
            "nowcast:summary": summary_document(place_summary(self.context, forecast, row, column))
        }

    def _respond_json(self, document: dict[str, Any]) -> Response:
        """The response with a document and the present age of its radar.

        The age is part of the entity tag by the minute, so that a client that revalidates learns
        that radar stays away, and others do not get the same values again and again.
        """
        age = freshness(self.context, self.source.start())
        minutes = age["nowcast:radar_age_s"] // MINUTE
        content = json_bytes(document)
        digest = hashlib.sha256(content)
        digest.update(f"{minutes} {age['nowcast:stale']}".encode())
        return self._respond(with_members(content, age), digest.digest(), {})

    def _respond(self, content: bytes, digest: bytes, headers: dict[str, str]) -> Response:
        """The response with some content; 304 where the client has it."""
        tag = f'"{digest.hex()[:DIGITS]}"'
        headers = {"ETag": tag, "Cache-Control": SHORT_LIVED, "Vary": "Accept", **headers}
        if etag_matches(self.request, tag):
            return Response(status_code=304, headers=headers)
        return Response(content, media_type=self.format.media, headers=headers)

    def _file_name(self) -> str:
        suffix = "nc" if self.format is NETCDF_FORMAT else "tif"
        return f"{self.collection.id}-{stamp(self.source.start())}.{suffix}"


def position_in(source: Source, extract: Extract) -> tuple[int, int]:
    """Row and column of the one point of an extract."""
    rows, columns = indices(source.field, extract.system, extract.x, extract.y)
    return int(rows[0]), int(columns[0])
