"""The API over HTTP, in the foreground or beside other work."""

import asyncio
import logging
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

import uvicorn

from model_zoo.errors import ModelError
from service.api.app import Api, create_app
from service.api.dependencies import ApiContext
from service.api.middleware.api_keys import check_exposure
from service.api.middleware.idle_connections import IdleTimeout
from service.jobs.job import INTERACTIVE, SCHEDULED
from service.pipeline.poll import sources_of
from service.runtime import follow
from service.runtime.deployment import Deployment
from service.runtime.in_process import at_work
from service.runtime.schedule import FOLLOWING
from service.settings import Settings

log = logging.getLogger(__name__)

PATIENCE_SECONDS = 30.0
GRACE_SECONDS = 10
"""How long requests that are being answered have at the end."""
ALL = ("cycle", "refresh_windows", "clean_up", "send_lost")
"""What is done by one process that does it all; it follows the server besides."""


def application(deployment: Deployment) -> Api:
    """The HTTP application of a deployment."""
    return create_app(
        ApiContext(
            settings=deployment.settings,
            archive=deployment.archive,
            ledger=deployment.ledger,
            forecasters=deployment.forecasters,
            jobs=deployment.jobs,
            clock=deployment.clock,
            process=deployment.process,
        )
    )


def serve(deployment: Deployment) -> None:
    """Answer until interrupted. Without Redis, do the jobs that are asked for here too.

    Raises:
        Exposed: The API would be open on an address that others reach.
        BadKeys: The file of keys cannot be read.
    """
    check_exposure(deployment.settings)
    if deployment.settings.redis:
        answer(deployment)
    else:
        with at_work(deployment, (INTERACTIVE, SCHEDULED), "send_lost"):
            answer(deployment)


def serve_all(deployment: Deployment) -> None:
    """Answer until interrupted, and do all the rest in this process too: follow the provider's
    server, forecast every new frame, verify, clean up.

    Raises:
        Exposed, BadKeys: As `serve`.
        SourceUnavailable: A setting names no files.
    """
    check_exposure(deployment.settings)
    sources, stop = sources_of(deployment.settings), threading.Event()
    with at_work(deployment, (INTERACTIVE, SCHEDULED, FOLLOWING), *ALL) as soon:
        arguments = deployment, sources, stop, deployment.clock, lambda: soon("cycle")
        following = threading.Thread(target=follow.follow, args=arguments, daemon=True)
        following.start()
        try:
            answer(deployment)
        finally:
            stop.set()
            following.join(follow.PATIENCE_SECONDS)


def answer(deployment: Deployment) -> None:
    settings = deployment.settings
    threading.Thread(target=load_models, args=[deployment], daemon=True).start()
    uvicorn.run(
        application(deployment),
        host=settings.host,
        port=settings.port,
        http=patience(settings),
        timeout_graceful_shutdown=GRACE_SECONDS,
        access_log=False,  # requests are counted at /metrics
    )


def load_models(deployment: Deployment) -> None:
    """Load the models that are served, beside the first answers: who asks for one waits for it at
    most as long as it takes to load."""
    try:
        deployment.forecasters.all_served()
    except ModelError as error:  # told again to those who ask for it
        log.warning("not all models could be loaded: %s", error)


def patience(settings: Settings) -> type[asyncio.Protocol]:
    """What makes the protocol of each connection, which to the server is its class."""
    return cast("type[asyncio.Protocol]", IdleTimeout(settings.request_seconds))


@contextmanager
def running(deployment: Deployment) -> Iterator[str]:
    """The API answering in a thread; gives its URL. Port 0 takes a free one."""
    settings = deployment.settings
    with socket.create_server((settings.host, settings.port)) as listener:
        config = uvicorn.Config(
            application(deployment), http=patience(settings), log_level="warning"
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        try:
            wait_until_started(server, thread)
            yield f"http://{settings.host}:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(PATIENCE_SECONDS)


def wait_until_started(server: uvicorn.Server, thread: threading.Thread) -> None:
    pause = threading.Event()
    for _ in range(int(PATIENCE_SECONDS / 0.02)):
        if server.started:
            return
        if not thread.is_alive():
            break
        pause.wait(0.02)
    raise RuntimeError("the API did not start; see the log above")
