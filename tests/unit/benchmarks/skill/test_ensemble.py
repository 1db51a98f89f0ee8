"""The verification of ensembles: an event of simulated rain, its tables and its picture."""

import numpy as np
import pytest
from xarray import DataArray, Dataset

from benchmarks.skill import ensemble
from benchmarks.skill.forecasters import NamedForecaster
from benchmarks.skill.scoring import NoStarts
from ingest.precipitation import lead_minutes_of
from model_zoo.forecasters.contract import Needs, minutes
from tests.showers import frame
from tests.unit.service.fake_probabilities import ProbabilisticPersistence
from verification import rank_shares


class Recent(ProbabilisticPersistence):
    """With another frame before the newest, which an ensemble needs."""

    needs = Needs(minutes(0), useful=minutes(5))


NAMED = NamedForecaster("persistence", Recent(), ())


@pytest.fixture(scope="module")
def frames() -> DataArray:
    """Frames of two hours and five minutes, (time, y, x) of a part of the grid."""
    joined = [frame(number).isel(y=slice(40, 100), x=slice(40, 100)) for number in range(26)]
    times = np.concatenate([each["time"].to_numpy() for each in joined])
    values = np.concatenate([each.to_numpy() for each in joined])
    return joined[0].isel(time=0, drop=True).expand_dims(time=times).copy(data=values)


@pytest.fixture(scope="module")
def totals(frames: DataArray) -> dict[str, dict[str, Dataset]]:
    found, starts = ensemble.sums_of(frames, NAMED, np.timedelta64(5, "m"))
    assert starts == 1
    return found


def test_scales_and_kinds_have_a_score_at_each_lead_time(
    totals: dict[str, dict[str, Dataset]],
) -> None:
    assert list(totals) == list(ensemble.SCALES)
    cells = totals[ensemble.CELLS]
    assert lead_minutes_of(cells[ensemble.ENSEMBLE]) == list(range(5, 121, 5))
    assert lead_minutes_of(totals[ensemble.HOURS][ensemble.ENSEMBLE]) == [60, 120]
    # at a cell members that are exchanged are the same
    for name in ("crps", "variance", "ranks"):
        np.testing.assert_allclose(cells[ensemble.ENSEMBLE][name], cells[ensemble.SHUFFLED][name])
    areas = totals[ensemble.AREAS]
    assert float(areas[ensemble.ENSEMBLE]["variance"].sum()) > float(
        areas[ensemble.SHUFFLED]["variance"].sum()
    )


def test_tables_and_picture_are_of_what_was_counted(totals: dict[str, dict[str, Dataset]]) -> None:
    text = ensemble.crps_table(totals)
    assert len(text.strip().splitlines()) == 2 + 5 * len(ensemble.SCALES)
    ranks = ensemble.rank_table(totals)
    shares = rank_shares(totals[ensemble.CELLS][ensemble.ENSEMBLE].sum("lead_time"))
    assert f"| {float(shares[0]):.2f} |" in ranks
    assert ensemble.draw(totals, "title").startswith(b"\x89PNG")
    assert "shuffled" in ensemble.section([text])


def test_an_event_that_is_too_short_has_no_start(frames: DataArray) -> None:
    with pytest.raises(NoStarts, match="two hours"):
        ensemble.sums_of(frames.isel(time=slice(12)), NAMED, np.timedelta64(5, "m"))
