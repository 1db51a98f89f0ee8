"""`nowcast point` and `nowcast sums`, as a user types them."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from service.api.routes.sums.rain_sums import levels_of
from service.cli import app
from service.errors import BadPlace, BadQuery, NoForecast, NoItem
from tests.served import LATEST, iso


def run(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


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
