"""Wrong uses of the command line end with one line that says what to do, and no traceback."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from service import cli
from service.cli import startup
from service.errors import BadSetting, ServiceUnreachable
from service.settings import Settings

ROOT = Path(__file__).parents[4]
CLOSED = "127.0.0.1:1"
"""An address where nothing listens."""

SETTINGS = [
    ("NOWCAST_PORT", "abc", "integer"),
    ("NOWCAST_PORT", "70000", "65535"),
    ("NOWCAST_KEEP_DAYS", "-1", "greater than 0"),
    ("NOWCAST_KEEP_DAYS", "inf", "finite"),
    ("NOWCAST_KEEP_DAYS", "1e300", "36500"),
    ("NOWCAST_REQUEST_SECONDS", "1e12", "86400"),
    ("NOWCAST_RADAR_SERVER", "ftp://radar.example", "https"),
    ("NOWCAST_DEVICE", "quantum", "cuda"),
    ("NOWCAST_THREADS", "-2", "greater than or equal to 0"),
    ("NOWCAST_POLL_SECONDS", "0", "greater than 0"),
    ("NOWCAST_BACKFILL_HOURS", "100", "less than or equal to 48"),
    ("NOWCAST_BF16", "perhaps", "boolean"),
    ("NOWCAST_STALE_MINUTES", "soon", "integer"),
    ("NOWCAST_MODELS", "[blend", "Expecting value"),
    ("NOWCAST_OPEN_TO_ALL", "7", "boolean"),
]
IMPORT = [
    "data",
    "import",
    "radar.nc",
    "-o",
    "event.zarr",
    "--source",
    "KNMI",
    "--licence",
    "CC0-1.0",
]
ARGUMENTS = [
    (["sevre"], "serve"),
    (["worker"], "--queues"),
    (["simulate"], "folder"),
    (["convert"], "source"),
    (["replay", "--every", "x", "/tmp"], "--every"),
    (["replay", "--every", "0", "/tmp"], "--every"),
    (["replay", "--every", "7", "/tmp"], "multiple of 5"),
    (["simulate", "--frames", "0", "/tmp"], "--frames"),
    (["serve", "--prot", "1"], "--prot"),
    (["demo", "--frames", "3"], "--frames"),
    (["ingest"], "--follow"),
    (["forecast", "--issue", "yesterday"], "yesterday"),
    (["ledger", "chekc"], "chekc"),
    (["simulate", "--seed", "-5", "/tmp"], "--seed"),
    (["simulate", "--frames", "9999999999999", "/tmp"], "--frames"),
    (["simulate", "--start", "2026-06-21T12:03Z", "/tmp"], "five-minute mark"),
    (["simulate", "--start", "9999-12-31T23:55Z", "/tmp"], "1900 to 2200"),
    (["simulate", "/proc/nowcast"], "give this user the right"),
    (["demo", "--frames", "9999999999999"], "--frames"),
    (["report", "--last", "1e300"], "--last"),
    (["report", "--last", "inf"], "--last"),
    (["sums", "Atlantis"], "should be a GeoJSON file"),
    (["inspect", "ms-lstm", "--side", "10000000"], "--side"),
    (["data", "simulated", "--seed", "-3", "/tmp"], "--seed"),
    (["data", "simulated", "--side", "9999999", "/tmp"], "--side"),
    ([*IMPORT, "--zr", "0", "0"], "two numbers above 0"),
    ([*IMPORT, "--zr", "-200", "1.6"], "two numbers above 0"),
    ([*IMPORT, "--zr", "nan", "1.6"], "two numbers above 0"),
    ([*IMPORT, "--cell-km", "1e9"], "--cell-km"),
    ([*IMPORT, "--minutes", "inf"], "--minutes"),
]


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder of data, and no settings of the developer."""
    for name in Settings.model_fields:
        monkeypatch.delenv(f"NOWCAST_{name.upper()}", raising=False)
    monkeypatch.setenv("NOWCAST_DATA", str(tmp_path / "data"))
    return tmp_path / "data"


