"""What a forecast tells of probabilities is kept with it, and changes nothing else."""

from pathlib import Path

import numpy as np
import pytest

from ingest.precipitation import exceedance_probabilities
from model_zoo import load_forecaster
from model_zoo.forecasters.baselines import Persistence
from service.archive.archive import Archive
from service.archive.key import Key
from service.archive.rounding import HALF_HOUR_STEP
from service.ledger import tables
from service.ledger.ledger import Ledger
from service.ledger.probability_rows import sums_of
from service.pipeline.forecast import forecast_model
from service.pipeline.verify import verify
from service.plots.fields import of_forecast
from tests.served import put_frames
from tests.showers import frame, moment, time
from tests.state_snapshot import rows_of
from tests.unit.service.fake_probabilities import THRESHOLDS, ProbabilisticPersistence

KEY = Key(time(6), "persistence", "none")


@pytest.fixture
def forecasts(archive: Archive, ledger: Ledger) -> Archive:
    """Frames of two and a half hours, and a forecast that tells probabilities among them."""
    put_frames(archive, *range(31))
    assert forecast_model(archive, ledger, ProbabilisticPersistence(), time(6), moment(6)) == KEY
    return archive


def test_probabilities_are_kept_with_their_forecast(forecasts: Archive) -> None:
    expected, kept = ProbabilisticPersistence()(frame(6)), forecasts.forecast(KEY)
    np.testing.assert_array_equal(kept, expected)
    assert list(exceedance_probabilities(kept)) == list(THRESHOLDS)
    assert not exceedance_probabilities(kept)[0.5].equals(exceedance_probabilities(kept)[2.0])
    for threshold, probability in exceedance_probabilities(expected).items():
        np.testing.assert_allclose(
            exceedance_probabilities(kept)[threshold], probability, atol=HALF_HOUR_STEP / 2 + 1e-6
        )
        np.testing.assert_array_equal(
            np.isnan(exceedance_probabilities(kept)[threshold]), np.isnan(kept)
        )


def test_what_is_told_is_summed_against_what_came_as_by_hand(
    forecasts: Archive, ledger: Ledger
) -> None:
    forecast_model(forecasts, ledger, load_forecaster("advection"), time(6), moment(6))
    assert verify(forecasts, ledger, moment(30)) == 8
    rows = ledger.rows(tables.probabilities)
    assert {(row["model"], row["lead_minutes"], row["threshold"]) for row in rows} == {
        ("persistence", lead, threshold) for lead in (30, 60, 90, 120) for threshold in THRESHOLDS
    }
    sums = sums_of(rows)
    other = forecasts.forecast(Key(time(6), "advection", "none"))
    for index, row in enumerate(rows):
        lead = row["lead_minutes"] // 30
        observed = frame(6 + 6 * lead).values[0]
        seen = np.isfinite([observed, other.values[lead - 1], frame(6).values[0]]).all(axis=0)
        probability = (
            exceedance_probabilities(forecasts.forecast(KEY))[row["threshold"]]
            .values[lead - 1][seen]
            .astype(float)
        )
        event = observed[seen] >= np.float32(row["threshold"])
        for least in range(10):
            inside = (probability >= least / 10) & (probability < (least + 1) / 10)
            assert sums["number"].values[index, least] == inside.sum()
            assert sums["events"].values[index, least] == event[inside].sum()
            assert sums["probability"].values[index, least] == pytest.approx(
                probability[inside].sum()
            )
        assert row["squared"] == pytest.approx(((probability - event) ** 2).sum())
        assert sums["number"].values[index].sum() == seen.sum()


def test_what_is_told_is_summed_once(forecasts: Archive, ledger: Ledger) -> None:
    verify(forecasts, ledger, moment(30))
    before = rows_of(ledger)
    assert len(before["probabilities"]) == 12
    assert verify(forecasts, ledger, moment(30)) == 0
    assert rows_of(ledger) == before


def test_a_forecast_with_probabilities_is_verified_as_one_without(
    forecasts: Archive, ledger: Ledger, tmp_path: Path
) -> None:
    archive, other = Archive(tmp_path / "bare"), Ledger(f"sqlite:///{tmp_path / 'bare.sqlite'}")
    put_frames(archive, *range(31))
    forecast_model(archive, other, Persistence(), time(6), moment(6))
    for kept, into in ((forecasts, ledger), (archive, other)):
        forecast_model(kept, into, load_forecaster("advection"), time(6), moment(6))
        assert verify(kept, into, moment(30)) == 8
    with_them, without = rows_of(ledger), rows_of(other)
    assert with_them.pop("probabilities")
    assert without.pop("probabilities") == []
    # the last two columns of sums are of probabilities; in those of a day a number follows
    for table, behind in (("sum_counts", 0), ("daily_sum_counts", 1)):
        sums, bare_sums = (
            [
                (columns[: -2 - behind], columns[len(columns) - behind :])
                for columns in (row.split(", ") for row in rows.pop(table))
            ]
            for rows in (with_them, without)
        )
        assert sums == bare_sums
    assert with_them == without


def test_a_forecast_with_probabilities_is_drawn_as_one_without(forecasts: Archive) -> None:
    kept = forecasts.forecast(KEY)
    bare = kept.drop_vars(
        [name for name in kept.coords if str(name).startswith("exceedance_probability_")]
    )
    assert of_forecast(kept) == of_forecast(bare)
