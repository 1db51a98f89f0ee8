"""Lookup of jobs by id, including jobs deleted from the job table whose forecast still exists."""

import re

from service.api.dependencies import ApiContext
from service.api.representations import gone
from service.archive.key import Key, from_stamp, to_datetime
from service.errors import LedgerAway, UnknownJob
from service.jobs.job import Job

ID = re.compile(
    r"(?P<issue>\d{8}T\d{4}Z)-(?P<model>[a-z0-9+.-]{1,64})-(?P<version>[0-9a-f]{8}|none)"
    r"(?:-(?P<upload>[0-9a-f]{16}))?",
    re.ASCII,
)


def find(context: ApiContext, job_id: str) -> Job:
    """The job with an id.

    Raises:
        UnknownJob: There is neither a job nor a forecast with this id.
        LedgerAway: The job table cannot be read, and there is no forecast with this id.
        Gone: The forecast is past its retention; only the ledger still lists it.
    """
    try:
        return context.ledger_calls.call(context.jobs.get, job_id)
    except (UnknownJob, LedgerAway) as error:
        key = key_of_id(job_id)
        if key is None:
            raise
        if context.archive.has_forecast(key):
            return Job(key, created=context.archive.generated(key), status="successful")
        if isinstance(error, UnknownJob) and is_in_ledger(context, key):
            raise gone(key) from None
        raise


def key_of_id(job_id: str) -> Key | None:
    """The forecast key in a job id, with the first digits only of weights and upload.

    None where the text is no job id.
    """
    parts = ID.fullmatch(job_id)
    issue = from_stamp(parts["issue"]) if parts else None
    if parts is None or issue is None:
        return None
    return Key(issue, parts["model"], parts["version"], parts["upload"] or "")


def is_in_ledger(context: ApiContext, key: Key) -> bool:
    """Whether the ledger lists a forecast of a key, whose weights may be abbreviated."""
    if key.upload:
        return False
    columns: dict[str, object] = {"model": key.model, "issue": to_datetime(key.issue)}
    weights = {"weights": key.weights} if key.weights == "none" else {}
    return context.ledger.has_forecast(columns | weights)
