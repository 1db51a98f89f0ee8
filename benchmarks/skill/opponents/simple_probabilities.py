"""Three simple exceedance probabilities, which those of networks have to beat.

    python -m benchmarks.skill.opponents.simple_probabilities --cases FOLDER

They are the neighbourhood of advection, that of S-PROG, each with the width that is best on
training events for a lead and threshold, and a logistic regression on both. The command chooses
widths and coefficients on forecasts from training events, each event with the same weight, and
writes them to a JSON file.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from xarray import DataArray

from benchmarks.skill.events import SHARED
from benchmarks.skill.opponents.baseline_cases import BaselineCase, read_cases
from benchmarks.skill.opponents.neighbourhood_probability import DIMS, share_around
from model_zoo.checkpoints.checkpoint import write_whole
from model_zoo.exceedance import FORECAST_THRESHOLDS
from model_zoo.forecasters.contract import HORIZON
from model_zoo.training.calibration import logistic_regression
from verification import event, window_cells

Array = NDArray[np.float32]

TABLE = Path(__file__).parent / "simple_probabilities.json"
THRESHOLDS = FORECAST_THRESHOLDS
"""mm/h."""
WIDTHS = (5.0, 15.0, 25.0, 35.0, 45.0, 65.0, 85.0, 115.0, 155.0, 205.0)
"""km; widths of neighbourhoods that are tried."""
BASELINES = ("advection", "s-prog")
NEIGHBOURHOODS = tuple(f"neighbourhood of {name}" for name in BASELINES)
REGRESSION = "logistic regression on both"
LABELS = (*NEIGHBOURHOODS, REGRESSION)
SMALLEST = 0.005
"""Added to a share and to its complement, so that they have logarithms."""
CELLS = 1500
"""Drawn of each forecast and lead for the regression."""
FEWEST = 100
"""Drawn cells with the event, below which the regression is the mean of both."""
MEAN = (0.0, 0.5, 0.5)
"""Coefficients of a regression that is the mean of both in log odds."""
RIDGE = 1e-4
EVERY_CASE = 4
"""Of so many forecasts one is taken."""


@dataclass(frozen=True)
class SimpleProbabilities:
    """Widths and coefficients.

    Attributes:
        widths: Of the neighbourhoods in km, (baseline, lead, threshold).
        coefficients: Intercept and weights of the log odds, (lead, threshold, 3).
    """

    widths: NDArray[np.float64]
    coefficients: NDArray[np.float64]

    @classmethod
    def read(cls, path: Path = TABLE) -> "SimpleProbabilities":
        """Read a file of `write`."""
        found = json.loads(path.read_text())
        return cls(np.array(found["widths_km"]), np.array(found["coefficients"]))

    def write(self, path: Path, about: dict[str, object]) -> None:
        """Write them, and what they were chosen on."""
        content = {
            "thresholds": THRESHOLDS,
            "baselines": BASELINES,
            "widths_km": self.widths.tolist(),
            "coefficients": self.coefficients.round(5).tolist(),
            "about": about,
        }
        write_whole(path, (json.dumps(content, indent=1) + "\n").encode())

    def probabilities(
        self, advection: DataArray, sprog: DataArray, cell_km: float
    ) -> dict[str, DataArray]:
        """Probabilities (threshold, lead_time, y, x) by label; NaN where either forecast is.

        Args:
            advection: Forecast (lead_time, y, x) in mm/h, NaN for no data.
            sprog: Likewise.
            cell_km: Width of a cell.
        """
        rates = [entry.transpose(*DIMS[1:]).to_numpy() for entry in (advection, sprog)]
        unknown = np.isnan(rates[0]) | np.isnan(rates[1])
        shares = np.stack(
            [
                [
                    [
                        share_around(field, threshold, window_cells(width, cell_km))
                        for field, width in zip(fields, self.widths[number, :, index], strict=True)
                    ]
                    for index, threshold in enumerate(THRESHOLDS)
                ]
                for number, fields in enumerate(rates)
            ]
        )  # (baseline, threshold, lead, y, x)
        weights = self.coefficients.transpose(1, 0, 2).astype(np.float32)[..., None, None]
        odds = [log_odds(entry) for entry in shares]
        both = weights[:, :, 0] + weights[:, :, 1] * odds[0] + weights[:, :, 2] * odds[1]
        regression = np.minimum.accumulate(1 / (1 + np.exp(-both)), axis=0)
        places = {dim: advection[dim] for dim in DIMS[1:] if dim in advection.coords}
        return {
            label: DataArray(
                np.where(unknown, np.float32(np.nan), field),
                {"threshold": list(THRESHOLDS), **places},
                DIMS,
            )
            for label, field in zip(LABELS, (*shares, regression), strict=True)
        }


def log_odds(share: Array) -> Array:
    """Return the log odds of shares (any shape), finite for 0 and 1."""
    odds: Array = np.log((share + SMALLEST) / (1 - share + SMALLEST))
    return odds


def choose(cases: Sequence[BaselineCase], seed: int = 0) -> SimpleProbabilities:
    """Choose widths and coefficients on forecasts from training events."""
    widths = np.zeros((len(BASELINES), HORIZON, len(THRESHOLDS)))
    coefficients = np.zeros((HORIZON, len(THRESHOLDS), len(MEAN)))
    for lead in range(HORIZON):
        widths[:, lead] = best_widths(cases, lead)
        rng = np.random.default_rng(seed)
        for index, threshold in enumerate(THRESHOLDS):
            coefficients[lead, index] = regression(
                cases, lead, threshold, widths[:, lead, index], rng
            )
    return SimpleProbabilities(widths, coefficients)


def best_widths(cases: Sequence[BaselineCase], lead: int) -> NDArray[np.float64]:
    """The widths (baseline, threshold) in km with the lowest Brier score, its mean over events."""
    scores: dict[str, list[NDArray[np.float64]]] = {}
    for case in cases:
        known = known_cells(case, lead)
        if not known.any():
            continue
        rain = case.observed[lead][known]
        errors = np.zeros((len(BASELINES), len(WIDTHS), len(THRESHOLDS)))
        for number, fields in enumerate((case.advection, case.sprog)):
            for size, width in enumerate(WIDTHS):
                window = window_cells(width, case.cell_km)
                for index, threshold in enumerate(THRESHOLDS):
                    share = share_around(fields[lead], threshold, window)[known]
                    reached = event.reaches(rain, threshold)
                    errors[number, size, index] = np.square(share - reached).mean()
        scores.setdefault(case.event, []).append(errors)
    mean = np.mean([np.mean(of_event, axis=0) for of_event in scores.values()], axis=0)
    best: NDArray[np.float64] = np.array(WIDTHS)[mean.argmin(axis=1)]
    return best


def regression(
    cases: Sequence[BaselineCase],
    lead: int,
    threshold: float,
    widths: NDArray[np.float64],
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """Coefficients (3,) of the regression of a lead and threshold on both neighbourhoods."""
    number = {name: sum(case.event == name for case in cases) for name in {c.event for c in cases}}
    features, events, weights = [], [], []
    for case in cases:
        cells = np.flatnonzero(known_cells(case, lead))
        if not cells.size:
            continue
        cells = rng.choice(cells, min(CELLS, cells.size), replace=False)
        odds = [
            log_odds(
                share_around(fields[lead], threshold, window_cells(width, case.cell_km)).ravel()[
                    cells
                ]
            )
            for fields, width in zip((case.advection, case.sprog), widths, strict=True)
        ]
        features.append(np.column_stack([np.ones(cells.size), *odds]))
        events.append(event.reaches(case.observed[lead].ravel()[cells], threshold))
        weights.append(np.full(cells.size, 1 / (cells.size * number[case.event])))
    reached = np.concatenate(events)
    start = np.array(MEAN)
    if np.count_nonzero(reached) < FEWEST:
        return start
    weight = np.concatenate(weights)
    weight /= weight.sum()
    x = np.concatenate(features).astype(np.float64)
    return logistic_regression(x, weight * reached, weight * ~reached, start, RIDGE)


def known_cells(case: BaselineCase, lead: int) -> NDArray[np.bool_]:
    """Where both baselines and the radar have data, (y, x)."""
    fields = (case.advection[lead], case.sprog[lead], case.observed[lead])
    known: NDArray[np.bool_] = np.logical_and.reduce([np.isfinite(field) for field in fields])
    return known


def main() -> None:
    """Choose them, and write them."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cases", type=Path, required=True, help="folder of baseline forecasts")
    parser.add_argument("--shared", type=Path, default=SHARED, help="the folder with data/ in it")
    parser.add_argument("--every", type=int, default=EVERY_CASE, help="one of so many is taken")
    parser.add_argument("--write", type=Path, default=TABLE, help="a JSON file")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    cases = read_cases(options.shared / "data" / "corpus", options.cases)[:: options.every]
    found = choose(cases)
    names = sorted({case.event for case in cases})
    found.write(options.write, {"events": names, "forecasts": len(cases)})
    print(f"{len(cases)} forecasts from {len(names)} events; wrote {options.write}")


if __name__ == "__main__":
    main()
