"""A forecast job: its key, queue, status and error."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, cast

from service.archive.key import Key, to_time
from service.errors import ServiceError
from service.jobs.job_table import JobRow

Status = Literal["accepted", "running", "successful", "failed", "dismissed"]
INTERACTIVE, SCHEDULED = "interactive", "scheduled"
"""Queues of forecast jobs: requested by users, with priority, and scheduled."""
VERIFY, INGEST = "verify", "ingest"
"""Queues of verification and ingest tasks."""


@dataclass(frozen=True)
class Job:
    """A forecast job. Status names are those of OGC API - Processes, part 1."""

    key: Key
    created: datetime
    status: Status = "accepted"
    started: datetime | None = None
    finished: datetime | None = None
    error: Exception | None = None
    queue: str = INTERACTIVE
    attempts: int = 0
    request_id: str | None = None
    """Id of the request that it was accepted for; None where it is scheduled."""

    @property
    def id(self) -> str:
        """Id of the job, that of its forecast key."""
        return self.key.id

    @classmethod
    def of(cls, row: JobRow) -> "Job":
        """Return the job of a row of the job table, its error rebuilt from kind and message."""
        return cls(
            Key(to_time(row.issue), row.model, row.weights, row.upload),
            row.created,
            cast("Status", row.status),
            row.started,
            row.finished,
            None if row.kind is None else error_of(row.kind, row.message or ""),
            row.queue,
            row.attempts,
            row.request_id,
        )


def error_of(kind: str, message: str) -> Exception:
    """Rebuild the error of a failed job, of the same class where that is one of the project's."""
    error = error_class(kind)
    return RuntimeError(f"{kind}: {message}") if error is None else error(message)


def error_class(kind: str) -> type[Exception] | None:
    """Return the error class of the project with this name; None if there is none."""
    from ingest.errors import IngestError
    from model_zoo.errors import ModelError

    roots: tuple[type[Exception], ...] = (ServiceError, ModelError, IngestError)
    classes = (error for root in roots for error in subclasses(root))
    return next((error for error in classes if error.__name__ == kind), None)


def subclasses(root: type[Exception]) -> Iterator[type[Exception]]:
    """Yield a class and all classes derived from it."""
    yield root
    for child in root.__subclasses__():
        yield from subclasses(child)


def without_traceback(error: Exception) -> Exception:
    """Return the error with no traceback, to be raised again without keeping frames alive."""
    return error.with_traceback(None)
