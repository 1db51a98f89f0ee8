"""Rain simulated on access by `ingest.simulation.rainfield`, an unlimited number of events.

Each event has its own weather, drawn from ranges around the weather fitted to radar
(`ingest.simulation.weather.Weather`), and yields several samples in succession, as simulation takes
a tenth of a second for five minutes of weather. Access them in order, so that an event is simulated
once for all of its samples; the training loop does so for this data set.
"""

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import lru_cache, partial
from io import BytesIO
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np

from ingest.grid import MODEL_FACTOR, block_mean
from ingest.simulation.rainfield import RainField
from ingest.simulation.weather import Weather
from model_zoo.checkpoints.checkpoint import write_whole
from model_zoo.intensity import Scale
from model_zoo.training.data.augmentation import Rates, augment, crop, pad_whole
from model_zoo.training.data.rain import scaled
from model_zoo.training.data.record import to_hundredths
from model_zoo.training.data.sample import Draw, Sample, Sequences, Split, rng_of
from model_zoo.training.data.settings import Augmentation, Simulated
from model_zoo.training.errors import BadData

STEP_MINUTES = 5
"""Time step of `RainField.advance`."""
EVENTS_IN_MEMORY = 4
CROPS = 4
"""Samples of each event, in succession."""
VALIDATION_EVENTS = 16
WET_SHARES = 0.03, 0.4
"""Range of the mean rainy area: from scattered showers to a front over all of it."""
FIRST, DAY = np.datetime64("2000-01-01T00:00:00", "s"), np.timedelta64(1, "D")
"""Fictitious times of simulated events, one day each."""


class SimulatedRain(Sequences):
    """Samples of simulated events; in training each epoch has new events."""

    in_order = True
    """Samples of an epoch are read in order."""

    def __init__(self, settings: Simulated, split: Split, seed: int, scale: Scale) -> None:
        if settings.minutes % STEP_MINUTES:
            raise BadData(f"minutes is {settings.minutes}, should be a multiple of {STEP_MINUTES}")
        self.settings = settings
        self.split = split
        self.seed = seed
        self.scale = scale
        self.event = lru_cache(EVENTS_IN_MEMORY)(self.make_event)

    def __len__(self) -> int:
        training = self.split is Split.TRAIN
        return (self.settings.events if training else VALIDATION_EVENTS) * CROPS

    def __getitem__(self, draw: Draw) -> Sample:
        training = self.split is Split.TRAIN
        draw = draw if training else Draw(0, draw.index)
        rates = self.event(Draw(draw.epoch, draw.index // CROPS))
        rng = rng_of(self.seed + 1, self.split, draw)
        side = self.settings.crop if training else self.settings.validation_crop
        if side is None:
            rates = pad_whole(rates, self.settings.multiple)
        else:
            rates = crop(rates, side, rng, self.settings.least_wet)
        rates = augment(rates, rng, self.settings.augmentation if training else Augmentation())
        return scaled(np.minimum(rates, np.float32(self.settings.cap)), self.scale)

    def make_event(self, draw: Draw) -> Rates:
        """Simulate rates (time, side, side) in mm/h of an event."""
        rng, settings = rng_of(self.seed, self.split, draw), self.settings
        return simulate(rng, settings.frames, settings.minutes, settings.side)


def simulate(
    rng: np.random.Generator,
    frames: int,
    minutes: int,
    side: int,
    wet_shares: tuple[float, float] = WET_SHARES,
) -> Rates:
    """An event of some weather: rates (time, side, side) in mm/h on cells of 5 km.

    Args:
        rng: Where weather and rain come from.
        frames: How many.
        minutes: Between them, a multiple of 5.
        side: Rows and columns.
        wet_shares: The lowest and the highest share of the area with rain, in the long run.
    """
    # the simulation is too small for threads, and they would fight with those of torch
    cv2.setNumThreads(1)
    weather = draw_weather(rng, wet_shares)
    field = RainField(int(rng.integers(2**62)), weather, (side * MODEL_FACTOR,) * 2)
    fields = []
    for number in range(frames):
        if number:
            for _ in range(minutes // STEP_MINUTES):
                field.advance()
        fields.append(block_mean(field.rate(), MODEL_FACTOR))
    return np.stack(fields)


def write_event(
    number: int,
    folder: Path,
    seed: int,
    frames: int,
    side: int,
    wet_shares: tuple[float, float] = WET_SHARES,
) -> Path:
    """Write an event with frames every 5 minutes as a file of the corpus, unless it exists.

    Args:
        number: Of the event; part of its seed.
        folder: Of the file sim-<seed>-<number>.npz.
        seed: Of the series of events.
        frames: Number of frames.
        side: Rows and columns, in cells of 5 km.
        wet_shares: As in `simulate`.
    """
    path = folder / f"sim-{seed}-{number:05d}.npz"
    if path.exists():
        return path
    rates = simulate(np.random.default_rng((seed, number)), frames, STEP_MINUTES, side, wet_shares)
    times = FIRST + number * DAY + np.arange(frames) * np.timedelta64(STEP_MINUTES, "m")
    file = BytesIO()
    np.savez_compressed(
        file, rate_x100=to_hundredths(rates), time=times, km=np.float64(MODEL_FACTOR)
    )
    write_whole(path, file.getvalue())
    return path


def write_events(
    folder: Path,
    events: int,
    seed: int,
    frames: int,
    side: int,
    wet_shares: tuple[float, float] = WET_SHARES,
    *,
    workers: int = 1,
) -> Iterator[Path]:
    """Write events by `write_event` in several processes, and yield the path of each."""
    folder.mkdir(parents=True, exist_ok=True)
    write = partial(
        write_event, folder=folder, seed=seed, frames=frames, side=side, wet_shares=wet_shares
    )
    if workers == 1:
        yield from map(write, range(events))
        return
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        yield from pool.map(write, range(events))


def draw_weather(rng: np.random.Generator, wet_shares: tuple[float, float] = WET_SHARES) -> Weather:
    """Draw weather between drizzle, showers and fronts, with any wind."""
    speed, towards = rng.gamma(4, 9), rng.uniform(0, 2 * np.pi)
    return Weather(
        wet_share=float(np.exp(rng.uniform(*np.log(wet_shares)))),
        median_rate=float(np.exp(rng.uniform(np.log(0.5), np.log(1.5)))),
        spread=float(rng.uniform(0.7, 1.2)),
        showers=float(rng.uniform(0.3, 0.8)),
        eastward_kmh=float(speed * np.cos(towards)),
        northward_kmh=float(speed * np.sin(towards)),
        veering=float(rng.normal(0, 4)),
        eddy_kmh=float(rng.uniform(2, 12)),
        stretch=float(rng.uniform(1, 4)),
        smoothness=float(rng.uniform(0.9, 1.4)),
        lifetime_minutes=float(rng.uniform(30, 80)),
        lifetime_exponent=float(rng.uniform(0.6, 1.0)),
    )
