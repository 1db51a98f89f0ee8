"""The job table: requests for forecasts and their status, in SQL.

It is the only source of truth about jobs; the transport can lose a job or deliver it twice. A job
is lost when no live worker holds it; of several deliveries the first claim wins.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Row,
    and_,
    delete,
    exists,
    func,
    or_,
    select,
    update,
)

from service.archive.key import Key, to_datetime
from service.ledger.database import increment_tallies, insert, insert_once, tallies_of
from service.ledger.tables import jobs, requests, workers

KEY_LIFETIME = timedelta(hours=24)
"""Lifetime of an idempotency key."""
MOST_KEYS = 10_000
"""Idempotency keys remembered; the oldest are forgotten first."""
GIVEN_UP = ("DeadLetter", "Expired")
"""Kinds of errors of jobs without an attempt that ended: workers died, or none had time."""
LONGEST_ID = 160
"""Length of the column `id`."""
CLOCKS_DIFFER = timedelta(seconds=10)
"""Tolerated difference between the clocks of two machines."""


class JobRow(NamedTuple):
    """A row of jobs; of a failed one, `kind` is the class of the error and `message` its text.

    `request_id` is that of the request that the job was accepted for; None for scheduled ones.
    """

    id: str
    model: str
    weights: str
    issue: datetime
    upload: str
    queue: str
    status: str
    created: datetime
    sent: datetime | None
    started: datetime | None
    finished: datetime | None
    attempts: int
    worker: str | None
    kind: str | None
    message: str | None
    request_id: str | None


class WorkerRow(NamedTuple):
    """A row of workers: the queues it takes jobs from and its last heartbeat."""

    worker: str
    queues: tuple[str, ...]
    device: str
    started: datetime
    seen: datetime


class JobTable:
    """The jobs of a deployment. Each method is one transaction and can be repeated."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    # requests

    def ask(
        self,
        key: Key,
        queue: str,
        now: datetime,
        *,
        again: bool = False,
        request_id: str | None = None,
    ) -> tuple[JobRow, bool]:
        """Return the job of a key, and whether the caller must send it to a worker.

        It must be sent if it is new, if it had failed or been dismissed and is accepted again, or
        if it was scheduled and is now interactive. Of concurrent callers one must send it.

        Args:
            key: Key of the forecast.
            queue: Queue of the job.
            now: Current time.
            again: Accept it again even if it was successful, since its file has been removed.
            request_id: Id of the request that asks for it; stored if it must be sent.
        """
        initial: dict[str, Any] = {"queue": queue, "status": "accepted", "created": now}
        initial |= {"attempts": 0, "request_id": request_id}
        row = initial | {
            "id": key.id,
            "model": key.model,
            "weights": key.weights,
            "issue": to_datetime(key.issue),
            "upload": key.upload,
        }
        empty = dict.fromkeys(("sent", "started", "finished", "worker", "kind", "message"))
        change = update(jobs).where(jobs.c.id == key.id).returning(*jobs.c)
        with self._engine.begin() as connection:
            new = insert(connection, jobs).values(row).on_conflict_do_nothing()
            found = connection.execute(new.returning(*jobs.c)).first()
            if found is None:
                ended = ("failed", "dismissed", *(("successful",) if again else ()))
                is_over = jobs.c.status.in_(ended)
                found = connection.execute(change.where(is_over).values(initial | empty)).first()
            if found is not None:
                count_transitions(connection, [found])
            elif queue == "interactive":
                waits = and_(jobs.c.status == "accepted", jobs.c.queue == "scheduled")
                promoted = {"queue": queue, "request_id": request_id}
                found = connection.execute(change.where(waits).values(promoted)).first()
            if found is not None:
                return JobRow(*found), True
            (known,) = connection.execute(select(jobs).where(jobs.c.id == key.id))
        return JobRow(*known), False

    def get(self, id: str) -> JobRow | None:  # noqa: A002  as everywhere in the service
        """Return the job with an id; None if there is none."""
        return self.many([id]).get(id)

    def many(self, ids: Iterable[str]) -> dict[str, JobRow]:
        """Return the existing jobs among some ids, by id."""
        # Other texts cannot be ids, and PostgreSQL refuses some of them.
        plausible = [id for id in ids if id.isprintable() and len(id) <= LONGEST_ID]  # noqa: A001
        return {row.id: row for row in self._found(jobs.c.id.in_(plausible))}

    def dismiss(self, id: str, now: datetime) -> JobRow | None:  # noqa: A002
        """Dismiss an accepted job and return it; any other is unchanged. None if there is none."""
        if self.get(id) is None:
            return None
        self._change(jobs.c.id == id, jobs.c.status == "accepted", status="dismissed", finished=now)
        return self.get(id)

    # running

    def claim(
        self,
        id: str,  # noqa: A002
        worker: str,
        now: datetime,
        most_attempts: int,
        dead_since: datetime,
    ) -> JobRow | None:
        """Claim a job for a worker. None if it is finished, unknown or held by another worker.

        A running job is taken from a worker without heartbeat since `dead_since`. After
        `most_attempts` it fails with the kind DeadLetter, since it may be what kills workers.

        Args:
            id: Id of the job.
            worker: Unique name of the worker, a new one at every start.
            now: Current time.
            most_attempts: Claims after which the job is given up.
            dead_since: Workers whose last heartbeat is older count as dead.
        """
        free = or_(jobs.c.status == "accepted", is_dead(dead_since))
        left = jobs.c.attempts < most_attempts
        taken = self._change(
            jobs.c.id == id,
            free,
            left,
            status="running",
            started=now,
            worker=worker,
            attempts=jobs.c.attempts + 1,
        )
        if taken:
            return taken[0]
        self._change(
            jobs.c.id == id,
            free,
            ~left,
            status="failed",
            finished=now,
            kind="DeadLetter",
            message=f"given up: {most_attempts} workers started it and did not finish it",
        )
        return None

    def finish(
        self,
        id: str,  # noqa: A002
        now: datetime,
        kind: str | None = None,
        message: str | None = None,
        worker: str | None = None,
    ) -> None:
        """Finish a job: failed if `kind` names an error, else successful.

        A success counts from any worker. A failure counts only while the job is running and held by
        `worker` (if given): another worker may have taken it over.
        """
        end = {"finished": now, "kind": kind, "message": message}
        if kind is None:
            self._change(jobs.c.id == id, jobs.c.status != "successful", status="successful", **end)
        else:
            self._change(jobs.c.id == id, *is_held_by(worker), status="failed", **end)

    def release(self, id: str, now: datetime, worker: str | None = None) -> None:  # noqa: A002
        """Return a running job to the queue when its worker shuts down; it counts as no attempt."""
        del now
        self._change(
            jobs.c.id == id,
            *is_held_by(worker),
            status="accepted",
            sent=None,
            started=None,
            worker=None,
            attempts=jobs.c.attempts - 1,
        )

    # supervision

    def sent(self, ids: Iterable[str], now: datetime) -> None:
        """Record that jobs have been sent to workers."""
        wanted = and_(jobs.c.id.in_(list(ids)), jobs.c.status == "accepted")
        with self._engine.begin() as connection:
            connection.execute(update(jobs).where(wanted).values(sent=now))

    def settle(self, now: datetime) -> None:
        """Set times in the future to now, after the clock has been set back.

        Dead workers would otherwise count as alive, and their jobs as running, until the clock
        reaches those times again.
        """
        ahead = now + CLOCKS_DIFFER
        accepted, running = jobs.c.status == "accepted", jobs.c.status == "running"
        with self._engine.begin() as connection:
            for column, where in (
                (workers.c.seen, ()),
                (jobs.c.started, (running,)),
                (jobs.c.created, (accepted,)),
                (jobs.c.sent, (accepted,)),
            ):
                correction = update(column.table).where(column > ahead, *where)
                connection.execute(correction.values({column.name: now}))

    def lost(self, sent_before: datetime, dead_since: datetime) -> list[JobRow]:
        """Return the jobs to send again, oldest first.

        These are accepted jobs that were sent (or, if never sent, created) before `sent_before`,
        and running jobs of workers without heartbeat since `dead_since`.
        """
        old = func.coalesce(jobs.c.sent, jobs.c.created) < sent_before
        return self._found(or_(and_(jobs.c.status == "accepted", old), is_dead(dead_since)))

    def waiting(self, queues: Sequence[str]) -> tuple[int, datetime | None]:
        """Return the number of accepted jobs of some queues, and when the oldest was created."""
        query = select(func.count(), func.min(jobs.c.created)).where(
            jobs.c.status == "accepted", jobs.c.queue.in_(queues)
        )
        with self._engine.connect() as connection:
            ((n, oldest),) = connection.execute(query)
        return int(n), oldest

    def issues_under_way(self) -> set[datetime]:
        """Return the issue times of accepted and running jobs of radar frames."""
        query = select(jobs.c.issue).where(
            jobs.c.status.in_(("accepted", "running")), jobs.c.upload == ""
        )
        with self._engine.connect() as connection:
            return set(connection.execute(query.distinct()).scalars())

    def expire(self, before: datetime, now: datetime | None = None) -> int:
        """Fail accepted scheduled jobs created before a time, since there are newer frames.

        Returns:
            Their number. They finish at `now`, or at `before` where it is None.
        """
        expired = self._change(
            jobs.c.status == "accepted",
            jobs.c.queue == "scheduled",
            jobs.c.created < before,
            status="failed",
            finished=now or before,
            kind="Expired",
            message="no worker had time for it while it was useful; request it again",
        )
        return len(expired)

    def jobs_by(self) -> dict[tuple[str, str], int]:
        """Return counters of status transitions by (model, status), from running totals.

        A job that is tried twice counts twice as running.
        """
        with self._engine.connect() as connection:
            return tallies_of(connection, "job")

    def given_up_by(self) -> dict[tuple[str, str], int]:
        """Return counters of given-up jobs by (model, kind); see GIVEN_UP. From running totals."""
        with self._engine.connect() as connection:
            return tallies_of(connection, "given up")

    # workers

    def beat(self, worker: str, queues: Sequence[str], device: str, now: datetime) -> None:
        """Record a heartbeat of a worker."""
        state: dict[str, Any] = {"queues": ",".join(queues), "device": device, "seen": now}
        with self._engine.begin() as connection:
            new = insert(connection, workers).values(worker=worker, started=now, **state)
            connection.execute(new.on_conflict_do_update(index_elements=["worker"], set_=state))

    def workers(self) -> list[WorkerRow]:
        """Return all workers with a heartbeat that has not been deleted by `forget`."""
        with self._engine.connect() as connection:
            found = connection.execute(select(workers).order_by(workers.c.worker)).mappings()
            return [WorkerRow(**{**row, "queues": split_names(row["queues"])}) for row in found]

    def forget(self, seen_before: datetime) -> None:
        """Delete workers whose last heartbeat is before a time."""
        with self._engine.begin() as connection:
            connection.execute(delete(workers).where(workers.c.seen < seen_before))

    # idempotency keys

    def recall(self, name_hash: str, now: datetime) -> tuple[str, str] | None:
        """Return the first request with an idempotency key in the last 24 h; None if there is none.

        Returns:
            Hash of the body of that request, and the id of its job.
        """
        query = select(requests.c.body_hash, requests.c.job).where(
            requests.c.name_hash == name_hash, requests.c.created >= now - KEY_LIFETIME
        )
        with self._engine.connect() as connection:
            first = connection.execute(query).first()
        return None if first is None else (first.body_hash, first.job)

    def remember(self, name_hash: str, body_hash: str, job: str, now: datetime) -> tuple[str, str]:
        """Return the first request with an idempotency key in the last 24 h, perhaps this one.

        Args:
            name_hash: Hash of the key and of its client.
            body_hash: Hash of the body of this request.
            job: Id of the job of this request.
            now: Current time.

        Returns:
            Hash of the body of the first request, and the id of its job.
        """
        row = {"name_hash": name_hash, "body_hash": body_hash, "job": job, "created": now}
        query = select(requests.c.body_hash, requests.c.job)
        with self._engine.begin() as connection:
            connection.execute(delete(requests).where(requests.c.created < now - KEY_LIFETIME))
            insert_once(connection, requests, [row])
            oldest = select(requests.c.created).order_by(requests.c.created.desc())
            surplus = oldest.offset(MOST_KEYS).limit(1).scalar_subquery()
            connection.execute(delete(requests).where(requests.c.created <= surplus))
            (first,) = connection.execute(query.where(requests.c.name_hash == name_hash))
        return first.body_hash, first.job

    # SQL

    def _found(self, wanted: ColumnElement[bool]) -> list[JobRow]:
        query = select(jobs).where(wanted).order_by(jobs.c.created, jobs.c.id)
        with self._engine.connect() as connection:
            return [JobRow(*row) for row in connection.execute(query)]

    def _change(self, *wanted: ColumnElement[bool], **values: Any) -> list[JobRow]:  # noqa: ANN401
        """Update the jobs that match and count their transitions."""
        change = update(jobs).where(*wanted).values(**values).returning(*jobs.c)
        with self._engine.begin() as connection:
            changed = connection.execute(change).all()
            count_transitions(connection, changed)
        return [JobRow(*row) for row in changed]


def split_names(text: str) -> tuple[str, ...]:
    """Split comma-separated names."""
    return tuple(name for name in text.split(",") if name)


def is_dead(since: datetime) -> ColumnElement[bool]:
    """Condition: the job is running and its worker has had no heartbeat since a time."""
    seen = exists().where(workers.c.worker == jobs.c.worker, workers.c.seen > since).correlate(jobs)
    return and_(jobs.c.status == "running", jobs.c.started <= since, ~seen)


def is_held_by(worker: str | None) -> list[ColumnElement[bool]]:
    """Conditions: the job is running, and held by a worker if one is given."""
    running = [jobs.c.status == "running"]
    return running if worker is None else [*running, jobs.c.worker == worker]


def count_transitions(connection: Connection, changed: Sequence[Row[Any]]) -> None:
    """Add the new statuses of jobs to the running totals."""
    increment_tallies(connection, "job", [(row.model, row.status) for row in changed])
    given_up = [(row.model, row.kind) for row in changed if row.kind in GIVEN_UP]
    increment_tallies(connection, "given up", given_up)
