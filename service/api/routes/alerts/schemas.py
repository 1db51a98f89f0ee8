"""Schemas of alerts: what the API says about a subscription."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

from service.api import openapi_examples
from service.ledger.alert_table import AlertRow, MessageRow
from service.pipeline.alerts.subscription import Subscription


class AlertMessage(BaseModel):
    """A message of an alert and how it was delivered."""

    model_config = ConfigDict(json_schema_extra={"examples": openapi_examples.ALERT["messages"]})

    id: str
    """Also its header `Webhook-Id`, the same in each attempt."""
    kind: Literal["start", "clear", "test"]
    created: datetime
    status: Literal["waiting", "sent", "failed"]
    attempts: int
    finished: datetime | None = None
    error: str | None = None
    """Why the last attempt failed."""

    @classmethod
    def of(cls, row: MessageRow) -> "AlertMessage":
        """The message of a row."""
        return cls.model_validate(row._asdict())


class Alert(BaseModel):
    """A subscription to alerts and its state."""

    model_config = ConfigDict(json_schema_extra={"examples": [openapi_examples.ALERT]})

    id: str
    created: datetime
    subscription: Subscription
    active: bool
    """An event lasts."""
    event_since: datetime | None = None
    """Issue time at which the present event started."""
    evaluated_issue: datetime | None = None
    """Newest issue time that the subscription has been compared with."""
    messages: list[AlertMessage]
    """The newest messages, newest first."""

    @classmethod
    def of(cls, row: AlertRow, messages: list[MessageRow]) -> "Alert":
        """The alert of a row and its newest messages."""
        return cls(
            id=row.id,
            created=row.created,
            subscription=Subscription.model_validate_json(row.subscription).without_secrets(),
            active=row.state.event is not None,
            event_since=row.state.event,
            evaluated_issue=row.state.issue,
            messages=[AlertMessage.of(message) for message in messages],
        )


class NewAlert(Alert):
    """A new subscription to alerts, with the secret that signs its messages."""

    model_config = ConfigDict(json_schema_extra={"examples": [openapi_examples.NEW_ALERT]})

    secret: str
    """Verifies the signature of a webhook; it is not shown again."""


class Alerts(BaseModel):
    """The subscriptions of an API key, oldest first."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"alerts": [openapi_examples.ALERT]}]}
    )

    alerts: list[Alert]


class PushKey(BaseModel):
    """The public key of Web Push."""

    model_config = ConfigDict(json_schema_extra={"examples": [openapi_examples.PUSH_KEY]})

    public_key: str
    """VAPID key, base64url: the `applicationServerKey` of a browser's `subscribe`."""
