"""Whether places that were called dry stayed dry is verified when their two hours are over."""

from datetime import timedelta

import numpy as np
import pytest
from xarray import DataArray

from model_zoo import load_forecaster
from service.archive.archive import Archive
from service.archive.key import to_datetime
from service.ledger import dry_claim_rows
from service.ledger.ledger import Ledger
from service.monitoring import metrics
from service.monitoring.skill_collector import dry_claim_samples
from service.pipeline.forecast import forecast_model
from service.pipeline.place_summary import SHOWER, dry_places
from service.pipeline.verify import dry_claim_counts, verify
from tests.served import put_frames
from tests.showers import moment, time

ISSUE, END = 6, 30
"""Half an hour after the first frame, and two hours later."""
LATER = timedelta(hours=3)


def forecast_from(archive: Archive, ledger: Ledger, number: int) -> DataArray:
    """The forecast of persistence from a frame, with the frames up to it."""
    put_frames(archive, *range(number + 1))
    persistence = load_forecaster("persistence")
    key = forecast_model(archive, ledger, persistence, time(number), moment(number))
    return archive.full_forecast(key)


def totals(ledger: Ledger, number: int = END) -> list[dict[str, object]]:
    """Counts of the day up to a frame."""
    end = to_datetime(time(number))
    found = dry_claim_rows.totals(ledger.engine, end - timedelta(days=1), end)
    return [dict(row) for row in found]


def test_claims_are_compared_with_the_radar_of_their_two_hours_once(
    archive: Archive, ledger: Ledger
) -> None:
    forecast = forecast_from(archive, ledger, ISSUE)
    put_frames(archive, *range(ISSUE + 1, END))
    verify(archive, ledger, moment(ISSUE) + LATER)
    assert totals(ledger) == []
    put_frames(archive, END)
    for _ in range(2):
        verify(archive, ledger, moment(ISSUE) + LATER)
    frames = archive.frames(time(number) for number in range(END + 1)).values
    dry = dry_places(forecast, archive.frames(time(number) for number in range(ISSUE + 1)))
    rain = (frames[ISSUE + 1 :] >= SHOWER).any(axis=0)
    known = ~np.isnan(frames[ISSUE:]).any(axis=0) & ~np.isnan(forecast.values).any(axis=0)
    expected = {
        "hits": (~dry & rain & known).sum(),
        "misses": (dry & rain & known).sum(),
        "false_alarms": (~dry & ~rain & known).sum(),
        "correct_negatives": (dry & ~rain & known).sum(),
    }
    assert dry[known].any()
    assert totals(ledger) == [{"model": "persistence", **expected, "n_valid": 1}]
    assert totals(ledger, END - 1) == []


def test_nothing_is_known_where_a_frame_is_missing_or_between_half_hours(
    archive: Archive, ledger: Ledger
) -> None:
    forecast_from(archive, ledger, ISSUE)
    forecast_from(archive, ledger, ISSUE + 1)
    put_frames(archive, *range(ISSUE + 2, ISSUE + 12), *range(ISSUE + 13, END + 2))
    verify(archive, ledger, moment(ISSUE) + LATER)
    assert totals(ledger, END + 1) == []
    assert not ledger.pending(to_datetime(time(ISSUE + 11)))


def test_places_without_data_are_left_out() -> None:
    def field(*rows: list[float]) -> DataArray:
        return DataArray(np.array(rows)[:, None], dims=("time", "y", "x"))

    nan = np.nan
    past = field([0, 0, 0, 0, 0, nan])
    observed = field([0, 0.5, 0, 0, nan, 0], [0.4, 0, 0, 0.5, 0, 0])
    forecast = field([0, 0, nan, 1, 0, 0])
    dry = np.array([[True, True, True, False, True, True]])
    assert dry_claim_counts(dry, forecast, past, observed) == {
        "hits": 1,
        "misses": 1,
        "false_alarms": 0,
        "correct_negatives": 1,
    }


@pytest.mark.parametrize(
    ("counts", "wrong", "called"),
    [
        ((5, 1, 20, 19), 0.05, 19 / 39),
        ((5, 0, 20, 0), None, 0.0),
        ((5, 2, 0, 0), 1.0, None),
        ((5, 0, 0, 0), None, None),
    ],
)
def test_shares_are_those_of_claims_and_of_dry_places(
    counts: tuple[int, ...], wrong: float | None, called: float | None
) -> None:
    names = ("hits", "misses", "false_alarms", "correct_negatives")
    row = dict(zip(names, counts, strict=True)) | {"model": "blend", "n_valid": 3}
    samples = dry_claim_samples([row], "24h")
    labels = ("blend", "24h")
    for metric, share in ((metrics.DRY_CLAIMS_WRONG, wrong), (metrics.DRY_PLACES_CALLED, called)):
        assert samples[metric] == ([] if share is None else [(labels, share)])
    assert samples[metrics.DRY_CLAIM_FORECASTS] == [(labels, 3)]
