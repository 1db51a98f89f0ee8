"""Webhooks are signed, go where they may, and follow no redirect."""

import base64
import hashlib
import hmac
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from ipaddress import ip_network
from typing import Any

import pytest

from service.pipeline.alerts import webhook
from service.pipeline.alerts.addresses import AllowedAddresses, ForbiddenAddress
from tests.alerts.rain_band import SECRET, Receiver, receiver

NOW = datetime(2026, 6, 21, 22, 34, tzinfo=UTC)
HERE = AllowedAddresses([ip_network("127.0.0.0/8")])
BODY = b'{"type":"nowcast.alert.test"}'


@pytest.fixture
def here() -> Iterator[Receiver]:
    with receiver() as found:
        yield found


def post(url: str, allowed: AllowedAddresses = HERE) -> None:
    webhook.post(url, SECRET, "a1-test", BODY, NOW, allowed)


def test_a_message_is_signed_as_standard_webhooks_are(here: Receiver) -> None:
    post(here.url)
    ((headers, body),) = here.arrived
    assert body == BODY
    assert headers["content-type"] == "application/json"
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    key = base64.b64decode(SECRET.removeprefix("whsec_"))
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"
    assert headers["webhook-timestamp"] == str(int(NOW.timestamp()))


def test_the_signature_is_that_of_the_specification() -> None:
    """The example of standardwebhooks.com."""
    secret, id_ = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek"
    found = webhook.signature(secret, id_, 1614265330, b'{"test": 2432232314}')
    assert found == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize("status", [400, 401, 404, 410, 429, 500])
def test_another_status_is_a_refusal(here: Receiver, status: int) -> None:
    here.statuses = [status]
    with pytest.raises(webhook.Refused, match=str(status)):
        post(here.url)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed(here: Receiver, status: int) -> None:
    here.statuses = [status]
    with pytest.raises(webhook.Refused, match=str(status)):
        post(here.url)
    assert len(here.arrived) == 1


def test_an_inner_host_is_not_connected_to(here: Receiver) -> None:
    for url in (here.url, here.url.replace("127.0.0.1", "localhost"),
                here.url.replace("127.0.0.1", "[::ffff:127.0.0.1]")):  # fmt: skip
        with pytest.raises(ForbiddenAddress):
            post(url, AllowedAddresses())
    assert here.arrived == []


def test_the_address_that_was_checked_is_connected_to(
    here: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that resolves to another address the second time leads nowhere else."""
    answers = ["127.0.0.1", "127.0.0.2", "127.0.0.3"]

    def resolve(host: Any, port: Any, *more: Any, **named: Any) -> Any:
        if host not in ("rebinding.example", b"rebinding.example"):
            return real(host, port, *more, **named)
        address = answers.pop(0)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    real: Any = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    post(here.url.replace("127.0.0.1", "rebinding.example"))
    assert answers == ["127.0.0.2", "127.0.0.3"], "it is resolved once"
    assert here.arrived[0][0]["host"].startswith("rebinding.example:")


def test_one_inner_address_among_several_is_enough_to_refuse(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, 80))
             for host in ("1.1.1.1", "10.0.0.1")]  # fmt: skip
    monkeypatch.setattr(socket, "getaddrinfo", lambda *more, **named: found)
    with pytest.raises(ForbiddenAddress):
        post("http://mixed.example/", AllowedAddresses())


def test_a_receiver_that_is_away_or_silent_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, monkeypatch.context() as patch:
        patch.setattr(webhook, "ATTEMPT_SECONDS", 0.2)
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        with pytest.raises(OSError, match=r"no response within 0.2 s"):
            post(url)
    monkeypatch.setattr(webhook, "ATTEMPT_SECONDS", 300)
    with pytest.raises(OSError, match="ConnectError"):
        post(url)
    with pytest.raises(OSError, match=r"Name|name|resolve|address"):
        post("http://nowhere.invalid/")


def test_a_receiver_that_sends_no_end_of_headers_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(webhook, "ATTEMPT_SECONDS", 0.3)
    stop = threading.Event()

    def drip(server: socket.socket) -> None:
        with suppress(OSError), server.accept()[0] as connection:  # it may have given up before
            connection.sendall(b"HTTP/1.1 200 OK\r\n")
            while not stop.wait(0.05):
                try:
                    connection.sendall(b"X: y\r\n")
                except OSError:
                    return

    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(5)
        thread = threading.Thread(target=drip, args=[server])
        thread.start()
        with pytest.raises(OSError, match="no response"):
            post(f"http://127.0.0.1:{server.getsockname()[1]}/")
        stop.set()
        thread.join()
