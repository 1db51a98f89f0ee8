"""Jobs by their ids, also those that the book has forgotten: what they made is still there."""

import re

from service.api.dependencies import ApiContext
from service.api.representations import gone
from service.archive.key import Key, from_stamp, to_datetime
from service.errors import UnknownJob
from service.jobs.job import Job

ID = re.compile(
    r"(?P<issue>\d{8}T\d{4}Z)-(?P<model>[a-z0-9+.-]{1,64})-(?P<version>[0-9a-f]{8}|none)"
    r"(?:-(?P<upload>[0-9a-f]{16}))?",
    re.ASCII,
)


def find(context: ApiContext, job: str) -> Job:
    """The job of an id.

    Raises:
        UnknownJob: There is no trace of it.
        Gone: All that is left of it is a line in the ledger.
    """
    try:
        return context.jobs.get(job)
    except UnknownJob:
        key = key_of_id(job)
        if key is None:
            raise
        if context.archive.has_forecast(key):
            return Job(key, created=context.archive.generated(key), status="successful")
        if is_noted(context, key):
            raise gone(key) from None
        raise


def key_of_id(job: str) -> Key | None:
    """What an id is made of; of weights and uploads it has the first digits only."""
    parts = ID.fullmatch(job)
    issue = from_stamp(parts["issue"]) if parts else None
    if parts is None or issue is None:
        return None
    return Key(issue, parts["model"], parts["version"], parts["upload"] or "")


def is_noted(context: ApiContext, key: Key) -> bool:
    """Whether the ledger knows of a forecast, with any weights of which a key has some digits."""
    if key.upload:
        return False
    noted: dict[str, object] = {"model": key.model, "issue": to_datetime(key.issue)}
    weights = {"weights": key.weights} if key.weights == "none" else {}
    return context.ledger.has_forecast(noted | weights)
