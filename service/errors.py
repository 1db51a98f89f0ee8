"""Everything the service can fail at by itself, in one tree. Radar data fail in ingest.errors,
networks in model_zoo.errors.

* ServiceError
  x NotFound
    + NoFrame      no radar frame of this time
    + NoForecast   no forecast of this model at this time
    + NoSkill      no forecast that was verified in this time
    + UnknownJob   no job of this id
  x NotReady
    + NoFrames     too few radar frames yet to forecast from
    + QueueFull    more jobs are waiting than can be done in time
    + QueueTooOld  jobs have been waiting for too long already
    + NoWorker     nobody is there to do jobs
    + DeadLetter   a job that its workers did not survive
    + Expired      a scheduled job that nobody had time for while it was of use
    + StaleRadar   the newest radar frame is too old to call what follows a forecast
    + LedgerAway   the database cannot be reached, or has no room
  + JobRunning     the job is not done yet
  + Gone           it was there and is kept no longer
  + BadLedger      a database that this program cannot use
  + BadPlace       words that are no place
  + NotAcceptable  nothing can be sent in a form the client takes
  + BadRequest     a request that makes no sense: a time in the future, a key used twice
  + BadSetting     a setting of the deployment that means nothing
  + BadKeys        the file of API keys is not what it should be
  + Exposed        the API would be open to anybody on an address that others reach
"""


class ServiceError(Exception):
    """Base of all errors of the service."""


class NotFound(ServiceError):
    """What was asked for does not exist."""


class NoFrame(NotFound):
    """There is no radar frame of this time."""


class NoForecast(NotFound):
    """There is no forecast of this model at this time."""


class NoSkill(NotFound):
    """No forecast has been verified in this time."""


class UnknownJob(NotFound):
    """There is no job of this id."""


class NotReady(ServiceError):
    """It cannot be done yet."""


class NoFrames(NotReady):
    """There are too few radar frames yet to forecast from."""


class QueueFull(NotReady):
    """More jobs are waiting than can be done in time."""


class QueueTooOld(NotReady):
    """Jobs have been waiting for too long already."""


class NoWorker(NotReady):
    """Nobody is there to do jobs."""


class DeadLetter(NotReady):
    """The job was given up: its workers did not survive it."""


class Expired(NotReady):
    """Nobody had time for the scheduled job while it was of use."""


class StaleRadar(NotReady):
    """The newest radar frame is too old."""


class LedgerAway(NotReady):
    """The database cannot be reached, or has no room."""


class JobRunning(ServiceError):
    """The job is not done yet."""


class Gone(ServiceError):
    """It was there and is kept no longer."""


class BadLedger(ServiceError):
    """The database is of another kind or of a newer program, or damaged."""


class BadPlace(ServiceError):
    """The words are no place."""


class NotAcceptable(ServiceError):
    """Nothing can be sent in a form the client takes."""


class BadRequest(ServiceError):
    """The request makes no sense."""


class BadKeys(ServiceError):
    """The file of API keys is not what it should be."""


class Exposed(ServiceError):
    """The API would be open to anybody on an address that others reach."""


class BadSetting(ServiceError):
    """A setting means nothing."""
