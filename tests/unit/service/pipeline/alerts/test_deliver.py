"""Each message is sent by one process, and again after a failure or when a process was killed."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from service.ledger.alert_table import LEASE, AlertTable, MessageRow, NewMessage
from service.ledger.ledger import Ledger
from service.pipeline.alerts.channels import Channels
from service.pipeline.alerts.deliver import MOST_ATTEMPTS, deliver, first_due
from service.settings import Settings
from tests.alerts.rain_band import Receiver, moment, receiver, row, subscription
from tests.postgres import DATABASES, new_url

NOW = moment(0)
CHANNELS = Channels(Settings.model_validate({"alert_networks": ("127.0.0.0/8",)}))


@pytest.fixture
def here() -> Iterator[Receiver]:
    with receiver() as found:
        yield found


@pytest.fixture(params=DATABASES)
def table(request: pytest.FixtureRequest, tmp_path: Path, here: Receiver) -> Iterator[AlertTable]:
    ledger = Ledger(new_url(request.param, tmp_path))
    found = AlertTable(ledger.engine)
    assert found.add(row(subscription(here.url)), most=3)
    yield found
    ledger.engine.dispose()


def put(table: AlertTable, kind: str, now: datetime = NOW, due: datetime | None = None) -> None:
    body = f'{{"type": "nowcast.alert.{kind}"}}'
    table.put("a1", NewMessage(f"a1-e-{kind}", kind, body, due or now), now)


def at_time(now: datetime) -> Callable[[], datetime]:
    return lambda: now


def states(table: AlertTable) -> list[tuple[str, str, int]]:
    found = table.messages("a1", 9)
    return [(message.kind, message.status, message.attempts) for message in found]


def test_a_message_is_sent_once_when_it_is_due(table: AlertTable, here: Receiver) -> None:
    put(table, "start", due=NOW + timedelta(minutes=5))
    put(table, "start")
    assert deliver(table, CHANNELS, at_time(NOW)) == 0
    later = at_time(NOW + timedelta(minutes=5))
    assert [deliver(table, CHANNELS, later) for _ in range(2)] == [1, 0]
    assert here.ids == ["a1-e-start"]
    assert states(table) == [("start", "sent", 1)]


def test_a_claimed_message_is_left_alone_until_its_process_must_be_dead(
    table: AlertTable, here: Receiver
) -> None:
    put(table, "start")
    assert len(table.claim(NOW, 9)) == 1
    soon, later = NOW + LEASE - timedelta(seconds=1), NOW + LEASE
    assert deliver(table, CHANNELS, at_time(soon)) == 0
    assert deliver(table, CHANNELS, at_time(later)) == 1
    assert states(table) == [("start", "sent", 2)]


def test_of_two_processes_that_see_a_message_one_claims_it(table: AlertTable) -> None:
    put(table, "start")
    (seen,) = table.messages("a1", 1)
    claims = [table._claim(MessageRow(*seen), NOW) for _ in range(2)]
    assert claims == [True, False]


def test_failures_are_tried_again_with_growing_pauses_and_then_given_up(
    table: AlertTable, here: Receiver
) -> None:
    put(table, "start")
    here.statuses = [500] * 100
    now, pauses = NOW, []
    for _ in range(MOST_ATTEMPTS):
        assert deliver(table, CHANNELS, at_time(now)) == 1
        (message,) = table.messages("a1", 1)
        pauses.append((message.due - now).total_seconds())
        assert deliver(table, CHANNELS, at_time(message.due - timedelta(seconds=1))) == 0
        now = message.due
    assert pauses[:-1] == [5, 15, 45, 135, 405, 1200, 1200]
    assert (message.status, message.attempts) == ("failed", MOST_ATTEMPTS)
    assert message.error is not None
    assert "500" in message.error
    assert len(set(here.ids)) == 1, "the receiver can tell that it is the same"
    assert deliver(table, CHANNELS, at_time(now + timedelta(days=1))) == 0


def test_an_all_clear_waits_for_the_start_of_its_event(table: AlertTable, here: Receiver) -> None:
    put(table, "start")
    put(table, "clear", NOW + timedelta(minutes=1))
    here.statuses = [503]
    now = at_time(NOW + timedelta(minutes=1))
    assert [deliver(table, CHANNELS, now) for _ in range(2)] == [1, 0]
    later = at_time(NOW + timedelta(minutes=2))
    assert [deliver(table, CHANNELS, later) for _ in range(3)] == [1, 1, 0]
    assert here.ids == ["a1-e-start", "a1-e-start", "a1-e-clear"]


def test_what_is_removed_is_not_sent(table: AlertTable, here: Receiver) -> None:
    put(table, "start")
    assert table.remove("a1")
    assert not table.remove("a1")
    assert deliver(table, CHANNELS, at_time(NOW)) == 0
    assert table.messages("a1", 9) == []


def test_old_messages_are_forgotten_but_not_waiting_ones(table: AlertTable) -> None:
    put(table, "start")
    put(table, "clear", NOW + timedelta(seconds=1))
    assert deliver(table, CHANNELS, at_time(NOW)) == 1
    assert table.forget(NOW) == 0
    assert table.forget(NOW + timedelta(seconds=1)) == 1
    assert states(table) == [("clear", "waiting", 0)]


def test_an_owner_has_so_many_subscriptions_and_no_more(table: AlertTable) -> None:
    added = [table.add(row(subscription(), f"b{number}"), most=3) for number in range(4)]
    assert added == [True, True, False, False]
    assert table.add(row(subscription(), "c1", owner="berta"), most=3)
    assert table.remove_owner("anna") == 3
    assert [found.owner for found in table.all()] == ["berta"]


def test_a_message_that_is_tried_again_is_dated_from_when_it_was_first_due(
    table: AlertTable, here: Receiver
) -> None:
    here.statuses = [500] * 3
    due = NOW + timedelta(hours=8)  # after quiet hours
    put(table, "start", due=due)
    assert first_due(table.unsent()[0]) == due
    now = due
    for _ in range(3):
        assert deliver(table, CHANNELS, at_time(now)) == 1
        assert first_due(table.unsent()[0]) == due
        now = table.unsent()[0].due
    assert table.messages_by() == {}
    assert deliver(table, CHANNELS, at_time(now)) == 1
    assert table.messages_by() == {("webhook", "sent"): 1}
    assert table.unsent() == []
