"""What the page says where the service has no radar, does not answer, or asks for a key."""

from pathlib import Path

from playwright.sync_api import Browser

from service.api.app import create_app
from service.api.middleware import api_keys
from tests.browser import Watched, serving
from tests.end_to_end.page.event import FIRST, WHOLE, Clock, clocked_context
from tests.served import api_context


def test_a_service_without_radar_has_a_notice(browser: Browser, tmp_path: Path) -> None:
    with serving(create_app(api_context(tmp_path))) as url:
        watched = Watched(browser.new_page())
        watched.page.goto(url)
        watched.until("!document.getElementById('problem').hidden")
        watched.until("document.getElementById('problem').innerText.includes('no radar image')")
        assert not watched.errors


def test_a_service_that_does_not_answer_has_a_notice(
    browser: Browser, folder: Path, clock: Clock
) -> None:
    with serving(create_app(clocked_context(folder, clock))) as url:
        watched = Watched(browser.new_page(locale="en-GB"))
        watched.page.goto(url)
        watched.until(f"{FIRST} && {WHOLE}")
    watched.until("document.getElementById('problem').innerText.includes('does not answer')")


def test_a_service_with_api_keys_asks_for_one(
    browser: Browser, folder: Path, clock: Clock, tmp_path: Path
) -> None:
    secret = api_keys.add(tmp_path / "keys.jsonl", "anna")
    with serving(
        create_app(clocked_context(folder, clock, api_keys=tmp_path / "keys.jsonl"))
    ) as url:
        watched = Watched(browser.new_page(locale="en-GB"))
        watched.page.goto(url)
        watched.page.get_by_label("API key").fill(secret)
        watched.page.keyboard.press("Enter")
        watched.until(f"{FIRST} && {WHOLE}")
        watched.until("document.getElementById('problem').hidden")
