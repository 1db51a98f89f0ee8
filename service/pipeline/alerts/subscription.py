"""What a subscription to alerts says: where, what, to whom and when.

It is kept as JSON in the ledger and is what the API takes.
"""

from datetime import time
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

import shapely
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    FiniteFloat,
    JsonValue,
    field_validator,
    model_validator,
)
from shapely import Geometry
from shapely.geometry import shape

from ingest.accumulation import STEP_MINUTES
from ingest.domain import TIME_ZONE, time_zones

MOST_VERTICES = 500
"""Vertices of an area."""
DEFAULT_RATE = 0.5
"""Rainfall rate in mm/h of a condition that names neither a rate nor a sum."""


class Point(BaseModel):
    """A place, with all that is within a distance of it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    lat: Annotated[float, Field(ge=-90, le=90)]
    lon: Annotated[float, Field(ge=-180, le=180)]
    radius_km: Annotated[float, Field(ge=0, le=100)] = 0.0
    """0 for the cell of the place alone."""


Ring = list[Annotated[list[FiniteFloat], Field(min_length=2, max_length=3)]]
"""Longitude and latitude of the vertices of a polygon; the last is the first again."""


class Area(BaseModel):
    """An area, as the geometry of GeoJSON."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: Literal["Polygon", "MultiPolygon"]
    coordinates: list[Ring] | list[list[Ring]]

    @model_validator(mode="after")
    def _check(self) -> Self:
        geometry = self.geometry
        number = int(shapely.get_num_coordinates(geometry))
        if not number or not geometry.is_valid:
            raise ValueError(f"is no valid area: {shapely.is_valid_reason(geometry)[:100]}")
        if number > MOST_VERTICES:
            raise ValueError(f"has {number} vertices, should have at most {MOST_VERTICES}")
        west, south, east, north = geometry.bounds
        if not (max(-west, east) <= 180 and max(-south, north) <= 90):
            raise ValueError("should have coordinates in degrees, longitude first")
        return self

    @property
    def geometry(self) -> Geometry:
        """The area in degrees, longitude first.

        Raises:
            ValueError: The coordinates are none.
        """
        try:
            found: Geometry = shape({"type": self.type, "coordinates": self.coordinates})
        except (TypeError, ValueError, IndexError, shapely.errors.ShapelyError):
            raise ValueError(f"has no coordinates of a {self.type} of GeoJSON") from None
        return found


class Condition(BaseModel):
    """What is waited for: a rate at a lead time, its probability, or a sum of rain."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rate_mm_h: Annotated[float, Field(ge=0.1, le=500)] | None = None
    """Rainfall rate in mm/h that is reached anywhere in the area at any lead time, by default
    0.5; null for a sum."""
    probability: Annotated[float, Field(gt=0, lt=1)] | None = None
    """Probability of that rate; null for the rate that is forecast. The rate is then one that the
    model forecasts probabilities of."""
    sum_mm: Annotated[float, Field(ge=0.1, le=1000)] | None = None
    """Sum in mm of a period of `sum_minutes` that ends up to the longest lead time; what lies
    before the issue time is radar. Null for a rate."""
    sum_minutes: Literal[30, 60, 120] = 60
    """Length of the period of a sum."""
    sum_statistic: Literal["maximum", "mean"] = "maximum"
    """Of the sums of the cells of the area: their largest, or their mean."""
    lead_minutes: Annotated[int, Field(ge=STEP_MINUTES, le=120, multiple_of=STEP_MINUTES)] = 60
    """Longest lead time in minutes."""

    @model_validator(mode="before")
    @classmethod
    def _default_rate(cls, given: Any) -> Any:  # noqa: ANN401  any JSON value
        if not isinstance(given, dict) or given.get("sum_mm") is not None:
            return given
        return given if given.get("rate_mm_h") is not None else given | {"rate_mm_h": DEFAULT_RATE}

    @model_validator(mode="after")
    def _rate_or_sum(self) -> Self:
        if self.sum_mm is not None and (self.rate_mm_h, self.probability) != (None, None):
            raise ValueError("should have either `sum_mm`, or `rate_mm_h` and `probability`")
        return self

    @property
    def rate(self) -> float:
        """The rate in mm/h of a condition without a sum."""
        return DEFAULT_RATE if self.rate_mm_h is None else self.rate_mm_h


class Webhook(BaseModel):
    """A POST of JSON, signed as standardwebhooks.com has it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["webhook"]
    url: Annotated[str, Field(max_length=2000)]


