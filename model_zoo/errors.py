"""Errors of the model zoo, in one tree; those of radar data are in ingest.errors.

* ModelError
  + UnknownModel     no network of this name is in the zoo; also a KeyError
  + UnknownScale     no intensity scale of this name; also a KeyError
  + NoWeights        there are no trained weights of a network
  + BadCheckpoint    a file or set of arrays does not fit a network
  + NotConvertible   a published network that is unknown, or that ours does not reproduce
  + NoDevice         there is no such device here (device.py)
  + NoProbabilities  a forecast has none, which an ensemble is made of (forecasters/ensemble.py)
  + BadGrid          height and width cannot be halved as often as needed; also a ValueError
  + BadFrames        frames that a forecast cannot start from; also a ValueError
    + NotEnoughFrames  required frames are missing (forecasters/contract.py)
  + BadForecast      the forecast of an installed package breaks the contract
"""


class ModelError(Exception):
    """Base of all errors of the model zoo."""

    def __str__(self) -> str:
        """Return the message; a KeyError would put it in quotation marks."""
        return " ".join(str(arg) for arg in self.args)


class UnknownModel(ModelError, KeyError):
    """There is no network of this name in the zoo."""


class UnknownScale(ModelError, KeyError):
    """There is no intensity scale of this name."""


class NoWeights(ModelError):
    """There are no trained weights; untrained networks do not forecast."""


class BadCheckpoint(ModelError):
    """A file or set of arrays is not a checkpoint of the network."""


class NotConvertible(ModelError):
    """A published network that is unknown, or whose results ours does not reproduce."""


class NoDevice(ModelError):
    """There is no such device here for networks to run on."""


class BadGrid(ModelError, ValueError):
    """Height or width of a field is not a multiple of what the network needs."""


class BadFrames(ModelError, ValueError):
    """A forecast cannot start from these frames."""


class BadForecast(ModelError):
    """The forecast of a forecaster from an installed package breaks the contract."""
