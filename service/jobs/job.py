"""A job: a forecast that was asked for, and what became of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, cast

from service.archive.key import Key, to_time
from service.errors import ServiceError
from service.jobs.job_table import JobRow

Status = Literal["accepted", "running", "successful", "failed", "dismissed"]
INTERACTIVE, SCHEDULED = "interactive", "scheduled"
"""Queues of forecasts: asked for by somebody, who comes first, and by the schedule."""
VERIFY, INGEST = "verify", "ingest"
"""Queues of what is no forecast."""


@dataclass(frozen=True)
class Job:
    """A forecast that was asked for. Status names are those of OGC API - Processes, part 1."""

    key: Key
    created: datetime
    status: Status = "accepted"
    started: datetime | None = None
    finished: datetime | None = None
    error: Exception | None = None
    queue: str = INTERACTIVE
    attempts: int = 0

    @property
    def id(self) -> str:
        return self.key.id

    @classmethod
    def of(cls, row: JobRow) -> "Job":
        """The job of a row in the book, its error made anew from what is known of it."""
        return cls(
            Key(to_time(row.issue), row.model, row.weights, row.upload),
            row.created,
            cast("Status", row.status),
            row.started,
            row.finished,
            None if row.kind is None else error_of(row.kind, row.message or ""),
            row.queue,
            row.attempts,
        )


def error_of(kind: str, message: str) -> Exception:
    """The error that a job failed with: of the same class, if it is one of those that we know."""
    found = error_class(kind)
    return RuntimeError(f"{kind}: {message}") if found is None else found(message)


def error_class(kind: str) -> type[Exception] | None:
    from ingest.errors import IngestError
    from model_zoo.errors import ModelError  # with torch behind it

    roots: tuple[type[Exception], ...] = (ServiceError, ModelError, IngestError)
    families = (found for root in roots for found in family(root))
    return next((found for found in families if found.__name__ == kind), None)


def family(root: type[Exception]) -> Iterator[type[Exception]]:
    yield root
    for child in root.__subclasses__():
        yield from family(child)


def fresh(error: Exception) -> Exception:
    """The error of a job to raise once more: each raising adds to what it holds on to."""
    return error.with_traceback(None)
