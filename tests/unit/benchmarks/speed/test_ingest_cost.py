"""What ingest costs beside decoding, as the benchmark measures it."""

import sys
from pathlib import Path

import pytest

from benchmarks.speed.ingest import (
    TARGET,
    Seconds,
    compare,
    main,
    ratio,
    row,
    simulated,
    simulated_day,
)
from ingest import read

TRIES = 5
"""A busy machine disturbs even processor time: one quiet try is enough."""


def test_ingest_costs_little_more_than_decoding(tmp_path: Path) -> None:
    assert TARGET == 1.3
    path = simulated(tmp_path)
    ratios = []
    for number in range(TRIES):
        ours, anchor = compare(path, tmp_path / str(number), rounds=20)
        ratios.append(ours.processor / anchor.processor)
        if ratios[-1] < TARGET:
            return
    raise AssertionError(f"ratios {ratios}, should be under {TARGET}")


def test_rates_are_of_frames_and_ratios_of_ours_to_the_anchor() -> None:
    ours, anchor = Seconds(3.0, 1.0), Seconds(2.0, 2.0)
    assert row("a day", 100, ours) == ["a day", "100", "30.0", "10.0", "33"]
    assert ratio("ratio", ours, anchor) == ["ratio", "", "1.50", "0.50", "0.67"]


def test_frames_of_a_simulated_day_differ_and_have_the_same_blind_cells(tmp_path: Path) -> None:
    first, second = map(read, simulated_day(tmp_path, 2))
    assert (second.time.values - first.time.values).astype("timedelta64[m]").item().seconds == 300
    assert first.isnull().equals(second.isnull().assign_coords(time=first.time))
    assert not (first.values == second.values).all()


def test_the_command_writes_what_it_prints(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "performance.md"
    sizes = ("--rounds", "1", "--frames", "3", "--workers", "1")
    monkeypatch.setattr(sys, "argv", ["ingest", *sizes, "--write", str(file)])
    main()
    printed = capsys.readouterr().out.strip()
    text = file.read_text()
    assert printed in text
    assert "| ingest a day, 1 threads | 3 |" in text
    assert text.index("<!-- ingest: begin -->") < text.index("## Ingest")
