"""Errors of the service, in one tree.

Errors of radar data are in `ingest.errors`, those of networks in `model_zoo.errors`.

* ServiceError
  x NotFound
    + NoFrame      no radar frame of this time
    + NoForecast   no forecast of this model and issue time
    + NoSkill      no verified forecast in this period
    + UnknownJob   no job with this id
    + NoItem       no collection, instance, item or place of this name
    + NoAlert      this API key has no alert with this id
  x NotReady
    + NoFrames     too few radar frames to forecast from
    + QueueFull    the queue of jobs is full
    + QueueTooOld  the oldest job has been waiting for too long
    + NoWorker     no worker is alive
    + DeadLetter   the job is given up after its workers died
    + Expired      no worker had time for a scheduled job while it was useful
    + StaleRadar   the newest radar frame is too old
    + LedgerAway   the database is unreachable or full
    + Busy         too many requests of this kind are being answered
    + NoRoom       the disk has no room for uploads
  x QuotaExceeded  this client asks for more than its share
  x NeedsApiKeys   only holders of API keys can do this, and the service has none
  x JobRunning     the job is not finished
  x Gone           the file is past its retention
  x BadLedger      the database cannot be used by this program
  x BadQuery       a query parameter is unknown or has an invalid value
    + BadPlace     the text is not a place
  x NotAcceptable  no representation matches the Accept header
  x BadRequest     the request is inconsistent, such as a time in the future
  x BadSetting     a setting has an invalid value
  x ServiceUnreachable  Redis, the ledger or the archive does not answer at the start
  x BadBackup      the folder is no whole backup, or would replace data
  x MissingProgram  a program of PostgreSQL is not installed
  x BadKeys        the file of API keys is invalid
  x Exposed        the API without keys would be reachable from other machines
"""


class ServiceError(Exception):
    """Base of all errors of the service."""


class NotFound(ServiceError):
    """The requested object does not exist."""


class NoFrame(NotFound):
    """There is no radar frame of this time."""


class NoForecast(NotFound):
    """There is no forecast of this model and issue time."""


class NoSkill(NotFound):
    """No forecast has been verified in this period."""


class UnknownJob(NotFound):
    """There is no job with this id."""


class NoItem(NotFound):
    """There is no collection, instance, item or place of this name."""


class NoAlert(NotFound):
    """This API key has no alert with this id."""


class NotReady(ServiceError):
    """The service cannot do this now; a later attempt can succeed."""


class NoFrames(NotReady):
    """There are too few radar frames to forecast from."""


class QueueFull(NotReady):
    """The queue of jobs is full."""


class QueueTooOld(NotReady):
    """The oldest job has been waiting for too long."""


class NoWorker(NotReady):
    """No worker is alive."""


class DeadLetter(NotReady):
    """The job is given up after its workers died."""


class Expired(NotReady):
    """No worker had time for the scheduled job while it was useful."""


class StaleRadar(NotReady):
    """The newest radar frame is too old."""


class LedgerAway(NotReady):
    """The database is unreachable or full.

    Args:
        message: What is wrong, for the operator.
        reason: What is wrong, for any client: without hosts, paths or users.
    """

    def __init__(self, message: str, reason: str = "the ledger cannot be used now") -> None:
        super().__init__(message)
        self.reason = reason


class Busy(NotReady):
    """Too many requests of this kind are being answered."""


class NoRoom(NotReady):
    """There is no room for uploads."""


class QuotaExceeded(ServiceError):
    """This client asks for more than its share."""


class NeedsApiKeys(ServiceError):
    """Only holders of API keys can do this, and the service has none."""


class JobRunning(ServiceError):
    """The job is not finished."""


class Gone(ServiceError):
    """The file is past its retention and has been removed."""


class BadLedger(ServiceError):
    """The database is of another kind, of a newer program or damaged."""


class BadQuery(ServiceError):
    """A query parameter is unknown or has an invalid value."""


class BadPlace(BadQuery):
    """The text is not a place."""


class NotAcceptable(ServiceError):
    """No representation matches the Accept header."""


class BadRequest(ServiceError):
    """The request is inconsistent."""


class BadKeys(ServiceError):
    """The file of API keys is invalid."""


class Exposed(ServiceError):
    """The API without keys would be reachable from other machines."""


class BadSetting(ServiceError):
    """A setting has an invalid value."""


class BadBackup(ServiceError):
    """The folder is no whole backup, or a backup would replace data."""


class MissingProgram(ServiceError):
    """A program of PostgreSQL is not installed."""


class ServiceUnreachable(ServiceError):
    """Redis, the database of the ledger or the object store does not answer at the start."""
