"""Composites of any country: what is read of each format, and what is refused with which words."""

import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import h5py
import netCDF4
import numpy as np
import pytest
import rasterio
import xarray as xr
from numpy.typing import NDArray
from pyproj import CRS, Transformer
from rasterio.transform import from_origin

from ingest.composites import event_store
from ingest.composites.found import Options
from ingest.composites.series import Series, open_series
from ingest.composites.summary import summary
from ingest.errors import BadField, SourceUnavailable

RD = "EPSG:28992"
START = np.datetime64("2021-06-21T12:00", "ns")
STEP = np.timedelta64(5, "m")
WEST, NORTH, CELL = 100_000.0, 500_000.0, 2500.0
SHAPE = (4, 6)
CREDIT = "Weather Service of Somewhere, composite"

Change = Callable[[xr.Dataset], xr.Dataset]


def rates() -> NDArray[np.float32]:
    """Three frames: each cell has a rate of its own, the north-western 1.0, the last no data."""
    frame = 1 + np.arange(24, dtype=np.float32).reshape(SHAPE) / 4
    frame[-1, -1] = np.nan
    return np.stack([frame, frame + 1, frame + 2])


def dataset() -> xr.Dataset:
    """A file as CF wants it, row 0 in the north."""
    coords = {
        "time": START + STEP * np.arange(3),
        "y": ("y", NORTH - CELL * (np.arange(4) + 0.5), {"units": "m"}),
        "x": ("x", WEST + CELL * (np.arange(6) + 0.5), {"units": "m"}),
    }
    about = {"units": "mm h-1", "standard_name": "rainfall_rate", "grid_mapping": "crs"}
    rain = xr.DataArray(rates(), coords, ("time", "y", "x"), "rain", about)
    return rain.to_dataset().assign(crs=((), 0, CRS(RD).to_cf()))


def unchanged(given: xr.Dataset) -> xr.Dataset:
    return given


def netcdf(folder: Path, change: Change = unchanged) -> Path:
    path = folder / "frames.nc"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        change(dataset()).to_netcdf(path, engine="netcdf4")
    return path


def geotiffs(folder: Path, crs: str | None = RD, name: str = "{:%Y%m%d_%H%M}.tif") -> Path:
    """A file for each frame, in hundredths of mm/h, 65535 for no data."""
    for number, rate in enumerate(rates()):
        time = (START + number * STEP).astype("datetime64[s]").item()
        profile: dict[str, Any] = {"driver": "GTiff", "dtype": "uint16", "count": 1, "crs": crs}
        profile |= {"height": SHAPE[0], "width": SHAPE[1], "nodata": 65535}
        transform = from_origin(WEST, NORTH, CELL, CELL)
        with rasterio.open(folder / name.format(time), "w", transform=transform, **profile) as file:
            file.write(np.where(np.isnan(rate), 65535, rate * 100).astype(np.uint16), 1)
            file.scales, file.units = (0.01,), ("mm/h",)
    return folder


def odim(folder: Path, **changes: Any) -> Path:
    """A file for each frame, in hundredths of mm/h, 65535 for no data."""
    to_degrees = Transformer.from_crs(RD, CRS(RD).geodetic_crs, always_xy=True)
    ul = to_degrees.transform(WEST, NORTH)
    lr = to_degrees.transform(WEST + CELL * SHAPE[1], NORTH - CELL * SHAPE[0])
    where = {"projdef": RD, "xscale": CELL, "yscale": CELL, "xsize": 6, "ysize": 4}
    where |= {"UL_lon": ul[0], "UL_lat": ul[1], "LR_lon": lr[0], "LR_lat": lr[1]}
    packing = {"gain": 0.01, "offset": 0.0, "nodata": 65535.0, "undetect": 0.0}
    for number, rate in enumerate(rates()):
        end = (START + number * STEP).astype("datetime64[s]").item()
        stamp = {"date": f"{end:%Y%m%d}", "time": f"{end:%H%M%S}"}
        with h5py.File(folder / f"{number}.h5", "w") as file:
            file.attrs["Conventions"] = "ODIM_H5/V2_3"
            file.create_group("what").attrs.update({"object": "COMP", **stamp} | changes)
            file.create_group("where").attrs.update(where | changes)
            what = {
                f"{edge}{part}": text for edge in ("start", "end") for part, text in stamp.items()
            }
            file.create_group("dataset1/what").attrs.update(what)
            about = {"quantity": "RATE"} | packing | changes
            file.create_group("dataset1/data1/what").attrs.update(about)
            packed = np.where(np.isnan(rate), 65535, rate * 100).astype(np.uint16)
            file["dataset1/data1"].create_dataset("data", data=packed)
    return folder


