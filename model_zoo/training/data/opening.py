"""Opening of the sequences of a split from settings and a folder."""

from pathlib import Path
from typing import assert_never

import numpy as np

from model_zoo import intensity
from model_zoo.training.data import store
from model_zoo.training.data.data_sets import germany
from model_zoo.training.data.data_sets.corpus import open_corpus
from model_zoo.training.data.data_sets.kth import open_kth
from model_zoo.training.data.data_sets.moving_mnist import open_moving_mnist
from model_zoo.training.data.data_sets.simulated import SimulatedRain
from model_zoo.training.data.data_sets.taxibj import open_taxibj
from model_zoo.training.data.rain import RainSequences, rain_windows
from model_zoo.training.data.record import Record
from model_zoo.training.data.sample import Sequences, Split
from model_zoo.training.data.settings import (
    KTH,
    Corpus,
    DataSettings,
    Germany,
    MovingMNIST,
    Simulated,
    TaxiBJ,
)
from model_zoo.training.errors import BadData

BEGIN, END = np.datetime64("0001-01-01", "m"), np.datetime64("9999-01-01", "m")


def open_data(
    settings: DataSettings, folder: Path | None, split: Split, *, seed: int, scale: str
) -> Sequences:
    """Open the sequences of a split of any data set.

    Args:
        settings: Of the data set.
        folder: Of its files, or its file; simulated rain needs none.
        split: Training, validation or test.
        seed: Of all random numbers.
        scale: Name of the intensity scale of rain.

    Raises:
        BadData: Files are missing, damaged or of another layout, or there are no sequences.
    """
    known_scale = intensity.scale(scale)
    if isinstance(settings, Simulated):
        return SimulatedRain(settings, split, seed, known_scale)
    if folder is None or not folder.exists():
        where = "no folder was named" if folder is None else f"{folder} does not exist"
        raise BadData(f"{settings.source} needs its files, and {where}; say where by --data")
    match settings:
        case MovingMNIST():
            return open_moving_mnist(settings, folder, split, seed)
        case TaxiBJ():
            return open_taxibj(settings, folder, split)
        case KTH():
            return open_kth(settings, folder, split)
        case Corpus():
            return open_corpus(settings, folder, split, seed, known_scale)
        case Germany():
            return open_germany(settings, folder, split, seed, known_scale)
        case _:
            assert_never(settings)


def open_germany(
    settings: Germany, path: Path, split: Split, seed: int, scale: intensity.Scale
) -> RainSequences:
    """Open windows of German composites within the period of a split, `stride` apart."""
    found = open_record(path)
    borders = [np.datetime64(t, "m") for t in (settings.validation_from, settings.test_from)]
    spans = list(zip([BEGIN, *borders], [*borders, END], strict=True))
    stride = settings.stride
    starts = rain_windows([found], settings, [settings.minutes], stride, chosen=[spans[split]])
    return RainSequences([found], starts, settings, scale, split, seed)


def open_record(path: Path) -> Record:
    """Open RYDL.hdf5, a prepared store, an archive of the service or a folder of radar files.

    Raises:
        BadData: There are no radar data of these kinds.
    """
    if path.is_file():
        return germany.rydl(path)
    if store.is_store(path):
        return store.Store(path)
    if (rydl := path / "RYDL.hdf5").is_file():
        return germany.rydl(rydl)
    if any(path.rglob("frames/*/*/*/*.nc")):
        return germany.archive(path)
    return germany.radolan(path)
