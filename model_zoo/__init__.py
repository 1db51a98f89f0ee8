"""Recurrent nowcasting networks, every family of cells in every shape, and baselines."""

from model_zoo import reference
from model_zoo.forecasters.by_name import load_forecaster
from model_zoo.nowcaster import Nowcaster, Rollout
from model_zoo.zoo import MODELS, build

__all__ = ["MODELS", "Nowcaster", "Rollout", "build", "load_forecaster", "reference"]
