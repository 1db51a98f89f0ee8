"""Delivers jobs to workers by Celery messages on Redis.

Redis may lose all messages: the state of a job is in the job table.
"""

import logging
import time
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from urllib.parse import urlsplit

import redis
from celery import Celery
from celery.app.amqp import AMQP
from kombu.connection import Connection
from kombu.entity import Queue
from kombu.exceptions import OperationalError

from service.errors import BadSetting
from service.jobs.job import INGEST, INTERACTIVE, SCHEDULED, VERIFY, Job
from service.jobs.transport import Undelivered, request_in_hand
from service.settings import Settings

log = logging.getLogger(__name__)

QUEUES = (INTERACTIVE, SCHEDULED, VERIFY, INGEST)
"""Queues in order of priority: a worker empties the first of its queues before the next."""
EXPIRES_SECONDS = 300
"""Lifetime of a message, one interval of the radar, in s; jobs still accepted are sent again."""
LONGEST_RUN_SECONDS = 600
"""Timeout of a forecast, in s: its worker ends itself, and another worker tries."""
VISIBILITY_SECONDS = 2 * (EXPIRES_SECONDS + LONGEST_RUN_SECONDS)
"""Visibility timeout of Redis, in s: above the longest wait and run of a message."""
SEND_SECONDS = 1.0
"""Timeout of sending, and pause after a failure before the next attempt, in s."""
RECONNECT_SECONDS = 4.0
"""Longest pause of a worker or beat between attempts to reconnect, in s. (Celery has no setting for
it: the pauses grow by 2 s to 30 s.)"""
NO_RETRY = {"max_retries": 0, "interval_start": 0, "interval_step": 0}
"""Retry policy of sending: none, since `send_lost` repeats it. (Celery's default tries for 6 s.)"""


class BrokerConnection(Connection):
    """A connection to Redis that comes back soon, also after a long outage."""

    def ensure_connection(self, *args: object, **more: object) -> "BrokerConnection":
        """Connect, with pauses of at most RECONNECT_SECONDS between attempts."""
        more.setdefault("interval_max", RECONNECT_SECONDS)
        super().ensure_connection(*args, **more)  # type: ignore[no-untyped-call]
        return self


class BrokerProtocol(AMQP):  # type: ignore[misc]
    """Celery's messages over such connections."""

    Connection = BrokerConnection


def check_queues(names: Sequence[str]) -> None:
    """Check that there are queues of these names.

    Raises:
        BadSetting: There is no queue of a name.
    """
    if unknown := [name for name in names if name not in QUEUES]:
        raise BadSetting(f"there is no queue {unknown[0]!r}, only {', '.join(QUEUES)}")


def check_redis_url(settings: Settings) -> None:
    """Check that the settings have a URL of Redis.

    Raises:
        BadSetting: They have none.
    """
    kind = urlsplit(settings.redis).scheme
    if kind not in ("redis", "rediss"):
        found = f"a URL of {kind}" if kind else "no URL" if settings.redis else "empty"
        raise BadSetting(
            f"NOWCAST_REDIS is {found}, should be the URL of the Redis that delivers jobs, which "
            f"should be like redis://host:6379/0; without it `nowcast serve` runs jobs in its own "
            f"process, and `nowcast up` starts all processes"
        )


def create_app(
    settings: Settings, beat_schedule: Mapping[str, Mapping[str, object]] = MappingProxyType({})
) -> Celery:
    """Create the Celery application of a deployment, without connecting.

    Args:
        settings: Settings with the URL of Redis.
        beat_schedule: Celery's schedule of periodic tasks, sent by beat.

    Raises:
        BadSetting: The settings have no URL of Redis.
    """
    check_redis_url(settings)
    app = Celery("nowcast", broker=settings.redis, amqp=BrokerProtocol, set_as_current=False)
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
        task_publish_retry_policy=NO_RETRY,
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


class CeleryTransport:
    """Delivers jobs to workers by Celery on Redis."""

    embedded = False

    def __init__(self, settings: Settings) -> None:
        self._app = create_app(settings)
        self._redis = redis.Redis.from_url(
            settings.redis,
            socket_connect_timeout=SEND_SECONDS,
            socket_timeout=SEND_SECONDS,
            retry=None,
        )
        self._host = urlsplit(settings.redis).hostname
        self._error, self._checked = "", 0.0

    def send(self, job: Job) -> None:
        """Send the id of a job to its queue.

        Raises:
            Undelivered: Redis is unreachable.
        """
        self._send("forecast", job.queue, job.id)

    def call(self, name: str, queue: str) -> None:
        """Request a periodic task now; if Redis is unreachable, it runs at its next due time."""
        try:
            self._send(name, queue)
        except Undelivered as error:
            log.warning("%s runs at its next due time: %s", name, error)

    def problem(self) -> str | None:
        """Return why messages cannot be sent, as of the last second; None if they can."""
        if time.monotonic() - self._checked > SEND_SECONDS:
            try:
                self._redis.ping()
            except redis.RedisError as error:
                self._note(error)
            else:
                self._note(None)
        return "Redis is unreachable" if self._error else None

    def close(self) -> None:
        """Close the connections."""
        self._app.close()
        self._redis.close()

    def _send(self, task: str, queue: str, *args: str) -> None:
        if self._error and time.monotonic() - self._checked < SEND_SECONDS:
            raise Undelivered(self._error)
        try:
            self._app.send_task(
                task, args, queue=queue, expires=EXPIRES_SECONDS, headers=request_in_hand()
            )
        except OperationalError as error:
            raise Undelivered(self._note(error)) from error
        self._note(None)

    def _note(self, error: Exception | None) -> str:
        detail = " ".join(str(error).split())
        self._error = "" if error is None else f"Redis on {self._host} is unreachable: {detail}"
        self._checked = time.monotonic()
        return self._error
