"""Everything the service can fail at by itself, in one tree. Radar data fail in ingest.errors,
networks in model_zoo.errors.

* ServiceError
  x NotFound
    + NoFrame      no radar frame of this time
    + NoForecast   no forecast of this model at this time
    + UnknownJob   no job of this id
  x NotReady
    + NoFrames     too few radar frames yet to forecast from
    + QueueFull    more jobs are waiting than can be done in time
    + StaleRadar   the newest radar frame is too old to call what follows a forecast
    + JobRunning   the job is not done yet
  + BadPlace       words that are no place
  + NotAcceptable  nothing can be sent in a form the client takes
  + BadRequest     a request that makes no sense: a time in the future, a key used twice
"""


class ServiceError(Exception):
    """Base of all errors of the service."""


class NotFound(ServiceError):
    """What was asked for does not exist."""


class NoFrame(NotFound):
    """There is no radar frame of this time."""


class NoForecast(NotFound):
    """There is no forecast of this model at this time."""


class UnknownJob(NotFound):
    """There is no job of this id."""


class NotReady(ServiceError):
    """It cannot be done yet."""


class NoFrames(NotReady):
    """There are too few radar frames yet to forecast from."""


class QueueFull(NotReady):
    """More jobs are waiting than can be done in time."""


class StaleRadar(NotReady):
    """The newest radar frame is too old."""


class JobRunning(ServiceError):
    """The job is not done yet."""


class BadPlace(ServiceError):
    """The words are no place."""


class NotAcceptable(ServiceError):
    """Nothing can be sent in a form the client takes."""


class BadRequest(ServiceError):
    """The request makes no sense."""
