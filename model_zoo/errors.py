"""Everything the model zoo can fail at by itself, in one tree. Radar data fail in ingest.errors.

* ModelError
  + UnknownModel     no network of this name is in the zoo; also a KeyError
  + UnknownScale     no intensity scale of this name; also a KeyError
  + NoWeights        there are no trained weights to forecast with
  + BadCheckpoint    a file or set of arrays is not what a network can take its weights from
  + NotConvertible   a published network whose numbers ours cannot give, or that we do not know
  + BadGrid          a field whose height and width the network cannot halve; also a ValueError
  x BadFrames        frames a forecast cannot start from; also a ValueError
    + NotEnoughFrames  some of those it needs are missing (forecasters/contract.py)
"""


class ModelError(Exception):
    """Base of all errors of the model zoo."""

    def __str__(self) -> str:
        """The message as written; a KeyError would show it in quotation marks."""
        return " ".join(str(arg) for arg in self.args)


class UnknownModel(ModelError, KeyError):
    """There is no network of this name in the zoo."""


class UnknownScale(ModelError, KeyError):
    """There is no intensity scale of this name."""


class NoWeights(ModelError):
    """There are no trained weights, and a network without them never forecasts."""


class BadCheckpoint(ModelError):
    """A network cannot take its weights from this."""


class NotConvertible(ModelError):
    """A published network that ours cannot reproduce number for number."""


class BadGrid(ModelError, ValueError):
    """The height or width of a field is not a multiple of what the network needs."""


class BadFrames(ModelError, ValueError):
    """A forecast cannot start from these frames."""
