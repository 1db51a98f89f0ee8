"""How soon processes are there and what they hold, as the benchmark measures it."""

import subprocess
import sys
from http import HTTPStatus
from pathlib import Path
from threading import Event

import httpx
import pytest

from benchmarks.server_process import serving
from benchmarks.speed.startup import (
    MOST_MB,
    Start,
    cells,
    ended,
    of_api,
    of_help,
    section,
    tell,
)

HEAVY = {
    "alembic",
    "celery",
    "fastapi",
    "netCDF4",
    "numpy",
    "rasterio",
    "redis",
    "sqlalchemy",
    "torch",
    "xarray",
}
"""Packages each of which takes longer to import than `--help` may take."""


def test_help_is_told_without_heavy_packages_and_in_little_memory() -> None:
    program = f"""
import sys
from service.cli import app
try:
    app(["--help"])
except SystemExit:
    print(*{HEAVY!r} & set(sys.modules), sep=",")
"""
    output = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout
    assert "Commands" in output
    assert output.splitlines()[-1] == ""
    assert of_help().megabytes < MOST_MB["help"]


def test_the_page_needs_no_numpy_and_the_application_no_pytorch(tmp_path: Path) -> None:
    program = f"""
import sys
from pathlib import Path
from service.cli import startup
from service.runtime.server import StartingApp, new_connections_of, server_config, served
def heavy():
    print(*{HEAVY!r} & set(sys.modules), sep=",")
settings = startup.read_settings({{"data": Path(sys.argv[1])}})
ledger = startup.check_services(settings)
startup.check_models(settings)
server_config(settings, StartingApp(settings), new_connections_of(settings)).load()
heavy()
from service.runtime.deployment import Deployment
served(Deployment(settings, ledger))
heavy()
"""
    output = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=True
    ).stdout
    page, application = (set(line.split(",")) for line in output.splitlines())
    assert page <= {"alembic", "sqlalchemy"}
    assert "fastapi" in application
    assert not application & {"celery", "rasterio", "redis", "torch"}


SLOW_TO_LOAD = """
import sys, time
from pathlib import Path
import model_zoo
from service.cli import app
folder, load = Path(sys.argv[2]), model_zoo.load_forecaster
def load_when_allowed(*args, **more):
    (folder / "loading").touch()
    while not (folder / "allowed").exists():
        time.sleep(0.02)
    return load(*args, **more)
model_zoo.load_forecaster = load_when_allowed
app(["serve", "--port", sys.argv[1], "--data", str(folder), "--models", "persistence"])
"""
"""`nowcast serve`, whose model is loaded once the file `allowed` exists."""


def test_the_api_answers_before_its_models_are_loaded(tmp_path: Path) -> None:
    loading, allowed = tmp_path / "loading", tmp_path / "allowed"
    with serving("-c", SLOW_TO_LOAD, "PORT", str(tmp_path)) as server:
        server.wait_for("/healthz")
        with httpx.Client(base_url=f"http://127.0.0.1:{server.port}", timeout=300) as client:
            wait_for(loading)
            assert client.get("/healthz").status_code == HTTPStatus.OK
            allowed.touch()
            latest = client.get("/nowcasts/latest", params={"model": "persistence"})
            assert latest.status_code == HTTPStatus.NOT_FOUND, "the model is loaded"


def wait_for(file: Path) -> None:
    """Wait until a file exists."""
    pause = Event()
    for _ in range(15_000):
        if file.exists():
            return
        pause.wait(0.02)
    raise TimeoutError(f"{file} does not exist after five minutes")


def test_memory_of_the_api_is_within_its_bounds(tmp_path: Path) -> None:
    page, ready, loaded = of_api(tmp_path, ["ms-lstm"])
    assert page.megabytes <= ready.megabytes
    assert ready.megabytes < MOST_MB["API"]
    assert loaded.megabytes < MOST_MB["API, models"]


def test_what_a_process_takes_is_its_own() -> None:
    """And not that of the one that starts it, which is far larger here."""
    idle, busy = ended("-c", "pass"), ended("-c", "x = bytes(range(256)) * 400_000")
    assert idle.megabytes < 40
    assert 90 < busy.megabytes - idle.megabytes < 130
    assert idle.processor <= idle.seconds * 2


def test_a_process_that_fails_is_no_figure() -> None:
    with pytest.raises(RuntimeError, match=r"failed: [\s\S]*ZeroDivisionError"):
        ended("-c", "1 / 0")
    with serving("-c", "pass") as server:
        server.process.wait()
        with pytest.raises(RuntimeError, match=r"is not answered \(status 0\)"):
            server.wait_for("/")


def test_the_best_is_the_least_time_and_the_most_memory() -> None:
    assert Start(1, 4, 10).best(Start(2, 3, 20)) == Start(1, 3, 20)


def test_rows_say_what_is_allowed_where_there_is_a_bound() -> None:
    assert cells("help", Start(0.314, 0.2, 27.2))[1:] == ["0.31", "0.20", "0.5", "27", "64"]
    assert cells("bare Python", Start(0.04, 0.04, 9))[3:] == ["", "9", ""]
    assert "| `nowcast --help` | 0.31 |" in section({"help": Start(0.314, 0.2, 27.2)})


def test_what_is_written_is_what_is_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "performance.md"
    tell({"help": Start(0.3, 0.2, 27.0), "API": Start(2.0, 2.0, 300.0)}, file)
    assert capsys.readouterr().out.strip() in file.read_text()
