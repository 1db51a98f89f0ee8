"""Where the spread of the ensemble comes from: rates of 10 mm/h and more, and how likely they are.

    python -m benchmarks.skill.ensembles.spread_origin --write docs/ensemble.md

For the half hours of the validation events: spread over error of the members at single cells, with
all rates and with rates limited to 10 mm/h; how often 5, 10 and 20 mm/h are forecast over how often
they are observed; and the Brier score of 20 mm/h as it is and with two bounds on the tail of the
distribution, that it falls off at least as a power law, or at least exponentially, from the two
thresholds below.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from xarray import DataArray

from benchmarks.report import measured, write_section
from benchmarks.skill import events
from benchmarks.skill.forecasters import NamedForecaster, open_forecasters
from benchmarks.skill.scoring import HORIZON, NoStarts, history
from benchmarks.skill.skill import each_event, event_options, exit_on_bad_events
from benchmarks.skill.tables import markdown
from ingest.precipitation import exceedance_probabilities
from model_zoo.forecasters.contract import LEAD_STEP, STEP_MINUTES, NotEnoughFrames
from model_zoo.forecasters.ensemble import ensemble_members, ensemble_seed
from service.archive.key import time_of
from verification import ensemble_sums, match
from verification.ensemble import MEMBER

NAME = "Origin of the spread"
FORECASTER = "blend"
LIMIT = 10.0
"""mm/h; rates above it are taken as it is."""
RARE = (5.0, 10.0, 20.0)
"""Thresholds in mm/h whose probabilities are compared with what was observed."""
FEWEST = 1
"""Observed cells that a ratio is divided by at least, where there are none."""

Fields = NDArray[np.float64]
Bound = Callable[[Fields, Sequence[float]], Fields]


class Lead(NamedTuple):
    """Sums of a lead time over starts.

    Attributes:
        spreads: Of `ensemble_sums`, of all rates and of limited ones: n, variance, squared.
        forecast: (threshold,), sum of the probabilities.
        observed: (threshold,), cells.
        tails: (bound, 2), of the probability of the highest threshold the sums of itself and of its
            squared errors.
    """

    spreads: Fields
    forecast: Fields
    observed: Fields
    tails: Fields

    def plus(self, other: "Lead") -> "Lead":
        """The sums of the starts of both."""
        return Lead(*(mine + theirs for mine, theirs in zip(self, other, strict=True)))


def as_it_is(probabilities: Fields, thresholds: Sequence[float]) -> Fields:
    """The probability of the highest threshold (cell,) of those of all (threshold, cell)."""
    del thresholds
    highest: Fields = probabilities[-1]
    return highest


def power_law(probabilities: Fields, thresholds: Sequence[float]) -> Fields:
    """The same, at most as of a power law through the two thresholds below."""
    return bounded(probabilities, np.log(thresholds))


def exponential(probabilities: Fields, thresholds: Sequence[float]) -> Fields:
    """The same, at most as of an exponential tail through the two thresholds below."""
    return bounded(probabilities, np.array(thresholds, float))


def bounded(probabilities: Fields, position: Fields) -> Fields:
    """The probability of the highest threshold, whose logarithm falls at least linearly.

    Both the highest threshold and the one below it are bounded, by those below each.

    Args:
        probabilities: (threshold, cell) in 0..1.
        position: (threshold,), what the logarithm falls linearly with.
    """
    found = list(probabilities)
    for index in range(max(2, len(found) - 2), len(found)):
        before, last = found[index - 2], found[index - 1]
        step = (position[index] - position[index - 1]) / (position[index - 1] - position[index - 2])
        ratio = (last / np.maximum(before, 1e-9)).clip(0, 1)
        found[index] = np.minimum(found[index], last * ratio**step)
    highest: Fields = found[-1]
    return highest


BOUNDS: dict[str, Bound] = {
    "as it is": as_it_is,
    "power law": power_law,
    "exponential": exponential,
}


def leads_of(
    frames: DataArray, named: NamedForecaster, every: np.timedelta64
) -> tuple[list[Lead], int]:
    """Sums of each half hour of an event, and the number of starts.

    Args:
        frames: (time, y, x) of the event in mm/h, NaN for no data.
        named: The forecaster.
        every: From start to start.

    Raises:
        NoStarts: There is no time that leaves enough frames before and after.
    """
    back, number = history([named]), 0
    total: list[Lead] = []
    for issue in events.starts(frames, every, back, HORIZON * LEAD_STEP):
        past = frames.sel(time=slice(issue - back, issue))
        try:
            forecast = named.forecaster(past, HORIZON, STEP_MINUTES)
        except NotEnoughFrames:
            continue
        number += 1
        found = sums_of(forecast, past, match(forecast, frames), named.label)
        total = [a.plus(b) for a, b in zip(total, found, strict=True)] if total else found
    if not number:
        raise NoStarts(f"no start leaves frames of {back} before it and of two hours after it")
    return total, number


def sums_of(forecast: DataArray, past: DataArray, observed: DataArray, label: str) -> list[Lead]:
    """Sums of each lead time of a forecast (lead_time, y, x), where all have data."""
    seed = ensemble_seed(label, time_of(forecast["forecast_reference_time"]))
    bare = forecast.reset_coords(drop=True)
    members = DataArray(ensemble_members(forecast, past, seed=seed), dims=(MEMBER, *bare.dims))
    known = exceedance_probabilities(forecast)
    probabilities = np.stack([field.to_numpy() for field in known.values()]).astype(np.float64)
    rain = observed.reset_coords(drop=True).where(bare.notnull())
    spreads = [
        ensemble_sums(members.assign_coords(bare.coords).clip(max=most), rain.clip(max=most))
        for most in (None, LIMIT)
    ]
    found = []
    for lead in range(bare.sizes["lead_time"]):
        truth = rain.isel(lead_time=lead).to_numpy()
        valid = ~np.isnan(truth)
        of_lead, seen = probabilities[:, lead][:, valid], truth[valid]
        rows = [list(known).index(threshold) for threshold in RARE]
        reached = seen >= list(known)[-1]
        found.append(
            Lead(
                np.array(
                    [
                        [
                            float(s[name].isel(lead_time=lead))
                            for name in ("n", "variance", "squared")
                        ]
                        for s in spreads
                    ]
                ),
                of_lead[rows].sum(axis=1),
                np.array([float((seen >= threshold).sum()) for threshold in RARE]),
                np.array([tail_sums(b(of_lead, list(known)), reached) for b in BOUNDS.values()]),
            )
        )
    return found


def tail_sums(probability: Fields, reached: NDArray[np.bool_]) -> tuple[float, float]:
    """Sums of a probability (cell,) and of its squared errors."""
    return float(probability.sum()), float(np.square(probability - reached).sum())


def ratio(sums: Fields) -> float:
    """Spread over error of sums (n, variance, squared) of 20 members."""
    _, variance, squared = sums
    return float(np.sqrt(variance * (1 + 1 / 20) / squared)) if squared else np.nan


def table(leads: Sequence[Lead]) -> str:
    """The sums of an event as Markdown, a row for each half hour."""
    rows = []
    for number, lead in enumerate(leads, start=1):
        often = lead.forecast / np.maximum(lead.observed, FEWEST)
        cells = lead.spreads[0, 0]
        rows.append(
            [
                f"+{number * STEP_MINUTES}",
                *(f"{ratio(sums):.2f}" for sums in lead.spreads),
                *(f"{a:.2f} ({n:.0f})" for a, n in zip(often, lead.observed, strict=True)),
                *(
                    f"{1e6 * error / cells:.2f}; {total / max(lead.observed[-1], FEWEST):.2f}"
                    for total, error in lead.tails
                ),
            ]
        )
    headings = [
        "lead time",
        "spread / error",
        f"rates up to {LIMIT:g} mm/h",
        *(f"{threshold:g} mm/h" for threshold in RARE),
        *(f"20 mm/h, {name}" for name in BOUNDS),
    ]
    return markdown(headings, rows)


def section(parts: Sequence[str]) -> str:
    """All events as Markdown."""
    return f"""\
{measured("benchmarks.skill.ensembles.spread_origin", "numpy", "torch")}
Spread over error at single cells, of all rates and with rates above {LIMIT:g} mm/h taken as that.
For 5, 10 and 20 mm/h: how often they are forecast over how often they are observed, and in brackets
the observed cells (where there are none, the number of forecast ones). In the last columns the
Brier score of 20 mm/h, in 1e-6, and how often it is forecast over how often observed: as it is, and
with a tail that falls off at least as a power law, or exponentially.

{chr(10).join(parts)}"""


def main() -> None:
    """Print the tables of the events, and write them."""
    options = event_options(str(__doc__), every=120, events=list(events.TUNED_ON))
    with exit_on_bad_events():
        (named,) = open_forecasters([FORECASTER])
        parts = []
        for event, frames, role in each_event(options, [named]):
            found, starts = leads_of(frames, named, np.timedelta64(options.every, "m"))
            parts.append(f"### Spread: {event}\n\n{role}; {starts} starts.\n\n{table(found)}\n")
            print(parts[-1], flush=True)
    if options.write:
        write_section(options.write, section(parts), NAME.lower())


if __name__ == "__main__":
    main()
