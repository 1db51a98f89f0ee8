"""`nowcast point` and `nowcast sums`, as a user types them."""

import json
import re
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from service.api.routes.sums.rain_sums import levels_of
from service.cli import app
from service.cli.rain_commands.tables import notes, period_line, warning_line
from service.cli.rain_commands.texts import (
    LOCALE_VARIABLES,
    TEXTS,
    amount,
    language_of,
    moment,
    unbroken,
)
from service.errors import BadPlace, BadQuery, NoForecast, NoItem
from tests.served import LATEST, iso


def run(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture(autouse=True)
def _no_locale(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in LOCALE_VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def area(tmp_path: Path) -> Path:
    ring = [[9.5, 50.6], [10.4, 50.6], [10.4, 51.3], [9.5, 51.3], [9.5, 50.6]]
    path = tmp_path / "catchment.geojson"
    path.write_text(json.dumps({"type": "Polygon", "coordinates": [ring]}))
    return path


def test_a_place_is_given_in_words_rates_and_sums(filled: Path) -> None:
    result = run("point", "51.02,10.03", "--model", "advection", "--data", filled)
    assert result.exit_code == 0, result.output
    assert f"51.02,10.03: advection, radar of {iso(LATEST)}" in result.output
    assert "mm/h: +5 " in result.output
    assert ", +120 " in result.output
    assert "last 1 h" in result.output
    assert "next 2 h" in result.output
    assert "3: 25 mm in 1 h" in result.output
    assert "276 radar frames of the last 24 hours are missing" in result.output
    assert "advection has no ensemble" in result.output


FRAME_TIME = datetime.fromisoformat(iso(LATEST))
GERMAN_LINES = (
    f"51.02,10.03: advection, Radarbild vom {FRAME_TIME:%d.%m.%Y, %H:%M} UTC",
    "letzte Stunde",
    "nächste 2\u00a0h",
    "3: 25\u00a0mm in 1\u00a0h",
    "In den letzten 24 Stunden fehlen 276 Radarbilder; sie gelten nicht als trocken.",
    "Zu advection gibt es kein Ensemble; deshalb sind keine Wahrscheinlichkeiten bekannt.",
)
ENGLISH_WORDS = r"\b(radar of|last|next|period|mean|level|missing|unknown|rain|dry|until)\b"


def test_a_place_is_given_in_german(filled: Path) -> None:
    words = ("point", "51.02,10.03", "--model", "advection", "--data", filled, "--language", "de")
    result = run(*words)
    assert result.exit_code == 0, result.output
    assert [line for line in GERMAN_LINES if line not in result.output] == []
    assert re.search(r"mm/h: \+5 \d+,\d; \+10 \d+,\d", result.output)
    assert not re.search(ENGLISH_WORDS, result.output, re.IGNORECASE)


def test_an_area_is_given_in_german(filled: Path, area: Path) -> None:
    result = run("sums", area, "--model", "advection", "--data", filled, "--language", "de")
    assert result.exit_code == 0, result.output
    assert "\u00a0km²" in result.output
    assert "nächste 30\u00a0min" in result.output
    assert not re.search(ENGLISH_WORDS, result.output, re.IGNORECASE)


def test_the_language_is_that_of_the_locale_unless_it_is_chosen(
    filled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LANG", "de_DE.UTF-8")
    words = ("point", "51.02,10.03", "--model", "advection", "--data", filled)
    assert "Radarbild vom" in run(*words).output
    assert "radar of" in run(*words, "--language", "en").output


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, "en"),
        ({"LANG": "de_AT.UTF-8"}, "de"),
        ({"LANG": "de"}, "de"),
        ({"LANG": "de_DE@euro"}, "de"),
        ({"LANG": "C.UTF-8"}, "en"),
        ({"LANG": "den_CA"}, "en"),
        ({"LANG": "de_DE.UTF-8", "LC_ALL": "en_GB.UTF-8"}, "en"),
        ({"LANG": "en_GB.UTF-8", "LC_MESSAGES": "de_CH.UTF-8"}, "de"),
        ({"LANG": "de_DE.UTF-8", "LC_ALL": ""}, "de"),
    ],
)
def test_the_first_variable_of_the_locale_that_is_set_holds(
    environment: dict[str, str], expected: str
) -> None:
    assert language_of(environment) == expected


