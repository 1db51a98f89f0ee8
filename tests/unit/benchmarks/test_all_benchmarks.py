"""The run of all benchmarks: what it runs, and what it says of it."""

import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from benchmarks.__main__ import COMMANDS, MOST_MINUTES, Command, Run, main, run, summary


def test_every_benchmark_that_is_run_is_there() -> None:
    assert all(find_spec(f"benchmarks.{command.module}") for command in COMMANDS)


def test_a_command_writes_its_own_document() -> None:
    line = Command("speed.scale", ("--rounds", "2"), "scale.md").line(Path("docs"))
    assert line[1:] == ["-m", "benchmarks.speed.scale", "--rounds", "2", "--write", "docs/scale.md"]


def test_times_are_added_up_and_held_to_a_quarter_of_an_hour() -> None:
    assert MOST_MINUTES == 15
    found = [Run("ingest", 90.0, 0), Run("serving", 30.0, 2)]
    text = summary(found)
    assert "| ingest | 1.5 |  |" in text
    assert "| serving | 0.5 | failed, status 2 |" in text
    assert text.endswith("all took 2.0 minutes")
    assert summary([Run("x", 901.0, 0)]).endswith("all took 15.0 minutes, should be under 15")


def test_what_fails_is_told_and_stops_no_other(tmp_path: Path) -> None:
    assert run(Command("nothing_of_this_name"), tmp_path).status != 0


def test_one_alone_can_be_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["benchmarks", "--only", "unheard-of"])
    with pytest.raises(SystemExit):
        main()
    assert "unheard-of" in capsys.readouterr().err
