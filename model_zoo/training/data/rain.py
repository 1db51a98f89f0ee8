"""Sequences of rain out of records of radar frames."""

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from model_zoo.intensity import Scale
from model_zoo.training.data.augmentation import Rates, augment, crop, pad_whole
from model_zoo.training.data.moving import guidance, moving
from model_zoo.training.data.record import Record, from_hundredths, read, to_hundredths
from model_zoo.training.data.sample import Draw, Sample, Sequences, Split, rng_of
from model_zoo.training.data.settings import Augmentation, Rain
from model_zoo.training.data.sliding_windows import MISSING, windows
from model_zoo.training.errors import BadData

MOVED_IN_MEMORY = 4000
"""Windows in a moving view that are kept in memory from epoch to epoch."""


class Window(NamedTuple):
    """Frames of one record."""

    record: int
    numbers: NDArray[np.int64]

    @property
    def key(self) -> tuple[int, ...]:
        """The same for the same window."""
        return (self.record, *self.numbers.tolist())


class RainSequences(Sequences):
    """Windows of records, cut, varied and scaled as the settings say.

    Only training varies them. All else is drawn alike in every epoch.
    """

    def __init__(
        self,
        records: Sequence[Record],
        windows: Sequence[Window],
        settings: Rain,
        scale: Scale,
        split: Split,
        seed: int,
    ) -> None:
        self.records = records
        self.windows = windows
        self.scale = scale
        self.split = split
        self.seed = seed
        training = split is Split.TRAIN
        self.side = settings.crop if training else settings.validation_crop
        self.augmentation = settings.augmentation if training else Augmentation()
        self.least_wet = settings.least_wet
        self.multiple = settings.multiple
        self.cap = np.float32(settings.cap)
        self.given, self.frames = settings.given, settings.frames
        self.guided = settings.guidance != "none"
        self.moves = settings.view == "moving"
        self.moved = lru_cache(MOVED_IN_MEMORY)(self.move)
        shapes = {record.shape for record in records}
        if self.side is None and len(shapes) > 1:
            name = "crop" if training else "validation_crop"
            raise BadData(f"fields are of {sorted(shapes)}; set `{name}`, to cut out squares alike")

    def __len__(self) -> int:
        return len(self.windows)

    @property
    def events(self) -> Sequence[Sequence[int]]:
        """Numbers of the windows of each record."""
        found: dict[int, list[int]] = {}
        for number, window in enumerate(self.windows):
            found.setdefault(window.record, []).append(number)
        return list(found.values())

    def __getitem__(self, draw: Draw) -> Sample:
        epoch = draw.epoch if self.split is Split.TRAIN else 0
        rng = rng_of(self.seed, self.split, Draw(epoch, draw.index))
        return self.make(self.window(draw.index, rng), rng)

    def window(self, index: int, rng: np.random.Generator) -> Window:
        """The window of a draw."""
        return self.windows[index]

    def make(self, window: Window, rng: np.random.Generator) -> Sample:
        """Read, cut, vary and scale a window."""
        rates = self.read(window)
        if self.side is None:
            rates = pad_whole(rates, self.multiple)
        else:
            rates = crop(rates, self.side, rng, self.least_wet)
        rates = np.minimum(augment(rates, rng, self.augmentation), self.cap)
        sample = scaled(rates[: self.frames], self.scale)
        if not self.guided:
            return sample
        measured = self.scale.encode(torch.tensor(self.records[window.record].measured))
        ahead = scaled(rates[self.frames :], self.scale).frames
        return sample._replace(guidance=ahead, measured=measured)

    def read(self, window: Window) -> Rates:
        """Read the frames (time, height, width) of a window in mm/h, in the view of the settings.

        Those of guidance follow them. NaN for no data.
        """
        if self.moves:
            return from_hundredths(self.moved(window.key))
        return read(self.records[window.record], window.numbers)

    def move(self, key: tuple[int, ...]) -> NDArray[np.uint16]:
        """Return a window (time, height, width) in a moving view, in hundredths of mm/h.

        Numbers of two bytes, small enough to keep many of them in memory.
        """
        record, *numbers = key
        window, of = np.array(numbers), self.records[record]
        rates = moving(of, window, self.given)
        if self.guided:
            rates = np.concatenate([rates, guidance(of, window, self.given)])
        return to_hundredths(rates)


class Weighted(RainSequences):
    """Windows drawn at random, those of each event in proportion to its weight.

    A day of a record is an event, however many windows it has.
    """

    def __init__(
        self,
        records: Sequence[Record],
        windows: Sequence[Window],
        settings: Rain,
        scale: Scale,
        seed: int,
        *,
        samples: int,
        weights: Sequence[float],
    ) -> None:
        super().__init__(records, windows, settings, scale, Split.TRAIN, seed)
        self.samples = samples
        events: dict[tuple[int, np.datetime64], list[Window]] = {}
        for w in windows:
            newest = records[w.record].times[w.numbers[self.given - 1]]
            events.setdefault((w.record, newest.astype("datetime64[D]")), []).append(w)
        self.of = list(events.values())
        shares = np.array([weights[record] for record, _ in events])
        self.shares = shares / shares.sum()

    def __len__(self) -> int:
        return self.samples

    def window(self, index: int, rng: np.random.Generator) -> Window:
        """A window of an event by weight, whatever the index: that is in the random numbers."""
        found = self.of[rng.choice(len(self.shares), p=self.shares)]
        return found[rng.integers(len(found))]


def scaled(rates: Rates, scale: Scale) -> Sample:
    """Rates (time, height, width) in mm/h to a sample, NaN to what is masked."""
    tensor = torch.from_numpy(np.ascontiguousarray(rates, np.float32))[:, None]
    mask = ~tensor.isnan()
    return Sample(scale.encode(tensor.where(mask, 0.0)).where(mask, 0.0), mask)


def rain_windows(
    records: Sequence[Record],
    settings: Rain,
    minutes: Sequence[int],
    stride: int,
    *,
    spare: int = 0,
    chosen: Sequence[tuple[np.datetime64, np.datetime64]] | None = None,
) -> list[Window]:
    """The windows of all records that are wet enough, in the order of records and times.

    Args:
        records: Where to look.
        settings: Length of a window, and how wet it must be.
        minutes: Between its frames; for each of these there are windows.
        stride: Least minutes between two starts.
        spare: So many of the last frames may lack.
        chosen: From when to before when all frames of a window must lie, for each record.

    Raises:
        BadData: There are none.
    """
    found: list[Window] = []
    number_of_windows = 0
    for number, record in enumerate(records):
        times = record.times.astype("datetime64[m]").astype(np.int64)
        within = np.arange(len(times))
        if chosen is not None:
            first, end = chosen[number]
            within = np.flatnonzero((record.times >= first) & (record.times < end))
        wet = record.wet() if settings.least_wet > 0 else np.ones(len(times))
        for spacing in minutes:
            local_windows = windows(times[within], settings.frames, spacing, stride, spare=spare)
            number_of_windows += len(local_windows)
            for local in local_windows:
                there = local != MISSING
                numbers = np.where(there, within[local], MISSING)
                if wet[numbers[there]].mean() >= settings.least_wet:
                    found.append(Window(number, numbers))
    if not found:
        raise BadData(
            f"{', '.join(record.name for record in records) or 'no record'}: of "
            f"{number_of_windows} windows of {settings.frames} frames {list(minutes)} minutes "
            f"apart, none is wet on {settings.least_wet:g} of its cells; look for gaps, or lower "
            "`least_wet`"
        )
    return found
