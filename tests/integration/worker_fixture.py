"""Starts workers and beats on request, each in a process that may be killed.

Starting Python and importing everything takes longer than a test, so it is done once, and each of
them is a fork of this process, with a session of its own. For each line read, a JSON list of ROLE
and SETTINGS, it answers with the process id. ROLE is "beat" or the queues of a worker.

A worker notes each forecast that it begins in the file `begun` in the folder of data, with its own
process id and the id of the request behind it, and makes none while there is a file `closed`: so
tests know what runs, and when.
"""

import json
import os
import signal
import sys
import time
import traceback
from typing import Any

import celery.apps.worker  # taken in by the first worker otherwise
import celery.concurrency.solo
import celery.worker.consumer  # noqa: F401
from structlog.contextvars import get_contextvars

import service.runtime.cycle  # noqa: F401
from service.archive.key import Key
from service.monitoring import logs
from service.runtime.deployment import Deployment
from service.runtime.worker import Worker, run_beat
from service.settings import Settings


class Watched(Deployment):
    """A deployment that says what it begins, and waits for leave."""

    def make_forecast(self, key: Key) -> None:
        with (self.settings.data / "begun").open("a") as file:
            print(os.getpid(), key.id, get_contextvars().get("request_id"), file=file)
        while (self.settings.data / "closed").exists():
            time.sleep(0.01)
        super().make_forecast(key)


def run(role: str, settings_given: dict[str, Any]) -> int:
    settings = Settings.model_validate(settings_given)
    if role == "beat":
        run_beat(settings)
        return 0
    return Worker(Watched(settings), role.split(",")).run()


def fork(role: str, settings_given: dict[str, Any]) -> int:
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        os.setsid()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(2, 1)
        status = run(role, settings_given)
    except BaseException:  # noqa: BLE001  a child does not come back
        traceback.print_exc()
    finally:
        os._exit(status)


if __name__ == "__main__":
    logs.configure("worker")
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the dead are buried at once
    for line in sys.stdin:
        print(fork(*json.loads(line)), flush=True)