NOTHING_STATED = Options()


def read(path: Path, options: Options = NOTHING_STATED, cell_km: float | None = None) -> Series:
    return open_series([path], options, cell_km)


def values(series: Series) -> NDArray[np.float32]:
    return np.stack(list(series.rates()))


@pytest.mark.parametrize("write", [netcdf, geotiffs, odim])
def test_every_format_gives_the_same_frames_and_grid(
    tmp_path: Path, write: Callable[[Path], Path]
) -> None:
    series = read(write(tmp_path))
    np.testing.assert_allclose(values(series), rates(), rtol=1e-6)
    np.testing.assert_array_equal(series.times, START + STEP * np.arange(3))
    assert series.grid.shape == SHAPE
    assert series.grid.cell == pytest.approx(CELL)
    assert (series.grid.west, series.grid.north) == pytest.approx((WEST, NORTH), abs=1)
    assert series.cadence == 300


def from_the_south(given: xr.Dataset) -> xr.Dataset:
    return given.isel(y=slice(None, None, -1))


def in_kilometres(given: xr.Dataset) -> xr.Dataset:
    axes = {n: (n, given[n].values / 1000, {"units": "km"}) for n in ("y", "x")}
    return given.assign_coords(axes)


def packed(given: xr.Dataset) -> xr.Dataset:
    given["rain"].encoding |= {"dtype": "int16", "scale_factor": 0.01, "_FillValue": -1}
    return given


@pytest.mark.parametrize("change", [from_the_south, in_kilometres, packed])
def test_ways_to_write_netcdf_give_the_same_frames(tmp_path: Path, change: Change) -> None:
    series = read(netcdf(tmp_path, change))
    np.testing.assert_allclose(values(series), rates(), atol=0.006)
    assert series.grid.north == pytest.approx(NORTH)


@pytest.mark.parametrize(
    ("units", "factor"),
    [
        ("mm/h", 1),
        ("kg m-2 s-1", 1 / 3600),
        ("m s-1", 1 / 3.6e6),
        ("mm", 5 / 60),
        ("kg m-2", 5 / 60),
    ],
)
def test_units_are_brought_to_mm_per_hour(tmp_path: Path, units: str, factor: float) -> None:
    def in_units(given: xr.Dataset) -> xr.Dataset:
        given["rain"] = (given["rain"] * factor).assign_attrs(given["rain"].attrs, units=units)
        return given

    np.testing.assert_allclose(values(read(netcdf(tmp_path, in_units))), rates(), rtol=1e-5)


def test_reflectivities_are_rates_by_the_relation_that_is_given(tmp_path: Path) -> None:
    def in_dbz(given: xr.Dataset) -> xr.Dataset:
        dbz = given["rain"].copy(data=10 * np.log10(256 * given["rain"].values ** 1.42))
        return given.assign(rain=dbz.assign_attrs(units="dBZ"))

    series = read(netcdf(tmp_path, in_dbz), Options(zr=(256.0, 1.42)))
    np.testing.assert_allclose(values(series), rates(), rtol=1e-5)


def test_degrees_are_brought_to_squares_in_kilometres(tmp_path: Path) -> None:
    def in_degrees(given: xr.Dataset) -> xr.Dataset:
        y, x = 52 - 0.05 * np.arange(4), 5 + 0.05 * np.arange(6)
        degrees = {
            "y": ("y", y, {"units": "degrees_north"}),
            "x": ("x", x, {"units": "degrees_east"}),
        }
        given["rain"].attrs.pop("grid_mapping")
        return given.drop_vars("crs").assign_coords(degrees)

    path = netcdf(tmp_path, in_degrees)
    with pytest.raises(BadField, match="should be squares in metres; --cell-km"):
        read(path)
    series = read(path, cell_km=5)
    assert series.grid.cell == 5000
    assert np.nanmean(values(series)) == pytest.approx(np.nanmean(rates()), rel=0.1)


