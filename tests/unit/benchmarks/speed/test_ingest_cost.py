"""What ingest costs beside decoding, as the benchmark measures it."""

import sys
from pathlib import Path

import pytest

from benchmarks.speed.ingest import (
    Seconds,
    compare,
    main,
    ratio,
    row,
    simulated,
    simulated_day,
)
from ingest import read
from ingest.formats import radolan


def test_a_frame_is_decoded_once_when_it_is_ingested(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded: list[int] = []
    decode = radolan.decode

    def counted(data: bytes) -> radolan.Composite:
        decoded.append(len(data))
        return decode(data)

    monkeypatch.setattr(radolan, "decode", counted)
    ours, anchor = compare(simulated(tmp_path), tmp_path, rounds=3)
    assert len(decoded) == 3 + 1  # one to warm up
    assert ours.processor > 0
    assert anchor.processor > 0


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
