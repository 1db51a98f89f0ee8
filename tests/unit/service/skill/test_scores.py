"""Registry of scores: what a line in it reaches."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from service.skill.scores import FSS_SCORES, PROBABILITY_SCORES, SCORES, Score
from verification import csi

ROOT = Path(__file__).parents[4]
ADD_A_SCORE = """
import json

from service.skill import scores
from xarray import DataArray, Dataset


def accuracy(counts: Dataset) -> DataArray:
    correct = counts["hits"] + counts["correct_negatives"]
    return correct / (correct + counts["misses"] + counts["false_alarms"])


meaning = "Proportion correct: share of cells that were forecast correctly."
scores.SCORES["accuracy"] = scores.Score(accuracy, "Accuracy", meaning, has_curve=True)

from dashboards.__main__ import dashboard_files
from fastapi.testclient import TestClient
from service.api import openapi_examples
from service.api.app import create_app
from service.report import glossary, page, tables
from service.skill.verification import counted, table
from service.skill.window_scores import scores as window_scores
from tests.served import api_context
import sys, pathlib

row = {"model": "net", "lead_minutes": 30, "threshold": 0.5, "n_valid": 1}
row |= {"hits": 5, "misses": 1, "false_alarms": 2, "correct_negatives": 2}
with TestClient(create_app(api_context(pathlib.Path(sys.argv[1])))) as client:
    schemas = client.get("/openapi.json").json()["components"]["schemas"]
json.dump(
    {
        "table": table(counted([row])),
        "windows": [(*key, value) for key, value in window_scores([row], [])],
        "schema": schemas["SkillRow"],
        "example": openapi_examples.VERIFICATION["rows"][0],
        "dashboard": json.loads(dashboard_files()["skill.json"]),
        "report": {"columns": list(tables.COLUMNS), "curves": list(page.CURVES)},
        "glossary": dict(glossary.terms(with_probabilities=True)),
    },
    sys.stdout,
)
"""


@pytest.fixture(scope="module")
def added(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a process shows that adds a line to the registry before all else."""
    pytest.importorskip("grafana_foundation_sdk", reason="needs grafana-foundation-sdk")
    folder = str(tmp_path_factory.mktemp("data"))
    done = subprocess.run(
        [sys.executable, "-c", ADD_A_SCORE, folder],
        cwd=ROOT,
        timeout=550,
        check=True,
        capture_output=True,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_a_registered_score_is_in_the_table_of_skill_and_in_the_metrics(
    added: dict[str, Any],
) -> None:
    (row,) = added["table"]
    assert row["accuracy"] == pytest.approx(0.7)
    assert ["net", "accuracy", "30", "0.5", pytest.approx(0.7)] in added["windows"]


def test_a_registered_score_is_described_in_the_api_with_an_example(added: dict[str, Any]) -> None:
    field = added["schema"]["properties"]["accuracy"]
    assert field["description"].startswith("Proportion correct")
    assert "accuracy" in added["schema"]["required"]
    assert set(added["example"]) == set(added["schema"]["properties"])
    assert added["example"]["accuracy"] == 0.98


def test_a_registered_score_is_on_the_dashboard_as_column_choice_and_curve(
    added: dict[str, Any],
) -> None:
    panels = {panel["title"]: panel for panel in added["dashboard"]["panels"]}
    assert 'score=~"accuracy"' in panels["Accuracy"]["targets"][0]["expr"]
    assert panels["Accuracy"]["description"].startswith("Proportion correct")
    assert "|accuracy" in panels["Scores"]["targets"][0]["expr"]
    choices = {variable["name"]: variable for variable in added["dashboard"]["templating"]["list"]}
    assert "accuracy" in [option["value"] for option in choices["score"]["options"]]


def test_a_registered_score_is_in_the_report_and_its_glossary(added: dict[str, Any]) -> None:
    assert "accuracy" in added["report"]["columns"]
    assert "accuracy" in added["report"]["curves"]
    assert added["glossary"]["Accuracy"].endswith("1 is perfect.")


@pytest.mark.parametrize("name", [*SCORES, *FSS_SCORES, *PROBABILITY_SCORES])
def test_every_score_has_a_title_and_a_sentence_that_says_what_it_is(name: str) -> None:
    score = (SCORES | FSS_SCORES | PROBABILITY_SCORES)[name]
    assert score.title
    assert score.meaning.endswith(".")


def test_scores_rank_by_their_distance_from_a_perfect_forecast() -> None:
    assert SCORES["csi"].departure(0.6) < SCORES["csi"].departure(0.5)
    assert SCORES["far"].departure(0.1) < SCORES["far"].departure(0.2)
    ratio = Score(csi, "", "", is_ratio=True)
    assert ratio.departure(0.5) == pytest.approx(ratio.departure(2.0))
    assert ratio.departure(0.0) == float("inf")