def test_cells_are_averaged_by_whole_blocks(tmp_path: Path) -> None:
    small = values(read(netcdf(tmp_path), cell_km=5))
    assert small.shape == (3, 2, 3)
    np.testing.assert_allclose(small[0, 0, 0], rates()[0, :2, :2].mean())
    np.testing.assert_allclose(small[0, 1, 2], np.nanmean(rates()[0, 2:, 4:]))


def test_cells_larger_than_the_composite_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadField, match="choose a smaller --cell-km"):
        read(netcdf(tmp_path), cell_km=90)


def named(name: str, **about: str) -> Change:
    """The rain under another name and without a standard name, beside what is no rain."""

    def change(given: xr.Dataset) -> xr.Dataset:
        rain = given["rain"]
        attributes = {"units": "mm h-1", "grid_mapping": "crs"} | about
        return given.drop_vars("rain").assign(
            {
                name: rain.drop_attrs().assign_attrs(attributes),
                "height": rain.isel(time=0, drop=True).drop_attrs().assign_attrs(units="m"),
                "wind": rain.drop_attrs().assign_attrs(units="m s-1"),
                "snow": rain.assign_attrs(standard_name="snowfall_flux"),
                "quality": rain.drop_attrs(),
                "time_bnds": (("time", "nv"), np.zeros((3, 2))),
            }
        )

    return change


@pytest.mark.parametrize("units", ["mm h-1", "mm/h", "mm", "kg m-2", "kg m-2 s-1", "dBZ"])
def test_the_only_variable_that_can_be_rain_is_taken(tmp_path: Path, units: str) -> None:
    series = read(netcdf(tmp_path, named("RAINRATE", units=units)))
    assert {frame.variable for frame in series.frames} == {"RAINRATE"}
    if units == "mm h-1":
        np.testing.assert_array_equal(values(series), rates())


def test_without_units_the_only_field_is_taken_which_then_needs_them(tmp_path: Path) -> None:
    def bare(given: xr.Dataset) -> xr.Dataset:
        return given.assign(rain=given["rain"].drop_attrs().assign_attrs(grid_mapping="crs"))

    path = netcdf(tmp_path, bare)
    series = read(path, Options(units="mm/h"))
    assert series.frames[0].variable == "rain"
    with pytest.raises(BadField, match="states no units"):
        values(read(path))


def test_where_two_can_be_rain_both_are_named(tmp_path: Path) -> None:
    def two(given: xr.Dataset) -> xr.Dataset:
        changed = named("first")(given)
        return changed.assign(second=changed["first"])

    path = netcdf(tmp_path, two)
    with pytest.raises(BadField, match="holds first, second, each of which can be rain"):
        read(path)
    assert read(path, Options(variable="second")).frames[0].variable == "second"


def test_files_whose_rain_has_different_names_are_not_one_series(tmp_path: Path) -> None:
    for folder, name in (("a", "first"), ("b", "second")):
        (tmp_path / folder).mkdir()
        netcdf(tmp_path / folder, named(name))
    with pytest.raises(BadField, match=r"is second, of .* first; name it by --variable"):
        read(tmp_path)


def without_projection(given: xr.Dataset) -> xr.Dataset:
    given["rain"].attrs.pop("grid_mapping")
    return given.drop_vars("crs")


