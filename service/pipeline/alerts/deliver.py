"""Sends the messages of alerts that are due.

A message is claimed in the ledger before it is sent, so that one process sends it. If that process
is killed, the message is sent again after some minutes, with the same id.
"""

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import partial

from service.clock import utc_now
from service.ledger.alert_table import AlertTable, MessageRow
from service.pipeline.alerts.channels import Channels, NotSent, channel_name

log = logging.getLogger(__name__)

MOST_ATTEMPTS = 8
FIRST_PAUSE = timedelta(seconds=5)
"""Pause after the first failed attempt; each is three times as long as the one before."""
LONGEST_PAUSE = timedelta(minutes=20)
AT_ONCE = 16
"""Messages sent at the same time."""
REMEMBERED = timedelta(days=30)
"""Time for which sent and failed messages are listed."""


def deliver(
    alert_table: AlertTable, channels: Channels, clock: Callable[[], datetime] = utc_now
) -> int:
    """Send messages that are due, as many as are sent at the same time. Returns their number.

    Raises:
        LedgerAway: The database is unreachable.
    """
    due = alert_table.claim(clock(), AT_ONCE)
    if due:
        with ThreadPoolExecutor(AT_ONCE, "alerts") as threads:
            list(threads.map(partial(deliver_message, alert_table, channels, clock), due))
    return len(due)


def deliver_message(
    alert_table: AlertTable,
    channels: Channels,
    clock: Callable[[], datetime],
    message: MessageRow,
) -> None:
    """Send a claimed message, and record that it is sent, has failed or is due again."""
    row = alert_table.get(message.alert)
    if row is None:  # removed meanwhile
        return
    channel = channel_name(row)
    try:
        channels.send(row, message, clock())
    except NotSent as error:
        failure = str(error), error.is_final
    except Exception as error:
        log.exception("message %s of an alert could not be sent", message.id)
        failure = type(error).__name__, False
    else:
        alert_table.sent(message.id, clock(), channel)
        return
    reason, is_final = failure
    attempts = message.attempts + 1
    if is_final or attempts >= MOST_ATTEMPTS:
        log.warning("message %s of an alert has failed: %s", message.id, reason)
        alert_table.failed(message.id, clock(), reason, channel)
    else:
        alert_table.postpone(message.id, clock() + pause(attempts), reason)


def pause(attempts: int) -> timedelta:
    """Return the pause after a number of failed attempts."""
    factor: int = 3 ** (attempts - 1)
    return min(FIRST_PAUSE * factor, LONGEST_PAUSE)


def first_due(message: MessageRow) -> datetime:
    """Return when a message that waits was first due, to some minutes once it has been tried."""
    pauses = sum((pause(attempt + 1) for attempt in range(message.attempts)), timedelta())
    return max(message.due - pauses, message.created)
