"""Recent reliability recalibrates probabilities, the less the less there is of it."""

import numpy as np
import pytest
from numpy.typing import NDArray

from verification import recalibration
from verification.recalibration import UNCHANGED

MEANS = np.arange(0.05, 1, 0.1)


def sums(cells: float, observed: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
    n = np.full(MEANS.shape, cells)
    return n, n * MEANS, n * observed


def logit(probability: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.log(probability / (1 - probability))


def test_reliable_probabilities_stay_as_they_are() -> None:
    assert recalibration(*sums(1e6, MEANS)) == pytest.approx(UNCHANGED, abs=1e-6)


def test_no_cells_change_nothing() -> None:
    assert recalibration(*sums(0.0, MEANS)) == UNCHANGED


@pytest.mark.parametrize(("intercept", "slope"), [(0.7, 1.0), (-0.4, 1.3), (0.2, 0.6)])
def test_what_distorts_many_probabilities_is_found(intercept: float, slope: float) -> None:
    observed = 1 / (1 + np.exp(-(intercept + slope * logit(MEANS))))
    assert recalibration(*sums(1e9, observed)) == pytest.approx((intercept, slope), abs=1e-3)


def test_the_change_grows_with_the_number_of_cells() -> None:
    observed = 1 / (1 + np.exp(-(1.0 + logit(MEANS))))
    few, some, many = (
        recalibration(*sums(cells, observed)).intercept for cells in (100.0, 1e4, 1e6)
    )
    assert 0 < few < 0.1 < some < many < 1


def test_events_that_never_occur_leave_finite_numbers() -> None:
    found = recalibration(*sums(1e7, np.zeros_like(MEANS)))
    assert np.isfinite(found).all()
    assert found.intercept < -2
