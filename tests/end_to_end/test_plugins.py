"""An installed package adds a cell, a forecaster, a reader and a score: all of it is served.

The package is the one that docs/how-to/extend.md shows. Beside it are one that cannot be imported
and one whose names are taken.
"""

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from tests.unit.ingest.plugin_package import ROOT, install, install_example

USE = '''
import radar_club  # before all else, as the tests of the package itself do

import json, sys
from pathlib import Path

import numpy as np
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from service.api.app import create_app
from service.cli import app, doctor
from service.pipeline.forecast import forecast_model
from service.pipeline.ingest import ingest_bytes
from service.pipeline.verify import verify
from tests.served import api_context
from tests.showers import moment, rate, time

EXPERIMENT = """
name = "mine"
model = "ms-leaky"
channels = 4
scale = "rate"
batch = 2
steps = 2
validation_samples = 1
sampling = "none"
[data]
source = "corpus"
train = ["event"]
validation = ["another"]
minutes = [5]
"""


def run(*words):
    done = CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


folder = Path(sys.argv[1])
costs = run("models", "--names", "leaky,ms-leaky")
(folder / "mine.toml").write_text(EXPERIMENT)
rates = np.nan_to_num(np.stack([rate(number)[400:416, 400:416] for number in range(12)]))
times = [time(number) for number in range(12)]
for event in ("event", "another"):
    rates_x100 = (100 * rates).astype(np.uint16)
    np.savez(folder / f"{event}.npz", rate_x100=rates_x100, time=times, km=1)
run("train", folder / "mine.toml", "-o", folder / "run", "--quiet", "--data", folder)
weights = folder / "weights"
weights.mkdir()
(folder / "run/best.safetensors").rename(weights / "ms-leaky.safetensors")

context = api_context(
    folder, moment(24), models=("fading", "ms-leaky"), weights=weights, device="cpu"
)
arrivals = []
for number in (0, 6, 12, 18, 24):
    lines = [f"time,{time(number)}", *(",".join(map(str, row)) for row in rate(number))]
    data = "\\n".join(lines).encode()
    arrivals.append(
        ingest_bytes(context.archive, context.ledger, data, f"{number}.csv", moment(number))
    )
for model in context.forecasters.all_served():
    forecast_model(context.archive, context.ledger, model, time(18), moment(18))
verify(context.archive, context.ledger, moment(24))
with TestClient(create_app(context)) as client:
    served = client.get("/models").json()
    answer = client.get("/verification").json()
    schema = client.get("/openapi.json").json()["components"]["schemas"]["SkillRow"]
json.dump(
    {
        "costs": costs,
        "arrivals": [(arrival.outcome, arrival.product, arrival.reason) for arrival in arrivals],
        "served": served,
        "rows": answer["rows"],
        "schema": schema["properties"]["accuracy"],
        "doctor": doctor.plug_ins(context.settings)._asdict(),
    },
    sys.stdout,
)
'''


@pytest.fixture(scope="module")
def used(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a process has of the installed packages, and what it wrote to stderr."""
    site, folder = tmp_path_factory.mktemp("site"), tmp_path_factory.mktemp("data")
    install_example(site)
    install(site, "broken-club", {"nowcast.cells": {"broken": "broken_club:Broken"}})
    taken = {
        "nowcast.cells": {"lstm": "radar_club:Leaky", "persistence": "radar_club:Leaky"},
        "nowcast.forecasters": {"leaky": "radar_club:Fading", "ms-lstm": "radar_club:Fading"},
        "nowcast.scores": {"csi": "radar_club:ACCURACY", "hits": "radar_club:ACCURACY"},
    }
    install(site, "clashing-club", taken)
    done = subprocess.run(
        [sys.executable, "-c", USE, str(folder)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{site}{os.pathsep}{ROOT}"},
        timeout=550,
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return {**found, "errors": done.stderr.splitlines()}


def test_a_cell_of_a_package_has_its_cost_with_that_of_its_pyramid(used: dict[str, Any]) -> None:
    rows = [line.split() for line in used["costs"].splitlines()]
    assert {"leaky", "ms-leaky"} <= {row[0] for row in rows if row}


def test_a_reader_of_a_package_ingests_its_files(used: dict[str, Any]) -> None:
    assert used["arrivals"] == [["accepted", "CSV", None]] * 5


def test_a_trained_cell_and_a_forecaster_of_a_package_are_served(used: dict[str, Any]) -> None:
    names = [model["name"] for model in used["served"]["models"]]
    assert names[:2] == ["fading", "ms-leaky"]


def test_a_score_of_a_package_is_in_the_verification_of_all_models(used: dict[str, Any]) -> None:
    models = {row["model"] for row in used["rows"]}
    assert models == {"fading", "ms-leaky"}
    for row in used["rows"]:
        total = sum(row[n] for n in ("hits", "misses", "false_alarms", "correct_negatives"))
        assert row["accuracy"] == pytest.approx((row["hits"] + row["correct_negatives"]) / total)
    assert used["schema"]["description"] == "Share of cells that were forecast correctly."


def test_what_cannot_be_used_is_one_line_each(used: dict[str, Any]) -> None:
    written = [*used["errors"], *used["costs"].splitlines()]
    lines = [line for line in written if line.startswith("plug-in ")]
    refused = sorted(line.partition(" of ")[0] for line in lines)
    assert refused == sorted(
        f"plug-in {name!r} (nowcast.{group})"
        for group, names in {
            "cells": ("broken", "lstm", "persistence"),
            "forecasters": ("leaky", "ms-lstm"),
            "scores": ("csi", "hits"),
        }.items()
        for name in names
    )
    assert not [line for line in used["errors"] if "Traceback" in line]


def test_the_doctor_lists_what_is_added_and_what_is_not(used: dict[str, Any]) -> None:
    assert used["doctor"]["state"] == "warning"
    for text in ("cells: leaky", "forecasters: fading", "readers: csv-rates", "scores: accuracy"):
        assert text in used["doctor"]["text"]
    assert "plug-in 'broken'" in used["doctor"]["text"]
