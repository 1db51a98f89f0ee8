"""Real processes that do something at the very same time."""

import json
import multiprocessing
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from importlib import import_module
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

from service.jobs.job_table import JobTable
from service.ledger.ledger import Ledger

ROOT = Path(__file__).parents[1]
SECONDS = 550.0

Do = Callable[[int, Ledger, JobTable], Any]
GATES: list[Barrier] = []


def run_parallel(do: Do, url: str, processes: int) -> list[Any]:
    """What a function of a test module gives in several processes, in the order of their numbers.

    It is called with the number and with a ledger and a job table of its own, in all at once. A
    process of its own forks them: the one of the tests has threads.
    """
    name = (do.__module__, getattr(do, "__name__", ""))
    command = [sys.executable, "-m", __name__, *name, url, str(processes)]
    done = subprocess.run(
        command, cwd=ROOT, stdout=subprocess.PIPE, text=True, timeout=SECONDS, check=True
    )
    found: list[Any] = json.loads(done.stdout)
    return found


def main(module: str, name: str, url: str, processes: str) -> None:
    do = getattr(import_module(module), name)
    fork = multiprocessing.get_context("fork")
    GATES.append(fork.Barrier(int(processes)))
    with fork.Pool(int(processes)) as pool:
        sys.stdout.write(json.dumps(pool.map(partial(call, do, url), range(int(processes)), 1)))


def call(do: Do, url: str, number: int) -> Any:
    ledger = Ledger(url)
    GATES[0].wait(SECONDS)
    return do(number, ledger, JobTable(ledger.engine))


if __name__ == "__main__":
    main(*sys.argv[1:])
