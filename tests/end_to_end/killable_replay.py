"""Replays a folder of radar files when told to, and may be killed at it.

Starting Python and importing everything takes longer than the replay, so it is done once, and each
replay is a fork of it. For each line "DATA SECONDS" read it starts a replay into the folder DATA,
kills it after so many seconds, and answers whether it was "killed" or had "finished".
"""

import os
import signal
import sys
import time
from pathlib import Path

import wradlib.io  # noqa: F401  slow, and taken in only with the first file otherwise

from ingest.sources.stored_folder import files_in
from service.pipeline.replay import replay
from service.runtime.deployment import Deployment
from service.settings import Settings


def run(radar: Path, data: Path) -> None:
    deployment = Deployment(Settings(data=data, models=("advection", "persistence")))
    replay(
        deployment.archive,
        deployment.ledger,
        deployment.forecasters.all_served(),
        files_in([radar]),
    )


def run_for(seconds: float, radar: Path, data: Path) -> str:
    """A replay that is killed after some seconds; says whether it had finished by then."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            run(radar, data)
            status = 0
        finally:
            os._exit(status)
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return "finished" if status == 0 else f"failed with status {status}"
        time.sleep(0.002)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return "killed"


if __name__ == "__main__":
    for line in sys.stdin:
        folder, patience = line.rsplit(maxsplit=1)
        print(run_for(float(patience), Path(sys.argv[1]), Path(folder)), flush=True)
