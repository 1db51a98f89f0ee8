"""What bfloat16 does to scores, as it is measured and written."""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from xarray import DataArray

from benchmarks.skill import events
from benchmarks.skill.precision import change, main, row, table

Weights = Callable[..., Path]
QUARTER = np.timedelta64(15, "m")


def test_a_network_is_compared_with_itself_in_bfloat16(corpus: Path, weights: Weights) -> None:
    found = row(str(weights(lively=True)), "early", events.read("early", corpus), QUARTER)
    assert found.starts > 5
    assert found.events > 0
    assert 0 < found.probability < 0.05
    assert found.csi < 0.05


def test_the_largest_change_counts_and_a_score_lost_is_no_number() -> None:
    numbers = [[0.5, 0.25, np.nan], [0.5, 0.30, np.nan]]
    scores = DataArray(numbers, {"model": ["float32", "bf16"]}, ("model", "lead_time"))
    assert change(scores) == pytest.approx(0.05)
    scores[1, 0] = np.nan
    assert np.isnan(change(scores))


def test_the_command_writes_what_it_prints(
    corpus: Path,
    weights: Weights,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = tmp_path / "performance.md"
    asked = ["--names", str(weights()), "--events", "early", "--every", "30"]
    command = ["precision", *asked, "--shared", str(corpus), "--write", str(file)]
    monkeypatch.setattr(sys, "argv", command)
    main()
    printed = capsys.readouterr().out.strip()
    assert printed in file.read_text()
    assert printed.splitlines()[0] == table([]).splitlines()[0]
    assert "starts every 30 minutes" in file.read_text()


def test_an_event_that_is_not_there_is_said_so(
    corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["precision", "--events", "nowhere", "--shared", str(corpus)])
    with pytest.raises(SystemExit, match="nowhere"):
        main()
