"""Choose the weights of a blend: a logistic regression on forecasts of its members for past events.

Cells of many forecasts are drawn, each event with the same weight; for each lead and threshold the
regression finds how much each member's feature counts, held near equal weights of those that give
probabilities where events are too few to say. How far the area of a threshold should grow comes
last, by the rule of `model_zoo.training.calibration`.
"""

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from xarray import DataArray

from ingest.precipitation import exceedance_probabilities
from model_zoo import exceedance
from model_zoo.checkpoints.checkpoint import write_whole
from model_zoo.forecasters.blend import BlendTable, feature
from model_zoo.forecasters.by_name import load_forecaster
from model_zoo.forecasters.contract import Forecaster, NotEnoughFrames
from model_zoo.training.calibration import (
    FEWEST,
    areas_beside_expected,
    growth_of,
    logistic_regression,
)
from model_zoo.training.data.data_sets.corpus import (
    cell_kilometres,
    event_path,
    expand,
    read_event,
    tiles,
)
from model_zoo.training.data.record import Record
from model_zoo.training.data.settings import Corpus
from model_zoo.training.experiment import read_experiment

Array = NDArray[np.float32]

CELLS = 1500
"""Drawn of each forecast and lead."""
RIDGE = 1e-3
HALF_HOUR = np.timedelta64(30, "m")
LEADS, GIVEN = 4, 4
LEAST_WET = 0.01
"""Share of wet cells that a frame has from which a forecast starts."""


EVENTS: Mapping[str, int] = MappingProxyType(
    {
        "de_ry_20180712_5km": 45,
        "taasrad19_201609_5km": 120,
        "knmi_20100826_5km": 20,
        "de_ry_20180711_5km": 60,
        "taasrad19_2015_2016_5km": 2880,
        "it_vmi_20250416_5km": 60,
        "knmi_2021_evenings_5km": 60,
        "knmi_20110910_5km": 120,
        "mrms_wave_*": 60,
        "fmi_20160928_5km": 30,
        "mch_20150515_5km": 30,
        "mch_20170131_5km": 30,
    }
)
"""Validation and training events, and minutes between two forecasts from one."""
EXPERIMENT = "guided-ms-lstm"
"""Experiment on whose validation events the growth of areas is chosen."""
MEMBERS = ("ms-lstm", "ms-preciplstm", "s-prog")
AMOUNTS = "s-prog"
"""The member whose area and amounts the rain takes."""


def blend(
    corpus: Path,
    destination: Path,
    events: Mapping[str, int],
    *,
    tile: int = 180,
    members: Sequence[str] = MEMBERS,
    weights_folder: Path | None = None,
    report: Callable[[str], None] | None = None,
) -> BlendTable:
    """Choose the weights of a blend on events of a corpus, and write them.

    Args:
        corpus: Folder of the events.
        destination: The table, a JSON file.
        events: Names of events, patterns as in experiments, and minutes between two forecasts.
        tile: Larger fields are cut into squares of this side.
        members: Names of forecasters; the first two of the blend predict probabilities.
        weights_folder: Where to look for their weights before those that are shipped.
        report: Called with the name of each event that is begun.

    Raises:
        BadData: A file is missing or damaged.
    """
    forecasters = [load_forecaster(name, weights_folder=weights_folder) for name in members]
    found: list[Case] = []
    for pattern, minutes in events.items():
        for name in expand(pattern, corpus):
            path = event_path(corpus, name)
            kilometres = cell_kilometres(path)
            every = np.timedelta64(minutes, "m")
            for record in tiles(read_event(path), tile):
                if report is not None:
                    report(record.name)
                found += cases(record, forecasters, kilometres=kilometres, every=every)
    validated = {case.event for case in found if case.event.startswith(validation_events())}
    table = choose(found, members, AMOUNTS, validated)
    about = {"events": dict(events), "forecasts": len(found)}
    about["weights"] = {forecaster.name: forecaster.weights for forecaster in forecasters}
    write(destination, table, about)
    return table


def validation_events() -> tuple[str, ...]:
    """Return the names of the validation events of `EXPERIMENT`."""
    settings = read_experiment(EXPERIMENT).data
    return settings.validation if isinstance(settings, Corpus) else ()


@dataclass(frozen=True)
class Case:
    """A forecast of every member from one frame, and what was observed.

    Attributes:
        event: Which event it is of.
        forecasts: Of the members, in their order.
        observed: (lead, y, x) in mm/h, NaN for no data.
    """

    event: str
    forecasts: tuple[DataArray, ...]
    observed: Array


