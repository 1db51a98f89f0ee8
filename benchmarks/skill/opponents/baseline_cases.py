"""Forecasts of advection and S-PROG on training events, and what was observed.

The simple probabilities and the yardstick are fitted to them. Each event is forecast once and kept
in a folder; nothing in it depends on the weights of a network.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.skill.events import HIGHEST
from model_zoo.forecasters.baselines import Advection
from model_zoo.forecasters.sprog import SPROG
from model_zoo.training import blending
from model_zoo.training.data.data_sets.corpus import expand, read_event, tiles
from model_zoo.training.data.record import Record

Field = NDArray[np.float16]

TRAINING_EVENTS: Mapping[str, int] = MappingProxyType(
    {
        "taasrad19_2015_2016_5km": 75,
        "de_ry_20180711_5km": 20,
        "it_vmi_20250416_5km": 20,
        "knmi_2021_evenings_5km": 20,
        "knmi_20110910_5km": 20,
        "mrms_wave_*": 20,
        "fmi_20160928_5km": 20,
        "mch_*": 20,
        "opera_20180824_without_germany_4km": 30,
    }
)
"""Events, patterns allowed, and minutes between two forecasts."""
TILE = 180
"""Side of the squares that larger fields are cut into, in cells."""


class BaselineCase(NamedTuple):
    """Forecasts of both baselines from one frame; rain in mm/h, NaN for no data.

    Attributes:
        event: Name of the event, the same for all its tiles.
        cell_km: Width of a cell in km.
        advection: (lead, y, x).
        sprog: (lead, y, x).
        observed: (lead, y, x).
    """

    event: str
    cell_km: float
    advection: Field
    sprog: Field
    observed: Field


def read_cases(
    corpus: Path, folder: Path, training_events: Mapping[str, int] = TRAINING_EVENTS
) -> list[BaselineCase]:
    """Read the cases of all events, and make those that are not in the folder yet.

    Args:
        corpus: Folder of the events.
        folder: Where the cases are kept.
        training_events: Names or patterns, and minutes between two forecasts.

    Raises:
        BadData: An event is missing or damaged.
    """
    found: list[BaselineCase] = []
    for pattern, minutes in training_events.items():
        for event in expand(pattern, corpus):
            path = corpus / f"{event}.npz"
            with np.load(path) as file:
                cell_km = float(file["km"])
            for record in tiles(read_event(path), TILE):
                kept = folder / f"{record.name}-every-{minutes}.npz"
                if not kept.exists():
                    write_record(kept, record, cell_km, minutes)
                found += read_record(kept, event, cell_km)
    return found


def write_record(path: Path, record: Record, cell_km: float, minutes: int) -> None:
    """Forecast from frames of a record that lie at least so many minutes apart."""
    every = np.timedelta64(minutes, "m")
    members = (Advection(), SPROG())
    cases = list(blending.cases(record, members, kilometres=cell_km, every=every))
    rows, columns = record.shape
    empty = np.zeros((0, blending.LEADS, rows, columns), np.float16)
    advection, sprog = (
        np.array([case.forecasts[member].to_numpy() for case in cases]) if cases else empty
        for member in range(len(members))
    )
    observed = np.array([case.observed for case in cases]) if cases else empty
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial.npz")
    np.savez(
        partial,
        advection=rounded(advection),
        sprog=rounded(sprog),
        observed=rounded(observed),
    )
    partial.replace(path)


def rounded(rates: NDArray[np.floating]) -> Field:
    """Return rates (any shape) in mm/h in half precision, limited to exclude spikes."""
    found: Field = np.minimum(rates, HIGHEST).astype(np.float16)
    return found


def read_record(path: Path, event: str, cell_km: float) -> Iterator[BaselineCase]:
    """Cases of a file of `write_record`."""
    with np.load(path) as file:
        fields = [file[name] for name in ("advection", "sprog", "observed")]
    for advection, sprog, observed in zip(*fields, strict=True):
        yield BaselineCase(event, cell_km, advection, sprog, observed)
