"""Pictures of the map page, for the documentation and to be looked at: `make pictures`.

They are written where NOWCAST_WRITE_DOCS is set: those of the documentation into docs/page, the
page at all widths in both languages into build/page.
"""

import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Page

from tests.end_to_end.page.event import AHEAD, STEPS, Open

pytestmark = pytest.mark.skipif(
    "NOWCAST_WRITE_DOCS" not in os.environ, reason="NOWCAST_WRITE_DOCS is not set"
)

ROOT = Path(__file__).parents[3]
DOCS, BUILD = ROOT / "docs" / "page", ROOT / "build" / "page"
DRESDEN, LATER = "place=13.74,51.05", "time=2026-06-21T23:05:00Z"
SIZES = ((360, 740), (1366, 768), (1920, 1080))
LANGUAGES = {"en": "en-GB", "de": "de-DE"}
LOOP_SIZE = (1100, 700)
LOOP_BOX: Any = {"x": 0, "y": 53, "width": 728, "height": 647}
"""The map and its time axis, without the header and the panels beside them."""
FRAME_MS, END_MS = 120, 1500
MOST_BYTES = 2_000_000
DETAILS = "performance.getEntriesByType('resource').some((e) => e.name.includes('districts'))"
SETTLED_MS = 1000
"""Until rivers, states and the panels beside the map are drawn."""


def picture(open_page: Open, path: Path, fragment: str, size: tuple[int, int], **more: Any) -> None:
    """Write a picture of the page."""
    watched = open_page(fragment, size, **more)
    watched.until("document.querySelector('.skill-chart')")
    watched.until(f"{DETAILS} && document.querySelector('table.sums')")
    watched.page.wait_for_timeout(SETTLED_MS)
    path.parent.mkdir(parents=True, exist_ok=True)
    watched.page.screenshot(path=path)


def test_pictures_of_the_documentation(open_page: Open) -> None:
    wide = (1280, 800)
    picture(open_page, DOCS / "light.png", f"{DRESDEN}&{LATER}", wide)
    picture(open_page, DOCS / "dark.png", f"{DRESDEN}&{LATER}", wide, color_scheme="dark")
    phone: dict[str, Any] = {"device_scale_factor": 2, "locale": "de-DE"}
    picture(open_page, DOCS / "phone.png", DRESDEN, (360, 760), **phone)
    beside = f"view=side&with=persistence&{DRESDEN}&{LATER}"
    picture(open_page, DOCS / "side-by-side.png", beside, wide)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("size", SIZES, ids=lambda size: str(size[0]))
def test_pictures_at_all_widths_in_both_languages(
    open_page: Open, size: tuple[int, int], language: str
) -> None:
    path = BUILD / f"{size[0]}-{language}.png"
    picture(open_page, path, f"{DRESDEN}&{LATER}", size, locale=LANGUAGES[language])
    assert path.stat().st_size > 50_000


def test_the_loop_as_an_animated_picture(open_page: Open) -> None:
    watched = open_page("", LOOP_SIZE)
    watched.until(f"{AHEAD} && {DETAILS}")
    watched.page.wait_for_timeout(SETTLED_MS)
    images = list(frames(watched.page))
    assert len(images) == len(STEPS)
    path = DOCS / "loop.webp"
    durations = [FRAME_MS] * (len(images) - 1) + [END_MS]
    images[0].save(
        path, save_all=True, append_images=images[1:], duration=durations, loop=0, quality=55
    )
    assert path.stat().st_size < MOST_BYTES


def frames(page: Page) -> Iterator[Image.Image]:
    """The page at each step of the loop."""
    page.keyboard.press("Home")
    for _ in STEPS:
        page.wait_for_timeout(60)
        yield Image.open(io.BytesIO(page.screenshot(clip=LOOP_BOX))).convert("RGB")
        page.keyboard.press("ArrowRight")
