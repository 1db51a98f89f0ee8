"""The receiver on the page about alerts takes genuine messages, each once, and no others."""

import os
import re
import socket
import subprocess
import sys
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path

import pytest

from service.pipeline.alerts import webhook
from service.pipeline.alerts.addresses import AllowedAddresses
from service.pipeline.alerts.subscription import Subscription
from tests.free_port import free_port

PAGE = (Path(__file__).parents[3] / "docs/how-to/alerts.md").read_text()
HERE = AllowedAddresses([ip_network("127.0.0.0/8")])
BODY = b'{"title": "Rain expected: Garden", "text": "Rain from 14:00."}'


def test_the_receiver_takes_genuine_messages_once(tmp_path: Path) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    secret, port = webhook.new_secret(), free_port()
    environment = os.environ | {"SECRET": secret, "PORT": str(port)}
    receiver = subprocess.Popen(
        [sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    now = datetime.now(UTC)

    def send(key: str = secret, moment: datetime = now) -> None:
        webhook.post(f"http://127.0.0.1:{port}/", key, "a1-start", BODY, moment, HERE)

    try:
        for _ in range(6000):
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            assert receiver.poll() is None
            time.sleep(0.02)
        for _ in range(2):
            send()
        for key, moment in ((webhook.new_secret(), now), (secret, now - timedelta(minutes=6))):
            with pytest.raises(webhook.Refused, match="401"):
                send(key, moment)
    finally:
        receiver.kill()
    printed, _ = receiver.communicate(timeout=300)
    assert printed == "Rain expected: Garden Rain from 14:00.\n"


def test_the_subscription_on_the_page_is_valid() -> None:
    (body,) = re.findall(r"--json '(.*?)'", PAGE, re.DOTALL)
    assert Subscription.model_validate_json(body).name == "Garden"
