"""Settings of the data sets, without the folder of their files, which is an argument of the run.

Defaults are those of the MS-LSTM paper, https://arxiv.org/abs/2304.07724, and of the code published
with it, but for the validation split, which is part of the training and not of the test data.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PositiveFloat,
    PositiveInt,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from model_zoo.training.errors import BadExperiment

Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=0)]


class Frozen(BaseModel):
    """Immutable settings that reject unknown names."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Length(Frozen):
    """Numbers of given and of predicted frames."""

    given: PositiveInt = 4
    horizon: PositiveInt = 4

    @property
    def frames(self) -> int:
        """Frames of a sequence."""
        return self.given + self.horizon


class MovingMNIST(Length):
    """Moving MNIST: digits that move in straight lines and bounce off the edges."""

    source: Literal["moving-mnist"] = "moving-mnist"
    given: PositiveInt = 10
    horizon: PositiveInt = 10
    side: PositiveInt = 64
    digits: PositiveInt = 2
    train: PositiveInt = 10_500
    validation: PositiveInt = 1_000
    test: PositiveInt = 4_500


class TaxiBJ(Length):
    """TaxiBJ: taxi inflow of each cell of Beijing per half hour."""

    source: Literal["taxibj"] = "taxibj"
    validation: PositiveInt = 672
    """Number of windows before those of the test."""
    test: PositiveInt = 1344
    """Number of last windows, four weeks of half hours."""


class KTH(Length):
    """KTH: videos of people who walk, jog and run."""

    source: Literal["kth"] = "kth"
    given: PositiveInt = 10
    horizon: PositiveInt = 10
    side: PositiveInt = 128
    validation_persons: tuple[int, ...] = (15, 16)
    test_persons: tuple[int, ...] = tuple(range(17, 26))


class Augmentation(Frozen):
    """Random augmentation of rain sequences in training."""

    flip: bool = False
    rotate: bool = False
    """By multiples of 90 degrees, of 180 degrees if fields are not square."""
    intensity: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Rates are multiplied or divided by a factor of up to 1 + this."""
    heavy: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Share of sequences whose rates are multiplied by 1 to 16 as well, so that a network sees
    heavy rain that is as wide and steady as light rain, which radar events hardly have."""


class Rain(Length):
    """Settings of all data sets of radar or simulated rain."""

    crop: PositiveInt | None = None
    """Side of a random square crop in cells; None for the whole field."""
    validation_crop: PositiveInt | None = None
    multiple: PositiveInt = 4
    """Whole fields are padded by no data in the south and east to a multiple of this, so that a
    network can halve them; MS-MotionRNN needs 8."""
    augmentation: Augmentation = Augmentation()
    view: Literal["fixed", "moving"] = "fixed"
    """"moving": Lagrangian coordinates. Every frame is advected to the time of the newest given one
    by the motion until then, so that a network need only learn how rain changes."""
    guidance: Literal["none", "s-prog"] = "none"
    """Baseline whose forecast is an input for each lead; with a moving view only."""
    least_wet: Share = 0.0
    """Minimum share of cells with 0.1 mm/h or more in the frames of a training window."""
    cap: PositiveFloat = 500.0
    """Maximum rate in mm/h; higher rates are clipped."""


class Germany(Rain):
    """Composites of DWD at 5 km, from RYDL.hdf5, radar files, an archive or a prepared store."""

    source: Literal["germany"] = "germany"
    minutes: PositiveInt = 30
    """Time between the frames of a sequence."""
    stride: PositiveInt = 240
    """Minutes between the starts of training sequences; no overlap in the papers."""
    validation_from: datetime = datetime(2014, 1, 1)  # noqa: DTZ001  UTC by convention, as in files
    test_from: datetime = datetime(2015, 1, 1)  # noqa: DTZ001


class Corpus(Rain):
    """Radar events of several countries, one npz file each; split by event."""

    source: Literal["corpus"] = "corpus"
    train: tuple[str, ...]
    """Names of files without suffix; an asterisk matches anything, as in sim-1-*."""
    validation: tuple[str, ...] = ()
    test: tuple[str, ...] = ()
    weights: dict[str, PositiveFloat] = {}
    """Relative frequency of an event, 1 by default; with `samples` only. Each day of a file is an
    event; patterns as in `train`."""
    tile: PositiveInt | None = None
    """Fields larger than twice this are cut into squares of this side, each a record of its own."""
    minutes: tuple[PositiveInt, ...] = (30,)
    """Times between frames in training. Validation and test use the first."""
    stride: PositiveInt = 5
    samples: PositiveInt | None = None
    """Random samples per epoch; None for every window once."""
    spare: Count = 0
    """Number of last frames of a training window that may be missing, and are masked."""

    @model_validator(mode="after")
    def _moves_with_guidance(self) -> Self:
        if self.guidance != "none" and self.view != "moving":
            raise ValueError(
                f'guidance by {self.guidance} lies in a moving view; set view = "moving"'
            )
        return self

    @model_validator(mode="after")
    def _given_frames_are_there(self) -> Self:
        if self.spare > self.horizon:
            raise ValueError(
                f"spare is {self.spare}, should be at most {self.horizon}, the horizon"
            )
        return self


class Simulated(Rain):
    """Events of `ingest.simulation.rainfield`, each with its own weather, simulated on access."""

    source: Literal["simulated"] = "simulated"
    minutes: PositiveInt = 30
    side: PositiveInt = 64
    """Rows and columns of an event, in cells of 5 km."""
    events: PositiveInt = 1000


DataSettings = Annotated[
    MovingMNIST | TaxiBJ | KTH | Germany | Corpus | Simulated, Field(discriminator="source")
]


def data_settings(source: str, experiment: Mapping[str, object]) -> DataSettings:
    """Return the settings of the training if it was on this data set, else those of the paper.

    Raises:
        BadExperiment: There is no such data set, or no settings for it.
    """
    trained_on = experiment.get("data")
    same = isinstance(trained_on, Mapping) and trained_on.get("source") == source
    try:
        # a checkpoint may have settings that are no more
        found: DataSettings = TypeAdapter[DataSettings](DataSettings).validate_python(
            trained_on if same else {"source": source}, extra="ignore"
        )
    except ValidationError as error:
        faults = "; ".join(fault["msg"] for fault in error.errors())
        raise BadExperiment(f"no settings for the data set {source!r}: {faults}") from error
    return found
