"""Experiments: settings of a training, read from TOML and saved in the checkpoint.

A file has the settings that differ from the defaults, which are those of the MS-LSTM paper,
https://arxiv.org/abs/2304.07724, and of the code published with it.
"""

import tomllib
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, PositiveFloat, PositiveInt, ValidationError, model_validator

from model_zoo import exceedance, intensity
from model_zoo.training.data.settings import Count, DataSettings, Frozen, Rain
from model_zoo.training.errors import BadExperiment
from model_zoo.zoo import CHANNELS, MODELS

SHIPPED = Path(__file__).parents[1] / "experiments"


class Optimiser(Frozen):
    """Settings of the optimiser and the learning rate."""

    kind: Literal["adam", "adamw"] = "adam"
    rate: PositiveFloat = 3e-4
    decay: Annotated[float, Field(ge=0)] = 0.0
    """Weight decay: decoupled with "adamw", added to the gradient with "adam"."""
    schedule: Literal["constant", "cosine"] = "constant"
    warm_up: Count = 0
    """Steps of linear warm-up of the learning rate."""
    floor: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Final learning rate of a cosine schedule, as a fraction of `rate`."""
    clip: PositiveFloat | None = None
    """Maximum norm of the gradient; longer ones are scaled down."""


class Loss(Frozen):
    """Settings of the loss."""

    kind: Literal["l1+l2", "exceedance"] = "l1+l2"
    """"exceedance" is the cross entropy of the thresholds of `model_zoo.exceedance`."""
    history: bool = True
    """Whether predictions of given frames count as well, as in the papers."""
    per_cell: bool = False
    """Mean over the known cells of a batch, not a sum over those of a frame; `history` is ignored
    then."""
    thresholds: dict[str, PositiveFloat] = Field(default_factory=dict)
    """With "exceedance": relative weight of a threshold, by its rate in mm/h, 1 by default."""
    decoupling: Annotated[float, Field(ge=0)] = 0.0
    """Weight of the decoupling loss of PredRNN-V2."""
    decoupling_sum: bool = False
    """Whether it is summed over layers and channels, as in the published code, not averaged."""


class Machine(Frozen):
    """Settings of the computation, which change the result by rounding only."""

    bf16: bool = False
    """Convolutions in bfloat16; weights and loss stay float32."""
    compile: bool = False
    """Compile a time step of the stack by `torch.compile`."""
    channels_last: bool = False
    kernels: bool = False
    """Convolutions by our C kernels (`model_zoo.fast`), the fastest on a CPU; float32 only, needs
    GCC."""
    lean: bool = False
    """Recompute all gates in the backward pass instead of saving them: up to a third slower, with
    `kernels` a tenth, and half the memory for some networks."""

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.kernels and (self.bf16 or self.compile or self.channels_last):
            raise ValueError("kernels are of float32 as it is; unset bf16, compile, channels_last")
        return self


class Experiment(Frozen):
    """All settings of a training."""

    name: Annotated[str, Field(pattern=r"^[\w.+-]+$")]
    model: str
    channels: PositiveInt = CHANNELS
    guidance: Count = 0
    """Channels of the first guess from a baseline (`data.guidance`); 0 for a network without."""
    learns: Literal["all", "guess"] = "all"
    """"guess": only the first guess from a baseline, so that networks can begin with it."""
    frozen_attention: bool = False
    """Whether local attention stays as it was at the start, which makes training several times as
    fast on a processor."""
    data: DataSettings
    scale: str = "reflectivity"
    """Name of the intensity scale of rain."""
    seed: Count = 2022
    batch: PositiveInt = 4
    """Samples per step on all devices together."""
    epochs: PositiveInt = 20
    steps: PositiveInt | None = None
    """Steps of the training; None for `epochs`."""
    optimiser: Optimiser = Optimiser()
    loss: Loss = Loss()
    sampling: Literal["scheduled", "reverse", "none"] = "scheduled"
    """Scheduled sampling of true frames in training; see `scheduled_sampling.py`."""
    ema: Annotated[float, Field(gt=0, lt=1)] | None = None
    """Decay of an exponential moving average of the weights, which is then validated and saved."""
    validate_every: PositiveInt | None = None
    """Steps between two validations; an epoch by default."""
    validation_samples: PositiveInt | None = None
    """Number of samples of the validation split, spread evenly; all by default."""
    machine: Machine = Machine()

    @property
    def thresholds(self) -> tuple[float, ...]:
        """Thresholds in mm/h whose exceedance is predicted; none if rain is predicted."""
        return exceedance.THRESHOLDS if self.loss.kind == "exceedance" else ()

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.model not in MODELS:
            raise ValueError(f"no model {self.model!r} in the zoo, only {', '.join(MODELS)}")
        if self.scale not in intensity.SCALES:
            raise ValueError(
                f"no intensity scale {self.scale!r}, only {', '.join(intensity.SCALES)}"
            )
        if self.loss.kind != "l1+l2" and not isinstance(self.data, Rain):
            raise ValueError(f"the {self.loss.kind} loss is of rain rates; these data have none")
        guided = isinstance(self.data, Rain) and self.data.guidance != "none"
        if guided != (self.guidance > 0):
            raise ValueError("guidance and data.guidance go together; set both, or none")
        if self.guidance and (self.loss.kind != "exceedance" or self.sampling != "none"):
            raise ValueError("guidance needs loss.kind exceedance, and sampling none")
        if self.learns == "guess" and not self.guidance:
            raise ValueError("only a network with guidance has a first guess that learns alone")
        if self.data.source == "simulated" and self.data.view == "moving":
            raise ValueError(
                "a moving view needs the frames between, which rain made as it is asked for has "
                "not; write events with `nowcast data simulated` and train on them as a corpus"
            )
        return self


def read_experiment(path: str | Path) -> Experiment:
    """Read an experiment from a TOML file, or a shipped one by its name.

    Raises:
        BadExperiment: There is no such file, it is not TOML, or has invalid settings.
    """
    file = Path(path)
    if not file.is_file() and (shipped := SHIPPED / f"{path}.toml").is_file():
        file = shipped
    try:
        settings = tomllib.loads(file.read_text())
    except OSError as error:
        names = ", ".join(sorted(found.stem for found in SHIPPED.glob("*.toml")))
        raise BadExperiment(
            f"{path} cannot be read: {error.strerror}; name a TOML file, or one of {names}"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadExperiment(f"{file} is not TOML: {error}") from error
    try:
        return Experiment.model_validate(settings)
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(map(str, fault['loc'])) or 'experiment'}: {fault['msg']}"
            for fault in error.errors()
        )
        raise BadExperiment(f"{file}: {faults}") from error
