"""The provider's own forecast, kept and verified beside ours."""

from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from xarray import DataArray

from ingest import BadField, to_model_grid
from ingest.grid import NATIONAL_SPHERE, known_grid
from ingest.precipitation import (
    exceedance_probabilities,
    exceedance_probability,
    make,
    make_forecast,
)
from service.archive.archive import Archive
from service.archive.key import Key
from service.ledger import tables
from service.ledger.ledger import Arrival, Ledger
from service.pipeline.ingest import ingest_file, keep_forecast
from service.pipeline.verify import verify
from tests.served import counted_by_hand, make_forecasts, put_frames
from tests.showers import frame, moment, rate, time
from tests.state_snapshot import files_of


def provider_forecast(number: int, leads: int = 24) -> DataArray:
    steps = [np.timedelta64(5 * k, "m") for k in range(1, leads + 1)]
    rates = np.stack([rate(number)] * leads)
    return to_model_grid(make_forecast(rates, time(number), steps, NATIONAL_SPHERE, "RV"))


def test_the_providers_own_forecast_is_kept_and_verified_beside_ours(
    archive: Archive, ledger: Ledger
) -> None:
    put_frames(archive, *range(7))
    arrival = keep_forecast(archive, ledger, provider_forecast(0))
    assert arrival == {"product": "RV", "frame_time": moment(0), "outcome": "accepted"}
    assert keep_forecast(archive, ledger, provider_forecast(0)) == arrival, "nobody entered it"
    ledger.arrive(Arrival("f" * 64, "rv", arrived=moment(1), **arrival))
    assert keep_forecast(archive, ledger, provider_forecast(0))["outcome"] == "duplicate"
    kept = archive.forecast(Key(time(0), "dwd-rv", "none"))
    minutes = kept.lead_time.values / np.timedelta64(1, "m")
    assert minutes.tolist() == [30, 60, 90, 120]
    make_forecasts(archive, ledger, 0, models=["persistence"])
    assert verify(archive, ledger, moment(6)) == 2
    theirs, ours = (ledger.rows(tables.counts, [m]) for m in ("dwd-rv", "persistence"))
    names = ("threshold", "hits", "misses", "false_alarms", "correct_negatives")
    assert [[r[n] for n in names] for r in theirs] == [[r[n] for n in names] for r in ours]


def test_probabilities_are_cut_to_the_leads_that_are_verified(
    archive: Archive, ledger: Ledger
) -> None:
    field = provider_forecast(0)
    each = np.arange(1, 25, dtype=np.float32)[:, None, None] / 25
    probability = exceedance_probability(
        2.0, np.where(np.isnan(field), np.nan, each).astype(np.float32)
    )
    keep_forecast(archive, ledger, field.assign_coords({"exceedance_probability_2": probability}))
    kept = exceedance_probabilities(archive.forecast(Key(time(0), "dwd-rv", "none")))[2.0]
    np.testing.assert_allclose(kept[:, 90, 90], np.array([6, 12, 18, 24]) / 25, atol=1e-3)


def test_a_real_file_of_the_providers_forecast_is_kept_and_verified(
    archive: Archive, ledger: Ledger, shared: Path
) -> None:
    file = shared / "data/dwd/fixtures/DE1200_RV2210180700.tar.bz2"
    issue = np.datetime64("2022-10-18T07:00", "ns")
    arrival = ingest_file(archive, ledger, file, datetime.fromisoformat("2022-10-18T07:04Z"))
    assert (arrival.outcome, arrival.product) == ("accepted", "RV")
    kept = archive.forecast(Key(issue, "dwd-rv", "none"))
    grid = known_grid(kept)
    assert grid is not None
    truth = make(frame(0).values[0], issue + np.timedelta64(60, "m"), grid, "RY")
    archive.put_frame(truth)
    assert verify(archive, ledger, datetime.fromisoformat("2022-10-18T08:00Z")) == 1
    forecast, observed = kept.values[1], truth.values[0]
    by_hand = counted_by_hand(forecast, observed, np.isfinite(forecast + observed), 0.5)
    (row,) = ledger.rows(tables.counts, threshold=0.5)
    assert {name: row[name] for name in by_hand} == by_hand


def test_a_provider_forecast_that_lacks_a_lead_is_refused(archive: Archive, ledger: Ledger) -> None:
    with pytest.raises(BadField, match="120 minutes"):
        keep_forecast(archive, ledger, provider_forecast(0, leads=23))
    assert files_of(archive.root) == {}
