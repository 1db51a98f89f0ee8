"""Verification of exceedance probabilities: Brier score and reliability diagram.

Brier (1950), doi:10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2; decomposition by Murphy (1973),
doi:10.1175/1520-0450(1973)012<0595:ANVPOT>2.0.CO;2. As with contingency tables, sums come first,
which add up over forecasts, and scores are computed from them last.
"""

import numpy as np
from xarray import DataArray, Dataset

from verification import event
from verification.matching import kept_coords, pair

BINS = 10
"""Bins of forecast probability, equally wide; a probability of 1 belongs to the last."""
FEWEST = 100
"""Cells in a bin below which its observed frequency is too uncertain to be drawn."""


def probability_sums(probability: DataArray, observed: DataArray) -> Dataset:
    """Sums over y and x from which the Brier score and the reliability diagram are computed.

    Args:
        probability: Exceedance probability in 0..1, (threshold, y, x) and any other dims such as
            lead_time; thresholds in mm/h, NaN for no forecast.
        observed: Observed rain rate in mm/h, (y, x) and the other dims but threshold, NaN for no
            data. A cell where either is NaN counts nowhere.

    Returns:
        `number` of cells, sum of their forecast probabilities `probability` and number of observed
        `events`, each (threshold, others, bin), and the sum of squared errors of the probability,
        `squared`, (threshold, others); float64.

    Raises:
        DifferentGrids: The fields do not lie on the same cells and leads.
    """
    dims = ("threshold", *(dim for dim in probability.dims if dim not in ("threshold", "y", "x")))
    forecast, truth = (
        field.transpose(*dims, "y", "x").to_numpy() for field in pair(probability, observed)
    )
    shape = forecast.shape[: len(dims)]
    sums = {name: np.zeros((*shape, BINS)) for name in ("number", "probability", "events")}
    squared = np.zeros(shape)
    thresholds = probability["threshold"].to_numpy().tolist()
    for index in np.ndindex(*shape):
        valid = ~(np.isnan(forecast[index]) | np.isnan(truth[index]))
        values = forecast[index][valid].astype(float)
        is_event = event.reaches(truth[index][valid], thresholds[index[0]])
        bins = np.minimum((values * BINS).astype(int), BINS - 1)
        for name, weight in (("number", None), ("probability", values), ("events", is_event)):
            sums[name][index] = np.bincount(bins, weight, BINS)
        squared[index] = np.square(values - is_event).sum()
    data = {name: ((*dims, "bin"), values) for name, values in sums.items()}
    coords = {**kept_coords(probability, dims), "bin": np.arange(BINS) / BINS}
    return Dataset({**data, "squared": (dims, squared)}, coords)


chance_sums = probability_sums
"""Former name, kept for code that imports it."""


def brier(sums: Dataset) -> DataArray:
    """Compute the Brier score, elementwise over all dims but the bins.

    Mean squared error of the probability, 0 to 1, 0 is best; NaN for no cells. Brier (1950),
    doi:10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2.
    """
    score: DataArray = sums["squared"] / sums["number"].sum("bin")
    return score


def climatology(sums: Dataset) -> DataArray:
    """Compute the Brier score of the sample climatology as a constant forecast, shaped as `brier`.

    It is the uncertainty term o (1 - o) of the decomposition, with o the observed frequency of the
    event in the sample, which no real forecast knows beforehand. NaN for no cells.
    """
    frequency = sums["events"].sum("bin") / sums["number"].sum("bin")
    score: DataArray = frequency * (1 - frequency)
    return score


def brier_skill(sums: Dataset) -> DataArray:
    """Compute the Brier skill score against `climatology`, shaped as `brier`.

    1 is best, 0 no skill; NaN without events.
    """
    reference = climatology(sums)
    skill: DataArray = 1 - brier(sums) / reference.where(reference > 0)
    return skill


def brier_decomposition(sums: Dataset) -> Dataset:
    """Parts of the Brier score: reliability - resolution + uncertainty (Murphy 1973).

    Equal to the score but for what probabilities differ within a bin.

    Args:
        sums: Of `probability_sums`.

    Returns:
        `reliability`, mean squared distance of the mean probability of a bin from its observed
        frequency, 0 is best; `resolution`, that of the observed frequency of a bin from that of the
        sample, the larger the better; `uncertainty`, the score of `climatology`. NaN for no cells.
    """
    number = sums["number"]
    cells = number.sum("bin")
    points = reliability(sums)
    frequency = points["observed_frequency"]
    base_rate = sums["events"].sum("bin") / cells
    wrong = (number * (points["forecast_probability"] - frequency) ** 2).sum("bin")
    apart = (number * (frequency - base_rate) ** 2).sum("bin")
    return Dataset(
        {
            "reliability": wrong / cells,
            "resolution": apart / cells,
            "uncertainty": climatology(sums),
        }
    )


def reliability(sums: Dataset) -> Dataset:
    """Points of the reliability diagram.

    Args:
        sums: Of `probability_sums`.

    Returns:
        By bin, the mean `forecast_probability` and the `observed_frequency` of the event, NaN for a
        bin without cells, and the `number` of cells.
    """
    number = sums["number"]
    cells = number.where(number > 0)
    return Dataset(
        {
            "forecast_probability": sums["probability"] / cells,
            "observed_frequency": sums["events"] / cells,
            "number": number,
        }
    )
