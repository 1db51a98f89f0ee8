"""The cost table: every network, counted and measured."""

from pathlib import Path

import pytest

from model_zoo import MODELS
from model_zoo.profiling.measure import Measurement, MeasurementFile, measure
from model_zoo.profiling.papers import DATA_SETS, PUBLISHED, DataSet
from model_zoo.profiling.table import (
    HEADINGS,
    SHORT_HEADINGS,
    Row,
    cells,
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


def test_work_is_what_the_papers_give_unless_the_notes_say_why_not(counted: list[Row]) -> None:
    explained = {"mim", "motionrnn"} | {"ms-lstm"}
    for row in counted:
        if row.published and row.name not in explained:
            assert row.work.convolutions / 1e9 == pytest.approx(
                row.published.multiply_adds, abs=0.06
            ), row.name
    kth = next(r for r in counted if (r.name, r.data_set) == ("ms-lstm", "kth"))
    assert kth.work.total / 1e9 == pytest.approx(PUBLISHED["kth"]["ms-lstm"].multiply_adds, abs=0.3)


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
