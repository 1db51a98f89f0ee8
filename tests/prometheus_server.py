"""A Prometheus for tests: of their own, with our rules, and targets that tests name."""

import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
import yaml

from tests.free_port import free_port

CONFIGURED = Path(__file__).parents[1] / "deploy/prometheus"
PATIENCE_SECONDS = 300.0


def program(name: str) -> str:
    """The path of a program; skips the test where there is none."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"needs the program {name}, which is not installed")
    return found


class Series(NamedTuple):
    """What a query has found: the labels, and values that are numbers, over time."""

    labels: dict[str, str]
    values: list[float]


class Prometheus:
    """Asks a server that runs.

    Attributes:
        moment: Unix time that is asked about, in s; None is now.
    """

    def __init__(self, url: str) -> None:
        self.moment: float | None = None
        self._client = httpx.Client(base_url=url, timeout=200)

    def get(self, path: str, **parameters: Any) -> Any:
        """The data of an answer of the API, which must be a success."""
        answer = self._client.get(f"/api/v1/{path}", params=parameters)
        assert answer.status_code == 200, f"{parameters}: {answer.text}"
        return answer.json()["data"]

    def is_ready(self) -> bool:
        try:
            return self._client.get("/-/ready").status_code == 200
        except httpx.HTTPError:
            return False

    def now(self, query: str) -> list[Series]:
        """What is the case."""
        when = {} if self.moment is None else {"time": self.moment}
        found = self.get("query", query=query, **when)["result"]
        return [Series(series["metric"], numbers([series["value"]])) for series in found]

    def over_time(self, query: str, seconds: int = 60) -> list[Series]:
        """What was the case every second of the last ones."""
        end = time.time() if self.moment is None else self.moment
        found = self.get("query_range", query=query, start=end - seconds, end=end, step=1)
        return [Series(series["metric"], numbers(series["values"])) for series in found["result"]]

    def rise(self, counter: str) -> float:
        """How much all series of a counter have risen between their samples; a reset is from 0."""
        found = self.get("query", query=f"{counter}[1h]")["result"]
        series = [numbers(each["values"]) for each in found]
        steps = [step for values in series for step in pairwise(values)]
        return sum(new - old if new >= old else new for old, new in steps)

    def until(self, true: Callable[[], object], what: str) -> None:
        """Wait until something is so."""
        end = time.monotonic() + PATIENCE_SECONDS
        while not true():
            assert time.monotonic() < end, f"not in {PATIENCE_SECONDS:g} s: {what}"
            time.sleep(0.1)


def numbers(values: Sequence[tuple[float, str]]) -> list[float]:
    return [number for _, text in values if (number := float(text)) == number]


@contextmanager
def prometheus(
    folder: Path, targets: Mapping[str, Sequence[int]], seconds: int = 1
) -> Iterator[Prometheus]:
    """A server as it is deployed, but for who is asked and how often.

    Args:
        targets: Ports on this machine by the name of the job.
        seconds: How often they are asked, and how long an answer may take.
    """
    command = [program("prometheus"), f"--storage.tsdb.path={folder / 'tsdb'}"]
    config = yaml.safe_load((CONFIGURED / "prometheus.yml").read_text())
    often = {"scrape_interval": f"{seconds}s", "scrape_timeout": f"{seconds}s"}
    often["evaluation_interval"] = "1s"
    assert set(often) == set(config["global"])
    assert set(targets) == {job["job_name"] for job in config["scrape_configs"]}
    config["global"] = often
    config["rule_files"] = [str(CONFIGURED / pattern) for pattern in config["rule_files"]]
    for job in config["scrape_configs"]:
        del job["dns_sd_configs"]
        ports = targets[job["job_name"]]
        job["static_configs"] = [{"targets": [f"127.0.0.1:{port}" for port in ports]}]
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    port = free_port()
    command += [f"--config.file={folder / 'prometheus.yml'}"]
    command += [f"--web.listen-address=127.0.0.1:{port}"]
    with (folder / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            server = Prometheus(f"http://127.0.0.1:{port}")
            server.until(server.is_ready, "Prometheus is ready")
            yield server
        finally:
            process.terminate()
            process.wait()
