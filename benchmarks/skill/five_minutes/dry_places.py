"""How often a place that is called dry gets rain, and how many dry places are called so.

    python -m benchmarks.skill.five_minutes.dry_places --write docs/dry-places.md

A claim holds for the two hours of a forecast; it is wrong where the radar shows 0.5 mm/h or more at
one of the times, and a place is dry where it does not. Places without data at any time are left
out. Forecasts are rounded as the archive stores them. By default the events are those of validation
and the German test event, which played no part in training; but the distances that keep a place
from being called dry (`service.pipeline.place_summary`) were tried on it, too.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from xarray import DataArray

from benchmarks.report import measured, table, write_section
from benchmarks.skill import events
from benchmarks.skill.five_minutes.lead_times import LEADS, STEP_MINUTES, arguments
from benchmarks.skill.forecasters import NamedForecaster, open_forecasters
from benchmarks.skill.scoring import HORIZON, NoStarts, history
from benchmarks.skill.skill import exit_on_bad_events
from ingest.precipitation import exceedance_probabilities
from model_zoo.forecasters.contract import LEAD_STEP, NotEnoughFrames
from service.archive.rounding import rounded
from service.pipeline.place_summary import SHOWER, at_any_time, dry_places

NAME = "Places called dry"
FORECASTERS = ("blend", "s-prog", "advection")
EDGES = (0.0, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0)
"""Classes of the probability of rain at any time."""
ALL = "all events"
SMALLEST = 1e-6


class Claims(NamedTuple):
    """Cells of all starts of an event.

    Attributes:
        dry: Whether the cell is called dry.
        rain: Whether it gets `SHOWER` at some time.
        largest: Largest probability of `SHOWER` of the lead times; NaN without probabilities.
    """

    dry: NDArray[np.bool_]
    rain: NDArray[np.bool_]
    largest: NDArray[np.float32]


def claims_of(
    frames: DataArray, forecasters: Sequence[NamedForecaster], every: np.timedelta64
) -> dict[str, Claims]:
    """Claims of each forecaster on the frames (time, y, x) of an event in mm/h.

    Raises:
        NoStarts: There is no time that leaves enough frames before and after.
    """
    back = history(forecasters)
    found: dict[str, list[Claims]] = {named.label: [] for named in forecasters}
    for issue in events.starts(frames, every, back, HORIZON * LEAD_STEP):
        past = frames.sel(time=slice(issue - back, issue))
        ahead = slice(issue + np.timedelta64(1, "m"), issue + HORIZON * LEAD_STEP)
        observed = frames.sel(time=ahead).values
        for named in forecasters:
            try:
                forecast = rounded(named.forecaster(past, LEADS, STEP_MINUTES))
            except NotEnoughFrames:
                continue
            known = ~(np.isnan(observed).any(0) | np.isnan(forecast.values).any(0))
            known &= ~np.isnan(past.values[-1])
            probability = exceedance_probabilities(forecast).get(SHOWER)
            largest = (
                np.full(known.shape, np.nan, np.float32)
                if probability is None
                else probability.values.max(axis=0)
            )
            if probability is not None:
                known &= ~np.isnan(largest)  # standing echoes have a rate only
            dry = dry_places(forecast, past)
            rain: NDArray[np.bool_] = np.any(observed >= SHOWER, axis=0)
            found[named.label].append(Claims(dry[known], rain[known], largest[known]))
    if not all(found.values()):
        raise NoStarts(f"no start leaves frames of {back} before it and of two hours after it")
    return {label: pooled_claims(several) for label, several in found.items()}


def pooled_claims(several: Sequence[Claims]) -> Claims:
    """All claims of several starts or events."""
    return Claims(*map(np.concatenate, zip(*several, strict=True)))


def row(claims: Claims) -> list[str]:
    """Shares of cells that get rain, of wrong claims, and of dry cells that are called dry."""
    wrong = float(claims.rain[claims.dry].mean()) if claims.dry.any() else 0.0
    called_dry = float(claims.dry[~claims.rain].mean()) if (~claims.rain).any() else 0.0
    return [f"{100 * share:.1f} %" for share in (float(claims.rain.mean()), wrong, called_dry)]


def reliability_rows(claims: Claims) -> list[list[str]]:
    """Mean probability of rain at any time and its frequency, by classes of probability."""
    probability = at_any_time(claims.largest.astype(np.float64))
    classes = np.digitize(probability, EDGES[1:-1])
    return [
        [
            f"{100 * low:.0f} to {100 * high:.0f} %",
            str(np.count_nonzero(members)),
            f"{100 * probability[members].mean():.1f} %",
            f"{100 * claims.rain[members].mean():.1f} %",
        ]
        for number, (low, high) in enumerate(pairwise(EDGES))
        if (members := classes == number).any()
    ]


def fitted(claims: Claims) -> tuple[float, float]:
    """Intercept and factor of the log odds of the largest probability, by maximum likelihood."""
    bounded = np.clip(claims.largest.astype(np.float64), SMALLEST, 1 - SMALLEST)
    odds, sign = np.log(bounded / (1 - bounded)), 2.0 * claims.rain - 1

    def loss(line: NDArray[np.float64]) -> float:
        return float(np.logaddexp(0, -sign * (line[0] + line[1] * odds)).mean())

    intercept, factor = minimize(loss, [0.0, 1.0], method="Nelder-Mead").x
    return float(intercept), float(factor)


def section(by_event: dict[str, dict[str, Claims]], every: int) -> str:
    """Tables of claims and of the probability of rain at any time, as Markdown.

    Args:
        by_event: Claims of each forecaster by event.
        every: Minutes from start to start.
    """
    labels = list(next(iter(by_event.values())))
    pooled = {
        label: pooled_claims([found[label] for found in by_event.values()]) for label in labels
    }
    rows = [
        [label, event, *row(found[label])]
        for label in labels
        for event, found in [*by_event.items(), (ALL, pooled)]
    ]
    claims = table(["forecaster", "event", "get rain", "claims wrong", "dry places told"], rows)
    parts = [
        measured(f"benchmarks.skill.five_minutes.dry_places --every {every}", "numpy", "torch"),
        claims,
    ]
    for label, found in pooled.items():
        if np.isnan(found.largest).any():
            continue
        intercept, factor = fitted(found)
        parts.append(
            f"Probability of {SHOWER:g} mm/h or more at any time by {label}; the best intercept "
            f"and factor here are {intercept:.2f} and {factor:.2f}."
        )
        parts.append(table(["class", "cells", "forecast", "observed"], reliability_rows(found)))
    return "\n\n".join(parts) + "\n"


def main() -> None:
    """Print the tables, and write them."""
    options = arguments(__doc__, FORECASTERS)
    with exit_on_bad_events():
        forecasters = open_forecasters(options.forecasters)
        by_event = {
            event: claims_of(
                events.read(event, options.shared),
                forecasters,
                np.timedelta64(options.every, "m"),
            )
            for event in options.events
        }
    text = section(by_event, options.every)
    print(text)
    if options.write:
        write_section(options.write, text, NAME.lower(), f"# {NAME}\n")


if __name__ == "__main__":
    main()
