"""`nowcast doctor` finds what is wrong with a machine and says what to do."""

import http.server
import threading
from collections.abc import Iterator
from email.utils import formatdate
from pathlib import Path
from time import time

import pytest
from typer.testing import CliRunner

from model_zoo.fast import c_library
from service.cli import app, doctor
from service.settings import Settings


class Server(http.server.ThreadingHTTPServer):
    """A radar server whose clock is `offset` seconds ahead and whose status is `status`."""

    offset = 0.0
    status = 200


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def do_HEAD(self) -> None:
        self.send_response_only(self.server.status)
        self.send_header("Date", formatdate(time() + self.server.offset, usegmt=True))
        self.end_headers()


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(("127.0.0.1", 0), Handler) as started:
        threading.Thread(target=started.serve_forever, daemon=True).start()
        yield started
        started.shutdown()


def settings(folder: Path, server: Server) -> Settings:
    address = f"http://127.0.0.1:{server.server_port}/"
    return Settings(data=folder, radar_server=address, models=("persistence",))


def test_a_good_machine_has_no_failure(tmp_path: Path, server: Server) -> None:
    findings = doctor.examine(settings(tmp_path, server))
    assert {finding.name for finding in findings} >= {"versions", "kernels", "disk", "radar server"}
    assert not [finding for finding in findings if finding.state == "failed"]


def test_a_wrong_clock_is_told_by_the_radar_server(tmp_path: Path, server: Server) -> None:
    server.offset = 120
    finding = doctor.radar_server(settings(tmp_path, server))
    assert finding.state == "warning"
    assert "-120 s" in finding.text or "-119 s" in finding.text or "-121 s" in finding.text


def test_a_refusing_radar_server_is_a_warning(tmp_path: Path, server: Server) -> None:
    server.status = 403
    assert "403" in doctor.radar_server(settings(tmp_path, server)).text


def test_a_missing_model_a_full_disk_and_a_wrong_folder_are_found(
    tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = settings(tmp_path, server)
    assert doctor.checked("models", doctor.models, good).state == "ok"
    bad = good.model_copy(update={"models": ("ms-lstn",), "data": Path("/proc/nowcast")})
    found = doctor.checked("models", doctor.models, bad)
    assert found.state == "failed"
    assert "ms-lstm" in found.text
    assert "NOWCAST_DATA" in doctor.checked("disk", doctor.disk, bad).text
    monkeypatch.setattr(doctor, "FREE_BYTES", 1e30)
    assert "NOWCAST_KEEP_DAYS" in doctor.disk(good).text


def test_broken_weights_are_found(tmp_path: Path, server: Server) -> None:
    (tmp_path / "mine.safetensors").write_bytes(b"no weights")
    own = {"weights": tmp_path, "models": ("persistence", "mine")}
    found = doctor.checked(
        "models", doctor.models, settings(tmp_path, server).model_copy(update=own)
    )
    assert found.state == "failed"
    assert "mine.safetensors is not a whole safetensors file" in found.text


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("domain", Path("nowhere.toml"), "nowhere.toml cannot be read"),
        ("api_keys", Path("nowhere.jsonl"), "nowhere.jsonl cannot be read"),
        ("weights", Path("nowhere"), "should be a folder of checkpoints"),
        ("simulated_time", "yesterday", "BEGIN@SINCE"),
    ],
)
def test_what_a_setting_names_and_is_not_there_is_found(
    tmp_path: Path, server: Server, name: str, value: object, text: str
) -> None:
    wrong = settings(tmp_path, server).model_copy(update={name: value})
    found = doctor.checked("settings", doctor.variables, wrong)
    assert found.state == "failed"
    assert text in found.text


def test_a_device_that_is_not_there_is_found(tmp_path: Path, server: Server) -> None:
    without = settings(tmp_path, server).model_copy(update={"device": "cuda:999"})
    found = doctor.checked("device", doctor.device, without)
    assert found.state == "failed"
    assert "cuda:999" in found.text


def test_networks_without_kernels_are_a_warning(
    tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(c_library, "load", lambda: None)
    found = doctor.kernels(settings(tmp_path, server))
    assert (found.state, "install GCC" in found.text) == ("warning", True)


def test_what_does_not_answer_is_found(tmp_path: Path, server: Server) -> None:
    (tmp_path / "other.sqlite").write_bytes(b"no database" * 100)
    away = {
        "redis": "redis://127.0.0.1:1/0",
        "ledger": f"sqlite:///{tmp_path / 'other.sqlite'}",
        "archive": "nothing://bucket/nowcast",
    }
    wrong = settings(tmp_path, server).model_copy(update=away)
    states = {finding.name: finding.state for finding in doctor.examine(wrong)}
    assert [states[name] for name in away] == ["failed"] * 3


def test_the_command_exits_with_1_when_a_check_failed(
    tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOWCAST_RADAR_SERVER", f"http://127.0.0.1:{server.server_port}/")
    monkeypatch.setenv("NOWCAST_MODELS", "ms-lstn")
    result = CliRunner().invoke(app, ["doctor", "--data", str(tmp_path)])
    assert result.exit_code == 1
    assert "failed" in result.output
    assert "did you mean 'ms-lstm'" in result.output