def cases(
    record: Record, members: Sequence[Forecaster], *, kilometres: float, every: np.timedelta64
) -> Iterator[Case]:
    """Forecasts from the frames of a record that lie at least `every` apart.

    A frame is left out where one of those 30, 60 and 90 minutes before it is missing, where none
    follows after 30 minutes, where hardly anything is wet, or where a member lacks frames.
    """
    number_at = {time: number for number, time in enumerate(record.times)}
    rows, columns = record.shape
    metres = 1000 * kilometres
    coordinates = {"y": -metres * np.arange(rows), "x": metres * np.arange(columns)}
    wet, last = record.wet(), None
    for time, number in number_at.items():
        past = [time - age * HALF_HOUR for age in range(GIVEN)]
        if last is not None and time - last < every:
            continue
        if any(t not in number_at for t in (*past, time + HALF_HOUR)) or wet[number] < LEAST_WET:
            continue
        last = time
        numbers = np.arange(number_at[past[-1]], number + 1)
        frames = xr.DataArray(
            record.rates(numbers),
            {"time": record.times[numbers], **coordinates},
            ("time", "y", "x"),
            attrs={"units": "mm h-1"},
        )
        observed = np.full((LEADS, rows, columns), np.nan, np.float32)
        for lead in range(LEADS):
            follows = number_at.get(time + (lead + 1) * HALF_HOUR)
            if follows is not None:
                observed[lead] = record.rates(np.array([follows]))[0]
        with suppress(NotEnoughFrames):
            yield Case(record.name, tuple(member(frames, LEADS) for member in members), observed)


def choose(
    found: Sequence[Case],
    members: Sequence[str],
    amounts: str,
    validated: Collection[str] = (),
    seed: int = 0,
) -> BlendTable:
    """The table of a blend of members, whose forecasts `found` holds in their order."""
    thresholds = exceedance.FORECAST_THRESHOLDS
    draws = drawn(found, thresholds, np.random.default_rng(seed))
    start = np.array([0.0, *equal_weights(found[0])])
    coefficients = np.array(
        [
            [fitted(*draws[lead, threshold], start) for threshold in range(len(thresholds))]
            for lead in range(LEADS)
        ]
    )
    table = BlendTable(
        tuple(members),
        amounts,
        thresholds,
        coefficients,
        np.ones((LEADS, len(thresholds))),
        "",
    )
    return with_growth(table, [case for case in found if not validated or case.event in validated])


def with_growth(table: BlendTable, found: Sequence[Case]) -> BlendTable:
    """The table with the growth of areas that its own probabilities ask for."""
    lender = table.members.index(table.amounts)
    sums: dict[str, NDArray[np.float64]] = {}
    for case in found:
        probability = table.probabilities(case.forecasts)
        rain = case.forecasts[lender].to_numpy()
        observed = np.where(np.isnan(probability[:, 0]), np.float32(np.nan), case.observed)
        areas = areas_beside_expected(rain, probability, observed, table.thresholds)
        sums[case.event] = sums.get(case.event, 0) + areas
    growth = growth_of([*sums.values()])
    return BlendTable(
        table.members, table.amounts, table.thresholds, table.coefficients, np.array(growth), ""
    )


def equal_weights(case: Case) -> list[float]:
    """Return initial weights: members with probabilities share 1, the others have 0."""
    informative = [bool(exceedance_probabilities(forecast)) for forecast in case.forecasts]
    return [informs / max(sum(informative), 1) for informs in informative]


Draws = dict[tuple[int, int], tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.float64]]]


def drawn(found: Sequence[Case], thresholds: Sequence[float], rng: np.random.Generator) -> Draws:
    """Features (cell, member), events and weights of drawn cells, by lead and threshold."""
    each: dict[str, int] = {}
    for case in found:
        each[case.event] = each.get(case.event, 0) + 1
    parts: dict[tuple[int, int], list[tuple[Array, NDArray[np.bool_], float]]] = {}
    for case in found:
        features = np.stack([feature(forecast, thresholds) for forecast in case.forecasts], axis=-1)
        for lead in range(LEADS):
            known = ~np.isnan(features[lead]).any((0, -1)) & ~np.isnan(case.observed[lead])
            cells = np.flatnonzero(known)
            if cells.size == 0:
                continue
            cells = rng.choice(cells, min(CELLS, cells.size), replace=False)
            rain = case.observed[lead].ravel()[cells]
            for index, threshold in enumerate(thresholds):
                x = features[lead, index].reshape(-1, features.shape[-1])[cells]
                weight = 1 / (each[case.event] * cells.size)
                parts.setdefault((lead, index), []).append((x, rain >= threshold, weight))
    return {
        key: (
            np.concatenate([x for x, _, _ in rows]).astype(np.float64),
            np.concatenate([y for _, y, _ in rows]),
            np.concatenate([np.full(len(y), w) for _, y, w in rows]),
        )
        for key, rows in parts.items()
    }


def fitted(
    x: NDArray[np.float64],
    reached: NDArray[np.bool_],
    weight: NDArray[np.float64],
    start: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Fit intercept and weights (1 + member,), held near `start`.

    They are `start` where hardly any cell has the event.
    """
    if np.count_nonzero(reached) < FEWEST / 5:
        return start
    scale = np.concatenate([[1.0], np.maximum(x.std(axis=0), 1e-6)])
    x = np.column_stack([np.ones(len(x)), x]) / scale
    weight = weight / weight.sum()
    beta = logistic_regression(x, weight * reached, weight * ~reached, start * scale, RIDGE)
    found: NDArray[np.float64] = beta / scale
    return found


def write(path: Path, table: BlendTable, about: Mapping[str, object]) -> None:
    """Write a table, and beside it what it was made from."""
    card = {**table.as_dict(), "about": dict(about)}
    write_whole(path, (json.dumps(card, indent=1) + "\n").encode())
