"""Schemas of requests and responses, used by the API alone. Members are added and never removed."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, create_model

from service.api import openapi_examples
from service.jobs.job import Job
from service.skill.scores import PROBABILITY_SCORES, SCORES

EARLIEST, LATEST = datetime(1990, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)


def plausible(moment: datetime) -> datetime:
    """Check that a time can be one of radar; some others overflow in UTC.

    Raises:
        ValueError: It is before 1990 or after 2200.
    """
    if not EARLIEST <= moment <= LATEST:
        raise ValueError(f"should lie between {EARLIEST:%Y} and {LATEST:%Y}")
    return moment


Moment = Annotated[AwareDatetime, AfterValidator(plausible)]
Issue = Literal["latest"] | Moment
SCORE_FIELDS = {
    name: (float | None, Field(description=score.meaning)) for name, score in SCORES.items()
}
ModelName = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[a-z0-9+.-]+$")]


class Link(BaseModel):
    """A link to a related resource (RFC 8288)."""

    rel: str
    href: str


class Violation(BaseModel):
    """What in a request does not match its schema."""

    location: Annotated[list[str | int], Field(alias="at")]
    """Where it is, from the outside to the inside."""
    detail: str


class Problem(BaseModel):
    """What is wrong with a request (RFC 9457)."""

    model_config = ConfigDict(extra="allow")

    type: str
    """URI of the kind of problem."""
    title: str
    status: int
    detail: str
    """What is, what should be, and what to do."""
    instance: str
    """Path of the request."""
    errors: list[Violation] = []


class InsteadOf(BaseModel):
    """The default model, where it cannot forecast and another model replaces it."""

    model: str
    reason: str


class JobStatus(BaseModel):
    """Status of a job, as in OGC API - Processes, part 1."""

    model_config = ConfigDict(json_schema_extra={"examples": [openapi_examples.JOB_STATUS]})

    id: str
    status: Literal["accepted", "running", "successful", "failed", "dismissed"]
    created: datetime | None = None
    started: datetime | None = None
    finished: datetime | None = None
    message: str | None = None
    instead_of: InsteadOf | None = None
    """Only in the response to the request that submitted the job."""
    links: list[Link]

    @classmethod
    def of(cls, job: Job, instead_of: InsteadOf | None = None) -> "JobStatus":
        """The status of a job."""
        return cls(
            id=job.id,
            status=job.status,
            created=job.created,
            started=job.started,
            finished=job.finished,
            message=None if job.error is None else str(job.error),
            instead_of=instead_of,
            links=links(job.id),
        )


def links(job: str) -> list[Link]:
    """Links of a job by its id: itself and its results."""
    return [
        Link(rel="self", href=f"/jobs/{job}"),
        Link(rel="results", href=f"/jobs/{job}/results"),
    ]


class ModelInfo(BaseModel):
    """A model and its weights."""

    name: str
    version: str
    weights_sha256: str | None


class Coverage(BaseModel):
    """Which part of the area has data at a lead time: all, some of it, or none."""

    state: Literal["ok", "partial", "none"]
    valid_ratio: float


class ExceedanceProbability(BaseModel):
    """Probability, 0 to 1, that the rainfall rate is at least a threshold in mm/h."""

    threshold: float
    values: list[list[list[float | None]]]
    """By lead time, row from the north, column from the west; null where `rainfall_rate` is."""


if TYPE_CHECKING:
    RecentSkill = dict[str, float | None]
else:
    RecentSkill = create_model(
        "RecentSkill",
        __doc__="Skill of a model over the days before a forecast; null where it is undefined.",
        lead_minutes=int,
        threshold=(float, Field(description="mm/h")),
        n_valid=(int, Field(description="Verified forecasts.")),
        **SCORE_FIELDS,
    )


class ForecastGrid(BaseModel):
    """Grid of a forecast: its projection, and x and y of the centres of its cells in m."""

    shape: tuple[int, int]
    """Rows and columns."""
    projection: str | None
    """A PROJ string, or WKT."""
    x: list[float]
    y: list[float]
    origin: str


class Forecast(BaseModel):
    """A forecast. No data is null, which is not 0 (dry).

    `exceedance_probability` has an entry for each threshold, in increasing order; it is empty where
    the model forecasts no probabilities.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [openapi_examples.FORECAST]})

    issue_time: datetime
    radar_time: datetime
    generated_at: datetime
    radar_age_s: Annotated[
        float, Field(description="Age of the radar when the forecast was made, in seconds.")
    ]
    model: ModelInfo
    units: Literal["mm h-1"]
    lead_minutes: list[int]
    valid_times: list[datetime]
    coverage: list[Coverage]
    skill: list[RecentSkill]
    """Recent skill of the model as known at the issue time: a row per lead time and threshold."""
    grid: ForecastGrid
    rainfall_rate: list[list[list[float | None]]]
    """Rainfall rate by lead time, row from the north, column from the west; null is no data."""
    exceedance_probability: list[ExceedanceProbability]
    bridged: list[datetime]
    """Times of missing radar frames that were interpolated from their neighbours."""
    suspect: str | None = None
    """Why the radar it is made from is doubtful; null where it is not."""
    stale: bool = False
    """The radar was too old when the newest forecast was requested: the weather has moved on."""
    chosen: list[str]
    """The model selected for each lead time by `auto`; empty for other models."""
    instead_of: InsteadOf | None = None
    """Only in the response to a request that named no model."""
    attribution: str
    licence: str
    links: list[Link]


