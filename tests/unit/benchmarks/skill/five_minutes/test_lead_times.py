"""Skill by lead times of five minutes, as it is counted and written."""

import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.skill import events
from benchmarks.skill.five_minutes.lead_times import counts_of, main, table
from benchmarks.skill.forecasters import open_forecasters
from benchmarks.skill.scoring import NoStarts
from verification import csi

HOUR = np.timedelta64(60, "m")


def test_each_lead_time_with_a_radar_frame_is_counted(corpus: Path) -> None:
    forecasters = open_forecasters(["persistence", "advection"])
    counts, starts = counts_of(events.read("early", corpus), forecasters, HOUR)
    minutes = counts["lead_time"] / np.timedelta64(1, "m")
    np.testing.assert_array_equal(minutes, np.arange(15, 121, 15))
    assert starts == 5
    scores = csi(counts).sel(threshold=0.5)
    assert (scores.sel(model="advection") > scores.sel(model="persistence")).all()
    assert (scores.sel(model="persistence").diff("lead_time") < 0).all()
    lines = table(counts).splitlines()
    assert lines[0].endswith("| +15 | +30 | +45 | +60 | +75 | +90 | +105 | +120 |")
    assert len(lines) == 2 + 3 * 2


def test_an_event_of_an_hour_leaves_no_start(corpus: Path) -> None:
    with pytest.raises(NoStarts, match="of two hours after it"):
        counts_of(events.read("short", corpus), open_forecasters(["advection"]), HOUR)


def test_the_command_writes_a_section_and_a_figure_for_each_event(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = tmp_path / "lead-times.md"
    words = ["--events", "early", "--forecasters", "advection", "--shared", str(corpus)]
    more = ["--every", "60", "--write", str(document)]
    monkeypatch.setattr(sys, "argv", ["lead_times", *words, *more])
    main()
    text = document.read_text()
    assert "## early" in text
    assert "![CSI by lead time](csi-by-lead-early.png)" in text
    assert (tmp_path / "csi-by-lead-early.png").read_bytes().startswith(b"\x89PNG")
