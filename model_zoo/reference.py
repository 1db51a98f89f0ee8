"""Public face of the published networks; see `model_zoo.checkpoints.convert`."""

from model_zoo.checkpoints.convert import load

__all__ = ["load"]
