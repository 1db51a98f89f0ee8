"""Ways to send a message: a webhook, the services of the package `apprise`, and Web Push."""

import base64
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import orjson
from pydantic import ValidationError

from service.errors import BadRequest, BadSetting
from service.ledger.alert_table import AlertRow, MessageRow
from service.pipeline.alerts import webhook
from service.pipeline.alerts.addresses import AllowedAddresses, check_url, only_allowed
from service.pipeline.alerts.subscription import Apprise, Subscription, Webhook, WebPush
from service.settings import Settings

PARAMETERS = frozenset(
    {"to", "from", "name", "user", "pass", "smtp", "mode", "format", "overflow", "priority", "tags"}
)
"""Query parameters of `apprise` URLs; others can name files of this machine."""
GONE = (404, 410)
"""Statuses of a push service for a subscription that has ended."""
PUSH_SECONDS = 10.0
PUSH_LIFETIME_SECONDS = 3600
"""Time for which a push service keeps a message for a browser that is off, in s."""


class NotSent(Exception):
    """A message could not be sent.

    Attributes:
        is_final: Whether another attempt is pointless.
    """

    def __init__(self, reason: str, *, is_final: bool = False) -> None:
        super().__init__(reason)
        self.is_final = is_final


class Channels:
    """Checks the channels of subscriptions, and sends messages by them.

    Args:
        settings: Which channels, inner networks and key of Web Push the operator allows.
    """

    def __init__(self, settings: Settings) -> None:
        self._allowed = AllowedAddresses(settings.alert_networks)
        self._kinds = settings.alert_channels
        self._push_key, self._push_contact = settings.web_push_key, settings.web_push_contact

    def check(self, subscription: Subscription) -> None:
        """Check that the operator allows the channel of a new subscription.

        Raises:
            BadRequest: The channel is not allowed, or its address is invalid.
        """
        channel = subscription.channel
        kind = kind_of(subscription)
        if kind not in self._kinds:
            raise BadRequest(
                f"messages by {kind[:40]!r} are not allowed here, only by "
                f"{', '.join(self._kinds) or 'none'}; the operator allows others by "
                f"NOWCAST_ALERT_CHANNELS"
            )
        if isinstance(channel, Webhook):
            check_url(channel.url)
        elif isinstance(channel, WebPush):
            check_url(channel.endpoint)
            if self._push_key is None:
                raise BadRequest("Web Push is not set up here: NOWCAST_WEB_PUSH_KEY names no key")
        else:
            check_apprise(channel.url)

    def send(self, row: AlertRow, message: MessageRow, now: datetime) -> None:
        """Send a message of a subscription.

        Raises:
            NotSent: It could not be sent.
        """
        subscription = Subscription.model_validate_json(row.subscription)
        try:
            self.check(subscription)
        except BadRequest as error:
            raise NotSent(str(error), is_final=True) from error
        channel, body = subscription.channel, message.body.encode()
        try:
            if isinstance(channel, Webhook):
                webhook.post(channel.url, row.secret, message.id, body, now, self._allowed)
            elif isinstance(channel, WebPush):
                with only_allowed(self._allowed):
                    self._push(channel, body)
            else:
                with only_allowed(self._allowed):
                    notify(channel.url, orjson.loads(body))
        except webhook.Refused as error:
            raise NotSent(str(error), is_final=error.status == GONE[1]) from error
        except OSError as error:
            raise NotSent(str(error) or type(error).__name__) from error

    @property
    def has_web_push(self) -> bool:
        """Whether the operator has set up Web Push and allows it."""
        return self._push_key is not None and "webpush" in self._kinds

    def push_key(self) -> str | None:
        """Return the public key of Web Push, base64url; None if it is not set up or allowed.

        Raises:
            BadSetting: The key cannot be read, or the package `pywebpush` is not installed.
        """
        if self._push_key is None or not self.has_web_push:
            return None
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        point = vapid(self._push_key).public_key.public_bytes(
            Encoding.X962, PublicFormat.UncompressedPoint
        )
        return base64url(point)

    def _push(self, channel: WebPush, body: bytes) -> None:
        if self._push_key is None:
            raise NotSent("Web Push is not set up", is_final=True)
        from pywebpush import WebPushException, webpush

        try:
            webpush(
                {
                    "endpoint": channel.endpoint,
                    "keys": {"p256dh": channel.p256dh, "auth": channel.auth},
                },
                data=body,
                vapid_private_key=vapid(self._push_key),
                vapid_claims={"sub": self._push_contact},
                ttl=PUSH_LIFETIME_SECONDS,
                timeout=PUSH_SECONDS,
                requests_session=direct_session(),
            )
        except WebPushException as error:
            status = error.response.status_code if error.response is not None else None
            raise NotSent(f"the push service: {error.message}", is_final=status in GONE) from error


def kind_of(subscription: Subscription) -> str:
    """Return the name of the channel of a subscription, by which the operator allows it."""
    channel = subscription.channel
    return channel.url.partition(":")[0].lower() if isinstance(channel, Apprise) else channel.kind


def channel_name(row: AlertRow) -> str:
    """Return the name of the channel of a stored subscription; `unknown` if it cannot be read."""
    try:
        return kind_of(Subscription.model_validate_json(row.subscription))
    except ValidationError:  # of another program
        return "unknown"


def base64url(data: bytes) -> str:
    """Encode as base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def vapid(path: Path) -> Any:  # noqa: ANN401  of a package that may be missing
    """Return the private key of Web Push.

    Raises:
        BadSetting: It cannot be read, or the package `pywebpush` is not installed.
    """
    try:
        from py_vapid import Vapid02, VapidException
    except ImportError as error:
        raise BadSetting("Web Push needs the package pywebpush: install nowcast[alerts]") from error
    try:
        return Vapid02.from_pem(path.read_bytes())
    except (OSError, ValueError, TypeError, VapidException) as error:
        raise BadSetting(f"NOWCAST_WEB_PUSH_KEY, {path}, is no private key: {error}") from error


def direct_session() -> Any:  # noqa: ANN401  of a package that may be missing
    """Return a session of `requests` without proxies and redirects."""
    import requests

    session = requests.Session()
    session.trust_env, session.max_redirects = False, 0
    return session


def check_apprise(url: str) -> None:
    """Check a URL of `apprise`.

    Raises:
        BadRequest: It is none, or has a parameter that is not allowed.
    """
    names = {name.lower() for name, _ in parse_qsl(urlsplit(url).query, keep_blank_values=True)}
    if unknown := sorted(names - PARAMETERS):
        raise BadRequest(
            f"the URL of the channel has the parameter {unknown[0][:40]!r}, should have only "
            f"{', '.join(sorted(PARAMETERS))}"
        )
    if instantiate(url) is None:
        kind = url.partition(":")[0]
        raise BadRequest(f"the URL of the channel is none of {kind[:40]}; see the docs of apprise")


def instantiate(url: str) -> Any:  # noqa: ANN401  of a package that may be missing
    """Return the service of an `apprise` URL; None if it is none.

    Raises:
        BadRequest: The package `apprise` is not installed.
    """
    try:
        from apprise import Apprise as Services
    except ImportError:
        raise BadRequest(
            "the package apprise is not installed here; the operator installs nowcast[alerts]"
        ) from None
    return Services.instantiate(url, suppress_exceptions=True)


def notify(url: str, document: dict[str, Any]) -> None:
    """Send the text of a message by `apprise`.

    Raises:
        NotSent: The service did not take it.
    """
    service = instantiate(url)
    if service is None or not service.notify(title=document["title"], body=document["text"]):
        raise NotSent("the service did not take the message; check the URL of the channel")
