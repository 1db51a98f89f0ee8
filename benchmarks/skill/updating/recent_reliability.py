"""What a blend gains from the reliability of its members in the hours before.

    python -m benchmarks.skill.updating.recent_reliability --every 30 --cache FOLDER
    python -m benchmarks.skill.updating.recent_reliability --every 30 --write docs/experiments.md

The Brier score with recalibration over that without it: for each start, the sums of the members'
forecasts that are verified by then, of the same event, recalibrate the blend, as the service does.
"""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from xarray import DataArray, Dataset

from benchmarks.report import measured, table, write_section
from benchmarks.skill import events
from benchmarks.skill.forecasters import NamedForecaster, open_forecasters
from benchmarks.skill.remembered import Remembered, members_of, remember
from benchmarks.skill.scoring import HORIZON, history
from benchmarks.skill.skill import event_options
from ingest.precipitation import exceedance_probabilities
from model_zoo.calibration import logit
from model_zoo.forecasters.blend import NAME
from model_zoo.forecasters.contract import LEAD_STEP, NotEnoughFrames
from model_zoo.zoo import MODELS
from verification import brier, match, probability_sums, recalibration
from verification.recalibration import UNCHANGED

THRESHOLDS = (0.1, 0.5, 1.0, 2.0, 5.0)
"""mm/h."""
FEWEST_EVENTS = 200
"""Cells; of a verified past below which nothing is changed."""
SERVED_EVERY = 5
"""Minutes from start to start in the service, for which the recalibration is made."""


def probabilities(forecast: DataArray) -> DataArray:
    """Exceedance probabilities (threshold, lead_time, y, x) of a forecast."""
    known = exceedance_probabilities(forecast)
    fields = [known[threshold].reset_coords(drop=True) for threshold in THRESHOLDS]
    return xr.concat(fields, DataArray(list(THRESHOLDS), dims="threshold", name="threshold"))


def changed(probability: DataArray, by: NDArray[np.float64]) -> DataArray:
    """Probabilities (threshold, lead_time, y, x) changed by (threshold, lead, 2)."""
    intercept, slope = (by[..., part][..., None, None] for part in (0, 1))
    values = 1 / (1 + np.exp(-(intercept + slope * logit(probability.to_numpy()))))
    return probability.copy(data=values.astype(np.float32))


def fitted(past: Dataset, every: int) -> NDArray[np.float64]:
    """Intercepts and slopes (threshold, lead, 2) from sums by (threshold, lead_time, bin)."""
    shape = past["squared"].shape
    found = np.tile(np.array(UNCHANGED), (*shape, 1))
    sums = past * (every / SERVED_EVERY)
    for index in np.ndindex(*shape):
        n, probability, occurred = (
            sums[name].to_numpy()[index] for name in ("number", "probability", "events")
        )
        if occurred.sum() >= FEWEST_EVENTS:
            found[index] = recalibration(n, probability, occurred)
    return found


def total(sums: Sequence[Dataset]) -> Dataset:
    """The sum of sums."""
    return sum(sums[1:], start=sums[0])


def ratios(event: str, options: argparse.Namespace) -> DataArray:
    """Brier score with recalibration over that without, by (threshold, lead_time).

    Raises:
        UnknownEvent, BadData: The event is not there, or is damaged.
    """
    loaded = open_forecasters([NAME])
    members = [NamedForecaster(m.name, m, ()) for m in members_of(loaded[0].forecaster)]
    networks = [named for named in remember(members, options.cache) if named.label in MODELS]
    blend = remember(loaded, options.cache)[0]
    for named in (blend, *networks):
        if isinstance(named.forecaster, Remembered):
            named.forecaster.begin(event)
    frames = events.read(event, options.shared)
    every, back = np.timedelta64(options.every, "m"), history([blend])
    verified: list[tuple[np.datetime64, Dataset]] = []
    before, after = [], []
    for issue in events.starts(frames, every, back, HORIZON * LEAD_STEP):
        past = frames.sel(time=slice(issue - back, issue))
        try:
            forecast = blend.forecaster(past, HORIZON)
        except NotEnoughFrames:
            continue
        observed = match(forecast, frames).reset_coords(drop=True)
        given = probabilities(forecast)
        before.append(probability_sums(given, observed))
        known = [sums.where(sums["lead_time"] <= issue - then, 0) for then, sums in verified]
        changes = fitted(total(known), options.every) if known else None
        better = given if changes is None else changed(given, changes)
        after.append(probability_sums(better, observed))
        verified += [
            (issue, probability_sums(probabilities(named.forecaster(past, HORIZON)), observed))
            for named in networks
        ]
    return brier(total(after)) / brier(total(before))


def section(found: Mapping[str, DataArray]) -> str:
    """Ratios (threshold, lead_time) by event, as Markdown."""
    minutes = [f"{30 * (lead + 1)} min" for lead in range(HORIZON)]
    rows = [
        [event, f"{threshold:g}", *(f"{of:.3f}" for of in ratio.sel(threshold=threshold).values)]
        for event, ratio in found.items()
        for threshold in THRESHOLDS
    ]
    values = np.stack([ratio.to_numpy() for ratio in found.values()])
    about = measured("benchmarks.skill.updating.recent_reliability --every 30", "torch")
    return f"""\
## What recent reliability gains

<!-- conclusion: begin -->
- Recalibrated by the members' reliability earlier in the event, the Brier score of the blend is \
{values.min():.3f} to {values.max():.3f} of that without, {values.mean():.3f} in the mean over \
events, thresholds and lead times.
<!-- conclusion: end -->

{about}

Brier score with recalibration over that without; below 1 it gains. Starts are 30 minutes apart;
each is recalibrated by what is verified by then, of the same event, where at least {FEWEST_EVENTS}
cells reached the threshold.

{table(["event", "mm/h", *minutes], rows)}
"""


def main() -> None:
    """Print the table, and write it as a section."""
    cache = {"type": Path, "help": "a folder that keeps forecasts"}
    options = event_options(str(__doc__), ("--cache", cache))
    text = section({event: ratios(event, options) for event in options.events})
    print(text)
    if options.write:
        write_section(options.write, text, "what recent reliability gains")


if __name__ == "__main__":
    main()
