"""Who has asked for which forecast and what became of it, in SQL: the one truth about jobs.

What carries a job to a worker may lose it or bring it twice. It is lost, not done, when nobody who
is alive says to be doing it; and brought twice, it is done by the one who claims it first.
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
from service.ledger.database import insert, once, raise_tally, tallied
from service.ledger.tables import jobs, requests, workers

KEPT = timedelta(hours=24)
"""How long an idempotency key is remembered."""
GIVEN_UP = ("DeadLetter", "Expired")
"""Kinds of errors that are no fault of a forecast: no worker survived it, or had time for it."""
LONGEST_ID = 160
CLOCKS_DIFFER = timedelta(seconds=10)
"""By how much the clock of one machine may be ahead of another's."""


class JobRow(NamedTuple):
    """A job. `message` says why it failed, `kind` is the name of that error."""

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


class WorkerRow(NamedTuple):
    """Who does jobs of some queues."""

    worker: str
    queues: tuple[str, ...]
    device: str
    started: datetime
    seen: datetime


class JobBook:
    """The jobs of one deployment. Each method is one transaction and may be repeated."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    # asking

    def ask(
        self, key: Key, queue: str, now: datetime, *, again: bool = False
    ) -> tuple[JobRow, bool]:
        """The job of a key, and whether it must be sent to be done: it is new, or had failed or
        been dismissed and is accepted anew, or waited among the scheduled ones and is now asked
        for by somebody. Of many who ask at once one is told to send it.

        Args:
            again: Accept it anew also if it was successful, since what it made is kept no longer.
        """
        fresh: dict[str, Any] = {"queue": queue, "status": "accepted", "created": now}
        fresh |= {"attempts": 0}
        row = fresh | {
            "id": key.id,
            "model": key.model,
            "weights": key.weights,
            "issue": to_datetime(key.issue),
            "upload": key.upload,
        }
        empty = dict.fromkeys(("sent", "started", "finished", "worker", "kind", "message"))
        anew = update(jobs).where(jobs.c.id == key.id).returning(*jobs.c)
        with self._engine.begin() as connection:
            new = insert(connection, jobs).values(row).on_conflict_do_nothing()
            found = connection.execute(new.returning(*jobs.c)).first()
            if found is None:
                ended = ("failed", "dismissed", *(("successful",) if again else ()))
                over = jobs.c.status.in_(ended)
                found = connection.execute(anew.where(over).values(fresh | empty)).first()
            if found is not None:
                come_to(connection, [found])
            elif queue == "interactive":
                waits = and_(jobs.c.status == "accepted", jobs.c.queue == "scheduled")
                found = connection.execute(anew.where(waits).values(queue=queue)).first()
            if found is not None:
                return JobRow(*found), True
            known = connection.execute(select(jobs).where(jobs.c.id == key.id)).one()
        return JobRow(*known), False

    def get(self, id: str) -> JobRow | None:  # noqa: A002  as everywhere in the service
        return self.many([id]).get(id)

    def many(self, ids: Iterable[str]) -> dict[str, JobRow]:
        """Those of some jobs that there are, by their ids."""
        # Others cannot be ids, and not every database can be asked for them.
        plausible = [id for id in ids if id.isprintable() and len(id) <= LONGEST_ID]  # noqa: A001
        return {row.id: row for row in self._found(jobs.c.id.in_(plausible))}

    def dismiss(self, id: str, now: datetime) -> JobRow | None:  # noqa: A002
        """Give up a job that nobody has begun; any other stays as it is. None: there is none."""
        if self.get(id) is None:
            return None
        self._change(jobs.c.id == id, jobs.c.status == "accepted", status="dismissed", finished=now)
        return self.get(id)

    # doing

    def claim(
        self,
        id: str,  # noqa: A002
        worker: str,
        now: datetime,
        most_attempts: int,
        dead_since: datetime,
    ) -> JobRow | None:
        """Take a job to do it. None: it is not to be done, or not by this one.

        One that is running is taken from a worker of which nothing was seen since `dead_since`.
        After too many attempts it fails with the kind DeadLetter: it may be what kills workers.

        Args:
            worker: A name that no other worker has, nor had: a new one at every start.
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
            message=f"given up: {most_attempts} workers began it and did not come to its end",
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
        """Note the end of a job: failed if there is a kind of error, else successful.

        A success is true whoever says so. A failure is if the job is running, and `worker`, where
        it is given, still has it: others may have taken it from one that was thought dead.
        """
        said = {"finished": now, "kind": kind, "message": message}
        if kind is None:
            self._change(
                jobs.c.id == id, jobs.c.status != "successful", status="successful", **said
            )
        else:
            self._change(jobs.c.id == id, *held(worker), status="failed", **said)

    def release(self, id: str, now: datetime, worker: str | None = None) -> None:  # noqa: A002
        """Give back a job that is running, since its worker shuts down; it was no attempt."""
        del now
        self._change(
            jobs.c.id == id,
            *held(worker),
            status="accepted",
            sent=None,
            started=None,
            worker=None,
            attempts=jobs.c.attempts - 1,
        )

    # watching over them

    def sent(self, ids: Iterable[str], now: datetime) -> None:
        """Note that jobs are on their way to a worker."""
        wanted = and_(jobs.c.id.in_(list(ids)), jobs.c.status == "accepted")
        with self._engine.begin() as connection:
            connection.execute(update(jobs).where(wanted).values(sent=now))

    def settle(self, now: datetime) -> None:
        """Date what is of the future to now: the clock has been set back, and those who died before
        would seem to live, and what they had to be under way, until it is as late again."""
        ahead = now + CLOCKS_DIFFER
        accepted, running = jobs.c.status == "accepted", jobs.c.status == "running"
        with self._engine.begin() as connection:
            for column, where in (
                (workers.c.seen, ()),
                (jobs.c.started, (running,)),
                (jobs.c.created, (accepted,)),
                (jobs.c.sent, (accepted,)),
            ):
                early = update(column.table).where(column > ahead, *where)
                connection.execute(early.values({column.name: now}))

    def lost(self, sent_before: datetime, dead_since: datetime) -> list[JobRow]:
        """What is to be sent again, oldest first: accepted, and sent (or, if it never was, created)
        before a time; or running by a worker of which nothing was seen since another time."""
        old = func.coalesce(jobs.c.sent, jobs.c.created) < sent_before
        return self._found(or_(and_(jobs.c.status == "accepted", old), is_dead(dead_since)))

    def waiting(self, queues: Sequence[str]) -> tuple[int, datetime | None]:
        """How many jobs of some queues are accepted, and when the oldest was created."""
        query = select(func.count(), func.min(jobs.c.created)).where(
            jobs.c.status == "accepted", jobs.c.queue.in_(queues)
        )
        with self._engine.connect() as connection:
            n, oldest = connection.execute(query).one()
        return int(n), oldest

    def issues_under_way(self) -> set[datetime]:
        """Issues of which a forecast is still to come."""
        query = select(jobs.c.issue).where(
            jobs.c.status.in_(("accepted", "running")), jobs.c.upload == ""
        )
        with self._engine.connect() as connection:
            return set(connection.execute(query.distinct()).scalars())

    def expire(self, before: datetime, now: datetime | None = None) -> int:
        """Let scheduled jobs fail that were created before a time and that nobody has begun: there
        is newer radar to forecast from. Returns how many. They end now, or at that time."""
        expired = self._change(
            jobs.c.status == "accepted",
            jobs.c.queue == "scheduled",
            jobs.c.created < before,
            status="failed",
            finished=now or before,
            kind="Expired",
            message="no worker had time for it while it was of use; ask for it anew",
        )
        return len(expired)

    def jobs_by(self) -> dict[tuple[str, str], int]:
        """How often jobs came to a status, by (model, status): they only rise. From a small table;
        a job that is tried twice comes to running twice."""
        with self._engine.connect() as connection:
            return tallied(connection, "job")

    def given_up_by(self) -> dict[tuple[str, str], int]:
        """How often jobs were given up, by (model, kind); see GIVEN_UP. From a small table."""
        with self._engine.connect() as connection:
            return tallied(connection, "given up")

    # workers

    def beat(self, worker: str, queues: Sequence[str], device: str, now: datetime) -> None:
        """Note that a worker is alive."""
        said: dict[str, Any] = {"queues": ",".join(queues), "device": device, "seen": now}
        with self._engine.begin() as connection:
            new = insert(connection, workers).values(worker=worker, started=now, **said)
            connection.execute(new.on_conflict_do_update(index_elements=["worker"], set_=said))

    def workers(self) -> list[WorkerRow]:
        """Whoever has been heard of and not been forgotten."""
        with self._engine.connect() as connection:
            found = connection.execute(select(workers).order_by(workers.c.worker)).mappings()
            return [WorkerRow(**{**row, "queues": words(row["queues"])}) for row in found]

    def forget(self, seen_before: datetime) -> None:
        """Drop workers last seen before a time."""
        with self._engine.begin() as connection:
            connection.execute(delete(workers).where(workers.c.seen < seen_before))

    # idempotency keys

    def remember(self, name_hash: str, body_hash: str, job: str, now: datetime) -> tuple[str, str]:
        """The request that first brought an idempotency key in the last 24 h, perhaps this one.

        Args:
            name_hash: Hash of the key, and of the client it is from.

        Returns:
            Hash of its body, and its job.
        """
        row = {"name_hash": name_hash, "body_hash": body_hash, "job": job, "created": now}
        query = select(requests.c.body_hash, requests.c.job)
        with self._engine.begin() as connection:
            connection.execute(delete(requests).where(requests.c.created < now - KEPT))
            once(connection, requests, [row])
            first = connection.execute(query.where(requests.c.name_hash == name_hash)).one()
        return first.body_hash, first.job

    # SQL

    def _found(self, wanted: ColumnElement[bool]) -> list[JobRow]:
        query = select(jobs).where(wanted).order_by(jobs.c.created, jobs.c.id)
        with self._engine.connect() as connection:
            return [JobRow(*row) for row in connection.execute(query)]

    def _change(self, *wanted: ColumnElement[bool], **values: Any) -> list[JobRow]:  # noqa: ANN401
        """Change the jobs that are as wanted, and count what they came to."""
        change = update(jobs).where(*wanted).values(**values).returning(*jobs.c)
        with self._engine.begin() as connection:
            changed = connection.execute(change).all()
            come_to(connection, changed)
        return [JobRow(*row) for row in changed]


def words(said: str) -> tuple[str, ...]:
    return tuple(word for word in said.split(",") if word)


def is_dead(since: datetime) -> ColumnElement[bool]:
    """A job that is running by a worker of which nothing was seen since a time."""
    seen = exists().where(workers.c.worker == jobs.c.worker, workers.c.seen > since).correlate(jobs)
    return and_(jobs.c.status == "running", jobs.c.started <= since, ~seen)


def held(worker: str | None) -> list[ColumnElement[bool]]:
    """A job that is running, by a worker."""
    running = [jobs.c.status == "running"]
    return running if worker is None else [*running, jobs.c.worker == worker]


def come_to(connection: Connection, changed: Sequence[Row[Any]]) -> None:
    raise_tally(connection, "job", [(row.model, row.status) for row in changed])
    given_up = [(row.model, row.kind) for row in changed if row.kind in GIVEN_UP]
    raise_tally(connection, "given up", given_up)
