"""The command line, as a user types it."""

import gzip
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from typer.testing import CliRunner, Result

from ingest.simulation.simulate import write
from service.cli import app, main
from service.errors import NoFrames

START = np.datetime64("2025-06-21T12:00")


@pytest.fixture(scope="module")
def radar(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four frames, five minutes apart."""
    folder = tmp_path_factory.mktemp("radar")
    assert len(list(write(folder, START, 4, seed=3))) == 4
    return folder


@pytest.fixture(scope="module")
def data(radar: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    result = run("ingest", radar, "--data", folder, "--quiet")
    assert result.exit_code == 0
    assert "4 files: 4 accepted" in result.output
    return folder


def run(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.mark.parametrize(
    "command", ["ingest", "forecast", "verify", "replay", "simulate", "serve", "demo", "convert"]
)
def test_help_teaches(command: str) -> None:
    result = run(command, "--help")
    assert result.exit_code == 0
    assert len(result.output.splitlines()) > 8


def test_a_forecast_is_written_as_netcdf_and_as_a_picture(data: Path, tmp_path: Path) -> None:
    out, png = tmp_path / "out.nc", tmp_path / "out.png"
    result = run("forecast", "--model", "advection", "--data", data, "-o", out, "--png", png)
    assert result.exit_code == 0, result.output
    assert "advection issued at 20250621T1215Z" in result.output
    with xr.open_dataset(out) as dataset:
        assert dataset["rainfall_rate"].shape == (24, 180, 180)
    assert png.read_bytes().startswith(b"\x89PNG")


def test_a_picture_shows_the_lead_times_that_are_asked_for(data: Path, tmp_path: Path) -> None:
    def drawn(*words: str) -> bytes:
        png = tmp_path / "out.png"
        result = run("forecast", "--model", "advection", "--data", data, "--png", png, *words)
        assert result.exit_code == 0, result.output
        return png.read_bytes()

    assert len({drawn(), drawn("--lead", "5"), drawn("--lead", "5", "--lead", "45")}) == 3
    refused = run("forecast", "--model", "advection", "--data", data, "--png", "x", "--lead", "7")
    assert refused.exit_code == 2
    assert "there is no lead time of 7 minutes" in " ".join(refused.output.split())


def test_a_forecast_can_start_from_an_earlier_frame(data: Path) -> None:
    result = run(
        "forecast", "--data", data, "--issue", "2025-06-21T12:05Z", "--model", "persistence"
    )
    assert "persistence issued at 20250621T1205Z" in result.output


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["forecast", "--model", "unet"], "UnknownModel: there is no forecaster 'unet'"),
        (["forecast", "--model", "ms-convlstm"], "NoWeights: there are no trained weights"),
        (["forecast", "--issue", "2025-06-21T18:00Z"], "NoFrame: there is no radar frame of"),
        (["ingest", "nowhere"], "SourceUnavailable: nowhere does not exist"),
    ],
)
def test_what_cannot_be_is_said_in_a_sentence(
    data: Path,
    words: list[str],
    why: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sys.argv", ["nowcast", *words, "--data", str(data)])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert why in " ".join(capsys.readouterr().err.split())


def test_an_empty_archive_says_what_to_do_first(tmp_path: Path) -> None:
    with pytest.raises(NoFrames, match="run `nowcast ingest` first"):
        raise run("forecast", "--data", tmp_path).exception or AssertionError("did not fail")


def test_a_time_that_is_none_is_refused(data: Path) -> None:
    result = run("forecast", "--data", data, "--issue", "yesterday")
    assert result.exit_code == 2
    assert "is no time, should be like" in result.output.replace("\n", " ")


def test_a_bad_file_is_named_and_the_rest_is_taken(radar: Path, tmp_path: Path) -> None:
    files = sorted(radar.iterdir())
    bad = tmp_path / files[0].name
    bad.write_bytes(gzip.compress(b"no radar"))
    result = run("ingest", bad, *files[1:], "--data", tmp_path / "data", "--quiet")
    assert result.exit_code == 1
    assert result.output.count("quarantined: ") == 1
    assert "4 files: 3 accepted, 1 quarantined" in result.output
    assert len(list((tmp_path / "data" / "archive" / "quarantine").iterdir())) == 2


def test_a_simulated_event_is_replayed(tmp_path: Path) -> None:
    event, data = tmp_path / "event", tmp_path / "data"
    assert run("simulate", event, "--frames", 9, "--quiet").exit_code == 0
    result = run("replay", event, "--data", data, "--quiet", "--models", "persistence,advection")
    assert result.exit_code == 0, result.output
    assert "9 files: 9 accepted" in result.output
    assert "30 min" in result.output


def test_a_replay_that_can_use_none_of_its_files_fails(tmp_path: Path) -> None:
    event, data = tmp_path / "event", tmp_path / "data"
    assert run("simulate", event, "--frames", 2, "--quiet").exit_code == 0
    for file in event.iterdir():
        file.write_bytes(gzip.compress(b"no radar"))
    options = ("--data", data, "--quiet", "--models", "persistence")
    result = run("replay", event, *options)
    assert result.exit_code == 1
    assert "2 files: 2 quarantined" in result.output
    assert "none of the files could be used" in result.output


def test_a_published_checkpoint_is_converted(shared: Path, tmp_path: Path) -> None:
    from model_zoo.checkpoints import checkpoint

    ours = tmp_path / "ms-lstm.safetensors"
    result = run("convert", shared / "parity" / "MS-LSTM.npz", "MS-LSTM", ours)
    assert result.exit_code == 0, result.exception
    assert checkpoint.load(ours).model == "ms-lstm"


def test_networks_are_listed_with_what_they_cost(tmp_path: Path) -> None:
    written = tmp_path / "models.md"
    result = run("models", "--names", "convlstm,ms-lstm", "--write", written)
    assert result.exit_code == 0, result.exception
    assert "444,001" in result.output
    assert "187.8" in result.output
    assert "| ms-lstm | 1,896,097 | 187.8 |" in written.read_text()


def test_an_unknown_network_or_data_set_is_refused() -> None:
    assert "no network 'unet'" in run("models", "--names", "unet").output
    assert "no data set 'mars'" in run("models", "--data-sets", "mars").output


def test_a_network_is_drawn_from_the_inside(data: Path, tmp_path: Path) -> None:
    result = run("inspect", "ms-convlstm", "-o", tmp_path, "--channels", 4, "--side", 32)
    assert result.exit_code == 0, result.exception
    pictures = sorted(path.name for path in tmp_path.iterdir())
    assert pictures == ["ms-convlstm-layers.png", "ms-convlstm-sight.png"]
    lacking = run("inspect", "ms-convlstm", "-o", tmp_path, "--issue", "latest", "--data", data)
    assert isinstance(lacking.exception, NoFrames)
    assert "lacks the frames of 20250621T1045Z" in str(lacking.exception)
