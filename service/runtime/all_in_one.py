"""The whole service on one machine: every part a process of its own, or all in this one."""

import json
import logging
import os
import shutil
import socket
import sys
import tempfile

from service.api.middleware.api_keys import check_exposure
from service.runtime.supervisor import Part, supervise
from service.settings import Settings

log = logging.getLogger(__name__)


def run(settings: Settings) -> None:
    """Run the API, workers, the schedule and the ingest until told to stop.

    With Redis, or a redis-server to start, each is a process that is started anew when it dies;
    otherwise all are threads of this process.

    Raises:
        Exposed: The API would be open on an address that others reach.
        BadKeys: The file of keys cannot be read.
    """
    check_exposure(settings)
    log.info("API on http://%s:%d", settings.host, settings.port)
    program = shutil.which("redis-server")
    if settings.redis:
        supervise(parts(), environment(settings))
    elif program:
        port = free_port()
        settings = settings.model_copy(update={"redis": f"redis://127.0.0.1:{port}/0"})
        with tempfile.TemporaryDirectory(prefix="nowcast-redis-") as folder:
            # It holds messages only, which may be lost: nothing is kept on disk.
            command = [program, "--port", str(port), "--bind", "127.0.0.1", "--dir", folder]
            command += ["--save", "", "--maxmemory-policy", "noeviction", "--loglevel", "warning"]
            supervise([Part("redis", command, last=True), *parts()], environment(settings))
    else:
        from service.runtime.deployment import Deployment
        from service.runtime.server import serve_all

        log.info("no NOWCAST_REDIS and no program redis-server: all runs in one process")
        serve_all(Deployment(settings))


def parts() -> list[Part]:
    """The processes of the set, which differ by their commands alone."""
    commands = {
        "api": ["serve"],
        "worker": ["worker", "--queues", "interactive,scheduled"],
        "verify": ["worker", "--queues", "verify,ingest"],
        "beat": ["beat"],
        "ingest": ["ingest", "--follow"],
    }
    nowcast = [sys.executable, "-m", "service.cli"]
    return [Part(name, [*nowcast, *words]) for name, words in commands.items()]


def environment(settings: Settings) -> dict[str, str]:
    """The environment from which other processes read the same settings."""
    said = settings.model_dump(mode="json", exclude_unset=True, exclude_none=True)
    words = {k: v if isinstance(v, str) else json.dumps(v) for k, v in said.items()}
    # They cannot all listen on one port; what they count is told by the ledger through the API.
    ours = {name: word for name, word in os.environ.items() if name != "NOWCAST_METRICS_PORT"}
    return ours | {f"NOWCAST_{name.upper()}": word for name, word in words.items()}


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