class SkillCounts(BaseModel):
    """Contingency table of a period, by model, lead and threshold in mm/h."""

    model: str
    lead_minutes: int
    threshold: float
    n_valid: int
    hits: int
    misses: int
    false_alarms: int
    correct_negatives: int


if TYPE_CHECKING:
    SkillRow = SkillCounts
else:
    SkillRow = create_model(
        "SkillRow",
        __base__=SkillCounts,
        __doc__="Contingency table of a period with its scores; null where one is undefined.",
        **SCORE_FIELDS,
    )


class SumCounts(BaseModel):
    """Contingency table of rain sums of an hour, by model, lead time and threshold in mm.

    The hour ends at the lead time.
    """

    model: str
    lead_minutes: int
    threshold_mm: float
    n_valid: int
    hits: int
    misses: int
    false_alarms: int
    correct_negatives: int
    n_probable: int
    """Cells whose probability was compared, of ensembles at each half hour; 0 without them."""


if TYPE_CHECKING:
    SumRow = SumCounts
else:
    SumRow = create_model(
        "SumRow",
        __base__=SumCounts,
        __doc__="Contingency table of rain sums of an hour with its scores, those of their "
        "probability included; null where one is undefined.",
        **{
            name: (float | None, Field(description=score.meaning))
            for name, score in (SCORES | PROBABILITY_SCORES).items()
        },
    )


class Verification(BaseModel):
    """Verification results of a period."""

    model_config = ConfigDict(json_schema_extra={"examples": [openapi_examples.VERIFICATION]})

    n_valid: int
    """Verified lead times of forecasts."""
    n_missing: int
    """Lead times whose radar frame never arrived."""
    n_pending: int
    """Lead times whose radar frame has not arrived yet."""
    rows: list[SkillRow]
    sums: list[SumRow]
    """Rain sums of an hour, at thresholds in mm."""


class Health(BaseModel):
    """The process answers."""

    status: Literal["ok"] = "ok"


class Queue(BaseModel):
    """Jobs that clients wait for."""

    waiting: int
    oldest_seconds: float
    """Waiting time of the oldest job; 0 where none waits."""


class Readiness(BaseModel):
    """The service has recent radar and executes jobs in time."""

    model_config = ConfigDict(json_schema_extra={"examples": [openapi_examples.READINESS]})

    status: Literal["ready"] = "ready"
    radar_time: datetime
    radar_age_s: float
    jobs: Literal["embedded", "workers"]
    """Executed in this process, or by workers."""
    queue: Queue
    workers: int
    """Live workers; this process counts as one where it executes the jobs."""


class ServedModel(BaseModel):
    """A model that forecasts can be requested of."""

    name: str
    version: str | None
    """First digits of the SHA-256 of the weights, or `none`; null where it cannot forecast."""
    weights_sha256: str | None
    default: bool
    scheduled: bool
    """Whether it forecasts from every new frame."""
    latest_issue: datetime | None = None
    problem: str | None = None
    """Why it cannot forecast."""
    links: list[Link]


class Models(BaseModel):
    """The models of the service."""

    model_config = ConfigDict(json_schema_extra={"examples": [openapi_examples.MODELS]})

    models: list[ServedModel]
    links: list[Link]


class IssueModel(BaseModel):
    """A forecast of an issue time."""

    name: str
    version: str
    links: list[Link]


class IssueForecasts(BaseModel):
    """The forecasts of an issue time."""

    issue_time: datetime
    models: list[IssueModel]


class Issues(BaseModel):
    """Issue times with their forecasts, newest first."""

    model_config = ConfigDict(json_schema_extra={"examples": [openapi_examples.ISSUES]})

    issues: list[IssueForecasts]
    links: list[Link]
