"""What follows from measured slopes, by the formulas that stand beside."""

import sys

import pytest

from benchmarks.speed.scale import (
    COSTS,
    GRIDS,
    ISSUES_A_YEAR,
    READERS,
    Slopes,
    costs,
    document,
    gpu_seconds,
    main,
    readers,
)
from benchmarks.speed.slopes import Forecast, fitted, forecast

FOUND = Slopes(
    [Forecast(side, 0.1 + 1e-5 * side**2, 10 + 1e-3 * side**2, 50 * side**2) for side in (90, 180)],
    {"the JSON of a forecast": 0.5},
    ingest_seconds=0.01,
    count_seconds=1e-4,
)


def test_a_line_goes_through_what_was_measured() -> None:
    line = fitted([1, 2, 4], [3.0, 5.0, 9.0])
    assert line.rest == pytest.approx(1)
    assert line.value_at(100) == pytest.approx(201)


def test_nothing_costs_less_than_nothing_at_rest() -> None:
    line = fitted([1, 2, 4], [0.5, 2.0, 7.0])
    assert line.rest == 0
    assert 0.5 < line.slope < 7 / 4


def test_small_sizes_count_as_much_as_large_ones() -> None:
    """By the difference in themselves, the largest would decide alone."""
    line = fitted([1, 100], [2.0, 101.0])
    assert line.value_at(1) == pytest.approx(2)
    assert line.value_at(100) == pytest.approx(101)


def test_a_year_costs_so_many_issues() -> None:
    served, national, europe = (dict(zip(COSTS, row, strict=True)) for row in costs(FOUND))
    seconds = 0.1 + 1e-5 * 180**2
    assert served["s, one core"] == f"{seconds:.2f}"
    assert served["core-hours a year"] == f"{seconds * ISSUES_A_YEAR / 3600:,.0f}"
    assert national["s, one core"] == "8.20"
    assert europe["cells"] == "4,180,000"
    assert served["TB a year"] == f"{50 * 180**2 * ISSUES_A_YEAR / 1e12:.2f}"


def test_readers_need_a_processor_for_each_second_of_work() -> None:
    (row,) = readers(FOUND)
    found = dict(zip(READERS, row, strict=True))
    assert found["requests/s of a core"] == "2,000"
    assert found["cores for 10,000/s"] == "5"
    assert found["cores behind a cache of 99%"] == "0.1"


def test_a_gpu_is_reasoned_from_arithmetic_and_said_to_be() -> None:
    small, _, large = GRIDS
    assert gpu_seconds(large.cells) / gpu_seconds(small.cells) == pytest.approx(129.01, abs=0.01)
    assert "Assumed, not measured:" in document(FOUND)


def test_the_document_has_every_grid_and_every_engine() -> None:
    text = document(FOUND)
    for word in (*(grid.name for grid in GRIDS), "Celery", "CDN", "Dask", "DDP", "PostgreSQL"):
        assert word in text
    assert "seconds = 0.1 + 10 for each million cells" in text
    assert "python -m benchmarks.speed.scale --write docs/scale.md" in text


def test_a_forecast_is_measured_in_a_process_of_its_own() -> None:
    found = forecast(40)
    assert found.cells == 1600
    assert found.seconds > 0
    assert found.stored > 4 * 1600


def test_a_slope_needs_two_sizes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["scale", "--sides", "90"])
    with pytest.raises(SystemExit):
        main()
    assert "--sides needs two sizes or more" in capsys.readouterr().err
