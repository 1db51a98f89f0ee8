"""Calibration: probabilities put right by what events of the past say of them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from model_zoo import build
from model_zoo.calibration import DRIEST, IDENTITY, Calibration, logit, wetness
from model_zoo.checkpoints import checkpoint
from model_zoo.errors import BadCheckpoint
from tests.unit.model_zoo.checkpoints.test_checkpoint import rewrite

Array = NDArray[np.float32]

THRESHOLDS = (0.5, 2.0, 5.0)
COEFFICIENTS = (
    ((0.1, 0.9, 0.2), (-0.2, 1.1, 0.1), (-0.5, 1.2, 0.3)),
    ((0.3, 0.7, 0.0), (0.2, 0.8, -0.1), (0.0, 1.0, 0.1)),
)
GROWTH = ((1.05, 1.1, 0.9), (1.1, 1.2, 0.85))
CALIBRATION = Calibration(COEFFICIENTS, GROWTH)


def probabilities(leads: int = 2, seed: int = 0) -> Array:
    """Probabilities (lead, threshold, y, x) that fall with the threshold; a corner is unknown."""
    drawn = np.random.default_rng(seed).random((leads, len(THRESHOLDS), 6, 7), np.float32)
    falling: Array = -np.sort(-drawn, axis=1)
    falling[:, :, :2, :3] = np.nan
    return falling


def half_wet() -> Array:
    """A frame (y, x) in mm/h of which every other cell is wet."""
    newest = np.zeros((6, 7), np.float32)
    newest.flat[::2] = 1.0
    return newest


def test_by_default_nothing_is_changed() -> None:
    raw = probabilities()
    np.testing.assert_array_equal(Calibration().probabilities(raw, half_wet(), THRESHOLDS), raw)
    assert Calibration().growth_of(3, 4) == (1.0,) * 4


def test_coefficients_of_the_identity_change_nothing() -> None:
    same = Calibration((((IDENTITY,) * 3),) * 2)
    raw = probabilities()
    found = same.probabilities(raw, half_wet(), THRESHOLDS)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, raw, rtol=1e-4, atol=2e-6)


def test_the_logit_is_shifted_stretched_and_moved_by_how_wet_it_is() -> None:
    only = Calibration((((0.4, 1.3, -0.5),),))
    raw = np.array([0.02, 0.3, 0.5, 0.97], np.float32).reshape(1, 1, 2, 2)
    newest = np.array([[0.0, 0.0], [0.0, 2.0]], np.float32)  # a quarter is wet
    odds = np.log(raw / (1 - raw)).astype(float)
    wanted = 1 / (1 + np.exp(-(0.4 + 1.3 * odds - 0.5 * np.log10(0.25))))
    np.testing.assert_allclose(only.probabilities(raw, newest, (0.5,)), wanted, rtol=1e-5)


def test_probabilities_fall_with_the_threshold_whatever_the_coefficients() -> None:
    random = np.random.default_rng(0)
    crossed = 0
    for seed in range(20):
        tables = random.normal((0, 1, 0), (1, 0.8, 1), (2, 3, 3))
        tilted = Calibration.from_dict({"coefficients": tables.tolist()})
        found = tilted.probabilities(probabilities(seed=seed), half_wet(), THRESHOLDS)
        known = found[:, :, 2:]
        assert (np.diff(known, axis=1) <= 0).all()
        assert ((known >= 0) & (known <= 1)).all()
        crossed += int((np.diff(known, axis=1) == 0).sum())
    assert crossed > 100, "the test sees nothing"


def test_the_lowest_threshold_is_never_lowered_by_those_above() -> None:
    lifted = Calibration((((0.0, 1.0, 0.0), (5.0, 1.0, 0.0), (0.0, 1.0, 0.0)),))
    raw = probabilities(leads=1)
    found = lifted.probabilities(raw, half_wet(), THRESHOLDS)
    np.testing.assert_allclose(found[:, [0, 2]], raw[:, [0, 2]], rtol=1e-4, atol=2e-6)
    np.testing.assert_array_equal(found[:, 1], found[:, 0])


def test_unknown_stays_unknown_and_known_stays_known() -> None:
    raw = probabilities()
    raw[:, :, 4] = 0.0
    raw[:, :, 5] = 1.0
    found = CALIBRATION.probabilities(raw, half_wet(), THRESHOLDS)
    np.testing.assert_array_equal(np.isnan(found), np.isnan(raw))


def test_beyond_the_known_leads_the_last_one_holds() -> None:
    raw = np.repeat(probabilities(leads=1), 5, axis=0)
    found = CALIBRATION.probabilities(raw, half_wet(), THRESHOLDS)
    assert not np.allclose(found[0], found[1], equal_nan=True)
    for later in found[2:]:
        np.testing.assert_array_equal(later, found[1])
    assert [CALIBRATION.growth_of(lead, 3) for lead in (0, 1, 2, 9)] == [
        GROWTH[0],
        *[GROWTH[1]] * 3,
    ]


def test_other_thresholds_than_were_calibrated_are_refused() -> None:
    with pytest.raises(ValueError, match="3 thresholds are calibrated, 2 are there"):
        CALIBRATION.probabilities(probabilities()[:, :2], half_wet(), THRESHOLDS[:2])


def test_wetness_counts_known_cells_only() -> None:
    newest = np.array([[0.1, 0.09, np.nan, np.nan], [5.0, 0.0, np.nan, np.nan]], np.float32)
    assert wetness(newest) == pytest.approx(np.log10(0.5))
    assert wetness(np.zeros((50, 50), np.float32)) == pytest.approx(np.log10(DRIEST))
    assert wetness(np.full((5, 5), np.nan, np.float32)) == pytest.approx(np.log10(DRIEST))
    assert wetness(np.ones((5, 5), np.float32)) == 0


def test_logits_are_finite_and_rise_and_unknown_ones_are_unknown() -> None:
    found = logit(np.array([0, 1e-9, 0.1, 0.5, 0.9, 1, np.nan], np.float32))
    assert np.isfinite(found[:-1]).all()
    assert np.isnan(found[-1])
    assert found[3] == 0
    assert (np.diff(found[1:-1]) > 0).all()


def test_tables_go_through_json_unchanged() -> None:
    expecting = Calibration(growth=GROWTH, expects=True)
    for calibration in (CALIBRATION, Calibration(), Calibration(growth=GROWTH), expecting):
        assert Calibration.from_dict(json.loads(json.dumps(calibration.as_dict()))) == calibration
    assert Calibration.from_dict({}) == Calibration()


@pytest.mark.parametrize(
    "tables",
    [
        {"coefficients": [[[0, 1, 0], [0, 1]]]},
        {"coefficients": [[[0, 1, 0]], [[0, 1, 0], [0, 1, 0]]]},
        {"coefficients": [[[0, float("nan"), 0]]]},
        {"coefficients": [[[0, float("inf"), 0]]]},
        {"growth": [[1.0, 1.0], [1.0]]},
        {"growth": [[float("inf")]]},
        {"growth": [[float("nan")]]},
        {"growth": [["much"]]},
    ],
    ids=str,
)
def test_tables_that_are_ragged_or_not_of_numbers_are_refused(tables: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"finite|inhomogeneous|convert"):
        Calibration.from_dict(tables)


@pytest.mark.parametrize("expects", [1, "yes", None])
def test_whether_growth_is_beside_what_is_expected_is_true_or_false(expects: object) -> None:
    with pytest.raises(ValueError, match="not true or false"):
        Calibration.from_dict({"growth": GROWTH, "expects": expects})


@pytest.fixture
def card() -> dict[str, Any]:
    """Card of a network of three thresholds."""
    return {
        "model": "ms-convlstm",
        "channels": 4,
        "scale": "rate",
        "experiment": {},
        "provenance": {},
        "thresholds": THRESHOLDS,
    }


def test_a_checkpoint_keeps_it(card: dict[str, Any], tmp_path: Path) -> None:
    network = build("ms-convlstm", channels=4, exceedances=3)
    for number, calibration in enumerate((CALIBRATION, Calibration())):
        path = tmp_path / str(number)
        checkpoint.save(path, network, **card, calibration=calibration)
        assert checkpoint.load(path).calibration == calibration
    checkpoint.save(tmp_path / "bare", network, **card)
    assert checkpoint.load(tmp_path / "bare").calibration == Calibration()


def test_a_checkpoint_saved_again_keeps_it(card: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "x"
    checkpoint.save(
        path, build("ms-convlstm", channels=4, exceedances=3), **card, calibration=CALIBRATION
    )
    before = path.read_bytes()
    checkpoint.save_again(path, checkpoint.load(path))
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "tables", [{"growth": [[1.0, 1.0], [1.0]]}, {"coefficients": [[["a", "b", "c"]]]}], ids=str
)
def test_a_checkpoint_of_bad_tables_is_refused(
    tables: dict[str, Any], card: dict[str, Any], tmp_path: Path
) -> None:
    path = tmp_path / "x"
    checkpoint.save(path, build("ms-convlstm", channels=4, exceedances=3), **card)
    rewrite(path, {"calibration": tables})
    with pytest.raises(BadCheckpoint, match="cannot be built here"):
        checkpoint.load(path)
