"""Channels are those that the operator allows, and no URL reaches files or inner networks."""

import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import http_ece
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from service.errors import BadRequest, BadSetting
from service.ledger.alert_table import MessageRow
from service.pipeline.alerts.channels import Channels, NotSent, base64url
from service.settings import Settings
from tests.alerts.rain_band import Receiver, receiver, row, subscription

NOW = datetime(2026, 6, 21, 22, 34, tzinfo=UTC)
TEXT = '{"title": "Rain expected: Garden", "text": "Rain from 14:00."}'
MESSAGE = MessageRow("a1-e-start", "a1", "start", TEXT, NOW, "waiting", NOW, 0, None, None)


@pytest.fixture
def here() -> Iterator[Receiver]:
    with receiver() as found:
        yield found


def channels(*kinds: str, inner: bool = True, **more: Any) -> Channels:
    networks = ("127.0.0.0/8",) if inner else ()
    wanted = {"alert_channels": kinds, "alert_networks": networks, **more}
    return Channels(Settings.model_validate(wanted))


def by(kind: str, **channel: str) -> Any:
    return subscription(channel={"kind": kind, **channel})


def test_a_channel_that_the_operator_does_not_allow_is_refused() -> None:
    for subscribed in (by("webhook", url="https://example.org"), by("apprise", url="ntfys://a/b")):
        with pytest.raises(BadRequest, match="NOWCAST_ALERT_CHANNELS"):
            channels("mailtos").check(subscribed)
    Channels(Settings()).check(by("webhook", url="https://example.org"))
    with pytest.raises(BadRequest, match="only by webhook"):
        Channels(Settings()).check(by("apprise", url="json://example.org"))


def test_a_channel_that_is_not_allowed_any_more_sends_nothing(here: Receiver) -> None:
    with pytest.raises(NotSent) as caught:
        channels("mailtos").send(row(subscription(here.url)), MESSAGE, NOW)
    assert caught.value.is_final
    assert here.arrived == []


@pytest.mark.parametrize(
    "url",
    [
        "json://example.org?template=/etc/passwd", "json://example.org?pgpkey=/root/key",
        "json://example.org?%54emplate=x", "json://", "json",
    ],
)  # fmt: skip
def test_an_apprise_url_names_no_files(url: str) -> None:
    with pytest.raises(BadRequest, match="URL of the channel"):
        channels("json").check(by("apprise", url=url))


def test_a_text_is_sent_by_a_service_of_apprise(here: Receiver) -> None:
    subscribed = by("apprise", url=here.url.replace("http:", "json:"))
    allowed = channels("json")
    allowed.check(subscribed)
    allowed.send(row(subscribed), MESSAGE, NOW)
    (document,) = here.documents
    assert document["title"] == "Rain expected: Garden"
    assert document["message"] == "Rain from 14:00."


def test_apprise_reaches_no_inner_network_and_is_not_redirected_there(here: Receiver) -> None:
    with pytest.raises(NotSent):
        channels("json", inner=False).send(
            row(by("apprise", url=here.url.replace("http:", "json:"))), MESSAGE, NOW
        )
    assert here.arrived == []


def test_keys_of_a_service_are_not_shown() -> None:
    shown = by("apprise", url="mailtos://anna:secret@example.org").without_secrets()
    assert shown.channel.url == "mailtos://..."


def test_a_failure_of_a_receiver_is_tried_again_unless_it_is_gone(here: Receiver) -> None:
    for status, is_final in ((500, False), (404, False), (410, True)):
        here.statuses = [status]
        with pytest.raises(NotSent) as caught:
            channels("webhook").send(row(subscription(here.url)), MESSAGE, NOW)
        assert caught.value.is_final is is_final


# Web Push


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "vapid.pem"
    command = ["openssl", "ecparam", "-genkey", "-name", "prime256v1", "-noout", "-out", str(path)]
    subprocess.run(command, check=True, capture_output=True)
    return path


def test_web_push_is_encrypted_for_the_browser_and_signed(key: Path, here: Receiver) -> None:
    browser = ec.generate_private_key(ec.SECP256R1())
    point = browser.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    secret = b"0123456789abcdef"
    subscribed = by("webpush", endpoint=here.url, p256dh=base64url(point), auth=base64url(secret))
    allowed = channels("webpush", web_push_key=key, web_push_contact="mailto:a@example.org")
    allowed.check(subscribed)
    public = allowed.push_key()
    assert public is not None
    assert len(public) == 87
    here.statuses = [201]
    allowed.send(row(subscribed), MESSAGE, NOW)
    ((headers, body),) = here.arrived
    assert headers["content-encoding"] == "aes128gcm"
    assert f"k={public}" in headers["authorization"].replace("=,", ",")
    assert http_ece.decrypt(body, private_key=browser, auth_secret=secret) == TEXT.encode()


def test_a_browser_that_has_unsubscribed_is_final(key: Path, here: Receiver) -> None:
    browser = ec.generate_private_key(ec.SECP256R1()).public_key()
    point = browser.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    subscribed = by("webpush", endpoint=here.url, p256dh=base64url(point),
                    auth=base64url(b"0123456789abcdef"))  # fmt: skip
    more: dict[str, Any] = {"web_push_key": key, "web_push_contact": "mailto:a@example.org"}
    for status, is_final in ((410, True), (307, False), (500, False)):
        here.statuses = [status]
        with pytest.raises(NotSent) as caught:
            channels("webpush", **more).send(row(subscribed), MESSAGE, NOW)
        assert caught.value.is_final is is_final
    assert len(here.arrived) == 3, "no redirect is followed"
    with pytest.raises(NotSent, match="inner network"):
        channels("webpush", inner=False, **more).send(row(subscribed), MESSAGE, NOW)


def test_web_push_needs_its_key(tmp_path: Path) -> None:
    point, secret = "B" * 87, "A" * 22
    subscribed = by("webpush", endpoint="https://example.org", p256dh=point, auth=secret)
    with pytest.raises(BadRequest, match="NOWCAST_WEB_PUSH_KEY"):
        channels("webpush").check(subscribed)
    assert channels("webpush").push_key() is None
    with pytest.raises(BadSetting, match="is no private key"):
        channels("webpush", web_push_key=tmp_path / "none").push_key()