def with_wrong_places(given: xr.Dataset) -> xr.Dataset:
    y, x = np.meshgrid(given["y"], given["x"], indexing="ij")
    to_degrees = Transformer.from_crs(RD, "EPSG:4326", always_xy=True)
    lon, lat = to_degrees.transform(x, y)
    return given.assign_coords(lat=(("y", "x"), lat[::-1]), lon=(("y", "x"), lon))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.drop_vars("rain"), "holds .*; which is the rain"),
        (lambda d: d.assign(rain=d["rain"].assign_attrs(units="inch")), "units are 'inch'"),
        (lambda d: d.assign(rain=d["rain"].assign_attrs(units="")), "states no units.*--units"),
        (without_projection, "no grid_mapping.*--projection"),
        (with_wrong_places, "0.0 cells east and 3.0 cells south of where"),
        (lambda d: d.isel(x=slice(None, None, -1)), "x falls, should rise from west to east"),
        (lambda d: d.isel(y=[0, 1, 3]), "y has unequal steps"),
        (lambda d: d.drop_vars("y"), "no coordinates y and x"),
        (lambda d: d.transpose("time", "x", "y"), r"is \(x, y\), should be \(y, x\)"),
        (lambda d: d.assign(rain=d["rain"] * 1000), "rates reach .* should be at most 500"),
        (lambda d: d.assign(rain=d["rain"].fillna(-99)), "reach down to -99"),
        (lambda d: d.isel(time=[0]), "one frame only"),
        (lambda d: d.isel(time=[0, 1, 1]), "2021-06-21T12:05:00; name each frame once"),
        (lambda d: d.drop_vars("time"), "no coordinate time with units"),
        (
            lambda d: d.assign_coords(time=START + STEP * np.array([0, 100, 200])),
            "no two frames are less than 3 hours apart",
        ),
    ],
)
def test_what_a_file_lacks_is_named_with_what_to_do(
    tmp_path: Path, change: Change, message: str
) -> None:
    def kept(given: xr.Dataset) -> xr.Dataset:
        about = given["rain"].attrs
        changed = change(given)
        if "rain" in changed and not changed["rain"].attrs:
            changed["rain"].attrs = about
        return changed

    with pytest.raises(BadField, match=message):
        values(read(netcdf(tmp_path, kept)))


@pytest.mark.parametrize(
    ("about", "message"),
    [
        ({"units": "furlongs since 2021"}, "'furlongs since 2021' in the calendar"),
        ({"units": "seconds since never"}, "which give no times"),
        ({"calendar": "360_day"}, "'360_day', which give no times"),
        ({"units": 5}, "which give no times"),
        ({"missing_value": 0}, "time lacks values"),
    ],
)
def test_times_that_cannot_be_read_are_named(
    tmp_path: Path, about: dict[str, object], message: str
) -> None:
    path = netcdf(tmp_path)
    with netCDF4.Dataset(path, "a") as file:
        file["time"].setncatts(about)
    with pytest.raises(BadField, match=message):
        read(path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"object": "PVOL"}, "object is 'PVOL', should be 'COMP'"),
        ({"quantity": "VRAD"}, "quantity is 'VRAD'"),
        ({"xscale": 2000.0}, "corners are .* km apart .* should be 12.0"),
        ({"projdef": "somewhere"}, "projection is 'somewhere', which is none"),
    ],
)
def test_what_an_odim_file_lacks_is_named(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(BadField, match=message):
        read(odim(tmp_path, **changes))


def test_what_a_geotiff_lacks_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadField, match="states no projection; give it by --projection"):
        read(geotiffs(tmp_path, crs=None))
    assert read(tmp_path, Options(projection=RD)).grid.shape == SHAPE
    (tmp_path / "later").mkdir()
    with pytest.raises(BadField, match="states no time"):
        read(geotiffs(tmp_path / "later", name="frame.tif"))


def importer_of_pysteps(path: str) -> tuple[NDArray[np.float32], None, dict[str, Any]]:
    """As an importer of pysteps: frames of decibels that begin in the south."""
    about = {"projection": RD, "x1": WEST, "x2": WEST + CELL * 6, "y1": NORTH - CELL * 4}
    about |= {"y2": NORTH, "yorigin": "lower", "unit": "mm/h", "transform": "dB", "accutime": 5}
    return 10 * np.log10(rates()[0][::-1]), None, about


def test_other_files_are_read_by_an_importer_of_pysteps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def get_method(name: str, kind: str) -> object:
        if name != "somewhere":
            raise ValueError("unknown")
        return importer_of_pysteps

    module = ModuleType("pysteps.io")
    module.__dict__["get_method"] = get_method
    monkeypatch.setitem(sys.modules, "pysteps.io", module)
    for minute in (0, 5):
        (tmp_path / f"RAD_2021062112{minute:02d}.bin").touch()
    series = read(tmp_path, Options(importer="somewhere"))
    np.testing.assert_allclose(values(series)[0], rates()[0], rtol=1e-5)
    assert series.cadence == 300
    with pytest.raises(BadField, match="no importer 'none_such'"):
        read(tmp_path, Options(importer="none_such"))
    with pytest.raises(BadField, match="neither netCDF, ODIM HDF5 nor GeoTIFF; --importer"):
        read(tmp_path)


