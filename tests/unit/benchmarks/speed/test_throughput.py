"""The table of samples per second in training, as it is printed and written."""

import sys
from pathlib import Path

import pytest
import torch

from benchmarks.report import put
from benchmarks.speed.throughput import Trial, main, memory
from benchmarks.speed.throughput_table import PUBLISHED_MODE, Row, TimedStep, advice, table

CPU = torch.device("cpu")
THEIRS = [TimedStep(4.0, 3.0), TimedStep(8.0, 3.0), TimedStep(2.0, 3.0)]
"""On a machine that is busy with something else every now and then."""
EXACT = [TimedStep(4.0, 3.0), TimedStep(10.0, 3.0), TimedStep(2.0, 2.0)]
ROUGH = [TimedStep(2.0, 2.0), TimedStep(2.5, 2.0), TimedStep(1.0, 1.0)]
FOUND = [
    Row("ms-lstm", PUBLISHED_MODE, 2, THEIRS, THEIRS, 0.0, 1234.56, 2000.0, 2000.0),
    Row("ms-lstm", "float32", 2, EXACT, THEIRS, 2e-7, 1234.57, 1000.0, 2000.0),
    Row("ms-lstm", "bf16-channels-last", 2, ROUGH, THEIRS, -3e-4, 9.0, 1500.0, 2000.0),
]


def arguments(monkeypatch: pytest.MonkeyPatch, *options: str) -> None:
    monkeypatch.setattr(sys, "argv", ["throughput", "--device", "cpu", *options])


def test_rates_are_of_samples_and_ratios_of_steps_side_by_side() -> None:
    assert table(FOUND).splitlines()[2:] == [
        "| ms-lstm | published, float32 | 0.5 | 1.00 | 1.00 |  | 1,234.6 | 2,000 | 1.000 |",
        "| ms-lstm | float32 | 0.5 | 1.00 | 1.00 | 2.0e-07 | 1,234.6 | 1,000 | 0.500 |",
        "| ms-lstm | bf16-channels-last | 1 | 2.00 | 1.50 | -3.0e-04 | 9.0 | 1,500 | 0.750 |",
    ]


def test_what_keeps_less_has_a_lower_peak() -> None:
    trial = Trial("ms-lstm", 8, 64, 1, CPU)
    plain, lean = (memory(trial, mode) for mode in (PUBLISHED_MODE, "float32"))
    assert 0 < lean < plain


def test_an_experiment_is_told_how_to_be_the_fastest() -> None:
    assert "`machine = { bf16 = true, channels_last = true }`" in advice(FOUND)
    assert "machine" not in advice(FOUND[:2])


def test_attention_is_compared_with_the_published_one_in_tiles() -> None:
    trial = Trial("ms-preciplstm", 4, 24, 1, CPU)
    assert trial.rival == "MS-PrecipLSTM_tiled"
    assert trial._replace(unfolded=True).rival == "MS-PrecipLSTM"
    assert Trial("ms-lstm", 4, 24, 1, CPU).rival == "MS-LSTM"


def test_a_section_is_put_at_the_end_and_later_into_its_place() -> None:
    text = put("# Performance\n", "one\n", "a")
    text = put(text, "two\n", "b")
    assert put(text, "three\n", "a") == text.replace("one", "three")
    assert text.startswith("# Performance\n")
    assert put("", "one\n", "a") == put("# Performance\n", "one\n", "a")


def test_a_section_that_lost_its_end_is_left_alone() -> None:
    text = put("", "one\n", "a").replace("<!-- a: end -->", "")
    with pytest.raises(ValueError, match="a: begin --> without <!-- a: end"):
        put(text, "two\n", "a")


def test_the_command_measures_both_networks_at_the_same_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "performance.md"
    sizes = ("--side", "8", "--channels", "4", "--batch", "2", "--rounds", "1", "--threads", "1")
    modes = ("--modes", "float32", "bf16-channels-last")
    arguments(monkeypatch, *sizes, *modes, "--names", "ms-lstm", "--write", str(file))
    main()
    printed = capsys.readouterr().out.strip()
    text = file.read_text()
    assert printed in text
    assert "8x8 to 4, six layers of 4 channels, batch of 2;" in text
    _, _, theirs, exact, rough = (line.split(" | ") for line in printed.splitlines())
    assert abs(float(exact[5])) < 1e-5
    assert abs(float(rough[5])) < 0.02
    after = [float(line[6].replace(",", "")) for line in (theirs, exact, rough)]
    assert after[1] == pytest.approx(after[0], rel=1e-3)
    assert after[2] == pytest.approx(after[0], rel=0.05)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--side", "18"), "--side is 18, ms-lstm needs a multiple of 4"),
        (("--rounds", "0"), "'0' should be a whole number, 1 or more"),
        (("--names", "ms-mim"), "ms-mim"),
    ],
)
def test_what_cannot_be_measured_is_refused(
    options: tuple[str, ...],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    arguments(monkeypatch, *options)
    with pytest.raises(SystemExit):
        main()
    assert message in capsys.readouterr().err
