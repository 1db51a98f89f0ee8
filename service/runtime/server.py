"""Runs the HTTP API, in the foreground or in a thread."""

import asyncio
import gc
import logging
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from math import ceil
from typing import cast

import uvicorn

from model_zoo.errors import ModelError
from service.api.app import Api, create_app
from service.api.dependencies import ApiContext
from service.api.middleware.access import client_network
from service.api.middleware.api_keys import check_exposure
from service.api.middleware.connection_table import ConnectionTable
from service.api.middleware.http_protocol import ConnectionFactory, ConnectionLimits
from service.jobs.job import INTERACTIVE, SCHEDULED
from service.pipeline.poll import sources_of
from service.plots.drawing_process import DrawingProcess
from service.runtime import follow
from service.runtime.deployment import Deployment
from service.runtime.in_process import at_work
from service.runtime.schedule import FOLLOWING
from service.runtime.server_limits import backlog_of, is_in, most_connections

log = logging.getLogger(__name__)

START_SECONDS = 300.0
"""Timeout for the server to start and to stop, in s."""
GRACE_SECONDS = 10
"""Time that running requests have at the end, in s."""
STARTUP_FAILURE = 3
"""Exit status where the server cannot start, such as on a port that is in use."""
SWITCH_SECONDS = 0.001
"""Time in s after which a computing thread lets the event loop run."""
TASKS = ("cycle", "refresh_windows", "clean_up", "send_lost", "send_alerts")
"""Periodic tasks of the all-in-one process, which follows the radar server besides."""


def application(deployment: Deployment) -> Api:
    """Create the HTTP application of a deployment."""
    return create_app(
        ApiContext(
            settings=deployment.settings,
            archive=deployment.archive,
            ledger=deployment.ledger,
            forecasters=deployment.forecasters,
            jobs=deployment.jobs,
            clock=deployment.clock,
            process=deployment.process,
            drawing=DrawingProcess(),
        )
    )


def serve(deployment: Deployment) -> None:
    """Run the API until interrupted; without Redis, run its forecast jobs too.

    Raises:
        Exposed: The API without keys would be reachable from other machines.
        BadKeys: The file of API keys is invalid.
    """
    check_exposure(deployment.settings)
    if deployment.settings.redis:
        run_server(deployment)
    else:
        with at_work(deployment, (INTERACTIVE, SCHEDULED), "send_lost", "send_alerts"):
            run_server(deployment)


def serve_all(deployment: Deployment) -> None:
    """Run the API until interrupted, with ingest, forecasts, verification and clean-up.

    Raises:
        Exposed: The API without keys would be reachable from other machines.
        BadKeys: The file of API keys is invalid.
        SourceUnavailable: NOWCAST_RADAR_FILES is empty.
    """
    check_exposure(deployment.settings)
    sources, stop = sources_of(deployment.settings), threading.Event()
    with at_work(deployment, (INTERACTIVE, SCHEDULED, FOLLOWING), *TASKS) as run_now:
        arguments = deployment, sources, stop, deployment.clock, lambda: run_now("cycle")
        following = threading.Thread(target=follow.follow, args=arguments, daemon=True)
        following.start()
        try:
            run_server(deployment)
        finally:
            stop.set()
            following.join(follow.JOIN_SECONDS)


def run_server(deployment: Deployment) -> None:
    """Run the HTTP server in this thread until interrupted."""
    threading.Thread(target=load_models, args=[deployment], daemon=True).start()
    sys.setswitchinterval(SWITCH_SECONDS)
    server = uvicorn.Server(server_config(deployment))
    # uvicorn raises the signal that ended it again, which would end this process before its threads
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with suppress(KeyboardInterrupt):
            server.run()
    finally:
        signal.signal(signal.SIGTERM, before)
    if not server.started:
        sys.exit(STARTUP_FAILURE)


def load_models(deployment: Deployment) -> None:
    """Load all served models in advance; a request for one waits at most until it is loaded."""
    try:
        deployment.forecasters.all_served()
    except ModelError as error:  # raised again by a request for the model
        log.warning("not all models could be loaded: %s", error)
    leave_out_of_collections()


def leave_out_of_collections() -> None:
    """Leave all objects of now, mostly those of libraries, out of later garbage collections.

    There are some hundred thousand of them, which each full collection would look through while no
    other thread can run, for a second on a busy machine.
    """
    gc.collect()
    gc.freeze()


def server_config(deployment: Deployment, log_level: str | None = None) -> uvicorn.Config:
    """Return the configuration of the HTTP server, with the limits of its connections."""
    settings = deployment.settings
    proxies = settings.trusted_proxies
    most = most_connections(settings.connections)
    limits = ConnectionLimits(
        header_bytes=settings.header_bytes,
        url_bytes=settings.url_bytes,
        header_seconds=settings.header_seconds,
        stall_seconds=settings.stall_seconds,
        is_proxy=lambda host: bool(proxies) and is_in(host, proxies),
        address_of=client_network,
    )
    table = ConnectionTable(most, min(most, settings.connections_per_address))
    factory = ConnectionFactory(table, limits)
    return uvicorn.Config(
        application(deployment),
        host=settings.host,
        port=settings.port,
        http=cast("type[asyncio.Protocol]", factory),  # uvicorn only calls it
        ws="none",
        proxy_headers=bool(proxies),
        forwarded_allow_ips=[str(network) for network in proxies],
        timeout_keep_alive=ceil(settings.keep_alive_seconds),
        timeout_graceful_shutdown=GRACE_SECONDS,
        backlog=backlog_of(most),
        log_config=None,  # as all processes log
        log_level=log_level,
        access_log=False,  # `RequestLog` logs requests
    )


@contextmanager
def running(deployment: Deployment) -> Iterator[str]:
    """Run the API in a thread. Yields its URL; port 0 selects a free port."""
    settings = deployment.settings
    with socket.create_server((settings.host, settings.port)) as listener:
        server = uvicorn.Server(server_config(deployment, "warning"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        try:
            wait_until_started(server, thread)
            yield f"http://{settings.host}:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(START_SECONDS)


def wait_until_started(server: uvicorn.Server, thread: threading.Thread) -> None:
    """Wait until the server accepts connections.

    Raises:
        RuntimeError: It ends or does not start in time.
    """
    pause = threading.Event()
    for _ in range(int(START_SECONDS / 0.02)):
        if server.started:
            return
        if not thread.is_alive():
            break
        pause.wait(0.02)
    raise RuntimeError("the API did not start; see the log above")
