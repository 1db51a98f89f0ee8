"""The cost table: every network, counted and measured."""

from pathlib import Path

import pytest

from model_zoo import MODELS
from model_zoo.profiling.measure import Measurement, MeasurementFile, measure
from model_zoo.profiling.papers import DATA_SETS, REASONS, DataSet
from model_zoo.profiling.table import (
    HEADINGS,
    SHORT_HEADINGS,
    Row,
    cells,
    difference,
    document,
    machine,
    padded,
    rows,
)


@pytest.fixture(scope="module")
def counted() -> list[Row]:
    return list(rows(MODELS, DATA_SETS, channels=32))


def test_every_network_has_a_row_for_every_data_set(counted: list[Row]) -> None:
    assert len(counted) == len(MODELS) * len(DATA_SETS)
    assert all(row.work.total > 0 and row.parameters > 0 for row in counted)
    assert len(HEADINGS) == len(SHORT_HEADINGS) == len(cells(counted[0]))


def test_all_four_tables_of_the_paper_are_beside_ours(counted: list[Row]) -> None:
    compared = [(row.data_set, row.name) for row in counted if row.published]
    assert {name: sum(name == source for source, _ in compared) for name in DATA_SETS} == {
        "moving-mnist": 9,
        "taxibj": 8,
        "kth": 7,
        "germany": 8,
    }
    row = next(row for row in counted if (row.name, row.data_set) == ("motionrnn", "taxibj"))
    assert [cells(row)[HEADINGS.index(heading)] for heading in HEADINGS if "paper" in heading] == [
        "13.5",
        "2.9",
        "11.8",
        "1.9",
    ]


def test_every_figure_that_differs_from_the_paper_is_explained(counted: list[Row]) -> None:
    lines = {(row.name, row.data_set): difference(row) for row in counted}
    assert not [line for line in lines.values() if "unexplained" in line]
    used = {
        (name, source if (name, source) in REASONS else "")
        for (name, source), line in lines.items()
        if line
    }
    assert used == set(REASONS)
    assert lines["convlstm", "kth"] == ""
    assert lines["mim", "kth"].startswith(
        "mim: 1.59 instead of 1.8 million parameters and 494.4 instead of 571.9 10^9 multiply-adds:"
    )
    text = document(counted, 32, 180)
    assert all(f"- {line}." in text for line in lines.values() if line)


def test_a_grid_is_padded_to_what_the_network_can_halve(counted: list[Row]) -> None:
    assert padded(DATA_SETS["germany"], 8)[1:3] == (184, 184)
    assert padded(DATA_SETS["germany"], 4) == DATA_SETS["germany"]
    names = {row.name for row in counted if row.is_padded}
    assert names == {"ms-motionrnn", "ms-cms-lstm"}


def test_a_network_is_measured_in_a_process_of_its_own() -> None:
    found = measure("ms-convlstm", 4, DataSet("tiny", 16, 16, 2, 2), patience_seconds=550)
    assert found is not None
    assert found.forecast_seconds > 0
    assert found.step_seconds > 0
    assert found.kept > 0


def test_what_takes_too_long_is_given_up() -> None:
    assert measure("ms-lstm", 4, DataSet("tiny", 16, 16, 2, 2), patience_seconds=0.05) is None


def test_the_document_shows_what_was_counted_and_measured(counted: list[Row]) -> None:
    timed = counted[0]._replace(measured=Measurement(1.5, 20, 3.25, 40, 50))
    text = document([timed, *counted[1:]], 32, 180)
    assert "| convlstm | 444,001 |" in text
    assert "| 1.500 | 20 | 3.250 | 40 | 50 |" in text
    assert all(data.title in text for data in DATA_SETS.values())


def test_what_was_measured_is_noted_and_not_measured_again(tmp_path: Path) -> None:
    data, found = DataSet("tiny", 16, 16, 2, 2), Measurement(1, 2, 3, 4, 5)
    MeasurementFile(tmp_path / "notes", "here").append("convlstm", 4, data, found)
    assert MeasurementFile(tmp_path / "notes", "here").find("convlstm", 4, data) == found
    assert MeasurementFile(tmp_path / "notes", "there").find("convlstm", 4, data) is None
    assert MeasurementFile(tmp_path / "notes", "here").find("convlstm", 8, data) is None
    (row,) = rows(["convlstm"], ["taxibj"], 4, None, tmp_path / "notes")
    assert row.measured is None
    MeasurementFile(tmp_path / "notes", machine()).append("convlstm", 4, DATA_SETS["taxibj"], found)
    (row,) = rows(["convlstm"], ["taxibj"], 4, None, tmp_path / "notes")
    assert row.measured == found
