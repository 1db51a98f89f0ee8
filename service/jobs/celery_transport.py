"""Messages by Celery on Redis: what they are like, and how they are sent.

Redis may lose all it holds: what a job is and what became of it is in the job book.
"""

import logging
import time
from collections.abc import Mapping
from types import MappingProxyType
from urllib.parse import urlsplit

import redis
from celery import Celery
from kombu.entity import Queue
from kombu.exceptions import OperationalError

from service.errors import BadSetting
from service.jobs.job import INGEST, INTERACTIVE, SCHEDULED, VERIFY, Job
from service.jobs.transport import Undelivered
from service.settings import Settings

log = logging.getLogger(__name__)

QUEUES = (INTERACTIVE, SCHEDULED, VERIFY, INGEST)
"""A worker takes what there is in the first of its queues before it looks into the next."""
EXPIRES_SECONDS = 300
"""Life of a message: one cycle of the radar. What still waits then is sent again from the book."""
LONGEST_RUN_SECONDS = 600
"""A forecast that takes longer never ends; its worker does, and another one tries."""
VISIBILITY_SECONDS = 2 * (EXPIRES_SECONDS + LONGEST_RUN_SECONDS)
"""After which Redis takes a message for lost that a worker has: above the longest wait and run."""
SEND_SECONDS = 1.0
"""How long sending may take, and for how long it is not tried again where it failed."""
AT_ONCE = {"max_retries": 0, "interval_start": 0, "interval_step": 0}
"""Sending is not tried twice: nobody shall wait for it, and what was not sent is sent again from
the book. (Without any policy Celery tries for six seconds.)"""


def create_app(
    settings: Settings, beat_schedule: Mapping[str, Mapping[str, object]] = MappingProxyType({})
) -> Celery:
    """The Celery application of a deployment. Connects to nothing yet.

    Args:
        beat_schedule: What beat sends when it is due, as Celery has it.

    Raises:
        BadSetting: No URL of Redis is given.
    """
    kind = urlsplit(settings.redis).scheme
    if kind not in ("redis", "rediss"):
        raise BadSetting(
            f"NOWCAST_REDIS is {f'a URL of {kind}' if kind else 'no URL'}, should be like "
            f"redis://host:6379/0; without it `nowcast serve` does its jobs itself, and "
            f"`nowcast up` sees to all"
        )
    app = Celery("nowcast", broker=settings.redis, set_as_current=False)
    app.conf.update(
        enable_utc=True,
        accept_content=["json"],
        task_serializer="json",
        task_ignore_result=True,
        task_queues=[Queue(name) for name in QUEUES],  # type: ignore[no-untyped-call]
        task_default_queue=VERIFY,
        task_create_missing_queues=False,
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        task_publish_retry_policy=AT_ONCE,
        worker_prefetch_multiplier=1,
        worker_enable_remote_control=False,
        worker_hijack_root_logger=False,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_transport_options={
            "queue_order_strategy": "priority",
            "visibility_timeout": VISIBILITY_SECONDS,
            "socket_connect_timeout": SEND_SECONDS,
            "socket_timeout": SEND_SECONDS,
            "socket_keepalive": True,
            "health_check_interval": 10,
        },
        beat_schedule=dict(beat_schedule),
    )
    return app


class Messages:
    """Carries jobs to workers, by Celery on Redis."""

    embedded = False

    def __init__(self, settings: Settings) -> None:
        self._app = create_app(settings)
        self._redis = redis.Redis.from_url(
            settings.redis,
            socket_connect_timeout=SEND_SECONDS,
            socket_timeout=SEND_SECONDS,
            retry=None,
        )
        self._where = urlsplit(settings.redis).hostname
        self._trouble, self._asked = "", 0.0

    def send(self, job: Job) -> None:
        self._send("forecast", job.queue, job.id)

    def call(self, name: str, queue: str) -> None:
        """Have a thing of the schedule done soon, if Redis is there; its turn will come anyway."""
        try:
            self._send(name, queue)
        except Undelivered as error:
            log.warning("%s waits for its turn: %s", name, error)

    def problem(self) -> str | None:
        """Why nothing can be sent now, as of the last second."""
        if time.monotonic() - self._asked > SEND_SECONDS:
            try:
                self._redis.ping()
            except redis.RedisError as error:
                self._note(error)
            else:
                self._note(None)
        return self._trouble or None

    def close(self) -> None:
        self._app.close()
        self._redis.close()

    def _send(self, task: str, queue: str, *args: str) -> None:
        if self._trouble and time.monotonic() - self._asked < SEND_SECONDS:
            raise Undelivered(self._trouble)
        try:
            self._app.send_task(task, args, queue=queue, expires=EXPIRES_SECONDS)
        except OperationalError as error:
            raise Undelivered(self._note(error)) from error
        self._note(None)

    def _note(self, error: Exception | None) -> str:
        said = " ".join(str(error).split())
        self._trouble = "" if error is None else f"Redis on {self._where} cannot be had: {said}"
        self._asked = time.monotonic()
        return self._trouble
