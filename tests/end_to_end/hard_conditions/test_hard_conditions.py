"""The service with few open files, on a disk that cannot be written, ended amid a forecast, and
beside another one on the same data."""

import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from service.cli import app, is_expected
from service.ledger import integrity, tables
from service.ledger.ledger import Ledger
from service.pipeline.ingest import ingest_file
from service.runtime.cycle import run_cycle
from service.runtime.deployment import Deployment
from service.runtime.server import running
from service.settings import Settings
from tests.free_port import free_port
from tests.served import MODELS, NEWEST, NOW, iso
from tests.showers import moment, write_file
from tests.unit.service.pipeline.test_upload import as_json, frames

ROOT = Path(__file__).parents[3]
SECONDS = 300
"""For anything at all, on a machine that has much to do."""
FEW_FILES = 64
IDLE = 60
SLOW = "slow"


class Served:
    """The service in a process of its own."""

    def __init__(self, data: Path, pace: str, most_files: int) -> None:
        self.port, self.log = free_port(), data.with_suffix(".log")
        command = ["prlimit", f"--nofile={most_files}"]  # before it looks at its limits
        command += [sys.executable, "-m", "tests.end_to_end.hard_conditions.slow_service"]
        command += [str(data), str(self.port), pace]
        with self.log.open("a") as log:
            self.process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)
        url = f"http://127.0.0.1:{self.port}"
        self.client = httpx.Client(base_url=url, trust_env=False, timeout=SECONDS)

    def status(self, path: str) -> int:
        try:
            return self.client.get(path).status_code
        except httpx.TransportError:
            assert self.process.poll() is None, self.log.read_text()
            return 0

    def has_drawn(self, path: str) -> bool:
        """Whether it gives a picture, and not the advice to ask again, as a slow machine does."""
        status = self.status(path)
        assert status in (200, 503), (path, self.client.get(path).text)
        return status == 200

    def order(self, number: int) -> str:
        """Ask for a forecast without waiting for it. Returns the path of its job."""
        body, headers = {"issue": iso(number), "model": SLOW}, {"Prefer": "respond-async"}
        answer = self.client.post("/nowcast", json=body, headers=headers)
        assert answer.status_code == 202, answer.text
        job: str = answer.headers["location"]
        return job

    def job(self, path: str) -> str:
        status: str = self.client.get(path).json()["status"]
        return status

    def end(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(SECONDS)


@contextmanager
def served(data: Path, pace: str = "quick", most_files: int = 1024) -> Iterator[Served]:
    service = Served(data, pace, most_files)
    try:
        eventually(lambda: service.status("/conformance") == 200)
        yield service
    finally:
        service.process.kill()
        service.process.wait()
        service.client.close()


def eventually(true: Callable[[], bool]) -> None:
    end = time.monotonic() + SECONDS
    while not true():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.05)


def test_with_few_open_files_clients_are_served_and_none_takes_them_all(data: Path) -> None:
    with served(data, most_files=FEW_FILES) as service, ExitStack() as idle:
        for _ in range(IDLE):
            idle.enter_context(socket.create_connection(("127.0.0.1", service.port)))
        job = service.order(NEWEST)
        eventually(lambda: service.job(job) == "successful")
        issue = iso(NEWEST)
        of_issue = f"/nowcasts/{issue}?model=slow"
        for path in ("/healthz", "/readyz", of_issue):
            assert service.status(path) == 200, (path, service.client.get(path).text)
        eventually(partial(service.has_drawn, f"{of_issue}&f=png"))
        body = as_json(frames(0, 1)).replace(b'"frames"', b'"model": "slow", "frames"', 1)
        headers = {"Content-Type": "application/json", "Prefer": f"wait={SECONDS}"}
        answer = service.client.post("/nowcast", content=body, headers=headers)
        assert answer.status_code in (200, 202), answer.text
        assert service.end() == 0
    log = service.log.read_text()
    assert "files can be open (ulimit -n)" in log
    assert "Too many open files" not in log
    assert "Traceback" not in log


