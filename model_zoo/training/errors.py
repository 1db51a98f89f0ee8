"""Errors of training, beside those of the zoo and of reading radar data.

* ModelError (model_zoo.errors)
  + BadData        files of a data set are missing, damaged or of another layout
  + BadExperiment  settings that contradict each other, the data or the machine
  + BadRun         the folder of a run holds another training, or training diverged
  + MissingPackage a package of the extra `train` is needed
"""

from model_zoo.errors import ModelError


class BadData(ModelError):
    """Files of a data set are missing, damaged or of another layout."""


class BadExperiment(ModelError):
    """Settings that contradict each other, the data or the machine."""


class BadRun(ModelError):
    """The folder of a run holds another training, or one that cannot resume."""


class MissingPackage(ModelError):
    """A package of the extra `train` is needed and not installed."""
