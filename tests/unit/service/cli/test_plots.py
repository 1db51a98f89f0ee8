"""`nowcast plot` and `nowcast report` as a user types them."""

from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from service.cli import app, main
from service.errors import NoSkill

DAY = ("--from", "2026-06-21T22:00Z", "--to", "2026-06-22T06:00Z")


def run(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.mark.parametrize(
    ("words", "frames"),
    [
        (["frames", "--last", 3, "-o", "radar.png"], 1),
        (["frames", "--last", 3, "-o", "radar.gif"], 3),
        (["forecast", "advection", "-o", "advection.png"], 1),
        (["forecast", "advection", "-o", "advection.webp"], 16),
        (["difference", "advection", "persistence", "-o", "difference.png"], 1),
        (["difference", "advection", "persistence", "-o", "difference.gif"], 4),
        (["skill", *DAY, "--scores", "csi", "--thresholds", "0.5", "-o", "skill.png"], 1),
    ],
)
def test_the_ending_says_what_is_drawn(
    filled: Path, tmp_path: Path, words: list[object], frames: int
) -> None:
    *rest, name = words
    result = run("plot", *rest, tmp_path / str(name), "--data", filled)
    assert result.exit_code == 0, result.exception
    with Image.open(tmp_path / str(name)) as image:
        assert image.format == str(name).rpartition(".")[2].upper()
        assert getattr(image, "n_frames", 1) == frames
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_forecast_in_a_file_is_drawn_without_an_archive(filled: Path, tmp_path: Path) -> None:
    file = tmp_path / "out.nc"
    stored = next((filled / "archive" / "forecasts").rglob("advection-none.nc"))
    file.write_bytes(stored.read_bytes())
    png = tmp_path / "out.png"
    result = run("plot", "forecast", file, "-o", png, "--data", tmp_path / "empty")
    assert result.exit_code == 0, result.exception
    with Image.open(png) as image:
        assert image.info["Title"].startswith("Rain by advection, issued 2026-06-2")


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["plot", "forecast", "-o", "a.jpg"], "should end in .png, .gif or .webp"),
        (["plot", "skill", "-o", "a.gif"], "skill is not animated"),
        (["plot", "skill", "--scores", "luck"], "no score 'luck', only csi"),
        (["plot", "skill", "--from", "2026-06-22", "--to", "2026-06-21"], "before the end"),
        (["plot", "forecast", "unet"], "NoForecast: there is no forecast of unet, only of"),
        (["plot", "frames", "gone.gz"], "SourceUnavailable: gone.gz does not exist"),
        (["report", "--to", "2020-01-01"], "NoSkill: no forecast has been verified for 2019-12"),
    ],
)
def test_what_cannot_be_drawn_is_said_in_a_sentence(
    filled: Path,
    words: list[str],
    why: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["nowcast", *words, "--data", str(filled)])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    output = capsys.readouterr().err.replace("│", " ")
    assert why in " ".join(output.split())
    assert not list(tmp_path.iterdir())


def test_a_report_is_written_whole_or_the_old_one_stays(filled: Path, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    page.write_text("the old one")
    failed = run("report", "--to", "2020-01-01", "-o", page, "--data", filled)
    assert isinstance(failed.exception, NoSkill)
    assert page.read_text() == "the old one"
    assert run("report", *DAY, "-o", page, "--data", filled).exit_code == 0
    assert page.read_bytes().rstrip().endswith(b"</html>")
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


@pytest.mark.parametrize("command", ["frames", "forecast", "difference", "skill"])
def test_help_teaches_by_example(command: str) -> None:
    output = run("plot", command, "--help").output
    assert f"nowcast plot {command}" in output
