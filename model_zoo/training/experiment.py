"""What is trained, on what and how: read from TOML, saved in the checkpoint.

A file says what differs from the defaults, which are those of the MS-LSTM paper,
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
    """How weights follow the gradient."""

    kind: Literal["adam", "adamw"] = "adam"
    rate: PositiveFloat = 3e-4
    decay: Annotated[float, Field(ge=0)] = 0.0
    """Weight decay, beside the gradient with "adamw", in it with "adam"."""
    schedule: Literal["constant", "cosine"] = "constant"
    warm_up: Count = 0
    """Steps over which the rate rises from nothing."""
    floor: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Share of the rate that a cosine ends at."""
    clip: PositiveFloat | None = None
    """Largest norm of the gradient."""


class Loss(Frozen):
    """What is made small."""

    kind: Literal["l1+l2", "balanced", "exceedance"] = "l1+l2"
    """"balanced" weighs cells by how hard it rains, after Shi et al. (2017); "exceedance" is the
    cross entropy of the thresholds of `model_zoo.exceedance`."""
    history: bool = True
    """Whether the given frames after the first are predicted as well, as in the papers."""
    decoupling: Annotated[float, Field(ge=0)] = 0.0
    """Weight of the penalty of PredRNN-V2."""
    decoupling_sum: bool = False
    """Whether this is summed over layers and channels, as in the published code, not averaged."""


class Machine(Frozen):
    """How the arithmetic is done; changes the result by rounding only."""

    bf16: bool = False
    """Convolutions in bfloat16; weights and loss stay float32."""
    compile: bool = False
    """By `torch.compile`, the stack of cells of one time step at a time."""
    graphs: bool = False
    """With `compile` on a GPU: what was compiled is launched as CUDA graphs. It pays where kernels
    are many and small, on small frames and in the networks that warp."""
    channels_last: bool = False
    kernels: bool = False
    """Convolutions by our kernels in C (`model_zoo.fast`), the fastest way on a processor; they
    need GCC and are of float32 only."""
    lean: bool = False
    """All gates are worked out again in the backward pass rather than kept, which takes up to a
    third longer, with `kernels` a tenth, and halves the memory of some networks."""

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.graphs and not self.compile:
            raise ValueError("graphs are of what is compiled; set compile as well")
        if self.kernels and (self.bf16 or self.compile or self.channels_last):
            raise ValueError("kernels are of float32 as it is; unset bf16, compile, channels_last")
        return self


class Experiment(Frozen):
    """One training."""

    name: Annotated[str, Field(pattern=r"^[\w.+-]+$")]
    model: str
    channels: PositiveInt = CHANNELS
    data: DataSettings
    scale: str = "reflectivity"
    """Intensity scale; of use with rain only."""
    seed: Count = 2022
    batch: PositiveInt = 4
    """Samples of a step on all devices together."""
    epochs: PositiveInt = 20
    steps: PositiveInt | None = None
    """Of the whole training, if it is not to last for `epochs`."""
    optimiser: Optimiser = Optimiser()
    loss: Loss = Loss()
    sampling: Literal["scheduled", "reverse", "none"] = "scheduled"
    """Which true frames are seen beyond the given ones in training; see `scheduled_sampling.py`."""
    ema: Annotated[float, Field(gt=0, lt=1)] | None = None
    """Decay of a running mean of the weights, which is then what is validated and kept."""
    validate_every: PositiveInt | None = None
    """Steps; an epoch by default."""
    validation_samples: PositiveInt | None = None
    """So many of the validation split, spread over it; all by default."""
    patience: PositiveInt | None = None
    """Validations without a better one after which it stops."""
    machine: Machine = Machine()

    @property
    def thresholds(self) -> tuple[float, ...]:
        """mm/h; those whose exceedance the network tells, none if it tells the rain."""
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
        if self.data.source == "simulated" and self.data.view == "moving":
            raise ValueError(
                "a moving view needs the frames between, which rain made as it is asked for has "
                "not; write events with `nowcast data simulated` and train on them as a corpus"
            )
        return self


def read_experiment(path: str | Path) -> Experiment:
    """An experiment of a TOML file, or a shipped one by its name.

    Raises:
        BadExperiment: There is no such file, it is no TOML, or has settings that are wrong.
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
        raise BadExperiment(f"{file} is no TOML: {error}") from error
    try:
        return Experiment.model_validate(settings)
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(map(str, fault['loc'])) or 'experiment'}: {fault['msg']}"
            for fault in error.errors()
        )
        raise BadExperiment(f"{file}: {faults}") from error
