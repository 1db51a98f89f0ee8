"""The main job on a real event: 79 RY frames of 2020-09-07, from files to skill."""

import re
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from typer.testing import CliRunner
from xarray import DataArray

from service.cli import app
from service.ledger import tables
from service.ledger.ledger import Ledger
from service.skill import verification
from verification import csi, interval

ROOT = Path(__file__).parents[2]
MODELS = ("ms-lstm", "s-prog", "advection", "persistence")
LEADS = [30, 60, 90, 120]
DIS_AND_REMAP = [0.46, 0.31, 0.19, 0.10]
"""CSI at 0.5 mm/h by lead, of plain DIS flow and remapping on this event, measured elsewhere."""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("replay")


@pytest.fixture(scope="module")
def printed(shared: Path, data: Path) -> str:
    """What the command of the README prints."""
    folder = shared / "data" / "dwd" / "ry_20200907"
    result = CliRunner().invoke(app, command(folder, data))
    assert result.exit_code == 0, result.output
    return result.output


def command(folder: Path, data: Path) -> list[str]:
    models = ",".join(MODELS)
    return ["replay", str(folder), "--models", models, "--data", str(data), "--quiet"]


@pytest.fixture(scope="module")
def counts(printed: str, data: Path) -> xr.Dataset:
    """Counts (model, lead_minutes, threshold) of all starts."""
    assert printed
    return verification.counted(verification.shared_issues(rows(data)))


def rows(data: Path) -> list[verification.Row]:
    return [dict(row) for row in Ledger(f"sqlite:///{data / 'ledger.sqlite'}").rows(tables.counts)]


def test_runs_from_files_to_verification_in_one_go(printed: str) -> None:
    assert "79 files: 79 accepted." in printed
    assert re.search(r"\d+ leads verified", printed)


def test_the_table_in_the_readme_is_what_the_command_prints(printed: str) -> None:
    """The table has one line per model: CSI at 0.5 mm/h by lead, then CSI at 2 mm/h by lead."""
    shown = table_of_the_readme()
    lines = [line.split() for line in printed.splitlines()]
    found = {(line[0], int(line[1])): line[4:6] for line in lines if line[:1] and line[0] in MODELS}
    assert sorted(shown) == sorted(MODELS)
    assert len(found) == len(MODELS) * len(LEADS)
    for model, scores in shown.items():
        low, middle = zip(*(found[model, lead] for lead in LEADS), strict=True)
        # Networks may differ by rounding from processor to processor, and so in single cells.
        np.testing.assert_allclose(
            np.array([*low, *middle], float), scores, atol=0.0021, err_msg=model
        )


def table_of_the_readme() -> dict[str, list[float]]:
    """Scores by model, as the README shows them."""
    section = (ROOT / "README.md").read_text().split("<!-- skill")[1].split("\n\n")[0]
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in section.splitlines()]
    return {row[0]: [float(cell) for cell in row[1:]] for row in rows if row and row[0] in MODELS}


def test_advection_beats_persistence_at_every_lead(counts: xr.Dataset) -> None:
    scores = csi(counts).sel(threshold=[0.5, 2.0, 5.0])
    better = scores.sel(model="advection") > scores.sel(model="persistence")
    assert bool(better.all()), scores.to_dataframe("csi")


def test_advection_reaches_optical_flow_as_measured_elsewhere(
    counts: xr.Dataset, data: Path
) -> None:
    """Within the width of the interval that bootstrapping over blocks of starts gives."""
    by_issue = counts_by_issue(data, "advection", 0.5)
    reached = csi(counts).sel(model="advection", threshold=0.5, lead_minutes=LEADS)
    low, high = interval(by_issue, csi, over="issue", block=6)
    width = (high - low).sel(lead_minutes=LEADS)
    bar = DataArray(DIS_AND_REMAP, dims="lead_minutes", coords={"lead_minutes": LEADS})
    assert bool((reached >= bar - width).all()), (reached.values, width.values)
    assert float(width.max()) < 0.25, "an interval this wide would pass anything"


def counts_by_issue(data: Path, model: str, threshold: float) -> xr.Dataset:
    """Counts (issue, lead_minutes) of one model; 0 where a lead was not verified."""
    chosen = [r for r in rows(data) if r["model"] == model and r["threshold"] == threshold]
    issues = sorted({row["issue"] for row in chosen})
    table = np.zeros((len(tables.COUNTS), len(issues), len(LEADS)), np.int64)
    for row in chosen:
        indices = issues.index(row["issue"]), LEADS.index(row["lead_minutes"])
        table[(slice(None), *indices)] = [row[name] for name in tables.COUNTS]
    return xr.Dataset(
        {name: (("issue", "lead_minutes"), table[k]) for k, name in enumerate(tables.COUNTS)},
        coords={"lead_minutes": LEADS},
    )


def test_a_second_replay_finds_everything_done(shared: Path, data: Path, printed: str) -> None:
    before = {path: path.stat().st_mtime_ns for path in (data / "archive").rglob("*.nc")}
    folder = shared / "data" / "dwd" / "ry_20200907"
    again = CliRunner().invoke(app, command(folder, data))
    after = {path: path.stat().st_mtime_ns for path in (data / "archive").rglob("*.nc")}
    assert after == before
    assert again.output.splitlines()[1:] == printed.splitlines()[1:], "the same table"
    assert "0 leads verified" in again.output