def test_an_event_is_read_as_it_was_written(tmp_path: Path) -> None:
    series = read(netcdf(tmp_path))
    path = tmp_path / "event.zarr"
    event_store.write_event(path, series, "CC-BY-4.0", CREDIT)
    event = event_store.read_event(path)
    np.testing.assert_array_equal(event.rates, rates())
    np.testing.assert_array_equal(event.times, series.times)
    assert event.grid.shape == SHAPE
    assert (event.grid.west, event.grid.north, event.grid.cell) == (WEST, NORTH, CELL)
    with xr.open_zarr(path, consolidated=False) as found:
        assert found.attrs["license"] == "CC-BY-4.0"
        assert found["rainfall_rate"].dims == ("time", "y", "x")
        assert CRS(found["crs"].attrs["crs_wkt"]) == CRS(RD)
        assert found["crs"].attrs["spatial_ref"] == found["crs"].attrs["crs_wkt"]
        assert found["rainfall_rate"].encoding["chunks"] == (1, *SHAPE)
        np.testing.assert_array_equal(found["time"], series.times)


def test_missing_times_are_listed_within_events_alone(tmp_path: Path) -> None:
    def with_gaps(given: xr.Dataset) -> xr.Dataset:
        four = xr.concat([given, given.isel(time=[0])], "time", data_vars="minimal")
        return four.assign_coords(time=START + STEP * np.array([0, 1, 4, 100]))

    series = read(netcdf(tmp_path, with_gaps))
    np.testing.assert_array_equal(series.missing, START + STEP * np.array([2, 3]))
    event_store.write_event(tmp_path / "event.zarr", series, "CC0-1.0", CREDIT)
    event = event_store.read_event(tmp_path / "event.zarr")
    np.testing.assert_array_equal(event.missing, series.missing)
    assert "2 are missing" in next(summary(event))


@pytest.mark.parametrize(
    ("licence", "name", "message"),
    [
        ("free for all!", "event.zarr", "licence is 'free for all!'.*spdx.org"),
        ("CC0-1.0", "event.nc", "should end in .zarr"),
        ("CC0-1.0", "there.zarr", "exists; remove it"),
    ],
)
def test_an_event_needs_a_licence_and_a_free_name(
    tmp_path: Path, licence: str, name: str, message: str
) -> None:
    (tmp_path / "there.zarr").mkdir()
    series = read(netcdf(tmp_path))
    with pytest.raises((BadField, SourceUnavailable), match=message):
        event_store.write_event(tmp_path / name, series, licence, CREDIT)
    assert not list(tmp_path.glob(".*"))


def test_a_damaged_event_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "event.zarr"
    event_store.write_event(path, read(netcdf(tmp_path)), "CC0-1.0", CREDIT)
    (path / "rainfall_rate/c/0/0/0").write_bytes(b"no chunk")
    with pytest.raises(BadField, match="no event that can be read"):
        event_store.read_event(path)


def test_the_summary_says_what_looks_wrong(tmp_path: Path) -> None:
    def too_small(given: xr.Dataset) -> xr.Dataset:
        return given.assign(rain=(given["rain"] / 1000).assign_attrs(given["rain"].attrs))

    event_store.write_event(
        tmp_path / "e.zarr", read(netcdf(tmp_path, too_small)), "CC0-1.0", CREDIT
    )
    lines = list(summary(event_store.read_event(tmp_path / "e.zarr")))
    assert any("are the units right?" in line for line in lines)
    assert any("finer than the 5 km" in line for line in lines)


def test_cells_of_a_few_metres_look_wrong(tmp_path: Path) -> None:
    def kilometres_called_metres(given: xr.Dataset) -> xr.Dataset:
        return given.assign_coords(
            {axis: (axis, given[axis].values / 1000, given[axis].attrs) for axis in "yx"}
        )

    written = read(netcdf(tmp_path, kilometres_called_metres))
    event_store.write_event(tmp_path / "e.zarr", written, "CC0-1.0", CREDIT)
    lines = summary(event_store.read_event(tmp_path / "e.zarr"))
    assert any("are the units of the coordinates right?" in line for line in lines)
