"""The report: numbers that are those of the ledger, words that say no more than they do, and a page
that needs nothing but itself."""

import re
from base64 import b64decode, b64encode
from collections.abc import Iterator
from datetime import timedelta
from hashlib import sha256
from html import unescape
from html.parser import HTMLParser
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from typer.testing import CliRunner

from service.cli import app
from service.ledger import sum_rows, tables
from service.ledger.ledger import Ledger
from service.report import language, words
from service.report.cases import FEWEST_CELLS, WINDOW_CELLS, around_rain, cases_of
from service.report.german import GERMAN
from service.report.page import write
from service.report.radar import marks_in
from service.report.report_data import ReportData, gather
from service.runtime.deployment import Deployment
from service.skill import verification
from service.skill.period_summary import Period, compare_models
from service.skill.scores import FSS_SCORES, SCORES
from tests.event import ENDED, FRAMES, LACKING, enter, take_place
from tests.showers import frame, moment
from tests.unit.service.ledger.test_ledger import probability_row

PERIOD = Period(moment(0) - timedelta(minutes=5), ENDED)
DASH = "\N{EN DASH}"


class Reader(HTMLParser):
    """The elements of a page, and its tables as rows of words."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.rows: list[list[str]] = []
        self._in_cell = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag in ("tr", "caption"):
            self.rows.append([])
        if tag in ("th", "td", "caption"):
            self.rows[-1].append("")
        self._in_cell = tag in ("th", "td", "caption")

    def handle_endtag(self, tag: str) -> None:
        self._in_cell = False

    def handle_data(self, data: str) -> None:
        if self._in_cell:
            self.rows[-1][-1] += data

    def table(self, caption: str) -> list[list[str]]:
        """The rows below a caption."""
        start = self.rows.index([caption]) + 1
        ends = [k for k in range(start, len(self.rows)) if len(self.rows[k]) == 1]
        return self.rows[start : ends[0] if ends else None]


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    built = take_place(tmp_path_factory.mktemp("event"))
    yield built
    built.ledger.engine.dispose()


@pytest.fixture(scope="module")
def report_data(deployment: Deployment) -> ReportData:
    return gather(deployment.archive, deployment.ledger, deployment.settings.models, PERIOD, ENDED)


@pytest.fixture(scope="module")
def page(report_data: ReportData) -> str:
    return write(report_data).decode()


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = Ledger(f"sqlite:///{tmp_path / 'ledger.sqlite'}")
    yield opened
    opened.engine.dispose()


def test_the_page_asks_nobody_for_anything_and_says_so(page: str) -> None:
    found = Reader(page).elements
    assert not [tag for tag, _ in found if tag in ("script", "link", "iframe", "object", "form")]
    named = [(tag, value) for tag, attributes in found for name, value in attributes.items()
             if name in ("src", "href", "xlink:href", "srcset", "action", "style")
             or name.startswith("on")]  # fmt: skip
    assert named
    assert all(str(value).startswith("data:image/png;base64,") for _, value in named)
    assert "url(" not in page
    assert "@import" not in page
    policy = next(
        attributes["content"] for tag, attributes in found if attributes.get("http-equiv")
    )
    style = re.search(r"<style>(.*?)</style>", page, re.DOTALL)
    assert style
    digest = b64encode(sha256(style[1].encode()).digest()).decode()
    assert policy == (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; "
        "form-action 'none'"
    )


def test_scores_are_those_of_the_counts_over_starts_that_all_models_have(
    page: str, deployment: Deployment
) -> None:
    shared = verification.shared_issues(deployment.ledger.rows(tables.counts))
    by_hand = {
        (row["lead_minutes"], row["model"]): row
        for row in verification.table(verification.counted(shared))
        if row["threshold"] == 0.5
    }
    rows = Reader(page).table("Rain of 0.5 mm/h or more")
    lead, seen = 0, 0
    for line in rows[1:]:
        lead = int(line[0]) if line[0].startswith("+") else lead
        row = line[line[0].startswith("+") :]
        wanted = by_hand[lead, row[0].replace("DWD's RV", "dwd-rv")]
        names = ("csi", "hss", "pod", "far", "fbias")
        assert row[1:6] == [words.figure(wanted[name]) for name in names]
        assert row[-1] == str(wanted["n_valid"])
        seen += 1
    assert seen == len(by_hand) == 4 * 3


def test_what_is_not_defined_is_a_dash_and_never_0(ledger: Ledger, deployment: Deployment) -> None:
    for number in range(3):
        for model in ("advection", "persistence"):
            enter(ledger, model, number, hits=50)
    found = Deployment(deployment.settings)
    found.ledger = ledger
    text = write(gather(found.archive, found.ledger, found.settings.models, PERIOD, ENDED)).decode()
    none = Reader(text).table("Rain of 10 mm/h or more")[1]
    assert none[2:7] == [DASH, DASH, DASH, DASH, DASH]
    assert none[-1] == "3"
    (gain,) = [row for row in Reader(text).table("CSI above that of persistence") if "+60" in row]
    assert gain[-1] == DASH
    assert gain[-2] == "0.000"
    assert "not defined: it never rained so much" in text


def test_reliability_diagrams_and_brier_scores_are_shown(
    ledger: Ledger, deployment: Deployment
) -> None:
    often = probability_row(300) | {
        "number_9": 1000,
        "probability_9": 950.0,
        "events_9": 730,
        "number_0": 20,
    }
    for number in range(3):
        enter(ledger, "ms-lstm", number, hits=50, probabilities=[often, probability_row(9, 2.0)])
        enter(ledger, "advection", number, hits=50)
    found = Deployment(deployment.settings)
    found.ledger = ledger
    text = write(gather(found.archive, found.ledger, found.settings.models, PERIOD, ENDED)).decode()
    assert "Reliability of the probabilities" in text
    pictures = [
        attributes["aria-label"] or ""
        for _, attributes in Reader(text).elements
        if "aria-label" in attributes
    ]
    (seen,) = (
        label for label in pictures if label.startswith("Reliability diagram, 0.5 mm/h or more")
    )
    assert "forecast 95 % observed 73 %" in seen
    assert seen.count("forecast ") == 9, "all bins but the one of too few cells"
    assert "not known: too few cells" in text
    header, *rows = Reader(text).table("Scores of probabilities")
    assert header[2:] == [
        "Brier score, 0.5 mm/h",
        "Brier skill, 0.5 mm/h",
        "Brier score, 2 mm/h",
        "Brier skill, 2 mm/h",
        "forecasts",
    ]
    (line,) = rows
    cells, events = 20 + 8 * 300 + 1000, 9 * 150 + 730
    error, rate = 300 / 8 / cells, events / cells
    assert line[:4] == ["+60", "ms-lstm", f"{error:.3f}", f"{1 - error / (rate * (1 - rate)):.3f}"]
    assert line[-1] == "3"


def test_sums_of_an_hour_have_counts_and_brier_scores_in_mm(
    ledger: Ledger, deployment: Deployment
) -> None:
    counts = {"hits": 6, "misses": 2, "false_alarms": 4, "correct_negatives": 88}
    none = dict.fromkeys(counts, 0) | {"correct_negatives": 100}
    for number in range(2):
        for model, squared in (("ms-lstm", 4.0), ("advection", None)):
            enter(ledger, model, number, hits=50)
            probable = {"n_probable": 0 if squared is None else 100, "squared": squared or 0.0}
            key = {"model": model, "weights": "none", "issue": moment(number), "lead_minutes": 60}
            rows = [counts | probable | {"threshold": 5.0}, none | probable | {"threshold": 25.0}]
            assert sum_rows.enter(ledger.engine, key, rows)
    found = Deployment(deployment.settings)
    found.ledger = ledger
    gathered = gather(found.archive, found.ledger, found.settings.models, PERIOD, ENDED)
    text = write(gathered).decode()
    header, *lines = Reader(text).table("Rain of 5 mm or more in an hour")
    assert header[2:] == [
        *("Hits", "Misses", "False alarms", "CSI", "FBIAS", "Brier score", "Brier skill"),
        "forecasts",
    ]
    assert lines == [
        ["+60", "ms-lstm", "12", "4", "8", "0.50", "1.25", "0.0400", "0.46", "2"],
        ["advection", "12", "4", "8", "0.50", "1.25", DASH, DASH, "2"],
    ]
    assert "Neither measured nor forecast anywhere: 25 mm in an hour." in text
    german = write(gathered, "de").decode()
    assert "Mindestens 5 mm Regen in einer Stunde" in german
    assert "Brier-Score" in german


def test_a_report_without_probabilities_has_no_section_on_them(page: str) -> None:
    assert "Reliability of the probabilities" not in page
    assert "Brier" not in page


def test_frames_that_lack_and_files_in_quarantine_are_counted(
    report_data: ReportData, page: str
) -> None:
    seen = report_data.radar
    assert (seen.expected, seen.received, seen.missing) == (FRAMES + 4, FRAMES - 3, 3 + 4)
    assert seen.quarantined == 1
    assert sum(span.received for span in seen.spans) == seen.received
    assert sum(span.expected for span in seen.spans) == seen.expected
    assert ["missing", "7"] in Reader(page).table("Radar")
    assert len(LACKING) == 2
    assert f"{FRAMES - 3} of {FRAMES + 4} radar frames arrived" in page
    assert "1 file was invalid" in page


def test_a_frame_that_may_still_come_is_not_missing() -> None:
    begin = moment(0)
    assert marks_in(begin, moment(3)) == [moment(1), moment(2), moment(3)]
    assert marks_in(begin + timedelta(seconds=1), moment(2)) == [moment(1), moment(2)]
    assert marks_in(begin, begin + timedelta(minutes=4)) == []
    assert marks_in(begin, begin - timedelta(hours=1)) == []


def test_what_comes_from_outside_is_text_and_never_part_of_the_page(
    report_data: ReportData, page: str
) -> None:
    evil = report_data.radar._replace(reasons=[('<img src=x onerror="alert(1)">', 2)])
    text = write(report_data._replace(radar=evil)).decode()
    assert "<img src=x" not in text
    assert '<img src=x onerror="alert(1)">' in unescape(text)
    assert [tag for tag, _ in Reader(text).elements] == [tag for tag, _ in Reader(page).elements]


def test_the_provider_and_the_baselines_are_what_a_model_is_compared_with(
    report_data: ReportData, page: str
) -> None:
    assert report_data.models == ["persistence", "advection", "dwd-rv"]
    assert report_data.main == "advection"
    assert report_data.rivals == ["persistence", "dwd-rv"]
    rows = Reader(page).table("CSI above that of DWD's RV")
    assert [row[:2] for row in rows[1:2]] == [["advection", "+30"]]
    assert len(rows) == 1 + 4


def test_the_best_and_the_worst_forecast_are_so_and_are_drawn(
    report_data: ReportData, deployment: Deployment, page: str
) -> None:
    best, worst = report_data.cases
    rows = deployment.ledger.rows(tables.counts, ["advection"], lead_minutes=60, threshold=0.5)
    scored = {r["issue"]: verification.table(verification.counted([r]))[0]["csi"] for r in rows}
    assert best[0].csi == max(scored.values())
    assert worst[0].csi == min(scored.values())
    assert scored[best[0].issue] == best[0].csi
    images = [attributes["src"] for tag, attributes in Reader(page).elements if tag == "img"]
    assert len(images) == 2
    assert all(b64decode(str(src).partition(",")[2]).startswith(b"\x89PNG") for src in images)


def test_cases_are_of_different_weather_and_have_rain_to_tell_by(
    ledger: Ledger, deployment: Deployment
) -> None:
    for number in range(0, 120, 3):
        enter(ledger, "advection", number, hits=number)
    best, worst = cases_of(deployment.archive, ledger, "advection", Period(moment(0), moment(200)))
    for chosen in (best, worst):
        issues = sorted(case.issue for case in chosen)
        assert len(issues) == 3
        assert all(b - a >= timedelta(hours=2) for a, b in pairwise(issues))
    assert all(case.cells >= FEWEST_CELLS for case in [*best, *worst])
    assert best[0].issue == moment(117)
    assert worst[0].issue == moment(0)
    assert best[0].picture is None  # its forecast is not in the archive


def test_differences_that_are_sure_are_bold_and_said_to_be(
    ledger: Ledger, deployment: Deployment
) -> None:
    for number in range(0, 72 * 12, 12):
        enter(ledger, "persistence", number, hits=50)
        enter(ledger, "advection", number, hits=60 + number % 5)
    found = Deployment(deployment.settings)
    found.ledger = ledger
    period = Period(moment(0), moment(80 * 12))
    report_data = gather(found.archive, found.ledger, found.settings.models, period, period.end)
    text = write(report_data).decode()
    assert "The difference to persistence is statistically significant (90 %)." in text
    assert re.search(r'<td class="(some|much) up best">\+0\.0\d\d</td>', text)
    assert "Skill over time" in text
    short = gather(
        found.archive,
        found.ledger,
        found.settings.models,
        Period(moment(0), moment(24)),
        moment(24),
    )
    assert "The period is too short to tell" in " ".join(words.summary(short))


@pytest.mark.parametrize(
    ("share", "text"), [(None, DASH), (0.0, "0 %"), (0.9996, "99.9 %"), (1.0, "100 %")]
)
def test_what_is_not_all_is_never_said_to_be_all(share: float | None, text: str) -> None:
    assert words.percent(share) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, DASH), (float("nan"), DASH), (0.12345, "+0.123"), (-0.0001, "0.000"),
     (-0.02, "\N{MINUS SIGN}0.020")],
)  # fmt: skip
def test_a_difference_has_its_sign_and_none_has_none(value: float | None, text: str) -> None:
    assert words.signed(value) == text


def test_a_period_is_the_same_in_a_report_and_in_curves(
    deployment: Deployment, report_data: ReportData
) -> None:
    assert compare_models(deployment.ledger, PERIOD).rows == report_data.comparison.rows


class Catalogue(dict[str, str]):
    """The German texts; notes what was asked for and is not among them."""

    def __init__(self) -> None:
        super().__init__(GERMAN)
        self.lacking: set[str] = set()

    def get(self, key: str, default: Any = None) -> Any:
        if key not in self:
            self.lacking.add(key)
        return super().get(key, default)


def test_the_german_page_is_german_throughout(
    report_data: ReportData, page: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalogue = Catalogue()
    monkeypatch.setattr(language, "GERMAN", catalogue)
    german = write(report_data, "de").decode()
    scores = {score.title for score in (*SCORES.values(), *FSS_SCORES.values())}
    rates = re.compile(r"(.*, )?[\d,]+ mm/h")
    assert {text for text in catalogue.lacking - scores if not rates.fullmatch(text)} == set()
    assert '<html lang="de">' in german
    assert "Zusammenfassung" in german
    text = re.sub(r"<style>.*?</style>|<[^>]+>", " ", german, flags=re.DOTALL)
    words = {key for key in GERMAN if "{" not in key and key != GERMAN[key] and len(key) > 6}
    assert not [key for key in words if f" {key} " in text]
    assert re.search(r"\d,\d\d", text), "decimal commas"
    assert len(Reader(german).rows) == len(Reader(page).rows)
    assert '<html lang="en">' in write(report_data).decode(), "and English again"


def test_the_pictures_of_a_german_report_are_german(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalogue = Catalogue()
    monkeypatch.setattr(language, "GERMAN", catalogue)
    parts = deployment.archive, deployment.ledger, deployment.settings.models, PERIOD, ENDED
    cases = gather(*parts, "de").cases
    pictures = [case.picture for case in (*cases.best, *cases.worst) if case.picture]
    assert pictures
    for picture in pictures:
        title = Image.open(BytesIO(picture)).info["Title"]
        assert re.fullmatch(r"Regen nach .*, Stand \d{4}-\d\d-\d\d \d\d:\d\d UTC", title)
    assert catalogue.lacking == set()


def test_translations_have_the_same_values() -> None:
    for english, german in GERMAN.items():
        assert set(re.findall(r"{\w+}", english)) == set(re.findall(r"{\w+}", german)), english


def test_the_command_writes_german(deployment: Deployment, tmp_path: Path) -> None:
    words = [
        "report",
        "--to",
        ENDED.isoformat(),
        "--language",
        "de",
        "-o",
        str(tmp_path / "a.html"),
    ]
    done = CliRunner().invoke(app, [*words, "--data", str(deployment.settings.data)])
    assert done.exit_code == 0, done.output
    assert "Verifikation der Kurzfristvorhersagen" in (tmp_path / "a.html").read_text()


def test_a_summary_comes_before_details(page: str) -> None:
    order = re.findall(r"<h2>([^<]+)</h2>|<p class=.(details)", page)
    found = [heading or mark for heading, mark in order]
    assert found[:4] == [
        "Summary",
        "Comparison with baselines",
        "Best and worst forecasts",
        "details",
    ]


def test_cases_are_drawn_around_their_rain() -> None:
    field = frame(3)
    part = field.isel(around_rain(field))
    assert part.sizes == {"time": 1, "y": WINDOW_CELLS, "x": WINDOW_CELLS}
    wet = field.values >= 0.5
    whole = WINDOW_CELLS**2 / wet.size
    assert (part.values >= 0.5).sum() > 1.2 * whole * wet.sum() > 0
    dry = field * 0
    assert dry.isel(around_rain(dry)).sizes["y"] == WINDOW_CELLS
