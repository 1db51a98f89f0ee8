"""Takes a band of rain past a subscribed place, in a worker that can be killed amid an alert.

Each line read is "DATA FIRST LAST WHEN": a fork of this process takes the frames of these numbers
as they come, forecasts, evaluates alerts and sends what is due. It kills itself, as `kill -9` does,
`before` the change of an alert is committed, `after` it, or after a message was `sent` and before
that is recorded; `never` lets it end. It answers "killed" or "finished".
"""

import os
import signal
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from service.archive.key import Key
from service.clock import utc_now
from service.ledger import alert_table
from service.ledger.alert_table import LEASE, AlertTable
from service.pipeline.alerts.channels import Channels
from service.pipeline.alerts.deliver import deliver
from service.runtime.deployment import Deployment
from service.settings import Settings
from tests.alerts.rain_band import frame, moment
from tests.showers import time

MODEL = "persistence"


class Worker(Deployment):
    """A deployment whose clock is that of the weather."""

    def __init__(self, data: Path) -> None:
        networks = {"alert_networks": ("127.0.0.0/8",)}
        super().__init__(Settings.model_validate({"data": data, "models": (MODEL,), **networks}))
        self.number = 0
        self.clock: Any = lambda: moment(self.number) + timedelta(minutes=4)

    def take(self, number: int) -> None:
        """Take a frame, and do all that is done about it; again, it changes nothing."""
        self.number = number
        self.archive.put_frame(frame(number))
        self.make_forecast(Key(time(number), MODEL, "none"))
        self.evaluate_alerts()
        # The claim of a process that was killed has ended by then.
        now = utc_now() + (number + 1) * LEASE
        while deliver(self.alert_table, Channels(self.settings), lambda: now):
            pass


def kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def arm(when: str) -> None:
    """Be killed at a moment."""
    insert: Callable[..., None] = alert_table.insert_message
    change = AlertTable.change

    def insert_and_die(*arguments: Any) -> None:
        insert(*arguments)
        kill()

    def change_and_die(*arguments: Any) -> bool:
        changed = change(*arguments)
        if len(arguments) == 5:  # with a message
            kill()
        return changed

    if when == "before":
        alert_table.insert_message = insert_and_die  # type: ignore[assignment]
    elif when == "after":
        AlertTable.change = change_and_die  # type: ignore[method-assign,assignment]
    elif when == "sent":
        AlertTable.sent = lambda *arguments: kill()  # type: ignore[method-assign]


def run(data: Path, first: int, last: int, when: str) -> str:
    child = os.fork()
    if child == 0:
        try:
            arm(when)
            worker = Worker(data)
            for number in range(first, last + 1):
                worker.take(number)
            os._exit(0)
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return "killed"
    return "finished" if status == 0 else f"failed with status {status}"


def main() -> None:
    for line in sys.stdin:
        data, first, last, when = line.split()
        print(run(Path(data), int(first), int(last), when), flush=True)


if __name__ == "__main__":
    main()
