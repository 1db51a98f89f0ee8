"""Runs the HTTP API, in the foreground or in a thread.

It listens first and loads the application then: until that is there, the map page says what is
being prepared (`service.api.connections.starting`). So nothing large is imported here.
"""

import asyncio
import gc
import logging
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from math import ceil
from typing import TYPE_CHECKING, cast

import uvicorn

from service.api.connections.connection_table import ConnectionTable, client_network
from service.api.connections.http_protocol import ConnectionFactory, ConnectionLimits
from service.api.connections.listening_socket import (
    ListeningSocket,
    NewConnections,
    listening_sockets,
)
from service.api.connections.starting import OPENING, StartingApp
from service.api.middleware.api_keys import check_exposure
from service.runtime import native_memory
from service.runtime.server_limits import backlog_of, is_in, most_connections

if TYPE_CHECKING:
    from service.api.app import Api
    from service.api.middleware.response_parts import ResponseParts
    from service.ledger.ledger import Ledger
    from service.runtime.deployment import Deployment
    from service.settings import Settings

log = logging.getLogger(__name__)

START_SECONDS = 300.0
"""Timeout for the server to start and to stop, in s."""
GRACE_SECONDS = 10
"""Time that running requests have at the end, in s."""
STARTUP_FAILURE = 3
"""Exit status where the server cannot start, such as on a port that is in use."""
SWITCH_SECONDS = 0.001
"""Time in s after which a computing thread lets the event loop run."""
COLLECTION_THRESHOLDS = (5_000, 10, 50)
"""When garbage is collected: a full collection, during which no other thread can run, takes a tenth
of a second where hundreds of requests wait or libraries are loaded, and with Python's own
thresholds there would be one every few seconds."""
TASKS = ("cycle", "refresh_windows", "clean_up", "send_lost", "send_alerts")
"""Periodic tasks of the all-in-one process, which follows the radar server besides."""


def application(deployment: "Deployment") -> "Api":
    """Create the HTTP application of a deployment."""
    from service.api.app import create_app
    from service.api.dependencies import ApiContext
    from service.plots.drawing_process import DrawingProcess

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


def opener(settings: "Settings", ledger: "Ledger") -> Callable[[], "Deployment"]:
    """A function that opens the deployment of some settings, with the ledger that is open."""

    def open_deployment() -> "Deployment":
        from service.runtime.deployment import Deployment

        return Deployment(settings, ledger)

    return open_deployment


def serve(settings: "Settings", open_deployment: Callable[[], "Deployment"]) -> None:
    """Run the API until interrupted; without Redis, run its forecast jobs too.

    Args:
        settings: The settings.
        open_deployment: Opens the deployment of these settings, once the server listens.

    Raises:
        Exposed: The API without keys would be reachable from other machines.
        BadKeys: The file of API keys is invalid.
        ModelError: A model cannot be served.
    """

    def jobs(deployment: "Deployment") -> AbstractContextManager[object]:
        from service.jobs.job import INTERACTIVE, SCHEDULED
        from service.runtime.in_process import at_work

        if settings.redis:
            return nullcontext()
        return at_work(deployment, (INTERACTIVE, SCHEDULED), "send_lost", "send_alerts")

    run_server(settings, open_deployment, jobs)


def serve_all(settings: "Settings", open_deployment: Callable[[], "Deployment"]) -> None:
    """Run the API until interrupted, with ingest, forecasts, verification and clean-up.

    Args:
        settings: The settings.
        open_deployment: Opens the deployment of these settings, once the server listens.

    Raises:
        Exposed: The API without keys would be reachable from other machines.
        BadKeys: The file of API keys is invalid.
        SourceUnavailable: NOWCAST_RADAR_FILES is empty.
    """
    run_server(settings, open_deployment, everything)


@contextmanager
def everything(deployment: "Deployment") -> Iterator[None]:
    """Run all periodic tasks and follow the radar server in threads of this process."""
    from service.jobs.job import INTERACTIVE, SCHEDULED
    from service.pipeline.poll import sources_of
    from service.runtime import follow
    from service.runtime.in_process import at_work
    from service.runtime.schedule import FOLLOWING

    sources, stop = sources_of(deployment.settings), threading.Event()
    with at_work(deployment, (INTERACTIVE, SCHEDULED, FOLLOWING), *TASKS) as run_now:
        arguments = deployment, sources, stop, deployment.clock, lambda: run_now("cycle")
        following = threading.Thread(target=follow.follow, args=arguments, daemon=True)
        following.start()
        try:
            yield
        finally:
            stop.set()
            following.join(follow.JOIN_SECONDS)


