"""Rain of probabilities, in amounts that the radar measures.

The probabilities of thresholds rank the cells, and the advected rain of the newest radar frame
gives the rates and how many cells have each: the wettest cell gets the largest rate, and so on
(probability matching, Ebert 2001, doi:10.1175/1520-0493(2001)129<2461:AOAPMS>2.0.CO;2). So steady
rain stays as it is, showers stay, and no rate is an end of a class. How the area of each threshold
grows or shrinks with the lead is measured on events (`model_zoo.training.calibration`).
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]

FAINTEST = 0.05
"""mm/h; what is below is no rain."""
PULL = ((0.1, 0.25), (2.0, 1.0), (10.0, 16.0))
"""From which threshold in mm/h on the field whose amounts are taken counts beside the
probabilities, and how many units of log odds a unit of its logarithm counts. The rarer an event,
the less a network has learnt which cells get most. That of low thresholds keeps rain that is wider
or lighter than what it has learnt where it is. Chosen on the validation events."""
LEAST_PROBABILITY = 1e-9
EXPECTED_SHARE = {0.1: 0.1, 0.2: 0.2, 0.5: 0.35, 1.0: 0.2}
"""By threshold in mm/h, how much the expected area counts beside that of the radar; none elsewhere.
Chosen on the validation events, with probabilities that were fitted without the event at hand; at 2
and 5 mm/h such that steady rain stays."""
FEW_CELLS = 10
"""Added to both areas, so that few cells change little."""
MOST_CHANGE = 2.0
"""Of an area by what is expected, up and down."""


def matched_rain(
    probabilities: Array,
    radar: Array,
    thresholds: Sequence[float],
    growth: Sequence[float] | NDArray[np.float64],
) -> Array:
    """The rain (y, x) in mm/h of a lead; NaN where a probability or the radar is.

    Args:
        probabilities: (threshold, y, x), falling with the threshold, NaN where unknown.
        radar: (y, x) in mm/h, the newest frame carried to the lead, each cell the value of one cell
            of the frame; NaN for no data.
        thresholds: In mm/h, rising.
        growth: By which factor the area of each threshold grows up to the lead.
    """
    known = ~np.isnan(probabilities[0]) & ~np.isnan(radar)
    rain = np.where(known, np.float32(0), np.float32(np.nan))
    amounts = np.sort(radar[known & (radar >= FAINTEST)])[::-1]
    if not amounts.size:
        return rain
    factors = np.interp(np.log(amounts), np.log(thresholds), growth)
    # so many cells get at least as much; never fewer for less
    ranks = np.maximum.accumulate((np.arange(amounts.size) + 0.5) * factors)
    areas = [
        round(factor * np.count_nonzero(amounts >= threshold))
        for threshold, factor in zip(thresholds, growth, strict=True)
    ]
    odds = pulled(probabilities[:, known], radar[known], thresholds)
    order = np.argsort(-rank_score(odds, areas), kind="stable")
    # where all rain is heavy, what its area loses gets the least rain there is, and not none
    wet = order[: min(round(max(ranks[-1] + 0.5, growth[0] * amounts.size)), order.size)]
    rates = np.zeros(order.size, np.float32)
    rates[wet] = np.interp(np.arange(wet.size) + 0.5, ranks, amounts)
    rain[known] = rates
    return rain


def expected_change(
    probabilities: Array, radar: Array, thresholds: Sequence[float]
) -> NDArray[np.float64]:
    """By which factor (threshold,) the area of each threshold differs from that of the radar.

    It is the ratio of the expected area (the sum of the probabilities) to that of the radar, to the
    power of `EXPECTED_SHARE`: probabilities know that an event grows or decays, but are not
    reliable enough for a single one to be followed all the way.

    Args:
        probabilities: (threshold, y, x), NaN where unknown.
        radar: (y, x) in mm/h, NaN for no data.
        thresholds: In mm/h.
    """
    known = ~np.isnan(probabilities[0]) & ~np.isnan(radar)
    expected = probabilities[:, known].sum(axis=1, dtype=np.float64)
    levels = np.array(thresholds, np.float32)[:, None]
    measured = np.count_nonzero(radar[known] >= levels, axis=1)
    share = np.array([EXPECTED_SHARE.get(threshold, 0.0) for threshold in thresholds])
    change: NDArray[np.float64] = ((expected + FEW_CELLS) / (measured + FEW_CELLS)) ** share
    return change.clip(1 / MOST_CHANGE, MOST_CHANGE)


def pulled(probabilities: Array, radar: Array, thresholds: Sequence[float]) -> NDArray[np.float64]:
    """Return log odds of cells, pulled to where the radar has more, at high thresholds most.

    Args:
        probabilities: (threshold, cell).
        radar: (cell,) in mm/h.
        thresholds: In mm/h.

    Returns:
        (threshold, cell).
    """
    bounded = probabilities.astype(np.float64).clip(LEAST_PROBABILITY, 1 - LEAST_PROBABILITY)
    odds: NDArray[np.float64] = np.log(bounded / (1 - bounded))
    above = np.log(np.maximum(radar, FAINTEST).astype(np.float64))
    weights = [
        max((pull for least, pull in PULL if threshold >= least), default=0.0)
        for threshold in thresholds
    ]
    distance = above - np.log(thresholds)[:, None]
    found: NDArray[np.float64] = odds + np.array(weights)[:, None] * distance
    return found


def rank_score(odds: NDArray[np.float64], areas: Sequence[int]) -> NDArray[np.float64]:
    """Score how wet each cell is among all.

    The score counts the thresholds for which a cell is among the likeliest, and between two of them
    how far it is from the one to the other.

    Args:
        odds: Log odds (threshold, cell).
        areas: Cells that reach each threshold.

    Returns:
        (cell,).
    """
    cells = odds.shape[1]
    probability_thresholds = np.array(
        [
            np.partition(row, cells - min(area, cells))[cells - min(area, cells)]
            if area
            else row.max() + 1
            for row, area in zip(odds, areas, strict=True)
        ]
    )
    over = odds - probability_thresholds[:, None]
    reached = np.logical_and.accumulate(over >= 0, axis=0).sum(axis=0)
    score = np.where(reached > 0, reached.astype(np.float64), np.minimum(over[0], 0.0))
    last, following = (reached - 1).clip(min=0), reached.clip(max=len(areas) - 1)
    cell = np.arange(cells)
    above, below = over[last, cell], over[following, cell]
    between = (reached > 0) & (reached < len(areas))
    share = np.divide(above, above - below, out=np.zeros(cells), where=between & (above > below))
    within = np.where(reached == len(areas), 1 - np.exp(-above), share)
    ranked: NDArray[np.float64] = np.where(reached > 0, score + within, score)
    return ranked
