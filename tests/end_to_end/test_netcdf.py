"""A served file is CF netCDF: a checker finds no fault, and other software finds its way in it."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from compliance_checker.runner import CheckSuite, ComplianceChecker
from fastapi.testclient import TestClient
from pyproj import CRS, Geod, Transformer

from ingest.grid import NATIONAL_SPHERE, NATIONAL_WGS84, Grid
from service.api.app import create_app
from service.archive.archive import Archive
from service.archive.key import frame_name
from service.ledger.ledger import Ledger
from service.pipeline.forecast import forecast_model
from tests.served import api_context
from tests.showers import frame, moment, time
from tests.unit.service.fake_probabilities import ProbabilisticPersistence

cf_units = import_module("cf_units")
"""What the checker judges units by; it has no types."""
iris = import_module("iris")
"""Reads files as meteorologists do; it has no types that mypy can follow."""
BERLIN = (13.41, 52.52)
"""Degrees east and north."""
CELL_M = 5000.0


@pytest.fixture(scope="module", params=[NATIONAL_SPHERE, NATIONAL_WGS84], ids=["sphere", "wgs84"])
def grid(request: pytest.FixtureRequest) -> Grid:
    found: Grid = request.param
    return found


@pytest.fixture(scope="module")
def served(grid: Grid, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A forecast as a client saves it."""
    folder: Path = tmp_path_factory.mktemp("served")
    for number in range(3):
        Archive(folder / "archive").put_frame(frame(number, grid))
    with TestClient(create_app(api_context(folder, moment(3)))) as client:
        headers = {"Accept": "application/x-netcdf", "Prefer": "wait=30"}
        answer = client.post("/nowcast", json={}, headers=headers)
    assert answer.status_code == 200
    file = folder / "saved.nc"
    file.write_bytes(answer.content)
    return file


@pytest.fixture
def opened(served: Path) -> xr.Dataset:
    """The file by plain xarray, which knows nothing of us."""
    return xr.load_dataset(served)


def faults(file: Path, report: Path) -> list[dict[str, Any]]:
    """What the compliance checker finds fault with, recommendations included."""
    CheckSuite.load_all_available_checkers()
    ComplianceChecker.run_checker(
        str(file), ["cf:1.11"], 0, "strict", output_filename=str(report), output_format="json"
    )
    report_of_cf = json.loads(report.read_text())["cf:1.11"]
    assert report_of_cf["possible_points"] > 50, "the checker has checked"
    found = [
        *report_of_cf["high_priorities"],
        *report_of_cf["medium_priorities"],
        *report_of_cf["low_priorities"],
    ]
    return [entry for entry in found if entry["value"][0] < entry["value"][1]]


def test_the_checker_finds_no_fault(served: Path, tmp_path: Path) -> None:
    assert faults(served, tmp_path / "report.json") == []


def test_the_checker_would_find_a_fault(opened: xr.Dataset, tmp_path: Path) -> None:
    opened["rainfall_rate"].attrs["units"] = "furlong"
    opened.to_netcdf(tmp_path / "spoilt.nc")
    assert faults(tmp_path / "spoilt.nc", tmp_path / "report.json") != []


def test_a_frame_of_the_archive_is_without_fault_too(
    served: Path, grid: Grid, tmp_path: Path
) -> None:
    path = served.parent / "archive" / frame_name(time(0))
    assert faults(path, tmp_path / "report.json") == []


