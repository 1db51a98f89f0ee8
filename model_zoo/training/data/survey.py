"""Summary statistics of data sets."""

import time
from pathlib import Path

import numpy as np

from model_zoo.training.data.data_sets.corpus import read_event
from model_zoo.training.data.opening import open_data, open_record
from model_zoo.training.data.sample import Draw, Split
from model_zoo.training.data.settings import data_settings

LOOKED_AT = 32
"""Samples of a split that are read, spread evenly."""


def survey(source: str, folder: Path) -> list[list[str]]:
    """Return a row for each split as in the papers: samples, shape, range, mean, time per sample.

    Raises:
        BadData: Files are missing or damaged.
    """
    settings, lines = data_settings(source, {}), []
    for split in Split:
        sequences = open_data(settings, folder, split, seed=0, scale="reflectivity")
        chosen = np.linspace(0, len(sequences) - 1, min(LOOKED_AT, len(sequences))).astype(int)
        begin = time.perf_counter()
        samples = [sequences[Draw(0, int(index))].frames for index in chosen]
        each = (time.perf_counter() - begin) / len(samples)
        lowest = min(float(frames.min()) for frames in samples)
        highest = max(float(frames.max()) for frames in samples)
        mean = float(np.mean([float(frames.mean()) for frames in samples]))
        shape = " x ".join(map(str, samples[0].shape))
        numbers = [f"{lowest:.3f}", f"{highest:.3f}", f"{mean:.4f}", f"{each * 1000:.1f}"]
        lines.append([split.name.lower(), str(len(sequences)), shape, *numbers])
    return lines


def survey_event(path: Path) -> list[str]:
    """Return a row of an event: name, start, frames, cadence, size, known and wet share, maximum.

    Raises:
        BadData: The file is missing or damaged.
    """
    event = read_event(path)
    rates = event.rates(np.arange(len(event.times)))
    spacings = np.unique(np.diff(event.times).astype("timedelta64[m]").astype(int))
    known = ~np.isnan(rates)
    return [
        event.name,
        str(event.times[0].astype("datetime64[m]")),
        str(len(event.times)),
        ", ".join(map(str, spacings)),
        f"{event.shape[0]} x {event.shape[1]}",
        f"{known.mean():.2f}",
        f"{event.wet().mean():.3f}",
        f"{np.nanmax(rates, initial=0):.1f}",
    ]


def survey_record(source: Path) -> list[str]:
    """Return sentences on German composites: period, gaps, and the first frame.

    Raises:
        BadData: There are no composites, or the first is damaged.
    """
    record = open_record(source)
    times = record.times.astype("datetime64[m]")
    cadence = int(np.median(np.diff(times).astype(int))) if len(times) > 1 else 0
    gaps = int((np.diff(times).astype(int) > cadence).sum())
    first = record.rates(np.array([0]))[0]
    known = ~np.isnan(first)
    span = f"{len(times)} frames from {times[0]} to {times[-1]} UTC, {cadence} minutes apart"
    size = f"{first.shape[0]} x {first.shape[1]} cells, {known.mean():.0%} known"
    return [
        f"{span}, with {gaps} gaps",
        f"the first has {size}, up to {np.nanmax(first, initial=0):.1f} mm/h",
    ]
