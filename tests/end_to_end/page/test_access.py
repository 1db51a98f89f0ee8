"""The page by keyboard, on phones and large screens, in two languages, and from a link."""

import json

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.end_to_end.page.event import AHEAD, NEWEST, WHOLE, Clock, Open, after, find_place

CONTROLS = """() => [...document.querySelectorAll("button, select, label")]
  .filter((node) => node.checkVisibility({ visibilityProperty: true }) && node.offsetWidth)
  .map((node) => {
    node.scrollIntoView({ block: "nearest", inline: "nearest", behavior: "instant" });
    const { x, y, width, height } = node.getBoundingClientRect();
    return { html: node.outerHTML, x, y, width, height };
  })"""
"""Where each visible control is once it is scrolled to, all in one turn: what is loaded meanwhile
moves them."""


@pytest.mark.parametrize("size", [(360, 740), (1920, 1080)])
def test_all_controls_are_reachable_on_a_phone_and_on_a_large_screen(
    open_page: Open, size: tuple[int, int]
) -> None:
    watched = open_page("view=side&place=11.58,48.14", size)
    watched.until("document.querySelector('#place-forecast table')")
    assert watched.page.evaluate("document.scrollingElement.scrollWidth") <= size[0]
    controls = watched.page.evaluate(CONTROLS)
    assert len(controls) > 20
    for box in controls:
        assert box["x"] >= 0, box
        assert box["x"] + box["width"] <= size[0], box
        # scrolled to a whole pixel, while heights of lines are fractions of one
        assert -1 < box["y"] < size[1] - box["height"] + 1, box
        assert min(box["width"], box["height"]) >= 24, box


def test_the_page_can_be_used_by_keyboard_alone(open_page: Open) -> None:
    watched = open_page()
    press = watched.page.keyboard.press
    for _ in range(40):
        press("Tab")
        if watched.page.evaluate("document.activeElement.tagName") == "CANVAS":
            break
    for key in ("+", "+", "ArrowRight", "Enter"):
        press(key)
    watched.until("document.querySelector('#place-forecast table')")
    for _ in range(40):
        press("Tab")
        if watched.page.evaluate("document.activeElement.id") == "time":
            break
    for key, shown in (("End", "+120 min"), ("ArrowLeft", "+115 min"), ("Home", "120 min")):
        press(key)
        watched.until_text("#shown-time", shown)
    press("Space")
    watched.until("document.querySelector('#play.playing')")
    press("Space")
    for _ in range(40):
        press("Tab")
        if watched.page.evaluate("document.activeElement.id") == "model":
            break
    press("ArrowDown")
    watched.until("document.getElementById('model').value === 'advection'")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [(360, 740), (1280, 800)])
def test_axe_finds_no_serious_accessibility_problem(
    open_page: Open, clock: Clock, scheme: str, size: tuple[int, int]
) -> None:
    clock.now = after(NEWEST, minutes=47)
    words = "view=side&with=advection&show=0.5&place=11.58,48.14&time=2026-06-21T23:20:00Z"
    watched = open_page(words, size, color_scheme=scheme)
    watched.until("document.querySelector('#place-forecast table')")
    found = Axe().run(watched.page).response["violations"]
    serious = [rule for rule in found if rule["impact"] in ("serious", "critical")]
    assert not serious, [(rule["id"], [node["html"] for node in rule["nodes"]]) for rule in serious]


def test_a_link_restores_the_state_of_the_page(open_page: Open) -> None:
    watched = open_page()
    page = watched.page
    page.locator("#model").select_option("advection")
    page.get_by_label("Side by side").check(force=True)
    page.locator("#compared-model").select_option("persistence")
    find_place(watched, "Leipzig")
    page.locator("#language").click()
    watched.until(AHEAD)
    page.keyboard.press("End")
    watched.until_text("#shown-time", "+120 min")
    before = page.url
    page.locator("#zoom-in").click()
    watched.until(f"location.href !== {json.dumps(before)}")
    other = open_page(page.url.partition("#")[2])
    other.until("document.querySelector('#place-forecast table')")
    for part in ("shown-time", "place-name", "place-summary", "panes", "legend", "language"):
        other.until_text(f"#{part}", watched.text(f"#{part}"))
        assert other.text(f"#{part}") == watched.text(f"#{part}")
    assert other.page.locator("#panes figure:visible").count() == 2
    assert "Vorhersage +120 min" in other.text("#shown-time")


def test_the_page_is_german_in_german_browsers_and_english_in_others(open_page: Open) -> None:
    german = open_page(locale="de-DE", timezone_id="UTC")
    assert german.page.locator("html").get_attribute("lang") == "de"
    assert "MESZ" in german.text("#zone")
    assert german.text("#shown-time b") == "00:20"
    german.page.locator("#zone").click()
    german.until("document.querySelector('#shown-time b').textContent === '22:20'")
    assert "Rain at a place" in open_page(locale="fr-FR").text("#place")


def test_the_archive_is_shown_as_it_was_then(open_page: Open) -> None:
    words = "model=advection&time=2026-06-21T20:10:00Z&place=11.58,48.14"
    page = open_page(words, ready="document.querySelector('#place-forecast table')")
    assert "21 June 2026" in page.text("#archive")
    assert page.text("#shown-time b") == "22:10"
    assert page.page.evaluate("document.querySelectorAll('#track .frame').length") == 9
    page.page.locator("#archive button").click()
    page.until(WHOLE)
    assert page.text("#shown-time b") == "00:20"