class Apprise(BaseModel):
    """A URL of the package `apprise`, such as ntfys://ntfy.sh/topic or mailtos://user:key@host."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["apprise"]
    url: Annotated[str, Field(max_length=2000)]


class WebPush(BaseModel):
    """A push subscription of a browser."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["webpush"]
    endpoint: Annotated[str, Field(max_length=2000)]
    p256dh: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{87}=?$")]
    auth: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{22}(==)?$")]


Channel = Annotated[Webhook | Apprise | WebPush, Field(discriminator="kind")]


def local(moment: time) -> time:
    """Check a time of day.

    Raises:
        ValueError: It has a time zone.
    """
    if moment.tzinfo is not None:
        raise ValueError("should have no time zone; that is `time_zone`")
    return moment


TimeOfDay = Annotated[time, AfterValidator(local)]


class QuietHours(BaseModel):
    """Hours of each day without messages; they can pass midnight."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    begin: TimeOfDay
    end: TimeOfDay


EXAMPLES: list[JsonValue] = [
    {
        "name": "Garden",
        "point": {"lat": 52.52, "lon": 13.41},
        "condition": {"rate_mm_h": 0.5, "lead_minutes": 60},
        "channel": {"kind": "webhook", "url": "https://example.org/rain"},
    },
    {
        "name": "Basin",
        "point": {"lat": 52.52, "lon": 13.41, "radius_km": 10},
        "condition": {"sum_mm": 15, "sum_minutes": 60, "sum_statistic": "mean"},
        "channel": {"kind": "webhook", "url": "https://example.org/rain"},
    },
]


class Subscription(BaseModel):
    """A subscription to alerts; either `point` or `area` says where."""

    model_config = ConfigDict(frozen=True, extra="forbid", json_schema_extra={"examples": EXAMPLES})

    name: Annotated[str, Field(min_length=1, max_length=60)]
    point: Point | None = None
    area: Area | None = None
    condition: Condition = Condition(rate_mm_h=DEFAULT_RATE)
    model: Annotated[str, Field(max_length=64, pattern=r"^[a-z0-9+.-]+$")] | None = None
    """Name of the model; null for the default one."""
    channel: Channel
    language: Literal["de", "en"] = "en"
    time_zone: Annotated[str, Field(json_schema_extra=lambda schema: schema.pop("default"))] = (
        TIME_ZONE
    )
    """Time zone of the quiet hours and of the times in texts; by default that of the area."""
    quiet_hours: QuietHours | None = None

    @field_validator("name")
    @classmethod
    def _printable(cls, name: str) -> str:
        if not name.isprintable():
            raise ValueError("should be printable")
        return name

    @field_validator("time_zone")
    @classmethod
    def _zone(cls, name: str) -> str:
        if name not in time_zones():
            raise ValueError("should be a time zone of IANA, such as Europe/Berlin")
        return name

    @model_validator(mode="after")
    def _location(self) -> Self:
        if (self.point is None) == (self.area is None):
            raise ValueError("should have either `point` or `area`")
        return self

    @property
    def zone(self) -> ZoneInfo:
        """The time zone."""
        return ZoneInfo(self.time_zone)

    def without_secrets(self) -> "Subscription":
        """The subscription without what is secret in its channel: names and keys of a service."""
        if not isinstance(self.channel, Apprise):
            return self
        hidden = Apprise(kind="apprise", url=f"{self.channel.url.partition(':')[0]}://...")
        return self.model_copy(update={"channel": hidden})
