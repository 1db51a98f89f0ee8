"""Conclusions of lead times and of dry claims are worked out from their tables."""

import pytest

from benchmarks.five_minutes_conclusion import dry_places, lead_times
from model_zoo.profiling.markdown import tables

LEADS = """# Lead times of five minutes

## first

| mm/h | forecaster | +5 | +15 | +30 |
| --- | --- | --- | --- | --- |
| 0.5 | advection | 0.800 | 0.700 | 0.600 |
| 0.5 | blend | 0.790 | 0.710 | 0.640 |

## second

| mm/h | forecaster | +5 | +15 | +30 |
| --- | --- | --- | --- | --- |
| 0.5 | advection | 0.600 | 0.500 | 0.400 |
| 0.5 | blend | 0.600 | 0.506 | 0.300 |
"""
CLAIMS = """# Places called dry

| forecaster | event | get rain | claims wrong | dry places told |
| --- | ---: | ---: | ---: | ---: |
| blend | first | 70.0 % | 4.3 % | 8.8 % |
| blend | second | 10.0 % | 0.6 % | 60.7 % |
| blend | all events | 20.0 % | 0.8 % | 51.0 % |
"""


def test_scores_are_means_over_events() -> None:
    means, _ = lead_times(tables(LEADS))
    assert "advection 0.700 0.600 0.500" in means
    assert "blend 0.695 0.608 0.470" in means


def test_leads_below_advection_are_counted_before_half_an_hour() -> None:
    _, below = lead_times(tables(LEADS))
    assert "below advection in 1 of 4" in below
    assert "by 0.010 at most" in below


def test_claims_are_concluded_with_their_range() -> None:
    assert dry_places(tables(CLAIMS)) == [
        (
            "blend: 0.8 % of the places called dry for two hours get rain (0.6 to 4.3 % by event); "
            "51.0 % of the dry places are called dry."
        )
    ]


@pytest.mark.parametrize("conclude", [lead_times, dry_places])
def test_a_page_without_tables_has_no_conclusion(conclude: object) -> None:
    assert callable(conclude)
    assert conclude([]) == []