def run_server(
    settings: "Settings",
    open_deployment: Callable[[], "Deployment"],
    work: Callable[["Deployment"], AbstractContextManager[object]],
) -> None:
    """Run the HTTP server in this thread until interrupted, and what is behind it in another.

    Args:
        settings: The settings.
        open_deployment: Opens the deployment, once the server listens.
        work: What runs beside the application.

    Raises:
        Exposed: The API without keys would be reachable from other machines.
        SystemExit: The server cannot listen.
    """
    check_exposure(settings)
    sys.setswitchinterval(SWITCH_SECONDS)
    gc.set_threshold(*COLLECTION_THRESHOLDS)
    native_memory.limit_arenas()
    server: uvicorn.Server
    starting = StartingApp(settings, lambda: server.should_exit)
    new_connections = new_connections_of(settings)
    server = uvicorn.Server(server_config(settings, starting, new_connections))
    listeners = listen(settings, new_connections)
    stop, failures = threading.Event(), list[BaseException]()

    def prepare() -> None:
        try:
            # Imports leave the server little time: it answers with the page first.
            wait_until_started(server, stop.is_set)
            with prepared(starting, open_deployment, work):
                native_memory.keep_small(stop)
        except BaseException as error:  # noqa: BLE001  raised again below
            if not server.should_exit:  # else it is only that there is no server any more
                failures.append(error)
            server.should_exit = True

    preparing = threading.Thread(target=prepare, daemon=True)
    preparing.start()
    # uvicorn raises the signal that ended it again, which would end this process before its threads
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with suppress(KeyboardInterrupt):
            server.run(listeners)
    finally:
        signal.signal(signal.SIGTERM, before)
        stop.set()
        preparing.join(START_SECONDS)
    if failures:
        raise failures[0]
    if not server.started:
        sys.exit(STARTUP_FAILURE)


@contextmanager
def prepared(
    starting: StartingApp,
    open_deployment: Callable[[], "Deployment"],
    work: Callable[["Deployment"], AbstractContextManager[object]],
) -> Iterator[None]:
    """Load the application of a deployment and serve it, with what runs beside it."""
    deployment = open_deployment()
    starting.step = OPENING
    with work(deployment):
        starting.use(served(deployment), START_SECONDS)
        load_models(deployment)
        yield


def served(deployment: "Deployment") -> "ResponseParts":
    """The application of a deployment, which sends large responses in parts."""
    from service.api.middleware.response_parts import ResponseParts

    return ResponseParts(application(deployment))


def load_models(deployment: "Deployment") -> None:
    """Load all served models in advance; a request for one waits at most until it is loaded."""
    from model_zoo.errors import ModelError

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


def listen(settings: "Settings", new_connections: NewConnections) -> list[socket.socket]:
    """Listen where the settings say.

    Raises:
        SystemExit: The port is in use, or the address is none of this machine.
    """
    host, port = settings.host, settings.port
    try:
        listeners = listening_sockets(host, port, new_connections)
    except OSError as error:
        log.error("cannot listen on port %d of %s: %s", port, host, error)
        sys.exit(STARTUP_FAILURE)
    name, port = f"[{host}]" if ":" in host else host, listeners[0].getsockname()[1]
    log.info("listening on http://%s:%d (press CTRL+C to quit)", name, port)
    return listeners


def new_connections_of(settings: "Settings") -> NewConnections:
    """What admits new connections by the settings."""
    return NewConnections(
        settings.unserved_connections_per_minute, proxy_test(settings), client_network
    )


def proxy_test(settings: "Settings") -> Callable[[str], bool]:
    """A function that tells whether a host is a trusted proxy."""
    proxies = settings.trusted_proxies
    return lambda host: bool(proxies) and is_in(host, proxies)


def server_config(
    settings: "Settings",
    app: StartingApp,
    new_connections: NewConnections,
    log_level: str | None = None,
) -> uvicorn.Config:
    """Return the configuration of the HTTP server, with the limits of its connections."""
    proxies = settings.trusted_proxies
    most = most_connections(settings.connections)
    limits = ConnectionLimits(
        header_bytes=settings.header_bytes,
        url_bytes=settings.url_bytes,
        header_seconds=settings.header_seconds,
        stall_seconds=settings.stall_seconds,
        is_proxy=proxy_test(settings),
        address_of=client_network,
        note_served=new_connections.note_served,
    )
    table = ConnectionTable(most, min(most, settings.connections_per_address))
    factory = ConnectionFactory(table, limits)
    return uvicorn.Config(
        app,
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
def running(deployment: "Deployment") -> Iterator[str]:
    """Run the API in a thread. Yields its URL; port 0 selects a free port."""
    with listening(deployment.settings) as (url, starting):
        starting.use(served(deployment), START_SECONDS)
        yield url


@contextmanager
def listening(settings: "Settings") -> Iterator[tuple[str, StartingApp]]:
    """Run the HTTP server in a thread, without an application yet.

    Yields:
        Its URL, where port 0 of the settings selects a free port, and what takes the application.
    """
    server: uvicorn.Server
    starting = StartingApp(settings, lambda: server.should_exit)
    new_connections = new_connections_of(settings)
    with ListeningSocket(
        socket.create_server((settings.host, settings.port)), new_connections
    ) as listener:
        server = uvicorn.Server(server_config(settings, starting, new_connections, "warning"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        try:
            wait_until_started(server, lambda: not thread.is_alive())
            yield f"http://{settings.host}:{listener.getsockname()[1]}", starting
        finally:
            server.should_exit = True
            thread.join(START_SECONDS)


def wait_until_started(server: uvicorn.Server, has_ended: Callable[[], bool]) -> None:
    """Wait until the server accepts connections.

    Args:
        server: A server that starts in another thread.
        has_ended: Whether it is over.

    Raises:
        RuntimeError: It ends or does not start in time.
    """
    pause = threading.Event()
    for _ in range(int(START_SECONDS / 0.02)):
        if server.started:
            return
        if has_ended():
            break
        pause.wait(0.02)
    raise RuntimeError("the API did not start; see the log above")
