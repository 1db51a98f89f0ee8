"""Recurrent nowcasting networks, every family of cells in every shape, and baselines.

Names are imported on first use, so that errors and names of models need no PyTorch.
"""

from typing import TYPE_CHECKING

from ingest.lazy_imports import lazy_imports

if TYPE_CHECKING:
    from model_zoo import reference
    from model_zoo.forecasters.by_name import load_forecaster
    from model_zoo.nowcaster import Nowcaster, Rollout
    from model_zoo.zoo import MODELS, build

__all__ = ["MODELS", "Nowcaster", "Rollout", "build", "load_forecaster", "reference"]

__getattr__ = lazy_imports(
    __name__,
    {
        "MODELS": "zoo",
        "Nowcaster": "nowcaster",
        "Rollout": "nowcaster",
        "build": "zoo",
        "load_forecaster": "forecasters.by_name",
        "reference": "reference",
    },
)
