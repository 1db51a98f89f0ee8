"""An alert fires once for a band that crosses a place, and so does its all-clear, whenever a worker
is killed."""

import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.ledger.alert_table import AlertTable
from service.ledger.ledger import Ledger
from tests.alerts.rain_band import receiver, row, subscription

ROOT = Path(__file__).parents[2]
FIRST, LAST = 11, 15
START, CLEAR = 12, 14
"""Frames at which the event starts and ends."""


class Workers:
    """Starts workers, one after the other; see `killable_alerts`."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "tests.alerts.killable_alerts"]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True)

    def run(self, data: Path, first: int, last: int, when: str = "never") -> str:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(data, first, last, when, file=self.process.stdin, flush=True)
        return self.process.stdout.readline().strip()


@pytest.fixture(scope="module")
def workers() -> Iterator[Workers]:
    found = Workers()
    yield found
    found.process.communicate(timeout=550)


@pytest.mark.parametrize(
    ("when", "attempts"),
    [("before", 1), ("after", 1), ("sent", 2)],
    ids=["before the change is committed", "after it", "after the message was sent"],
)
def test_a_band_is_announced_once_though_workers_are_killed_at_its_start_and_end(
    workers: Workers, tmp_path: Path, when: str, attempts: int
) -> None:
    ledger = Ledger(f"sqlite:///{tmp_path / 'ledger.sqlite'}")
    table = AlertTable(ledger.engine)
    with receiver() as here:
        table.add(row(subscription(here.url)), most=1)
        assert workers.run(tmp_path, FIRST, START, when) == "killed"
        assert workers.run(tmp_path, START, CLEAR - 1) == "finished"
        assert len(here.arrived) == attempts, "the next worker sends what the first one left"
        assert workers.run(tmp_path, CLEAR, CLEAR, when) == "killed"
        assert workers.run(tmp_path, FIRST, LAST) == "finished", "all of it again does no harm"
    kinds = [document["type"].rpartition(".")[2] for document in here.documents]
    assert kinds == ["start"] * attempts + ["clear"] * attempts
    event = "a1-20260621T2330Z"
    assert Counter(here.ids) == {f"{event}-start": attempts, f"{event}-clear": attempts}, (
        "what is sent again is known by its id"
    )
    messages = table.messages("a1", 9)
    assert [(message.kind, message.status) for message in messages] == [
        ("clear", "sent"), ("start", "sent")
    ]  # fmt: skip
    (alert,) = table.all()
    assert alert.state.event is None
    ledger.engine.dispose()
