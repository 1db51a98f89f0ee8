"""Forecasts beside the published networks, as they are measured, printed and written."""

import argparse
import sys
from pathlib import Path

import pytest
import torch

from benchmarks.speed.inference import (
    AS_SHIPPED,
    SHIPPED,
    UNFOLDING,
    Measurement,
    Row,
    Task,
    main,
    plan,
    rows,
    table,
)
from benchmarks.speed.saved_activations import COUNTERPARTS

TASK = Task("ms-lstm", "MS-LSTM", 32, 180)
FOUND = Row(TASK, "float32", 1, [(1.0, 1.0), (3.0, 1.0)], [(4.0, 3.0), (6.0, 2.0)], 1e-7, 0.5, 99.0)


def asked(*, every: bool) -> argparse.Namespace:
    given = {
        "names": list(SHIPPED),
        "precisions": ["float32", "bf16"],
        "threads": [1, 2],
        "rounds": 3,
    }
    return argparse.Namespace(**given, all=every, channels=32, side=180)


def test_ratios_are_medians_of_pairs() -> None:
    assert FOUND.ratio(0) == 3.0
    assert FOUND.ratio(1) == 2.5
    line = table([FOUND]).splitlines()[-1]
    assert "| 1 | float32 | 2.00 | 5.00 | 3.00 | 2.50 | 1.0e-07 | 0.5 | 99 |" in line


def test_named_networks_are_run_in_all_precisions_and_the_others_once() -> None:
    few, every = list(plan(asked(every=False))), list(plan(asked(every=True)))
    assert every[: len(few)] == few
    precisions = ["float32", "bf16"]
    assert [planned[1:] for planned in few if planned.task == TASK] == [
        (precisions, 1, 3, True),
        (precisions, 2, 3, False),
    ]
    shipped = [planned[1:] for planned in few if planned.task.note == AS_SHIPPED]
    assert shipped == [(precisions, 2, 3, True)] * len(SHIPPED)
    copied = [planned[1:] for planned in few if planned.task.note == UNFOLDING]
    assert copied == [(precisions[:1], 1, 1, True)]
    others = every[len(few) :]
    assert {planned.task.name for planned in others} == set(COUNTERPARTS) - set(SHIPPED)
    assert all(planned[1:] == (precisions[:1], 1, 1, False) for planned in others)


def test_both_forecast_the_same_and_memory_is_measured() -> None:
    torch.set_num_threads(1)
    asked = Measurement(Task("ms-convlstm", "MS-ConvLSTM", 8, 32), ["float32", "bf16"], 1, 1)
    found, rough = rows(asked)
    assert found.difference < rough.difference < 0.03 * rough.largest
    assert found.difference < 1e-4 < found.largest
    assert found.memory is not None
    assert found.memory > 0


def test_the_command_writes_what_it_prints(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "performance.md"
    sizes = ("--side", "16", "--channels", "4", "--rounds", "1", "--names", "ms-convlstm")
    monkeypatch.setattr(sys, "argv", ["inference", *sizes, "--write", str(file)])
    main()
    printed = capsys.readouterr().out.strip()
    assert printed in file.read_text()
    assert "| ms-convlstm | 4 | 16x16 | 1 | float32 |" in printed
