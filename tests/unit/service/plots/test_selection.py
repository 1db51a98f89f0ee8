"""What a picture is of: fields of the archive or in files, and clear words where there are none."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from ingest.errors import BadField, SourceUnavailable
from ingest.grid import NATIONAL_WGS84
from model_zoo import load_forecaster
from service.archive.archive import Archive
from service.archive.key import Key
from service.errors import BadRequest, NoForecast, NoFrames
from service.ledger.ledger import Ledger
from service.plots.field_files import read
from service.plots.selection import Selection
from tests.served import LATEST, NEWEST, make_forecasts
from tests.showers import file_bytes, file_name, frame, moment, time


@pytest.fixture
def archive(filled: Path) -> Archive:
    return Archive(filled / "archive")


@pytest.fixture
def chosen(filled: Path, archive: Archive) -> Iterator[Selection]:
    """Of an hour of frames, from which there are forecasts by persistence and advection."""
    ledger = Ledger(f"sqlite:///{filled / 'ledger.sqlite'}")
    yield Selection(archive, ledger, "persistence")
    ledger.engine.dispose()


@pytest.fixture
def file(archive: Archive, tmp_path: Path) -> Path:
    """The newest forecast by advection."""
    path = tmp_path / "out.nc"
    path.write_bytes(archive.forecast_bytes(Key(time(LATEST), "advection", "none")))
    return path


def test_the_newest_forecast_of_the_default_is_meant_where_nothing_is_said(
    chosen: Selection, archive: Archive
) -> None:
    wanted = archive.forecast(Key(time(LATEST), "persistence", "none"))
    xr.testing.assert_identical(chosen.forecast(None, None), wanted)
    earlier = chosen.forecast("advection", moment(6))
    assert earlier.attrs["model"] == "advection"
    assert earlier["forecast_reference_time"].values == time(6)


def test_a_file_is_the_same_as_what_it_was_written_from(chosen: Selection, file: Path) -> None:
    xr.testing.assert_equal(chosen.forecast(str(file), None), chosen.forecast("advection", None))


def test_frames_in_files_of_the_provider_are_those_of_the_archive(
    chosen: Selection, archive: Archive, tmp_path: Path
) -> None:
    paths = [tmp_path / file_name(number) for number in (4, 3)]
    for path, number in zip(paths, (4, 3), strict=True):
        path.write_bytes(file_bytes(number))
    found = chosen.frames(paths, None, None, 1)
    assert found["time"].values.tolist() == [time(3).astype(int), time(4).astype(int)]
    kept = archive.frame(time(3)).values[0]
    np.testing.assert_allclose(found.values[0], kept, atol=0.07)  # a file has steps of 0.12 mm/h


def test_frames_are_those_of_the_time_that_is_named_oldest_first(chosen: Selection) -> None:
    named = chosen.frames([], moment(3), moment(5), 99)
    assert named["time"].values.tolist() == [time(n).astype(int) for n in (3, 4, 5)]
    last = chosen.frames([], None, None, 2)
    assert last["time"].values.tolist() == [time(n).astype(int) for n in (NEWEST - 1, NEWEST)]


def test_what_came_is_there_once_all_of_it_has_come(chosen: Selection, archive: Archive) -> None:
    assert chosen.observed(chosen.forecast(None, None)) is None
    short = chosen.forecast("persistence", moment(0)).isel(lead_time=[0, 1])
    observed = chosen.observed(short)
    assert observed is not None
    assert observed["time"].values.tolist() == short["time"].values.tolist()
    np.testing.assert_array_equal(observed.values[0], archive.frame(time(6)).values[0])


def test_two_models_are_compared_from_the_newest_frame_that_both_start_from(data: Path) -> None:
    archive, ledger = Archive(data / "archive"), Ledger(f"sqlite:///{data / 'ledger.sqlite'}")
    make_forecasts(archive, ledger, NEWEST, models=["persistence"])
    first, second = Selection(archive, ledger, "advection").pair("advection", "persistence", None)
    ledger.engine.dispose()
    assert first["forecast_reference_time"].values == second["forecast_reference_time"].values
    assert first["forecast_reference_time"].values == time(LATEST)
    assert (first.attrs["model"], second.attrs["model"]) == ("advection", "persistence")


def test_a_file_is_compared_with_a_model_of_its_own_issue(
    chosen: Selection, archive: Archive, tmp_path: Path
) -> None:
    early = tmp_path / "early.nc"
    early.write_bytes(archive.forecast_bytes(Key(time(6), "advection", "none")))
    first, second = chosen.pair(str(early), "persistence", None)
    assert first["forecast_reference_time"].values == second["forecast_reference_time"].values


def test_forecasts_of_other_issues_are_compared_where_their_times_meet(
    chosen: Selection, archive: Archive, tmp_path: Path
) -> None:
    paths = [tmp_path / f"{number}.nc" for number in (0, 6)]
    for path, number in zip(paths, (0, 6), strict=True):
        path.write_bytes(archive.forecast_bytes(Key(time(number), "persistence", "none")))
    first, second = chosen.pair(str(paths[0]), str(paths[1]), None)
    assert first["time"].values.tolist() == second["time"].values.tolist()
    assert first.sizes["lead_time"] == 3


def test_forecasts_that_never_meet_or_lie_elsewhere_are_refused(
    chosen: Selection, archive: Archive, tmp_path: Path, file: Path
) -> None:
    elsewhere = load_forecaster("persistence")(frame(LATEST, NATIONAL_WGS84))
    elsewhere.attrs["generated_at"] = moment(LATEST).isoformat()
    second = Archive(tmp_path / "other")
    second.put_forecast(elsewhere, "")
    path = tmp_path / "elsewhere.nc"
    path.write_bytes(second.forecast_bytes(Key(time(LATEST), "persistence", "none")))
    with pytest.raises(BadRequest, match="different grids"):
        chosen.pair(str(file), str(path), None)
    first = tmp_path / "first.nc"
    first.write_bytes(archive.forecast_bytes(Key(time(0), "persistence", "none")))
    with pytest.raises(BadRequest, match="no valid time in common: they are issued at"):
        chosen.pair(str(file), str(first), None)


def test_a_model_without_forecasts_is_said_with_those_that_have_some(chosen: Selection) -> None:
    with pytest.raises(NoForecast, match="no forecast of unet, only of advection, persistence"):
        chosen.forecast("unet", None)
    with pytest.raises(NoForecast, match=r"issued at 2026-06-21T23:05:00Z; `nowcast forecast"):
        chosen.forecast("advection", moment(7))
    with pytest.raises(NoForecast, match="only of persistence"):
        chosen.forecast("advection", moment(0))


def test_a_time_without_frames_is_said_with_the_times_that_have_some(
    chosen: Selection, tmp_path: Path
) -> None:
    with pytest.raises(NoFrames, match="frames from 20260621T2230Z to 20260621T2330Z"):
        chosen.frames([], moment(NEWEST) + timedelta(hours=1), None, 9)
    ledger = Ledger(f"sqlite:///{tmp_path / 'ledger.sqlite'}")
    with pytest.raises(NoFrames, match="run `nowcast ingest` first"):
        Selection(Archive(tmp_path), ledger, "persistence").frames([], None, None, 9)
    ledger.engine.dispose()


def test_files_that_hold_something_else_are_refused_by_name(
    chosen: Selection, file: Path, tmp_path: Path
) -> None:
    radar = tmp_path / file_name(3)
    radar.write_bytes(file_bytes(3))
    with pytest.raises(BadField, match=r"radar frames, should hold a forecast.*plot frames"):
        chosen.forecast(str(radar), None)
    with pytest.raises(BadField, match=r"out\.nc: holds a forecast.*plot forecast"):
        chosen.frames([file], None, None, 1)
    with pytest.raises(SourceUnavailable, match=r"nowhere\.nc does not exist"):
        chosen.forecast("nowhere.nc", None)
    (tmp_path / "torn.nc").write_bytes(file.read_bytes()[:3000])
    with pytest.raises(BadField, match=r"torn\.nc: is no netCDF"):
        read(tmp_path / "torn.nc")
