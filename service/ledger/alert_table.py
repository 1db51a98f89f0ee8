"""Subscriptions to alerts with their state, and the messages that they send, in SQL.

A change of state and its message are one transaction, and the id of a message is that of its event:
each change has one message, whichever process finds it and however often.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine, Update, delete, exists, func, select, update

from service.ledger.database import increment_tallies, insert, insert_once, lock, tallies_of
from service.ledger.tables import alert_messages, alerts

LEASE = timedelta(minutes=2)
"""Time after which a message whose process has ended is sent again; above that of an attempt."""
LONGEST_ERROR = 300
SUBJECT = "alert"
"""Subject of the tallies of messages."""


class AlertState(NamedTuple):
    """State of an alert.

    Attributes:
        issue: Newest issue that it has been compared with; None for none.
        event: Issue at which the present event started; None without an event.
        announced: Whether the start of the event has a message.
        streak: Number of issues in a row that speak for a change.
        confirmed: Newest issue at which the event lasted; None without an event.
    """

    issue: datetime | None = None
    event: datetime | None = None
    announced: bool = False
    streak: int = 0
    confirmed: datetime | None = None


class AlertRow(NamedTuple):
    """A subscription as it is stored: `subscription` is JSON, `secret` signs its messages."""

    id: str
    owner: str
    subscription: str
    secret: str
    created: datetime
    state: AlertState


class MessageRow(NamedTuple):
    """A message of an alert; `due` is its next attempt, `error` why the last one failed."""

    id: str
    alert: str
    kind: str
    body: str
    created: datetime
    status: str
    due: datetime
    attempts: int
    finished: datetime | None
    error: str | None


class NewMessage(NamedTuple):
    """A message to be sent when it is due, with its id, which is that of a change of state."""

    id: str
    kind: str
    body: str
    due: datetime


class AlertTable:
    """The alerts of a deployment. Each method is one transaction and can be repeated."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    # subscriptions

    def add(self, row: AlertRow, most: int) -> bool:
        """Add a subscription, unless its owner has `most` of them. Returns whether it is added."""
        values = {
            "id": row.id,
            "owner": row.owner,
            "subscription": row.subscription,
            "secret": row.secret,
            "created": row.created,
            **row.state._asdict(),
        }
        number = select(func.count()).where(alerts.c.owner == row.owner)
        with self._engine.begin() as connection:
            lock(connection, "alerts")
            if connection.execute(number).scalar_one() >= most:
                return False
            insert_once(connection, alerts, [values])
        return True

    def of_owner(self, owner: str) -> list[AlertRow]:
        """Return the subscriptions of an owner, oldest first."""
        with self._engine.connect() as connection:
            return rows(connection, alerts.c.owner == owner)

    def get(self, id: str) -> AlertRow | None:  # noqa: A002  as elsewhere
        """Return a subscription; None if there is none."""
        with self._engine.connect() as connection:
            return next(iter(rows(connection, alerts.c.id == id)), None)

    def all(self) -> list[AlertRow]:
        """Return all subscriptions, oldest first."""
        with self._engine.connect() as connection:
            return rows(connection)

    def remove(self, id: str) -> bool:  # noqa: A002
        """Remove a subscription and its messages. Returns whether there was one."""
        with self._engine.begin() as connection:
            done = connection.execute(delete(alerts).where(alerts.c.id == id))
            connection.execute(delete(alert_messages).where(alert_messages.c.alert == id))
        return bool(done.rowcount)

    def remove_owner(self, owner: str) -> int:
        """Remove the subscriptions of an owner and their messages. Returns their number."""
        return sum(self.remove(row.id) for row in self.of_owner(owner))

    def change(
        self, row: AlertRow, state: AlertState, now: datetime, message: NewMessage | None = None
    ) -> bool:
        """Change the state of an alert and insert the message of the change, both or none.

        Returns:
            Whether its state was still that of the row; otherwise nothing is changed.
        """
        issue = row.state.issue
        same = alerts.c.issue.is_(None) if issue is None else alerts.c.issue == issue
        query = update(alerts).where(alerts.c.id == row.id, same).values(state._asdict())
        with self._engine.begin() as connection:
            if not connection.execute(query).rowcount:
                return False
            if message is not None:
                insert_message(connection, row.id, message, now)
        return True

    # messages

    def put(self, alert: str, message: NewMessage, now: datetime) -> None:
        """Insert a message of an alert once."""
        with self._engine.begin() as connection:
            insert_message(connection, alert, message, now)

    def messages(self, alert: str, most: int) -> list[MessageRow]:
        """Return the newest messages of an alert, newest first."""
        query = select(alert_messages).where(alert_messages.c.alert == alert)
        newest = query.order_by(alert_messages.c.created.desc(), alert_messages.c.id).limit(most)
        with self._engine.connect() as connection:
            return [MessageRow(*row) for row in connection.execute(newest)]

    def claim(self, now: datetime, most: int) -> list[MessageRow]:
        """Claim messages that are due, oldest first; a claim ends after LEASE.

        A message waits for earlier ones of its alert.
        """
        earlier = alert_messages.alias()
        blocked = exists().where(
            earlier.c.alert == alert_messages.c.alert,
            earlier.c.status == "waiting",
            earlier.c.created < alert_messages.c.created,
        )
        waiting = select(alert_messages).where(
            alert_messages.c.status == "waiting", alert_messages.c.due <= now, ~blocked
        )
        with self._engine.connect() as connection:
            due = waiting.order_by(alert_messages.c.due).limit(most)
            found = [MessageRow(*row) for row in connection.execute(due)]
        return [row for row in found if self._claim(row, now)]

    def _claim(self, row: MessageRow, now: datetime) -> bool:
        query = update(alert_messages).where(
            alert_messages.c.id == row.id,
            alert_messages.c.status == "waiting",
            alert_messages.c.attempts == row.attempts,
        )
        with self._engine.begin() as connection:
            values = {"due": now + LEASE, "attempts": row.attempts + 1}
            return bool(connection.execute(query.values(values)).rowcount)

    def sent(self, id: str, now: datetime, channel: str) -> None:  # noqa: A002
        """Record that a message has been sent by a channel."""
        self._finish(id, {"status": "sent", "finished": now, "error": None}, channel)

    def failed(self, id: str, now: datetime, error: str, channel: str) -> None:  # noqa: A002
        """Record that a message has failed for good."""
        values = {"status": "failed", "finished": now, "error": error[:LONGEST_ERROR]}
        self._finish(id, values, channel)

    def postpone(self, id: str, due: datetime, error: str) -> None:  # noqa: A002
        """Record why an attempt failed, and when the next is due."""
        with self._engine.begin() as connection:
            connection.execute(waiting(id).values(due=due, error=error[:LONGEST_ERROR]))

    def _finish(self, id: str, values: Mapping[str, Any], channel: str) -> None:  # noqa: A002
        """Record the end of a message, and count it."""
        with self._engine.begin() as connection:
            if connection.execute(waiting(id).values(values)).rowcount:
                increment_tallies(connection, SUBJECT, [(channel, str(values["status"]))])

    # numbers

    def numbers(self) -> tuple[int, int]:
        """Return how many subscriptions there are, and of how many an event lasts."""
        query = select(func.count(), func.count(alerts.c.event))
        with self._engine.connect() as connection:
            ((number, lasting),) = connection.execute(query)
        return int(number), int(lasting)

    def messages_by(self) -> dict[tuple[str, str], int]:
        """Return how many messages have been sent or have failed, by (channel, status)."""
        with self._engine.connect() as connection:
            return tallies_of(connection, SUBJECT)

    def unsent(self) -> list[MessageRow]:
        """Return the messages that wait to be sent, oldest first."""
        query = select(alert_messages).where(alert_messages.c.status == "waiting")
        with self._engine.connect() as connection:
            found = connection.execute(query.order_by(alert_messages.c.created))
            return [MessageRow(*row) for row in found]

    def forget(self, before: datetime) -> int:
        """Delete messages that were finished before a time. Returns their number."""
        query = delete(alert_messages).where(alert_messages.c.finished < before)
        with self._engine.begin() as connection:
            return int(connection.execute(query).rowcount)


def waiting(id: str) -> Update:  # noqa: A002
    """Return an update of a message while it waits."""
    return update(alert_messages).where(
        alert_messages.c.id == id, alert_messages.c.status == "waiting"
    )


def rows(connection: Connection, *conditions: Any) -> list[AlertRow]:  # noqa: ANN401
    """Return the subscriptions that fulfil conditions, oldest first."""
    query = select(alerts).where(*conditions).order_by(alerts.c.created, alerts.c.id)
    return [
        AlertRow(
            row.id,
            row.owner,
            row.subscription,
            row.secret,
            row.created,
            AlertState(row.issue, row.event, row.announced, row.streak, row.confirmed),
        )
        for row in connection.execute(query)
    ]


def insert_message(connection: Connection, alert: str, message: NewMessage, now: datetime) -> None:
    """Insert a waiting message, unless there is one of its id."""
    values = {"alert": alert, "created": now, "status": "waiting", "attempts": 0}
    new = insert(connection, alert_messages).values(message._asdict() | values)
    connection.execute(new.on_conflict_do_nothing())
