"""The comparison of verification: equal numbers, and ratios of what was timed side by side."""

import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.speed.comparison import Comparison, cells
from benchmarks.speed.verification import (
    LEADS,
    MODELS,
    YEAR,
    Year,
    by_numpy,
    comparisons,
    counted,
    flat,
    main,
    ours_counted,
    shares,
    simulated,
    summary,
    year,
)

SIDE = 40


def test_forecasts_differ_from_what_came_and_have_the_same_blind_cells() -> None:
    forecast, observed = simulated(SIDE, 2)
    assert forecast.shape == (2, MODELS, LEADS, SIDE, SIDE)
    assert (forecast.isnull() == observed.isnull()).all()
    assert not forecast.isel(model=0, drop=True).equals(observed)
    assert not forecast.isel(model=0, drop=True).equals(forecast.isel(model=1, drop=True))


def test_pairs_come_in_the_order_of_the_counts() -> None:
    fields = simulated(SIDE, 2)
    np.testing.assert_array_equal(by_numpy(fields), flat(ours_counted(fields)))


def test_all_ways_agree_before_they_are_timed() -> None:
    found = {comparison.what: comparison for comparison in comparisons(SIDE, issues=1, rounds=1)}
    assert {"counts, plain numpy", "counts, scores", "fractions, scores"} <= set(found)
    assert all(comparison.pairs == MODELS * LEADS for comparison in found.values())


def test_ratios_are_of_pairs_and_milliseconds_of_one_field() -> None:
    theirs, ours = [(2.0, 2.0), (8.0, 2.0), (3.0, 2.0)], [(1.0, 0.5), (2.0, 0.2), (2.0, 0.5)]
    assert cells(Comparison("x", theirs, ours, 10)) == ["x", "300.000", "200.000", "2.0", "4.0"]


def test_batches_are_shared_out_whole() -> None:
    assert shares(5, 2) == [3, 2]
    assert shares(1, 4) == [1]


def test_a_year_adds_up_and_is_scaled_by_what_was_measured() -> None:
    single, triple = counted(SIDE, 1), counted(SIDE, 3)
    assert (triple.hits == 3 * single.hits).all()
    found = year(SIDE, issues=9, processes=1, fraction_issues=1)
    assert found.issues == 16, "whole batches"
    assert 0 < found.csi < 1
    assert "measured on 16 and scaled to 35,000" in summary(found)


def test_a_year_that_was_measured_whole_says_so() -> None:
    text = summary(Year(YEAR, 2, counting=120.0, fractions=600.0, csi=0.5))
    assert "scored in 2.0 minutes by 2 processes (measured whole; CSI 0.500)" in text
    assert "are summed in 10 more." in text


def test_the_command_writes_what_it_prints(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "performance.md"
    sizes = ("--side", str(SIDE), "--rounds", "1", "--issues", "1", "--batch", "1")
    monkeypatch.setattr(sys, "argv", ["verification", *sizes, "--write", str(file)])
    main()
    printed, text = capsys.readouterr().out, file.read_text()
    rows = [line for line in printed.splitlines() if line.startswith("| ")]
    assert all(row in text for row in rows)
    assert printed.splitlines()[-1] in text
