"""Settings of the data sets. Where the files lie is not among them: that is the machine's business.

Defaults are those of the MS-LSTM paper, https://arxiv.org/abs/2304.07724, and of the code published
with it, but for the validation, which is cut from the training part and not from the test part.
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
    """Settings that never change, and know all their names."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Length(Frozen):
    """How many frames a network is given, and how many it predicts."""

    given: PositiveInt = 4
    horizon: PositiveInt = 4

    @property
    def frames(self) -> int:
        """Frames in a sequence."""
        return self.given + self.horizon


class MovingMNIST(Length):
    """Digits that move straight on and bounce off the edges."""

    source: Literal["moving-mnist"] = "moving-mnist"
    given: PositiveInt = 10
    horizon: PositiveInt = 10
    side: PositiveInt = 64
    digits: PositiveInt = 2
    slowest: PositiveFloat = 2.0
    """Pixels from frame to frame."""
    fastest: PositiveFloat = 6.0
    overhang: Count = 2
    """Pixels by which a digit leaves the frame before it bounces."""
    train: PositiveInt = 10_500
    validation: PositiveInt = 1_000
    test: PositiveInt = 4_500
    fresh: bool = False
    """Whether each epoch trains on sequences of its own, and not always on the same ones."""


class TaxiBJ(Length):
    """Taxis that drive into each cell of Beijing in half an hour."""

    source: Literal["taxibj"] = "taxibj"
    validation: PositiveInt = 672
    """Windows before the test."""
    test: PositiveInt = 1344
    """The last windows, four weeks of half hours."""


class KTH(Length):
    """People who walk, jog and run."""

    source: Literal["kth"] = "kth"
    given: PositiveInt = 10
    horizon: PositiveInt = 10
    side: PositiveInt = 128
    validation_persons: tuple[int, ...] = (15, 16)
    test_persons: tuple[int, ...] = tuple(range(17, 26))


class Augmentation(Frozen):
    """What may happen to a sequence of rain in training."""

    flip: bool = False
    rotate: bool = False
    """By quarter turns; by half turns where the fields are not square."""
    intensity: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Rates are multiplied by up to 1 + this, or divided by it."""


class Rain(Length):
    """Settings of all sets of radar or simulated rain."""

    crop: PositiveInt | None = None
    """Side of a square cut out at random; None for the whole field."""
    validation_crop: PositiveInt | None = None
    multiple: PositiveInt = 4
    """Whole fields get no data south and east of them up to a multiple of this, so that a network
    can halve them; MS-MotionRNN needs 8."""
    augmentation: Augmentation = Augmentation()
    view: Literal["fixed", "moving"] = "fixed"
    """"moving": every frame is carried to where its rain is at the time of the newest given one, by
    the motion seen until then, so that a network need only learn how rain changes."""
    least_wet: Share = 0.0
    """Share of cells with 0.1 mm/h or more that a window has over its frames, to be trained on."""
    cap: PositiveFloat = 500.0
    """mm/h; what is above is taken as this."""


class Germany(Rain):
    """DWD's radar composites at 5 km, from RYDL.hdf5, files, an archive or a prepared store."""

    source: Literal["germany"] = "germany"
    minutes: PositiveInt = 30
    """Between the frames of a sequence."""
    stride: PositiveInt = 240
    """Minutes between the starts of training sequences; those of the papers do not overlap."""
    validation_from: datetime = datetime(2014, 1, 1)  # noqa: DTZ001  UTC by convention, as in files
    test_from: datetime = datetime(2015, 1, 1)  # noqa: DTZ001


class Corpus(Rain):
    """Events of several countries, one npz file each; split by event."""

    source: Literal["corpus"] = "corpus"
    train: tuple[str, ...]
    """Names of files without their suffix; an asterisk stands for anything, as in sim-1-*."""
    validation: tuple[str, ...] = ()
    test: tuple[str, ...] = ()
    weights: dict[str, PositiveFloat] = {}
    """How often an event is drawn, 1 where nothing is said; with `samples` only."""
    minutes: tuple[PositiveInt, ...] = (30,)
    """Distances between frames to train on. Validation and test take the first."""
    stride: PositiveInt = 5
    samples: PositiveInt | None = None
    """Draws in an epoch; None for every window once."""
    spare: Count = 0
    """So many of the last frames of a training window may lack, and are masked then."""

    @model_validator(mode="after")
    def _given_frames_are_there(self) -> Self:
        if self.spare > self.horizon:
            raise ValueError(
                f"spare is {self.spare}, should be at most {self.horizon}, the horizon"
            )
        return self


class Simulated(Rain):
    """Events of `ingest.simulation.rainfield`, each of its own weather, made when asked for."""

    source: Literal["simulated"] = "simulated"
    minutes: PositiveInt = 30
    side: PositiveInt = 64
    """Rows and columns of an event in cells of 5 km."""
    events: PositiveInt = 1000
    crops: PositiveInt = 4
    """Samples from each event, one after the other."""
    validation_events: PositiveInt = 16


DataSettings = Annotated[
    MovingMNIST | TaxiBJ | KTH | Germany | Corpus | Simulated, Field(discriminator="source")
]


def data_settings(source: str, experiment: Mapping[str, object]) -> DataSettings:
    """Those of the training if it was on this data set, else the paper's.

    Raises:
        BadExperiment: There is no such data set, or no settings for it.
    """
    trained_on = experiment.get("data")
    same = isinstance(trained_on, Mapping) and trained_on.get("source") == source
    try:
        found: DataSettings = TypeAdapter[DataSettings](DataSettings).validate_python(
            trained_on if same else {"source": source}
        )
    except ValidationError as error:
        faults = "; ".join(fault["msg"] for fault in error.errors())
        raise BadExperiment(f"no settings for the data set {source!r}: {faults}") from error
    return found
