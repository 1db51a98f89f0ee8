"""Recurrent nowcasting networks, every family of cells in every shape, and baselines.

Names are imported on first use, so that errors and names of models need no PyTorch.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from model_zoo import reference
    from model_zoo.forecasters.by_name import load_forecaster
    from model_zoo.nowcaster import Nowcaster, Rollout
    from model_zoo.zoo import MODELS, build

__all__ = ["MODELS", "Nowcaster", "Rollout", "build", "load_forecaster", "reference"]

HOMES = {
    "MODELS": "zoo",
    "Nowcaster": "nowcaster",
    "Rollout": "nowcaster",
    "build": "zoo",
    "load_forecaster": "forecasters.by_name",
}


def __getattr__(name: str) -> object:
    """Import a public name from its module."""
    if name == "reference":
        return import_module("model_zoo.reference")
    if name in HOMES:
        return getattr(import_module(f"model_zoo.{HOMES[name]}"), name)
    raise AttributeError(f"module 'model_zoo' has no attribute {name!r}")
