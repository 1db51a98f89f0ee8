"""Query parameters that the queries of a collection share."""

from typing import Annotated, NamedTuple

from fastapi import Depends, Path, Query

from service.api.dependencies import ApiContext
from service.api.edr.collections import (
    Collection,
    instance_time,
    newest_field,
)
from service.api.edr.crs import SYSTEMS, ReferenceSystem, reference_system
from service.api.edr.formats import GEOJSON, NAMES
from service.api.edr.times import Interval, parse_interval
from service.api.field_selection import LeadsQuery
from service.api.model_parameters import ModelQuery, VersionQuery, named
from service.api.nowcast_requests.resolve import frame_time
from service.api.schemas import Moment
from service.archive.key import Key, Time, key_of, to_time
from service.errors import BadQuery, NoForecast

Datetime = Annotated[
    str | None,
    Query(
        description="Valid time in UTC: an instant, a date, or an interval whose open end is `..`.",
        examples=["2020-09-07T14:00:00Z/.."],
        max_length=100,
    ),
]
ParameterName = Annotated[
    str | None,
    Query(
        alias="parameter-name",
        description="Names of parameters, separated by commas; by default all.",
        examples=["rainfall_rate"],
        max_length=500,
    ),
]
ParameterNames = Annotated[
    str | None,
    Query(
        alias="parameter_names",
        description="The same as `parameter-name`, as OWSLib writes it.",
        examples=["rainfall_rate"],
        max_length=500,
        deprecated=True,
    ),
]
CrsQuery = Annotated[
    str | None,
    Query(
        description="Reference system of `coords` or `bbox` and of the answer, always in the order "
        f"x, y: {', '.join(system.name for system in SYSTEMS)}; by default CRS84.",
        examples=["CRS84"],
        max_length=100,
    ),
]
FormatQuery = Annotated[
    str | None,
    Query(
        description="Format of the response; by default that of the header `Accept`.",
        json_schema_extra={"enum": NAMES},
        examples=["CoverageJSON"],
        max_length=60,
    ),
]
GEOJSON_NAMES = ("GeoJSON", "json", GEOJSON.media)
GeoJsonFormat = Annotated[
    str | None,
    Query(
        description="Format of the response.",
        json_schema_extra={"enum": ["GeoJSON", "json", GEOJSON.media]},
        examples=["GeoJSON"],
    ),
]
ZQuery = Annotated[
    str | None,
    Query(
        description="Refused: the collection has no vertical axis.",
        examples=["0"],
        max_length=100,
    ),
]
InstancePath = Annotated[
    str,
    Path(
        description="Issue time, which is the time of the newest radar frame used.",
        examples=["20200907T1400Z"],
    ),
]
IssueQuery = Annotated[
    Moment | None,
    Query(
        description="Issue time; by default that of the newest forecast.",
        examples=["2026-06-21T23:25:00Z"],
    ),
]


def check_format(f: str | None, *names: str) -> None:
    """Refuse a format that a document does not have; names are in any case.

    Raises:
        BadQuery: There is no such format.
    """
    if f is not None and f.lower() not in (name.lower() for name in names):
        raise BadQuery(f"f is {f[:60]!r}, should be one of {', '.join(names)}")


class Options(NamedTuple):
    """The parameters that all queries share.

    Attributes:
        interval: Valid times.
        parameters: Names of parameters, separated by commas; None for all.
        system: Reference system.
        crs_given: Whether the query names a reference system.
        f: Name of the format; None for that of `Accept`.
        model: Name of the model; None for the default.
        version: Version of the model; None for the current one.
        issue: Issue time; None for the newest forecast.
        leads: Lead times, as in the query; None for each half hour.
    """

    interval: Interval
    parameters: str | None
    system: ReferenceSystem
    crs_given: bool
    f: str | None
    model: str | None = None
    version: str | None = None
    issue: Time | None = None
    leads: str | None = None

    def key(self, context: ApiContext, collection: Collection) -> Key | None:
        """Key of the forecast that is asked for; None for radar.

        Raises:
            NoForecast: There is none.
            ModelError: There is no such model.
        """
        if not collection.forecasts:
            return None
        if self.model is None and self.issue is None and not collection.rates:
            field = newest_field(context, collection)
            if field is None:
                raise NoForecast("there is no forecast with probabilities yet")
            return key_of(field)
        name = named(context, self.model, self.version)
        issue = self.issue if self.issue is not None else context.archive.latest_issue(*name)
        return Key(issue, *name)


async def radar_options(
    datetime: Datetime = None,
    parameter_name: ParameterName = None,
    parameter_names: ParameterNames = None,
    crs: CrsQuery = None,
    f: FormatQuery = None,
    z: ZQuery = None,
) -> Options:
    """The shared parameters of queries of radar.

    Raises:
        BadQuery: One has an invalid value.
    """
    if z is not None:
        raise BadQuery(
            f"z is {z[:60]!r}, but the collection has no vertical axis: its values are at the "
            f"ground; leave z out"
        )
    if parameter_name is not None and parameter_names is not None:
        raise BadQuery("parameter-name and parameter_names mean the same; give one of them")
    return Options(
        parse_interval(datetime),
        parameter_name or parameter_names,
        reference_system(crs),
        crs is not None,
        f,
    )


RadarOptions = Annotated[Options, Depends(radar_options)]
"""The parameters that queries of radar and of forecasts share."""


async def forecast_options(
    options: RadarOptions,
    model: ModelQuery = None,
    version: VersionQuery = None,
    issue: IssueQuery = None,
    leads: LeadsQuery = None,
) -> Options:
    """The shared parameters of queries of the newest forecast, or of one by its issue time."""
    time = None if issue is None else frame_time(to_time(issue))
    return options._replace(model=model, version=version, issue=time, leads=leads)


async def instance_options(
    options: RadarOptions,
    instance: InstancePath,
    model: ModelQuery = None,
    version: VersionQuery = None,
    leads: LeadsQuery = None,
) -> Options:
    """The shared parameters of queries of an instance."""
    issue = instance_time(instance)
    return options._replace(model=model, version=version, issue=issue, leads=leads)
