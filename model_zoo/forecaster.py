"""Forecasters by name: the baselines, and networks with trained weights.

A network sees rain as numbers in 0..1 without NaN, on a grid that it can halve as often as it needs
to; here is the one place where frames become such tensors, and what it says becomes a forecast.
"""

import difflib
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from xarray import DataArray

from model_zoo import checkpoint, intensity
from model_zoo.baselines import Advection, Persistence
from model_zoo.checkpoint import Checkpoint
from model_zoo.errors import BadCheckpoint, NoWeights, UnknownModel
from model_zoo.forecast import (
    LEAD_STEP,
    Forecaster,
    Needs,
    NotEnoughFrames,
    check_horizon,
    make,
    select,
)
from model_zoo.sprog import SPROG
from model_zoo.zoo import MODELS

__all__ = ["BASELINES", "Forecaster", "Needs", "Network", "NotEnoughFrames", "load_forecaster"]

GIVEN = 4
"""Frames a network sees, 30 minutes apart, in the papers and in every experiment of ours."""
SUFFIX = ".safetensors"
SHIPPED = Path(__file__).parent / "weights"

BASELINES: Mapping[str, Callable[[], Forecaster]] = MappingProxyType(
    {"persistence": Persistence, "advection": Advection, "s-prog": SPROG}
)


class Network:
    """A trained network of the zoo.

    It knows nothing of no data: NaN goes in as 0, which is dry, and the forecast is NaN wherever
    the newest frame has no data, at every lead. Of what drifts in from there the network saw
    nothing, so near such an edge, on the side the wind comes from, its rain fades too early.
    """

    def __init__(self, trained: Checkpoint, *, name: str, device: str = "auto") -> None:
        """Bring a checkpoint onto a device.

        Args:
            trained: The network and the intensity scale it knows rain in.
            name: What its forecasts go by.
            device: As torch names it, or "auto" for the GPU if there is one.
        """
        if device == "auto":
            device = "cuda" if torch.cuda.is_available() else "cpu"
        self.name = name
        self.weights = trained.sha256
        self.needs = Needs(tuple(LEAD_STEP * age for age in reversed(range(GIVEN))))
        self._device = torch.device(device)
        self._network = trained.network.to(self._device).eval()
        self._scale = intensity.scale(trained.scale)

    def __call__(self, frames: DataArray, horizon: int = 4) -> DataArray:
        """Forecast from the newest of `frames`; see `Forecaster`.

        Raises:
            NotEnoughFrames: One of the frames 90, 60, 30 and 0 minutes old is missing.
        """
        check_horizon(horizon)
        given = select(frames, self.needs.required, self.name)
        rates = torch.from_numpy(given.to_numpy().astype(np.float32))
        with torch.inference_mode():
            predicted = self.predict(rates.to(self._device), horizon).cpu().numpy()
        return make(predicted, given, self)

    def predict(self, rates: Tensor, horizon: int) -> Tensor:
        """Rates (time, height, width) in mm/h to the next `horizon` of them; NaN is no data."""
        seen = ~rates.isnan()
        scaled = self._scale.encode(rates.where(seen, 0.0).clamp(min=0))[None, :, None]
        height, width = rates.shape[-2:]
        multiple = self._network.stack.multiple
        # dry beyond the edge, as no data is, and as the convolutions pad
        padded = F.pad(scaled, (0, -width % multiple, 0, -height % multiple))
        rollout = self._network(padded, horizon=horizon).frames[0, -horizon:, 0, :height, :width]
        return self._scale.decode(rollout).clamp(min=0).where(seen[-1], torch.nan)


def load_forecaster(
    name_or_path: str | Path, *, device: str = "auto", weights_folder: str | Path | None = None
) -> Forecaster:
    """A forecaster that can be called on frames.

    Args:
        name_or_path: "persistence", "advection" or "s-prog"; a network of the zoo, such as
            "ms-lstm"; or the path of a checkpoint, which ends in .safetensors.
        device: Where a network runs: as torch names it, or "auto" for the GPU if there is one.
        weights_folder: Where to look for <name>.safetensors before the weights that were shipped.

    Raises:
        UnknownModel: Nothing goes by this name; the message lists what does.
        NoWeights: There are no trained weights of this network, or no file at this path.
        BadCheckpoint: The file is no checkpoint, or one of another network.
        MissingExtra: The forecaster needs a package that is not installed.
    """
    if isinstance(name_or_path, Path) or name_or_path.endswith(SUFFIX):
        trained = checkpoint.load(name_or_path)
        return Network(trained, name=trained.model, device=device)
    name = name_or_path
    if name in BASELINES:
        return BASELINES[name]()
    if name not in MODELS:
        raise UnknownModel(unknown(name))
    path = find_weights(name, weights_folder)
    trained = checkpoint.load(path)
    if MODELS.get(trained.model) != MODELS[name]:
        raise BadCheckpoint(
            f"{path} should hold weights of {name!r} but holds those of {trained.model!r}; "
            f"rename it to {trained.model}{SUFFIX}, or ask for it by its path"
        )
    return Network(trained, name=name, device=device)


def find_weights(name: str, folder: str | Path | None) -> Path:
    """The checkpoint of a network of the zoo, in `folder` or among those shipped.

    Raises:
        NoWeights: There is none; the message says where it was looked for and how to get one.
    """
    folders = [SHIPPED] if folder is None else [Path(folder), SHIPPED]
    paths = [folder / f"{name}{SUFFIX}" for folder in folders]
    for path in paths:
        if path.is_file():
            return path
    raise NoWeights(
        f"there are no trained weights of {name!r}, looked for {' and '.join(map(str, paths))}; "
        f"an untrained network does not forecast. Train it with `nowcast train`, convert weights "
        f"with `nowcast convert`, or take one of {', '.join(BASELINES)}"
    )


def unknown(name: str) -> str:
    """What to say of a name that nothing goes by."""
    known = [*BASELINES, *MODELS]
    close = difflib.get_close_matches(name.lower(), known, n=1)
    return (
        f"there is no forecaster {name!r}"
        + "".join(f", did you mean {guess!r}?" for guess in close)
        + f"; known are {', '.join(known)}, and paths of checkpoints that end in {SUFFIX}"
    )
