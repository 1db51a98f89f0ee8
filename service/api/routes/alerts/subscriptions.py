"""Subscriptions to alerts: made, read, tested and removed by the holder of an API key."""

import uuid
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request, Response

from service.api.dependencies import ApiContext, Context
from service.api.openapi.responses import header
from service.api.routes.alerts.schemas import Alert, AlertMessage, Alerts, NewAlert, PushKey
from service.clock import utc_now
from service.errors import NeedsApiKeys, NoAlert, NoItem, QuotaExceeded
from service.ledger.alert_table import AlertRow, AlertState, NewMessage
from service.pipeline.alerts.acceptance import check
from service.pipeline.alerts.subscription import Subscription
from service.pipeline.alerts.webhook import new_secret
from service.pipeline.alerts.wording import check_message

LISTED, FEW_LISTED = 20, 5
"""Newest messages of an alert in a response, alone and in a list."""
CLIENT = "key "
"""Prefix of the name of a client that has a key; see `AccessControl`."""


def key_holder(request: Request, context: Context) -> str:
    """The name of the API key of a request.

    Raises:
        NeedsApiKeys: The service has no API keys.
    """
    if context.settings.api_keys is None:
        raise NeedsApiKeys(
            "alerts belong to API keys, and this service has none; the operator makes them with "
            "`nowcast key` and names their file by NOWCAST_API_KEYS"
        )
    return str(request.state.client).removeprefix(CLIENT)


def no_store(response: Response) -> None:
    """Keep caches from storing what belongs to a key."""
    response.headers["Cache-Control"] = "private, no-store"


router = APIRouter(prefix="/alerts", tags=["alerts"], dependencies=[Depends(no_store)])
Owner = Annotated[str, Depends(key_holder)]
AlertId = Annotated[
    str,
    Path(description="Id of the alert.", examples=["3f0c7a5e9b1d4c62a8e7f6d5c4b3a291"]),
]


@router.post(
    "",
    operation_id="create_alert",
    status_code=201,
    responses={201: {"headers": {"Location": header("URL of the alert.")}}},
)
def create(
    context: Context, owner: Owner, subscription: Subscription, response: Response
) -> NewAlert:
    """Subscribe to rain at a place or in an area.

    An event starts and ends when two forecasts in a row say so. Each event has one message at its
    start, with when the rain begins and ends, and one all-clear.
    """
    if "time_zone" not in subscription.model_fields_set:
        subscription = subscription.model_copy(update={"time_zone": context.area.time_zone})
    check(subscription, context.archive, context.forecasters, context.channels)
    text, most = subscription.model_dump_json(), context.settings.alerts_per_key
    row = AlertRow(uuid.uuid4().hex, owner, text, new_secret(), utc_now(), AlertState())
    if not context.alert_table.add(row, most):
        raise QuotaExceeded(f"this key has {most} alerts, which is the most; delete one of them")
    response.headers["Location"] = f"/alerts/{row.id}"
    return NewAlert(**dict(Alert.of(row, [])), secret=row.secret)


@router.get("", operation_id="list_alerts")
def list_own(context: Context, owner: Owner) -> Alerts:
    """The alerts of this API key."""
    rows = context.alert_table.of_owner(owner)
    return Alerts(alerts=[described(context, row, FEW_LISTED) for row in rows])


@router.get("/web-push-key", operation_id="read_push_key")
def push_key(context: Context, owner: Owner) -> PushKey:
    """The public key with which a browser subscribes to Web Push."""
    del owner
    key = context.channels.push_key()
    if key is None:
        raise NoItem("Web Push is not set up here: NOWCAST_WEB_PUSH_KEY names no key")
    return PushKey(public_key=key)


@router.get("/{alert}", operation_id="read_alert")
def read(context: Context, owner: Owner, alert: AlertId) -> Alert:
    """An alert, its state and its newest messages."""
    return described(context, own(context, owner, alert), LISTED)


@router.delete("/{alert}", operation_id="delete_alert", status_code=204)
def delete(context: Context, owner: Owner, alert: AlertId) -> None:
    """Delete an alert; messages that wait are not sent any more."""
    context.alert_table.remove(own(context, owner, alert).id)


@router.post("/{alert}/test", operation_id="test_alert", status_code=202)
def test(context: Context, owner: Owner, alert: AlertId) -> AlertMessage:
    """Send a test message by the channel of an alert, at most one in a minute."""
    row, now = own(context, owner, alert), utc_now()
    subscription = Subscription.model_validate_json(row.subscription)
    id_of_minute = f"{row.id}-{now:%Y%m%dT%H%MZ}-test"
    body = check_message(row.id, subscription, now)
    context.alert_table.put(row.id, NewMessage(id_of_minute, "test", body, now), now)
    newest = context.alert_table.messages(row.id, LISTED)
    return next(AlertMessage.of(message) for message in newest if message.id == id_of_minute)


def own(context: ApiContext, owner: str, alert: str) -> AlertRow:
    """The alert of an id, if it belongs to this key.

    Raises:
        NoAlert: It does not, or there is none.
    """
    row = context.alert_table.get(alert) if alert.isalnum() and alert.isascii() else None
    if row is None or row.owner != owner:
        raise NoAlert(f"this API key has no alert {alert[:40]!r}; /alerts lists those it has")
    return row


def described(context: ApiContext, row: AlertRow, most: int) -> Alert:
    """An alert with its newest messages."""
    return Alert.of(row, context.alert_table.messages(row.id, most))