BOX = "9.5,50.6,10.4,51.3"
AREA = "POLYGON((9.5 50.6,10.4 50.6,10.4 51.3,9.5 51.3,9.5 50.6))"
FORECAST = f"/nowcasts/{moment(2):%Y-%m-%dT%H:%M:%SZ}"
SUMS = "/collections/sums/area?f=netCDF&parameter-name=precipitation_amount"
PRODUCTS = {
    "forecast with probabilities": f"{FORECAST}?version=none",
    "ensemble": f"{FORECAST}/ensemble?leads=60",
    "part of an ensemble": f"{FORECAST}/ensemble?leads=5,10&bbox={BOX}",
    "sums of a quarter of an hour": f"{SUMS}_15min&coords={AREA}",
    "sums of an hour": f"{SUMS}_60min&coords={AREA}&leads=all",
    "sums of six hours": f"{SUMS}_360min&coords={AREA}",
    "radar": f"/collections/radar/cube?f=netCDF&bbox={BOX}",
    "area of a forecast": f"/collections/nowcast/area?f=netCDF&coords={AREA}",
    "probabilities": f"/collections/probability/area?f=netCDF&coords={AREA}",
}
"""Addresses of all kinds of netCDF that are served."""
FOUR_DIMENSIONS = {
    "forecast with probabilities": "exceedance_probability",
    "area of a forecast": "exceedance_probability",
    "probabilities": "exceedance_probability",
    "ensemble": "rainfall_rate",
    "part of an ensemble": "rainfall_rate",
}
"""Variables with a dimension of thresholds or members. CF recommends that such a dimension comes
first whenever possible, but cdo skips variables whose first dimension is not time; that is the only
remark."""


