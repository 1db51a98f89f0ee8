"""Replays a folder of radar files on request, in a process that may be killed.

Starting Python and importing everything takes longer than the replay, so it is done once, and each
replay is a fork of it. Its arguments are the models, separated by commas, and the folder. For each
line "DATA SECONDS" read it starts a replay into the folder DATA, killed when it has used so
many seconds of processor time: on a machine of any speed, and beside any others, it is then about
as far. 0 is never. It answers "killed", or "finished" and the seconds of processor time used.
"""

import os
import signal
import sys
import tempfile
import threading
from pathlib import Path

from ingest.sources.stored_folder import files_in
from service.pipeline.replay import replay
from service.runtime.deployment import Deployment
from service.settings import Settings


def run(models: list[str], radar: Path, data: Path) -> None:
    deployment = Deployment(Settings(data=data, models=tuple(models)))
    replay(
        deployment.archive,
        deployment.ledger,
        deployment.forecasters.all_served(),
        files_in([radar]),
    )


def run_for(seconds: float, models: list[str], radar: Path, data: Path) -> str:
    """Replay, and be killed after some seconds of processor time; says which of both was first."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            signal.signal(signal.SIGPROF, signal.SIG_DFL)  # which ends the process at once
            signal.setitimer(signal.ITIMER_PROF, seconds)
            run(models, radar, data)
            status = 0
        finally:
            os._exit(status)
    _, status, used = os.wait4(child, 0)
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGPROF:
        return "killed"
    if status:
        return f"failed with status {status}"
    return f"finished {used.ru_utime + used.ru_stime}"


def main(models: list[str], radar: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        run(models, radar, Path(folder))  # which imports all that is imported late
    assert threading.active_count() == 1, "a fork has none of the other threads"
    for line in sys.stdin:
        data, limit = line.rsplit(maxsplit=1)
        print(run_for(float(limit), models, radar, Path(data)), flush=True)


if __name__ == "__main__":
    main(sys.argv[1].split(","), Path(sys.argv[2]))
