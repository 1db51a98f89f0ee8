"""Compares subscriptions to alerts with the newest forecasts.

It may be called at any time, by any number of processes and again after one was killed: the state
of an alert and the message about its change are one transaction of the ledger.
"""

import logging
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError
from xarray import DataArray

from ingest.errors import OutsideGrid
from ingest.precipitation import INTERVAL
from model_zoo.errors import ModelError
from service.archive.archive import Archive
from service.archive.key import STAMP, Key, to_datetime
from service.clock import utc_now
from service.errors import NotFound
from service.ledger.alert_table import AlertRow, AlertTable, NewMessage
from service.pipeline.alerts.conditions import SUM_STEPS, UNKNOWN, Finding, find
from service.pipeline.alerts.hysteresis import step
from service.pipeline.alerts.quiet_hours import quiet_until
from service.pipeline.alerts.subscription import Subscription
from service.pipeline.alerts.wording import event_message
from service.pipeline.rain_sums.radar_history import rates_of
from service.pipeline.served_models import Forecasters

log = logging.getLogger(__name__)


class Fields(NamedTuple):
    """A forecast and the radar it starts from, in mm/h, NaN for no data.

    Attributes:
        forecast: (lead_time, y, x).
        frame: (y, x) at the issue time.
        radar: (step, y, x) of the two hours up to the issue time; None where no sum needs it.
    """

    forecast: DataArray
    frame: DataArray
    radar: NDArray[np.float32] | None


def evaluate(
    archive: Archive,
    alert_table: AlertTable,
    forecasters: Forecasters,
    now: datetime,
    stale_minutes: float,
    holders: Collection[str] | None = None,
) -> int:
    """Compare all subscriptions with the newest forecast of their model.

    Args:
        archive: Archive of frames and forecasts.
        alert_table: Subscriptions and messages.
        forecasters: Models of the deployment.
        now: Current time.
        stale_minutes: Age of the radar from which its forecast is not used.
        holders: Holders of API keys, whose subscriptions alone are compared; None for all.

    Returns:
        The number of messages.

    Raises:
        LedgerAway: The database is unreachable.
    """
    by_model: dict[str | None, list[tuple[AlertRow, Subscription]]] = {}
    for row in alert_table.all():
        if holders is not None and row.owner not in holders:
            continue
        try:
            subscription = Subscription.model_validate_json(row.subscription)
        except ValidationError as error:  # of another program
            log.warning("alert %s cannot be read and is left out: %s", row.id, error)
            continue
        by_model.setdefault(subscription.model, []).append((row, subscription))
    return sum(
        evaluate_model(archive, alert_table, key, subscribed, now)
        for name, subscribed in by_model.items()
        if (key := newest_key(archive, forecasters, name)) is not None
        and now - to_datetime(key.issue) <= timedelta(minutes=stale_minutes)
    )


def newest_key(archive: Archive, forecasters: Forecasters, name: str | None) -> Key | None:
    """Return the key of the newest forecast of a model; None if there is none."""
    try:
        model, weights = forecasters.named(name)
        return Key(archive.latest_issue(model, weights), model, weights)
    except (ModelError, NotFound) as error:
        log.debug("no alerts of %s: %s", name, error)
        return None


def evaluate_model(
    archive: Archive,
    alert_table: AlertTable,
    key: Key,
    subscribed: Iterable[tuple[AlertRow, Subscription]],
    now: datetime,
) -> int:
    """Compare subscriptions with a forecast. Returns the number of messages."""
    issue = to_datetime(key.issue)
    waiting = [
        (row, subscription)
        for row, subscription in subscribed
        if row.state.issue is None or row.state.issue < issue
    ]
    if not waiting:
        return 0
    try:
        forecast = archive.full_forecast(key)
        frame = archive.frame(key.issue).isel(time=0)
        radar = radar_of_sums(archive, key, waiting, frame)
    except NotFound as error:  # removed or damaged
        log.warning("no alerts of %s: %s", key.id, error)
        return 0
    return sum(
        evaluate_alert(alert_table, row, subscription, key, Fields(forecast, frame, radar), now)
        for row, subscription in waiting
    )


def radar_of_sums(
    archive: Archive,
    key: Key,
    subscribed: Iterable[tuple[AlertRow, Subscription]],
    frame: DataArray,
) -> NDArray[np.float32] | None:
    """Return the radar (step, y, x) of two hours on the grid of a frame; None where not needed."""
    if all(subscription.condition.sum_mm is None for _, subscription in subscribed):
        return None
    times = key.issue - np.arange(SUM_STEPS)[::-1] * INTERVAL
    return rates_of(archive, times, frame, with_suspect=False)


def evaluate_alert(
    alert_table: AlertTable,
    row: AlertRow,
    subscription: Subscription,
    key: Key,
    fields: Fields,
    now: datetime,
) -> bool:
    """Compare a subscription with a forecast and the radar it starts from.

    Returns:
        Whether there is a message.
    """
    quiet = quiet_until(subscription, now)
    finding = finding_of(row, subscription, fields)
    after = step(
        row.state,
        to_datetime(key.issue),
        fulfilled=finding.fulfilled,
        is_quiet=quiet is not None,
    )
    if after.change is None:
        alert_table.change(row, after.state, utc_now())
        return False
    event = after.state.event or row.state.event
    assert event is not None
    body = event_message(row.id, subscription, key, after.change, event, finding)
    created = utc_now()
    due = created if quiet is None else created + (quiet - now)
    message = NewMessage(f"{row.id}-{event:{STAMP}}-{after.change}", after.change, body, due)
    return alert_table.change(row, after.state, created, message)


def finding_of(row: AlertRow, subscription: Subscription, fields: Fields) -> Finding:
    """What a forecast says; unknown where the place is on another grid."""
    try:
        return find(subscription, *fields)
    except OutsideGrid as error:
        log.warning("alert %s: %s", row.id, error)
        return UNKNOWN