@pytest.fixture
def listener() -> Iterator[int]:
    """The port of another program."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield int(server.getsockname()[1])


def refused(
    words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> str:
    """Run a command that is refused. Returns the one line it prints."""
    monkeypatch.setattr(sys, "argv", ["nowcast", *words])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    out, err = capsys.readouterr()
    assert ended.value.code == 2
    assert not out
    assert err.count("\n") == 1, err
    assert "Traceback" not in err
    return err


@pytest.mark.parametrize(("variable", "value", "reason"), SETTINGS)
def test_a_wrong_setting_is_named_with_its_value_and_what_it_should_be(
    variable: str,
    value: str,
    reason: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv(variable, value)
    line = refused(["serve"], monkeypatch, capsys)
    assert variable in line
    assert repr(value) in line
    assert reason in line


@pytest.mark.parametrize(("words", "name"), ARGUMENTS)
def test_a_wrong_argument_is_named(
    words: list[str],
    name: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert name in refused(words, monkeypatch, capsys)


def test_a_group_of_commands_alone_prints_its_help_and_that_one_is_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["nowcast", "ledger"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    out, err = capsys.readouterr()
    assert ended.value.code == 2
    assert "check" in out
    assert "Missing command. See" in err


@pytest.mark.parametrize("command", ["serve", "up", "demo"])
def test_a_port_in_use_is_named(
    command: str,
    listener: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    line = refused([command, "--port", str(listener)], monkeypatch, capsys)
    assert f"port {listener} " in line
    assert "--port" in line


@pytest.mark.parametrize("command", [["serve", "--port", "0"], ["worker", "--queues", "verify"]])
def test_a_folder_that_cannot_be_written_is_named(
    command: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NOWCAST_REDIS", f"redis://{CLOSED}/0")
    monkeypatch.setenv("NOWCAST_DATA", "/proc/nowcast")
    line = refused(command, monkeypatch, capsys)
    assert "/proc/nowcast" in line
    assert "NOWCAST_DATA" in line


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("NOWCAST_REDIS", f"redis://{CLOSED}/0"),
        ("NOWCAST_REDIS", "http://127.0.0.1"),
        ("NOWCAST_LEDGER", f"postgresql://nowcast@{CLOSED}/nowcast"),
        ("NOWCAST_ARCHIVE", "nothing://bucket/nowcast"),
        ("NOWCAST_MODELS", "blend,ms-lstn"),
    ],
)
def test_what_cannot_be_reached_or_found_at_the_start_is_named(
    variable: str,
    value: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv(variable, value)
    line = refused(["serve", "--port", "0"], monkeypatch, capsys)
    assert variable in line or "ms-lstm" in line or "nothing" in line


@pytest.mark.parametrize(
    ("variable", "value", "reason"),
    [
        ("NOWCAST_DOMAIN", "nothing.toml", "nothing.toml cannot be read"),
        ("NOWCAST_DOMAIN", "a.file", "a.file cannot be read"),
        ("NOWCAST_WEIGHTS", "a.file", "should be a folder"),
        ("NOWCAST_WEIGHTS", "nowhere", "should be a folder"),
        ("NOWCAST_API_KEYS", "nothing.jsonl", "nothing.jsonl cannot be read"),
        ("NOWCAST_API_KEYS", "a.file", "a.file, line 1"),
        ("NOWCAST_WEB_PUSH_KEY", "nothing.pem", "should be the file of a private key"),
        ("NOWCAST_SIMULATED_TIME", "yesterday", "BEGIN@SINCE*SPEED"),
        ("NOWCAST_RADAR_FILES", "radar.bin", "hold the time to the minute"),
        ("NOWCAST_MODELS", ",", "at least 1"),
    ],
)
def test_what_a_setting_names_is_looked_for_before_anything_starts(
    variable: str,
    value: str,
    reason: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.file").write_text("x")
    monkeypatch.setenv(variable, value)
    assert reason in refused(["serve", "--port", "0"], monkeypatch, capsys)


@pytest.mark.parametrize("damage", [b"x", b"", b"\x02\0\0\0\0\0\0\0{}", b"\xff" * 40])
def test_weights_of_the_operator_that_are_none_are_named(
    damage: bytes,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "mine.safetensors").write_bytes(damage)
    monkeypatch.setenv("NOWCAST_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("NOWCAST_MODELS", "persistence,mine")
    assert "mine.safetensors is" in refused(["serve", "--port", "0"], monkeypatch, capsys)


@pytest.mark.parametrize("command", [["worker", "--queues", "verify"], ["beat"]])
def test_workers_and_beat_say_that_they_need_redis(
    command: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "NOWCAST_REDIS" in refused(command, monkeypatch, capsys)
    monkeypatch.setenv("NOWCAST_REDIS", f"redis://{CLOSED}/0")
    assert "does not answer" in refused(command, monkeypatch, capsys)


def test_a_silent_redis_is_given_up_after_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(startup, "CONNECT_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"redis://127.0.0.1:{silent.getsockname()[1]}/0"
        with pytest.raises(ServiceUnreachable, match="does not answer"):
            startup.check_redis(Settings(redis=url))


def test_an_address_of_another_machine_is_refused() -> None:
    with pytest.raises(BadSetting, match=r"192\.0\.2\.1"):
        startup.check_port(Settings(host="192.0.2.1", port=0))


def test_variables_that_are_no_setting_are_told_with_the_one_like_them() -> None:
    lines = startup.unknown_variables(
        {"NOWCAST_PROT": "1", "NOWCAST_PORT": "1", "NOWCAST_QQQ": "1", "HOME": "/"}
    )
    assert len(lines) == 2
    assert "NOWCAST_PROT" in lines[0]
    assert "NOWCAST_PORT" in lines[0]
    assert "NOWCAST_QQQ" in lines[1]


@pytest.mark.parametrize("text", ["blend,s-prog", "blend, s-prog,", '["blend", "s-prog"]'])
def test_names_are_separated_by_commas_or_a_json_list(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOWCAST_MODELS", text)
    assert startup.read_settings().models == ("blend", "s-prog")


def test_the_version_is_printed() -> None:
    command = [sys.executable, "-m", "service.cli", "--version"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("nowcast ")
    assert done.stdout.count("\n") == 1