def test_ended_amid_a_forecast_it_finishes_that_and_makes_the_others_after_its_next_start(
    data: Path,
) -> None:
    with served(data, "slow") as service:
        running_job, waiting_job = service.order(NEWEST), service.order(NEWEST - 1)
        eventually(lambda: service.job(running_job) == "running")
        assert service.job(waiting_job) == "accepted"
        assert service.end() == 0
    assert "Traceback" not in service.log.read_text()
    issues = [path.parent.name for path in (data / "archive").rglob(f"{SLOW}-*.nc")]
    assert issues == [f"{moment(NEWEST):%Y%m%dT%H%MZ}"]
    assert not list((data / "archive" / "incoming").glob("*")), "nothing is half written"
    with served(data) as service:
        for job in (running_job, waiting_job):
            eventually(lambda job=job: service.job(job) == "successful")  # type: ignore[misc]
        assert service.end() == 0
    assert integrity.faults(f"sqlite:///{data / 'ledger.sqlite'}") == []
    assert len(list((data / "archive").rglob(f"{SLOW}-*.nc"))) == 2


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Put a file system that cannot be written under a folder, with what is in it."""
    mount = shutil.which("mount") or pytest.skip("needs the program mount")
    for options in (["--bind"], ["-o", "remount,ro,bind"]):
        command = [mount, *options, str(folder), str(folder)]
        if subprocess.run(command, check=False, capture_output=True).returncode:
            subprocess.run(["umount", str(folder)], check=False, capture_output=True)
            pytest.skip("needs the right to mount")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.parametrize(
    "words",
    [("serve",), ("up",), ("ingest", "RADAR"), ("replay", "RADAR"), ("forecast",), ("verify",)],
    ids=" ".join,
)
def test_on_a_disk_that_cannot_be_written_a_command_ends_with_the_reason(
    data: Path, tmp_path: Path, words: tuple[str, ...]
) -> None:
    radar = write_file(tmp_path, NEWEST + 1)
    given = [str(radar.parent) if word == "RADAR" else word for word in words]
    options = ["--data", str(data)] if words[0] not in ("serve", "up") else []
    with read_only(data):
        environment = {"NOWCAST_DATA": str(data), "NOWCAST_MODELS": "persistence"}
        done = CliRunner().invoke(app, [*given, *options], env=environment)
    assert isinstance(done.exception, Exception)
    assert is_expected(done.exception), "which the command prints in one line"
    assert "cannot be" in str(done.exception)


def test_two_services_on_the_same_data_do_everything_once(filled: Path, tmp_path: Path) -> None:
    radar = [write_file(tmp_path, number) for number in range(NEWEST + 1)]
    data = tmp_path / "data"
    settings = Settings(data=data, models=MODELS, port=0, forecast_minutes=600)
    deployments = [Deployment(settings), Deployment(settings)]

    def work(deployment: Deployment) -> None:
        for path in radar:
            ingest_file(deployment.archive, deployment.ledger, path, NOW)
            run_cycle(deployment, NOW)

    with ExitStack() as stack, ThreadPoolExecutor(4) as pool:
        urls = [stack.enter_context(running(deployment)) for deployment in deployments]
        for working in [pool.submit(work, deployment) for deployment in deployments]:
            working.result()
        requests = [
            pool.submit(
                httpx.post,
                f"{url}/nowcast",
                json={"issue": iso(number), "model": "persistence"},
                headers={"Prefer": "wait=30"},
                timeout=SECONDS,
            )
            for number in range(NEWEST)
            for url in urls
        ]
        statuses = {answer.result().status_code for answer in requests}
        assert statuses <= {200, 202}, "202 where the machine is too busy to make it in time"
        jobs = deployments[0].job_table
        eventually(lambda: not jobs.issues_under_way())
        for deployment in deployments:
            run_cycle(deployment, NOW)
            eventually(lambda: not jobs.issues_under_way())
            run_cycle(deployment, NOW)
    ledger = Ledger(settings.ledger_url)
    files = sorted((data / "archive" / "forecasts").rglob("*.nc"))
    forecasts = {(row["model"], row["issue"]) for row in ledger.rows(tables.leads)}
    assert len(files) == len(forecasts)
    assert {model for model, _ in forecasts} >= set(MODELS)
    assert len(ledger.rows(tables.leads)) == 4 * len(files)
    assert ledger.arrivals_by() == {("RY", "accepted"): NEWEST + 1}
    assert integrity.faults(settings.ledger_url) == []
