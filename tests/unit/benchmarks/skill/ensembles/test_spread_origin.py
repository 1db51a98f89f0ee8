"""Where the spread of an ensemble comes from: ratios of what was counted, and bounds on tails."""

import numpy as np
import pytest

from benchmarks.skill.ensembles import spread_origin
from benchmarks.skill.ensembles.spread_origin import BOUNDS, Lead, exponential, power_law
from tests.showers import frame
from tests.unit.benchmarks.skill.test_ensemble import NAMED

THRESHOLDS = (1.0, 2.0, 5.0, 10.0, 20.0)


def test_a_tail_is_bounded_by_the_two_thresholds_below_it() -> None:
    rates = np.array(THRESHOLDS)
    steep = np.exp(-rates / 3)[:, None]
    np.testing.assert_allclose(exponential(steep, THRESHOLDS), steep[-1])
    flat = (rates**-2.0)[:, None]
    np.testing.assert_allclose(power_law(flat, THRESHOLDS), flat[-1])
    assert exponential(flat, THRESHOLDS) < flat[-1] / 10
    heavy = steep.copy()
    heavy[-1] = heavy[-2]
    assert power_law(heavy, THRESHOLDS) < heavy[-1]
    for bound in BOUNDS.values():
        assert bound(np.zeros((5, 3)), THRESHOLDS).tolist() == [0, 0, 0]


def test_each_half_hour_has_a_row_with_the_ratios_of_its_sums() -> None:
    lead = Lead(
        np.array([[100.0, 20.0, 21.0], [100.0, 5.0, 21.0]]),
        np.array([30.0, 8.0, 6.0]),
        np.array([20.0, 4.0, 0.0]),
        np.array([[6.0, 0.5], [5.0, 0.4], [1.0, 0.1]]),
    )
    row = spread_origin.table([lead.plus(lead)]).splitlines()[-1]
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[:6] == ["+30", "1.00", "0.50", "1.50 (40)", "2.00 (8)", "12.00 (0)"]
    assert cells[6] == "5000.00; 12.00"


def test_rates_and_members_are_limited_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spread_origin, "RARE", (0.5, 2.0, 5.0))
    joined = [frame(number).isel(y=slice(40, 80), x=slice(40, 80)) for number in range(26)]
    times = np.concatenate([each["time"].to_numpy() for each in joined])
    values = np.concatenate([each.to_numpy() for each in joined])
    frames = joined[0].isel(time=0, drop=True).expand_dims(time=times).copy(data=values)
    leads, starts = spread_origin.leads_of(frames, NAMED, np.timedelta64(5, "m"))
    assert (len(leads), starts) == (4, 1)
    for lead in leads:
        (number, variance, _), (limited_number, limited, _) = lead.spreads
        assert number == limited_number > 0
        assert limited <= variance
        assert (np.diff(lead.observed) <= 0).all()
        assert (np.diff(lead.tails[:, 0]) <= 1e-9).all(), "each bound is lower than the one before"