@pytest.fixture(scope="module")
def products(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """A client of a service whose model forecasts probabilities."""
    folder: Path = tmp_path_factory.mktemp("products")
    archive, ledger = Archive(folder / "archive"), Ledger(f"sqlite:///{folder / 'ledger.sqlite'}")
    for number in range(3):
        archive.put_frame(frame(number))
    forecast_model(archive, ledger, ProbabilisticPersistence(), time(2), moment(2))
    ledger.engine.dispose()
    with TestClient(create_app(api_context(folder, moment(3)))) as client:
        yield client


@pytest.mark.parametrize("product", PRODUCTS)
def test_the_checker_finds_no_fault_in_any_product(
    product: str, products: TestClient, tmp_path: Path
) -> None:
    path = PRODUCTS[product]
    joined = "&" if "?" in path else "?"
    model = "" if "radar" in path else f"{joined}model=persistence"
    answer = products.get(path + model, headers={"Accept": "application/x-netcdf"})
    assert answer.status_code == 200, answer.text
    file = tmp_path / "product.nc"
    file.write_bytes(answer.content)
    found = faults(file, tmp_path / "report.json")
    if product in FOUR_DIMENSIONS:
        (only,) = found
        assert only["name"].startswith("§2.4"), "the recommended order of dimensions"
        variable = f"{FOUR_DIMENSIONS[product]}'s"
        assert all(message.startswith(variable) for message in only["msgs"])
    else:
        assert found == []
    with xr.open_dataset(file) as opened:
        assert opened.attrs["Conventions"] == "CF-1.11"
        if product.startswith("sums"):
            amount = opened["precipitation_amount"]
            assert amount.attrs["standard_name"] == "precipitation_amount"
            assert (amount.attrs["units"], amount.attrs["cell_methods"]) == ("kg m-2", "time: sum")
        if product.endswith("ensemble"):
            assert opened.sizes["realization"] == 20
        if product == "probabilities":
            assert "rainfall_rate" not in opened
            assert opened["exceedance_probability"].dims == ("time", "threshold", "y", "x")


PROBABILITY = "probability that the rainfall rate is at least the threshold"
RATE = ("rainfall_rate", "mm h-1", ("mean",))
CUBES = {
    "forecast with probabilities": {RATE, (PROBABILITY, "1", ())},
    "ensemble": {RATE},
    "part of an ensemble": {RATE},
    "sums of a quarter of an hour": {("precipitation_amount", "kg m-2", ("sum",))},
    "sums of an hour": {("precipitation_amount", "kg m-2", ("sum",))},
    "sums of six hours": {("precipitation_amount", "kg m-2", ("sum",))},
    "radar": {RATE},
    "area of a forecast": {RATE, (PROBABILITY, "1", ())},
    "probabilities": {(PROBABILITY, "1", ())},
}
"""Names, units and methods over time of the cubes that iris makes of each product."""


@pytest.mark.filterwarnings("error:.*:iris.warnings.IrisUserWarning")
@pytest.mark.parametrize("product", PRODUCTS)
def test_iris_reads_names_units_times_and_coordinates_of_every_product(
    product: str, products: TestClient, tmp_path: Path
) -> None:
    model = "" if product == "radar" else "&model=persistence"
    accept = {"Accept": "application/x-netcdf"}
    answer = products.get(f"{PRODUCTS[product]}{model}", headers=accept)
    file = tmp_path / "product.nc"
    file.write_bytes(answer.content)
    cubes = iris.load(str(file))
    found = {
        (cube.name(), str(cube.units), tuple(method.method for method in cube.cell_methods))
        for cube in cubes
    }
    assert found == CUBES[product]
    assert len(cubes) == len(found)
    with xr.open_dataset(file) as opened:
        for cube in cubes:
            is_like(cube, opened, has_issue=product != "radar")


def is_like(cube: Any, opened: xr.Dataset, *, has_issue: bool) -> None:
    """Check a cube against the same variable as xarray reads it.

    Args:
        cube: Of iris.
        opened: The file, by xarray.
        has_issue: It is a forecast.
    """
    variable = opened[cube.var_name]
    np.testing.assert_array_equal(np.ma.filled(cube.data, np.nan), variable.values)
    valid_time = cube.coord("time")
    assert [f"{cell.point:%Y-%m-%dT%H:%M:%S}" for cell in valid_time.cells()] == [
        f"{time:%Y-%m-%dT%H:%M:%S}" for time in opened.indexes["time"]
    ]
    assert valid_time.has_bounds()
    np.testing.assert_array_equal(
        valid_time.bounds[:, 1], valid_time.points
    )  # it is the end of the period
    for axis in ("x", "y"):
        metres = cube.coord(f"projection_{axis}_coordinate")
        assert str(metres.units) == "m"
        assert metres.coord_system == cube.coord_system()
        np.testing.assert_allclose(metres.points, opened[axis])
    for name, units in (("latitude", "degrees_north"), ("longitude", "degrees_east")):
        assert cube.coord(name).units == units
        np.testing.assert_allclose(cube.coord(name).points, opened[name[:3]])
    crs = cube.coord_system().as_cartopy_crs()
    x, y = (cube.coord(f"projection_{axis}_coordinate").points for axis in ("x", "y"))
    place = crs.as_geodetic().transform_point(x[3], y[5], crs)
    expected = (float(opened["lon"][5, 3]), float(opened["lat"][5, 3]))
    np.testing.assert_allclose(place, expected, atol=1e-4)
    if has_issue:
        minutes = cube.coord("forecast_period").copy()
        minutes.convert_units("minutes")
        (issue,) = cube.coord("forecast_reference_time").cells()
        ends = [(cell.point - issue.point).total_seconds() / 60 for cell in valid_time.cells()]
        np.testing.assert_allclose(minutes.points, ends)
    if variable.ndim == 4:
        name = "realization" if "realization" in opened.dims else "rainfall_rate"
        assert cube.coord(name, dim_coords=True).shape == (variable.shape[1],)


@pytest.mark.skipif(shutil.which("cdo") is None, reason="cdo is not installed (Debian: cdo)")
def test_cdo_reads_all_variables_and_times_of_every_product(
    products: TestClient, tmp_path: Path
) -> None:
    for product, path in PRODUCTS.items():
        joined = "&" if "?" in path else "?"
        model = "" if product == "radar" else f"{joined}model=persistence"
        answer = products.get(path + model, headers={"Accept": "application/x-netcdf"})
        file = tmp_path / "product.nc"
        file.write_bytes(answer.content)
        with xr.open_dataset(file) as opened:
            times = [f"{time:%Y-%m-%dT%H:%M:%S}" for time in opened.indexes["time"]]
            names = {str(name) for name in opened.data_vars} - {"crs", "time_bnds"}
        assert cdo("showtimestamp", file) == times, product
        assert set(cdo("showname", file)) == names, product
        assert cdo("sinfo", file), product


def cdo(operator: str, file: Path) -> list[str]:
    """Words that cdo prints of a file."""
    done = subprocess.run(
        ["cdo", "-s", operator, str(file)], capture_output=True, text=True, timeout=60, check=True
    )
    assert "skipped variable" not in done.stderr, done.stderr
    return done.stdout.split()


def test_it_holds_rain_by_lead_row_and_column(opened: xr.Dataset) -> None:
    rate = opened["rainfall_rate"]
    assert rate.dims == ("time", "y", "x")
    assert rate.shape == (24, 180, 180)
    assert rate.dtype == np.float32
    assert np.isnan(rate).any(), "no data"
    assert (rate == 0).any(), "dry"
    assert rate.attrs["cell_methods"] == "time: mean"
    assert np.isnan(rate.encoding["_FillValue"])


def test_berlin_lies_in_its_cell(opened: xr.Dataset) -> None:
    crs = CRS.from_cf(opened["crs"].attrs)
    to_metres = Transformer.from_crs(crs.geodetic_crs, crs, always_xy=True)
    x, y = to_metres.transform(*BERLIN)
    cell = opened.sel(x=x, y=y, method="nearest")
    assert abs(float(cell.x) - x) <= CELL_M / 2
    assert abs(float(cell.y) - y) <= CELL_M / 2
    *_, away = Geod(ellps="WGS84").inv(*BERLIN, float(cell.lon), float(cell.lat))
    assert away < 5000


def test_latitude_and_longitude_agree_with_the_projection_everywhere(opened: xr.Dataset) -> None:
    crs = CRS.from_cf(opened["crs"].attrs)
    to_degrees = Transformer.from_crs(crs, crs.geodetic_crs, always_xy=True)
    lon, lat = to_degrees.transform(*np.meshgrid(opened.x, opened.y))
    np.testing.assert_allclose(opened.lon, lon, atol=1e-5)
    np.testing.assert_allclose(opened.lat, lat, atol=1e-5)


def test_north_is_up_and_west_is_left(opened: xr.Dataset) -> None:
    assert float(opened.lat[0, 90]) > float(opened.lat[-1, 90])
    assert float(opened.lon[90, 0]) < float(opened.lon[90, -1])
    for axis in ("x", "y"):
        np.testing.assert_allclose(abs(np.diff(opened[axis])), CELL_M)


def test_times_are_the_ends_of_five_minutes(opened: xr.Dataset) -> None:
    leads = np.arange(5, 121, 5).astype("m8[m]")
    assert opened["forecast_reference_time"] == time(2)
    np.testing.assert_array_equal(opened["time"], time(2) + leads)
    np.testing.assert_array_equal(opened["lead_time"], leads / np.timedelta64(1, "m"))
    bounds = opened[opened["time"].attrs["bounds"]]
    np.testing.assert_array_equal(bounds[:, 1], opened["time"])
    np.testing.assert_array_equal(bounds[:, 1] - bounds[:, 0], np.timedelta64(5, "m"))


def test_units_are_ones_that_can_be_converted(served: Path) -> None:
    raw = xr.open_dataset(served, decode_times=False, decode_timedelta=False)
    for name, canonical in (
        ("rainfall_rate", "m s-1"),
        ("x", "km"),
        ("y", "km"),
        ("lat", "degrees"),
        ("lon", "degrees"),
        ("lead_time", "hours"),
        ("time", "days since 2000-01-01"),
        ("forecast_reference_time", "days since 2000-01-01"),
    ):
        unit = cf_units.Unit(raw[name].attrs["units"], calendar=raw[name].attrs.get("calendar"))
        assert unit.is_convertible(cf_units.Unit(canonical)), name
    assert cf_units.Unit("mm h-1").convert(3.6e6, "m s-1") == pytest.approx(1)
    raw.close()


def test_the_file_says_where_it_comes_from(opened: xr.Dataset) -> None:
    by_convention = {"title", "institution", "source", "history", "references", "comment"}
    ours = {"licence", "attribution", "model", "weights", "radar_times", "generated_at"}
    assert all(opened.attrs[name] for name in by_convention | ours)
    assert opened.attrs["Conventions"] == "CF-1.11"
    assert opened.attrs["radar_times"].split()[-1] == f"{moment(2):%Y-%m-%dT%H:%M:%SZ}"
