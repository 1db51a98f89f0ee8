"""Alerts by Web Push on the map page, in a real browser; its push service alone is replaced."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from fastapi.testclient import TestClient
from playwright.sync_api import Browser, CDPSession, Page

from service.api.app import create_app
from service.api.middleware import api_keys
from tests.browser import Watched, serving
from tests.served import api_context, fill

PUSH_SERVICE = """
  let current = null;
  const subscription = {
    endpoint: "https://push.example.org/browser",
    toJSON: () => ({
      endpoint: "https://push.example.org/browser",
      keys: { p256dh: "B".repeat(87), auth: "a".repeat(22) },
    }),
  };
  PushManager.prototype.getSubscription = async () => current;
  PushManager.prototype.subscribe = async ({ applicationServerKey, userVisibleOnly }) => {
    if (!userVisibleOnly || applicationServerKey.length !== 87) throw new TypeError("no key");
    return (current = subscription);
  };
"""
"""That of a browser is on the internet."""
BERLIN = "#place=13.41,52.52"
BUTTON = "#toggle-alert"
SHOWN = "!document.getElementById('place-alert').hidden"
SIDE_PARTS_DRAWN = "!document.getElementById('favourite').hidden"
PRESSED = "document.getElementById('toggle-alert').getAttribute('aria-pressed') === '{}'"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of data with a key of Web Push."""
    pytest.importorskip("pywebpush", reason="pywebpush is not installed (extra `alerts`)")
    found: Path = tmp_path_factory.mktemp("push")
    fill(found)
    command = ["openssl", "ecparam", "-genkey", "-name", "prime256v1", "-noout", "-out"]
    subprocess.run([*command, found / "key.pem"], check=True, timeout=60)
    return found


@pytest.fixture(scope="module")
def key(folder: Path) -> str:
    """The API key of the page."""
    return api_keys.add(folder / "keys", "page", None)


@pytest.fixture(scope="module")
def url(folder: Path, key: str) -> Iterator[str]:
    del key
    settings: dict[str, Any] = {
        "api_keys": folder / "keys",
        "alert_channels": ("webpush",),
        "web_push_key": folder / "key.pem",
    }
    with serving(create_app(api_context(folder, **settings))) as address:
        yield address


def open_page(browser: Browser, url: str, key: str, locale: str = "de-DE") -> Watched:
    context = browser.new_context(locale=locale)
    context.grant_permissions(["notifications"])
    watched = Watched(context.new_page())
    watched.page.add_init_script(PUSH_SERVICE)
    watched.page.add_init_script(f"sessionStorage.setItem('nowcast-key', {json.dumps(key)})")
    watched.page.goto(f"{url}/{BERLIN}")
    return watched


def test_a_place_is_subscribed_to_shown_as_such_and_left_again(
    browser: Browser, url: str, key: str
) -> None:
    watched = open_page(browser, url, key)
    watched.until(SHOWN)
    assert watched.text(BUTTON) == "Benachrichtigen, wenn hier Regen kommt"
    watched.page.click(BUTTON)
    watched.until(PRESSED.format("true"))
    assert watched.text(BUTTON) == "Nicht mehr benachrichtigen"
    (alert,) = alerts(watched.page)
    subscription = alert["subscription"]
    assert (subscription["point"]["lat"], subscription["point"]["lon"]) == (52.52, 13.41)
    assert subscription["channel"]["endpoint"] == "https://push.example.org/browser"
    assert (subscription["language"], subscription["name"]) == ("de", "Berlin")
    show_a_message(watched.page, alert["id"])
    watched.page.click(BUTTON)
    watched.until(PRESSED.format("false"))
    assert alerts(watched.page) == []
    assert not watched.errors
    watched.page.context.close()


def alerts(page: Page) -> list[dict[str, Any]]:
    """The alerts of the key of the page."""
    headers = "{ headers: { 'X-API-Key': sessionStorage.getItem('nowcast-key') } }"
    found: dict[str, Any] = page.evaluate(f"fetch('alerts', {headers}).then((r) => r.json())")
    listed: list[dict[str, Any]] = found["alerts"]
    return listed


def show_a_message(page: Page, alert: str) -> None:
    """Deliver a message to the service worker, as a push service does; it is shown."""
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    session: CDPSession = page.context.new_cdp_session(page)
    registrations: list[dict[str, Any]] = []
    session.on(
        "ServiceWorker.workerRegistrationUpdated",
        lambda event: registrations.extend(event["registrations"]),
    )
    session.send("ServiceWorker.enable")
    for _ in range(400):
        if registrations:
            break
        page.wait_for_timeout(25)
    message = {"title": "Regen erwartet: Berlin", "text": "Regen ab 12:00.", "alert": alert}
    delivery = {
        "origin": page.url.partition("/#")[0],
        "registrationId": registrations[0]["registrationId"],
        "data": json.dumps(message),
    }
    shown = (
        "navigator.serviceWorker.ready.then((r) => r.getNotifications())"
        ".then((all) => all.map(({ title, body, tag }) => ({ title, body, tag })))"
    )
    for attempt in range(2400):
        if attempt % 100 == 0:  # a worker that is just starting loses one; the tag makes them one
            session.send("ServiceWorker.deliverPushMessage", delivery)
        if found := page.evaluate(shown):
            break
        page.wait_for_timeout(25)
    assert found == [{"title": message["title"], "body": message["text"], "tag": alert}]


def test_without_web_push_there_is_no_button(browser: Browser, folder: Path, key: str) -> None:
    context = api_context(folder, api_keys=folder / "keys")
    with serving(create_app(context)) as address:
        watched = open_page(browser, address, key, "en-GB")
        watched.until(SIDE_PARTS_DRAWN)
        assert watched.page.locator("#place-alert").is_hidden()
        paths = [urlsplit(request).path for request in watched.requests]
        assert not [path for path in paths if path.startswith("/alerts")]
        watched.page.context.close()


@pytest.mark.usefixtures("key")
def test_the_worker_is_served_without_a_key_for_the_whole_page(folder: Path) -> None:
    app = create_app(api_context(folder, api_keys=folder / "keys"))
    with TestClient(app) as client:
        worker = client.get("/push-worker.js")
        known = {"If-None-Match": worker.headers["etag"]}
        assert client.get("/push-worker.js", headers=known).status_code == 304
    assert worker.headers["content-type"].startswith("text/javascript")
    assert worker.headers["cache-control"] == "no-cache"
    assert "showNotification" in worker.text
