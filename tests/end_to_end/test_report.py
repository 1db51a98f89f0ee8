"""The report in a real browser, as a reader opens it: without scripts, on any screen, on paper.

With NOWCAST_WRITE_DOCS also the pictures of plots and report in the documentation.
"""

import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page
from typer.testing import CliRunner

from service.cli import app
from tests.browser import Watched, chromium
from tests.event import ENDED, enter, take_place
from tests.unit.service.ledger.test_ledger import probability_row

DOCS = Path(__file__).parents[2] / "docs"
SIZES = {"phone": (360, 740), "desktop": (1280, 800), "large": (1920, 1080)}
REAL = ("--from", "2020-09-07T07:20Z", "--to", "2020-09-07T14:00Z")


def run(*words: object) -> None:
    result = CliRunner().invoke(app, [str(word) for word in words])
    assert result.exit_code == 0, result.output


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file that `nowcast report` has written."""
    folder = tmp_path_factory.mktemp("report")
    deployment = take_place(folder)
    # Too few to be compared otherwise.
    for model in ("ms-lstm", "ms-preciplstm"):
        rows = [probability_row(100, rate) for rate in (0.5, 2.0)]
        enter(deployment.ledger, model, 0, hits=50, probabilities=rows)
    deployment.ledger.engine.dispose()
    written = folder / "report.html"
    run("report", "--to", ENDED.isoformat(), "-o", written, "--data", folder / "data")
    return written


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as contexts:
        yield contexts


def opened(
    stack: ExitStack, browser: Browser, file: Path, size: tuple[int, int], **more: Any
) -> Watched:
    """The file as a reader opens it, and what goes wrong in the browser."""
    context = browser.new_context(viewport={"width": size[0], "height": size[1]}, **more)
    stack.callback(context.close)
    watched = Watched(context.new_page())
    watched.page.goto(file.as_uri())
    return watched


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
def test_all_of_it_is_seen_without_scripts_and_without_asking_anybody(
    stack: ExitStack, browser: Browser, report: Path, size: tuple[int, int]
) -> None:
    watched = opened(stack, browser, report, size, java_script_enabled=False)
    page = watched.page
    assert not watched.errors
    assert {url for url in watched.requests if not url.startswith("data:")} == {report.as_uri()}
    for chart in page.locator("svg.chart, .tile, .picture img").all():
        box = chart.bounding_box()
        assert box
        assert min(box["width"], box["height"]) > 60
    wide = page.locator("section, header, footer").all()
    assert len(wide) >= 8
    for part in wide:
        box = part.bounding_box()
        assert box
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= size[0]
    assert "advection detected" in page.locator("section").first.inner_text()
    (section,) = page.get_by_role("heading", name="Reliability of the probabilities").all()
    assert "ms-preciplstm" in section.locator("..").inner_text()
    assert section.locator("..").locator("svg.chart").count() == 2


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", ["phone", "desktop"])
def test_nothing_serious_bars_anybody_from_reading_it(
    stack: ExitStack, browser: Browser, report: Path, scheme: str, size: str
) -> None:
    # The page's own policy lets no script in, that of the examiner neither.
    more = {"color_scheme": scheme, "bypass_csp": True}
    watched = opened(stack, browser, report, SIZES[size], **more)
    assert watched.page.evaluate("document.scrollingElement.scrollWidth") <= SIZES[size][0]
    found = Axe().run(watched.page).response["violations"]
    serious = [violation for violation in found if violation["impact"] in ("serious", "critical")]
    assert not serious, [
        (violation["id"], [node["html"] for node in violation["nodes"]]) for violation in serious
    ]


def test_the_policy_of_the_page_lets_no_script_and_no_stranger_in(
    stack: ExitStack, browser: Browser, report: Path, tmp_path: Path
) -> None:
    tampered = tmp_path / "tampered.html"
    evil = "<script>document.title='taken'</script><img src='http://127.0.0.1:9/x.png'>"
    tampered.write_text(report.read_text().replace("</main>", f"{evil}</main>"))
    watched = opened(stack, browser, tampered, SIZES["desktop"])
    assert watched.page.title().startswith("Skill of the nowcasts")
    refused = [error for error in watched.errors if "Content Security Policy" in error]
    assert len(refused) == 2, watched.errors
    assert any("script" in error for error in refused)
    assert any("127.0.0.1:9" in error for error in refused)


def test_it_is_dark_in_the_dark_and_black_on_white_on_paper(
    stack: ExitStack, browser: Browser, report: Path
) -> None:
    page = opened(stack, browser, report, SIZES["desktop"], color_scheme="dark").page
    assert brightness(page) < 60
    page.emulate_media(media="print", color_scheme="light")
    assert brightness(page) == 255
    sheets = page.pdf(format="A4").count(b"/Type /Page\n")
    assert 2 <= sheets <= 16


def brightness(page: Page) -> float:
    colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
    return sum(map(int, colour.strip("rgba()").split(",")[:3])) / 3


@pytest.mark.skipif("NOWCAST_WRITE_DOCS" not in os.environ, reason="NOWCAST_WRITE_DOCS is not set")
def test_pictures_of_plots_and_report_for_the_documentation(
    stack: ExitStack, browser: Browser, shared: Path, tmp_path: Path
) -> None:
    files, data = shared / "data" / "dwd" / "ry_20200907", ("--data", tmp_path / "data")
    run("replay", files, "--models", "ms-lstm,advection,persistence", "--quiet", *data)
    issue = ("--issue", "2020-09-07T11:00Z")
    (DOCS / "plots").mkdir(exist_ok=True)
    (DOCS / "report").mkdir(exist_ok=True)
    run("plot", "forecast", "ms-lstm", *issue, "-o", DOCS / "plots" / "forecast.webp", *data)
    for name, words in {
        "forecast": ["forecast", "ms-lstm", *issue],
        "difference": ["difference", "ms-lstm", "advection", *issue],
        "skill": ["skill", *REAL],
    }.items():
        run("plot", *words, "-o", DOCS / "plots" / f"{name}.png", *data)
    run("report", *REAL, "-o", tmp_path / "report.html", *data)
    looks: dict[str, tuple[tuple[int, int], dict[str, Any]]] = {
        "light": ((1180, 1000), {}),
        "dark": ((1180, 1000), {"color_scheme": "dark"}),
        "phone": ((360, 760), {"device_scale_factor": 2}),
    }
    for name, (size, more) in looks.items():
        page = opened(stack, browser, tmp_path / "report.html", size, **more).page
        page.screenshot(path=DOCS / "report" / f"{name}.png")
