"""What training can fail at, beside the errors of the zoo and of reading radar data.

* ModelError (model_zoo.errors)
  + BadData        files of a data set are missing, damaged or of another layout
  + BadExperiment  settings that contradict each other, the data or the machine
  + BadRun         a folder holds the training of something else
  + MissingPackage what is asked for needs the extra `train`
"""

from model_zoo.errors import ModelError


class BadData(ModelError):
    """Files of a data set are missing, damaged or of another layout."""


class BadExperiment(ModelError):
    """Settings that contradict each other, the data or the machine."""


class BadRun(ModelError):
    """The folder of a run holds another one, or one that cannot be gone on with."""


class MissingPackage(ModelError):
    """What is asked for needs a package of the extra `train`, which is not installed."""
