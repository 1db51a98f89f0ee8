"""What each step of a training gains, as it is worked out and written."""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from benchmarks.skill import events
from benchmarks.skill.forecasters import open_forecasters
from benchmarks.skill.scoring import score
from benchmarks.skill.steps import gains, main
from verification import csi

Weights = Callable[..., Path]
QUARTER = np.timedelta64(15, "m")


def test_each_forecaster_is_compared_with_the_one_before(corpus: Path) -> None:
    names = ["persistence", "advection", "persistence"]
    found = score("early", events.read("early", corpus), open_forecasters(names), QUARTER)
    text = gains(found)
    assert "| CSI | 0.5 | advection after persistence |" in text
    summed = csi(found.counts.sum("start")).sel(threshold=0.5).isel(lead_time=0)
    difference = (summed.sel(model="advection") - summed.sel(model="persistence")).item()
    assert difference > 0.05
    line = next(line for line in text.splitlines() if line.startswith("| CSI | 0.5 |"))
    assert line.split(" | ")[3].startswith(f"**{difference:+.3f} [")


def test_chances_are_compared_only_where_both_tell_them(corpus: Path, weights: Weights) -> None:
    files = [str(weights(name, lively=name == "later")) for name in ("earlier", "later")]
    forecasters = open_forecasters(["advection", *files])
    text = gains(score("early", events.read("early", corpus), forecasters, QUARTER))
    steps = {tuple(line.split(" | ")[:3:2]) for line in text.splitlines()[2:]}
    assert ("| Brier skill", "later after earlier") in steps
    assert ("| CSI", "earlier after advection") in steps
    assert ("| Brier skill", "earlier after advection") not in steps


def test_the_command_writes_its_section_and_leaves_the_rest(
    corpus: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = tmp_path / "experiments.md"
    file.write_text("# What was tried\n")
    options = ["--event", "early", "--shared", str(corpus), "--write", str(file)]
    monkeypatch.setattr(sys, "argv", ["steps", "persistence", "advection", *options])
    main()
    text = file.read_text()
    assert text.startswith("# What was tried\n")
    assert capsys.readouterr().out.strip() in text


def test_one_forecaster_is_no_step(corpus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    options = ["--event", "early", "--shared", str(corpus)]
    monkeypatch.setattr(sys, "argv", ["steps", "advection", *options])
    with pytest.raises(SystemExit, match="1 forecaster to compare, should be two or more"):
        main()
