"""All parts of the service on one machine: as processes, or as threads of this process."""

import json
import logging
import os
import shutil
import socket
import sys
import tempfile

from service.api.middleware.api_keys import check_exposure
from service.ledger.ledger import Ledger
from service.runtime.supervisor import Part, supervise
from service.settings import Settings

log = logging.getLogger(__name__)


def run(settings: Settings, ledger: Ledger) -> None:
    """Run the API, workers, the schedule and the ingest until SIGTERM or SIGINT.

    With Redis, or a redis-server to start, each is a process that is restarted when it dies;
    otherwise all are threads of this process, with the ledger that is open here.

    Raises:
        Exposed: The API without keys would be reachable from other machines.
        BadKeys: The file of API keys is invalid.
    """
    check_exposure(settings)
    program = shutil.which("redis-server")
    if settings.redis or program:
        ledger.engine.dispose()  # each process opens its own
    log.info("API on http://%s:%d", settings.host, settings.port)
    if settings.redis:
        supervise(parts(), environment(settings), settings.log)
    elif program:
        port = free_port()
        settings = settings.model_copy(update={"redis": f"redis://127.0.0.1:{port}/0"})
        with tempfile.TemporaryDirectory(prefix="nowcast-redis-") as folder:
            # It holds only messages, which can be lost: nothing is written to disk.
            command = [program, "--port", str(port), "--bind", "127.0.0.1", "--dir", folder]
            command += ["--save", "", "--maxmemory-policy", "noeviction", "--loglevel", "warning"]
            all_parts = [Part("redis", command, last=True), *parts()]
            supervise(all_parts, environment(settings), settings.log)
    else:
        from service.runtime.server import opener, serve_all

        log.info("no NOWCAST_REDIS and no redis-server: all parts run in one process")
        serve_all(settings, opener(settings, ledger))


def parts() -> list[Part]:
    """Return the processes of the service, by their commands."""
    commands = {
        "api": ["serve"],
        "worker": ["worker", "--queues", "interactive,scheduled"],
        "worker-verify": ["worker", "--queues", "verify,ingest"],
        "beat": ["beat"],
        "ingest": ["ingest", "--follow"],
    }
    nowcast = [sys.executable, "-m", "service.cli"]
    return [Part(name, [*nowcast, *arguments]) for name, arguments in commands.items()]


def environment(settings: Settings) -> dict[str, str]:
    """Return environment variables from which other processes read the same settings."""
    values = settings.model_dump(mode="json", exclude_unset=True, exclude_none=True)
    texts = {k: v if isinstance(v, str) else json.dumps(v) for k, v in values.items()}
    # Several processes cannot share one metrics port; the API exports the metrics of the ledger.
    inherited = {name: text for name, text in os.environ.items() if name != "NOWCAST_METRICS_PORT"}
    return inherited | {f"NOWCAST_{name.upper()}": text for name, text in texts.items()}


def free_port() -> int:
    """Return a free TCP port of the loopback address."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
