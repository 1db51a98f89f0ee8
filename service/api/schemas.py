"""What goes over the wire. Nothing else in the service knows these types. They only grow."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, create_model

from service.api import openapi_examples
from service.jobs.job import Job
from service.skill.scores import SCORES

EARLIEST, LATEST = datetime(1990, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)


def plausible(moment: datetime) -> datetime:
    """Refuse times that no radar can have, some of which no clock can hold in UTC."""
    if not EARLIEST <= moment <= LATEST:
        raise ValueError(f"should lie between {EARLIEST:%Y} and {LATEST:%Y}")
    return moment


Moment = Annotated[AwareDatetime, AfterValidator(plausible)]
Issue = Literal["latest"] | Moment
ModelName = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[a-z0-9+.-]+$")]


class Link(BaseModel):
    rel: str
    href: str


class InsteadOf(BaseModel):
    """The default model, which could not forecast, where another did so in its place."""

    model: str
    reason: str


class JobStatus(BaseModel):
    """A job, in the words of OGC API - Processes, part 1."""

    model_config = ConfigDict(json_schema_extra={"examples": [openapi_examples.JOB_STATUS]})

    id: str
    status: Literal["accepted", "running", "successful", "failed", "dismissed"]
    created: datetime | None = None
    started: datetime | None = None
    finished: datetime | None = None
    message: str | None = None
    instead_of: InsteadOf | None = None
    """Only in answer to who asked."""
    links: list[Link]

    @classmethod
    def of(cls, job: Job, instead_of: InsteadOf | None = None) -> "JobStatus":
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
    return [
        Link(rel="self", href=f"/jobs/{job}"),
        Link(rel="results", href=f"/jobs/{job}/results"),
    ]


class ModelInfo(BaseModel):
    name: str
    version: str
    weights_sha256: str | None


class Coverage(BaseModel):
    """How much of a lead has data: all that the frame had, some of it, or none."""

    state: Literal["ok", "partial", "none"]
    valid_ratio: float


class ExceedanceProbability(BaseModel):
    """Probability, 0 to 1, that the rainfall rate is at least a threshold in mm/h."""

    threshold: float
    values: list[list[list[float | None]]]
    """As `rainfall_rate`, null in the same places."""


class Forecast(BaseModel):
    """A forecast. No data is null, and not the same as 0, which is dry.

    `exceedance_probability` has an entry for each threshold, from the lowest to the highest; it is
    empty where the model forecasts no probabilities.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [openapi_examples.FORECAST]})

    issue_time: datetime
    radar_time: datetime
    generated_at: datetime
    radar_age_s: Annotated[float, Field(description="Age of the radar when this was made.")]
    model: ModelInfo
    units: Literal["mm h-1"]
    lead_minutes: list[int]
    valid_times: list[datetime]
    coverage: list[Coverage]
    skill: list[dict[str, Any]]
    """Recent skill of the model, as known at the time of issue: a row per lead and threshold."""
    grid: dict[str, Any]
    rainfall_rate: list[list[list[float | None]]]
    """By lead, row from the north, column from the west."""
    exceedance_probability: list[ExceedanceProbability]
    bridged: list[datetime]
    """Times of radar frames that were missing and have been made up from their neighbours."""
    chosen: list[str]
    """Of the model `auto`: the model of each lead; else empty."""
    instead_of: InsteadOf | None = None
    """Only in answer to a request that named no model."""
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
        **{
            name: (float | None, Field(description=score.meaning)) for name, score in SCORES.items()
        },
    )


class Verification(BaseModel):
    model_config = ConfigDict(json_schema_extra={"examples": [openapi_examples.VERIFICATION]})

    n_valid: int
    """Leads of forecasts that have been verified in the period."""
    n_missing: int
    """Leads whose radar frame never came."""
    n_pending: int
    """Leads whose radar frame is still awaited."""
    rows: list[SkillRow]


class Health(BaseModel):
    status: Literal["ok"] = "ok"


class Queue(BaseModel):
    """Jobs that somebody waits for."""

    waiting: int
    oldest_seconds: float
    """Age of the oldest that waits; 0 where none does."""


class Readiness(BaseModel):
    model_config = ConfigDict(json_schema_extra={"examples": [openapi_examples.READINESS]})

    status: Literal["ready"] = "ready"
    radar_time: datetime
    radar_age_s: float
    jobs: Literal["embedded", "workers"]
    """Done in this process, or by workers."""
    queue: Queue
    workers: int
    """How many are alive; this process counts where it does the jobs."""
