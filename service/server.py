"""The API over HTTP, in the foreground or beside other work."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from fastapi import FastAPI

from service.api.app import create_app
from service.api.dependencies import Desk
from service.deployment import Deployment, utc_now
from service.jobs import EmbeddedJobs

PATIENCE_SECONDS = 30.0


def application(deployment: Deployment) -> FastAPI:
    """The HTTP application of a deployment, with jobs in its own process."""
    settings = deployment.settings
    jobs = EmbeddedJobs(deployment.make, utc_now, settings.jobs_waiting)
    return create_app(
        Desk(
            settings=settings,
            archive=deployment.archive,
            ledger=deployment.ledger,
            forecasters=deployment.forecasters,
            jobs=jobs,
            clock=utc_now,
        )
    )


def serve(deployment: Deployment) -> None:
    """Answer until interrupted."""
    settings = deployment.settings
    uvicorn.run(application(deployment), host=settings.host, port=settings.port)


@contextmanager
def running(deployment: Deployment) -> Iterator[str]:
    """The API answering in a thread; gives its URL. Port 0 takes a free one."""
    settings = deployment.settings
    with socket.create_server((settings.host, settings.port)) as listener:
        config = uvicorn.Config(application(deployment), log_level="warning")
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