def test_both_languages_have_the_same_texts_with_the_same_values() -> None:
    values = {
        language: {name: set(re.findall(r"\{\w+\}", text)) for name, text in texts.items()}
        for language, texts in TEXTS.items()
    }
    hourless = {"last_hour", "next_hour"}
    assert {name: found for name, found in values["en"].items() if name not in hourless} == {
        name: found for name, found in values["de"].items() if name not in hourless
    }


def statistic(value: float | None, probability: float) -> dict[str, object]:
    return {
        "mm": value,
        "p10": value,
        "median": value,
        "p90": None if value is None else 2 * value,
        "probabilities": [{"threshold_mm": 2.5, "probability": probability}],
    }


def test_numbers_have_a_comma_and_units_stay_with_them_in_german() -> None:
    period = {"minutes": 90, "mean": statistic(1.25, 0.2), "maximum": statistic(3.0, 0.3)}
    line = period_line(period, "next", (2.5,), "de")
    assert line == ["nächste 90\u00a0min", "1,2", "3,0", "1,2", "1,2 bis 2,5", "20\u00a0%"]
    line = period_line(period, "next", (2.5,), "en")
    assert line == ["next 90 min", "1.2", "3.0", "1.2", "1.2-2.5", "20%"]
    unknown = {"minutes": 60, "mean": statistic(None, 0.2), "maximum": statistic(None, 0.3)}
    assert period_line(unknown, "last", (5.0,), "de") == ["letzte Stunde", *"-----"]
    warning = {"level": 2, "from_mm": 2.5, "minutes": 60, **unknown}
    assert warning_line(warning, "de") == ["2: 2,5\u00a0mm in 1\u00a0h", "-", "-", "30\u00a0%"]
    assert amount(float("nan"), "de") == "-"
    sentences = "Bis zu 3,0 mm/h. Um 12:00 UTC beträgt sie 20 %."
    assert unbroken(sentences, "de") == "Bis zu 3,0\u00a0mm/h. Um 12:00 UTC beträgt sie 20\u00a0%."
    assert unbroken(sentences, "en") == sentences
    assert moment(np.datetime64("2020-09-07T14:05"), "de") == "07.09.2020, 14:05 UTC"


def test_one_missing_frame_is_not_several() -> None:
    document = {"measured": [{"frames_missing": 1}], "members": 20}
    assert notes(document, "en") == [
        "1 radar frame of the last 24 hours is missing; it does not count as dry"
    ]
    assert notes(document, "de") == [
        "In den letzten 24 Stunden fehlt ein Radarbild; es gilt nicht als trocken."
    ]
    assert notes({"measured": [{"frames_missing": 0}], "members": 20}, "de") == []


def test_a_place_can_be_a_town(filled: Path) -> None:
    named = run("point", "Kassel", "--model", "advection", "--data", filled)
    assert named.exit_code == 0, named.output
    assert named.output.startswith("Kassel, Hessen: advection, radar of ")
    by_postcode = run("point", "34117", "--model", "advection", "--data", filled)
    assert "mm/h" in by_postcode.output
    assert isinstance(run("point", "Atlantis", "--data", filled).exception, NoItem)


@pytest.mark.parametrize("thresholds", ["5,x", "", "5,,10", "nan", "0", "1e9"])
def test_thresholds_that_are_none_are_refused(thresholds: str) -> None:
    with pytest.raises(BadQuery, match=r"should be at most .* numbers above 0"):
        levels_of(thresholds)


def test_an_area_is_given_with_its_size_and_sums(filled: Path, area: Path) -> None:
    result = run("sums", area, "--model", "advection", "--data", filled)
    assert result.exit_code == 0, result.output
    assert " km2" in result.output
    assert "next 30 min" in result.output


def test_what_is_no_area_or_has_no_forecast_is_refused(filled: Path, area: Path) -> None:
    wrong = area.with_name("wrong.geojson")
    wrong.write_text('{"type": "Point", "coordinates": [9, 50]}')
    result = run("sums", wrong, "--data", filled)
    assert result.exit_code == 2
    assert "holds no area" in result.output
    wrong.write_text('{"type": "Polygon", "coordinates": [[[9, 50], [10, 51], [10, 50], [9, 49]]]}')
    options = ("--model", "advection", "--data", filled)
    assert isinstance(run("sums", wrong, *options).exception, BadPlace)
    old = run("sums", area, *options, "--issue", "2020-01-01T00:00Z")
    assert isinstance(old.exception, NoForecast)
