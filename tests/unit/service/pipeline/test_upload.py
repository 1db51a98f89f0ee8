"""Uploaded frames become fields that keep the contract, or are refused with what is wrong."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import netCDF4
import numpy as np
import pytest
import xarray as xr
from xarray import DataArray

from ingest import BadField
from ingest.formats import netcdf, sandbox_worker
from ingest.grid import NATIONAL_SPHERE, NATIONAL_WGS84, known_grid, same_grid
from ingest.precipitation import SIMULATED, check, credit, make
from model_zoo.forecasters.baselines import Persistence
from service.archive.key import to_datetime
from service.pipeline import upload
from tests.showers import frame, rate, time

NETCDF = "application/x-netcdf"
LAEA = "+proj=laea +lat_0=52 +lon_0=10 +x_0=0 +y_0=0 +ellps=GRS80 +units=m"


def frames(*numbers: int, small: bool = True, **about: Any) -> DataArray:
    each = [
        frame(number) if small else make(rate(number), time(number), NATIONAL_SPHERE, "RY")
        for number in numbers
    ]
    combined = xr.concat(each, "time", coords="minimal", compat="override")
    return combined.assign_attrs(about)


def elsewhere(rows: int = 64, columns: int = 96) -> DataArray:
    """Frames on a grid of 2 km in another projection."""
    rain = np.random.default_rng(1).gamma(0.3, 2, (3, rows, columns)).astype(np.float32)
    grid = {"x": 2000.0 * np.arange(columns), "y": 3e5 - 2000.0 * np.arange(rows)}
    times = [time(number) for number in range(3)]
    return DataArray(rain, dims=("time", "y", "x"), coords={"time": times, **grid})


def as_json(field: DataArray, **extra: Any) -> bytes:
    content = {
        "times": [to_datetime(valid).isoformat() for valid in field["time"].values],
        "rainfall_rate": json.loads(json.dumps(field.values.tolist()).replace("NaN", "null")),
    }
    return json.dumps({"frames": content | extra}).encode()


def test_frames_on_the_model_grid_come_as_they_are() -> None:
    given = frames(0, 1, 2)
    for packed in (True, False):
        parsed = upload.read(netcdf.encode(given, packed=packed), NETCDF)
        xr.testing.assert_equal(parsed, given)
        check(parsed)


def test_frames_on_the_national_grid_come_to_the_model_grid() -> None:
    parsed = upload.read(netcdf.encode(frames(0, 1, small=False)), NETCDF)
    np.testing.assert_array_equal(parsed, frames(0, 1))
    assert same_grid(parsed, frame(0))


def test_json_says_the_same_as_netcdf() -> None:
    given = frames(0, 1)
    parsed = upload.read(as_json(given, grid={"name": "sphere"}), upload.JSON)
    xr.testing.assert_equal(parsed, given)
    assert np.isnan(parsed).any()
    assert (parsed == 0).any()
    assert "model" not in parsed.attrs
    as_said = upload.read(as_json(given)[:-1] + b', "model": "advection"}', upload.JSON)
    assert as_said.attrs["model"] == "advection"
    assert known_grid(as_said) == NATIONAL_WGS84.coarser(5), "what composites are on today"


def test_frames_may_be_on_a_grid_of_their_own() -> None:
    given = elsewhere()
    axes = {axis: given[axis].values.tolist() for axis in ("x", "y")}
    for projection in (LAEA, "EPSG:3035"):
        body = as_json(given, grid={**axes, "projection": projection})
        parsed = upload.read(body, upload.JSON)
        np.testing.assert_allclose(parsed, given, rtol=1e-6)
        assert same_grid(parsed, given)
        assert parsed["crs"].attrs["grid_mapping_name"] == "lambert_azimuthal_equal_area"
        again = upload.read(netcdf.encode(parsed), NETCDF)
        xr.testing.assert_equal(again, parsed)
        assert again["crs"].attrs["latitude_of_projection_origin"] == 52


def test_packed_numbers_are_unpacked_and_what_is_filled_is_no_data(tmp_path: Path) -> None:
    given = frames(0, 1)
    packed = given.drop_vars(["lat", "lon"]).to_dataset()
    encoding = {"rainfall_rate": {"dtype": "i2", "scale_factor": 0.01, "_FillValue": -1}}
    packed.to_netcdf(tmp_path / "packed.nc", encoding=encoding)
    parsed = upload.read((tmp_path / "packed.nc").read_bytes(), NETCDF)
    np.testing.assert_allclose(parsed, given, atol=0.006)
    np.testing.assert_array_equal(np.isnan(parsed), np.isnan(given))


def test_nobody_is_credited_for_frames_that_anybody_may_have_made() -> None:
    body = netcdf.encode(frames(0, 1, source="radar composite of Deutscher Wetterdienst"))
    assert "Wetterdienst" not in credit(upload.read(body, NETCDF))
    body = netcdf.encode(frames(0, 1, source=SIMULATED))
    assert credit(upload.read(body, NETCDF)) == "Simulated rain, seen by no radar"


def changed(change: Callable[[DataArray], DataArray]) -> bytes:
    return netcdf.encode(change(frames(0, 1)))


def json_with(**change: Any) -> bytes:
    return json.dumps({"frames": json.loads(as_json(frames(0, 1)))["frames"] | change}).encode()


def grid(**change: Any) -> bytes:
    given = elsewhere()
    axes = {axis: given[axis].values.tolist() for axis in ("x", "y")}
    return as_json(given, grid={**axes, "projection": LAEA} | change)


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"", "cannot be read to its end"),
        (b"CDF\x01", "cannot be read to its end"),
        (netcdf.encode(frames(0, 1))[:-50_000], "cannot be read to its end"),
        (changed(lambda f: f[:1]), "holds 1 frames, should hold 2 to 24"),
        (changed(lambda f: f * -1), "should lie in 0 to 500"),
        (changed(lambda f: f * 1e9), "should lie in 0 to 500"),
        (changed(lambda f: f * np.nan), "no cell has data"),
        (changed(lambda f: f.isel(time=[1, 0])), "should rise"),
        (changed(lambda f: f.isel(time=[0, 0])), "should rise"),
        (changed(lambda f: f[:, ::-1]), "rows run from south to north"),
        (changed(lambda f: f[:, :, ::-1]), "columns run from east to west"),
        (changed(lambda f: f.assign_attrs(units="kg m-2")), "units are 'kg m-2'"),
        (changed(lambda f: f[:, :, [0, 1, *range(3, 180)]]), "x should be in even steps"),
        (changed(lambda f: f[:, :20, :20]), "should have at least 32 along each side"),
        (changed(lambda f: Persistence()(f, 2)), "is a forecast"),
        (changed(lambda f: f.assign_coords(
            time=f.time + np.timedelta64(30, "s"))), "whole multiples of 5 minutes"),
    ],
)  # fmt: skip
def test_netcdf_that_breaks_the_contract_is_refused(body: bytes, problem: str) -> None:
    with pytest.raises(BadField, match=problem):
        upload.read(body, NETCDF)


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"{", "cannot be read to its end"),
        (b"[]", "should hold 'frames'"),
        (b'{"frames": []}', "should hold 'frames'"),
        (b'{"model": 5, "frames": {"times": [], "rainfall_rate": []}}', "'model' should be a text"),
        (b'{"frames": {"times": [], "rainfall_rate": []}}', "should be frames of rows"),
        (json_with(times=["2026-06-21T22:30:00Z"]), "1 times for 2 frames"),
        (json_with(times=["yesterday", "today"]), "times should be as"),
        (json_with(times=[1, 2]), "should be a list of texts"),
        (json_with(times=["1066-10-14T09:00Z", "1066-10-14T09:05Z"]), "from 1900"),
        (json_with(rainfall_rate=[[[1.0] * 180] * 180, [[1.0] * 180] * 179]), "has 179 where"),
        (json_with(rainfall_rate=[[[1.0] * 180] * 180, [[1.0] * 180] * 179 + [5]]), "has 5 where"),
        (json_with(rainfall_rate=[[["1"] * 180] * 180] * 2), "should hold numbers, and null"),
        (json_with(rainfall_rate=[[[True] * 180] * 180] * 2), "should hold numbers, and null"),
        (json_with(rainfall_rate=[[[1e300] * 180] * 180] * 2), "should lie in 0 to 500"),
        (json_with(rainfall_rate=[[[None] * 180] * 180] * 2), "no cell has data"),
        (json_with(rainfall_rate=[[[1.0] * 180] * 181] * 2), "have 181 x 180 cells"),
        (json_with(rainfall_rate=[[[0.0]]] * 25), "holds 25 frames"),
        (json_with(rainfall_rate=[[[0.0] * 1201]] * 2), "at most 1200 a side"),
        (json_with(grid="wgs84"), "'grid' should be an object"),
        (json_with(grid={"name": "mars"}), "grid is 'mars', should be one of sphere, wgs84"),
        (grid(x=[0.0, 2000.0]), "x has 2 values, should have 96"),
        (grid(x="x"), "'x' of the grid should be a list"),
        (grid(x=["1"] * 96), "'x' of the grid should hold numbers"),
        (grid(y=(-1e3 * np.arange(64)).tolist()), "should be squares"),
        (grid(projection=5), "'projection' of the grid should be a text"),
        (grid(projection="EPSG:4326"), "should be a plane in m"),
        (grid(projection="EPSG:999999"), "has no projection that is known"),
        (grid(projection="+proj=laea +nadgrids=/etc/passwd"), "projection is"),
        (grid(projection="+init=/etc/passwd:1"), "projection is"),
        (grid(projection="/etc/passwd"), "projection is"),
        (grid(projection=LAEA.replace("=m", "=km")), "should be a plane in m"),
        (grid(projection=None), "'projection' of the grid should be a text"),
    ],
)  # fmt: skip
def test_json_that_breaks_the_contract_is_refused(body: bytes, problem: str) -> None:
    with pytest.raises(BadField, match=problem):
        upload.read(body, upload.JSON)


def packed(tmp_path: Path, kind: str, scale: float, offset: float = 0.0) -> bytes:
    """Frames as whole numbers of a scale, whatever the scale says afterwards."""
    field, path = frames(0, 1), tmp_path / "packed.nc"
    stored = field.drop_vars(["lat", "lon"]).copy(data=np.rint(field / 0.01) * 0.01)
    how = {"dtype": kind, "scale_factor": 0.01, "add_offset": 0.0, "_FillValue": -1}
    if kind == "f4":
        how = {"dtype": kind, "scale_factor": 1.0, "add_offset": 0.0}
    stored.to_dataset(name="rainfall_rate").to_netcdf(path, encoding={"rainfall_rate": how})
    with netCDF4.Dataset(path, "a") as file:
        file["rainfall_rate"].setncatts({"scale_factor": scale, "add_offset": offset})
    return path.read_bytes()


def test_packed_rates_are_unpacked(tmp_path: Path) -> None:
    parsed = upload.read(packed(tmp_path, "i4", 0.01), NETCDF)
    np.testing.assert_allclose(parsed, frames(0, 1), atol=0.006)


def test_packing_noise_below_nothing_is_dry(tmp_path: Path) -> None:
    parsed = upload.read(packed(tmp_path, "i4", 0.01, -0.01), NETCDF)
    assert float(parsed.min()) == 0


@pytest.mark.parametrize(
    ("kind", "scale", "offset", "why"),
    [
        ("i4", 0.0, 0.0, "scale_factor is 0, should be 1e-05 to 1"),
        ("i4", -0.01, 0.0, "scale_factor is -0.01"),
        ("i4", 1e-12, 0.0, "scale_factor is 1e-12"),
        ("i4", np.nan, 0.0, "should be a number"),
        ("i4", 0.01, -1e9, "add_offset is -1e"),
        ("i4", 0.01, np.inf, "should be a number"),
        ("i4", 0.01, -0.05, "rates reach from -0.05"),
        ("f4", 1e-9, 0.0, "should be 1 and 0 beside float32"),
        ("f4", 1.0, -20.0, "should be 1 and 0 beside float32"),
    ],
)
def test_a_scale_that_makes_rain_dry_is_refused(
    tmp_path: Path, kind: str, scale: float, offset: float, why: str
) -> None:
    with pytest.raises(BadField, match=why.replace(".", r"\.")):
        upload.read(packed(tmp_path, kind, scale, offset), NETCDF)


@pytest.mark.parametrize("units", ["mm/hr", "mm.h-1", "kg m-2 h-1"])
def test_millimetres_per_hour_are_taken_in_any_spelling(units: str) -> None:
    given = frames(0, 1, 2)
    parsed = upload.read(netcdf.encode(given.assign_attrs(units=units)), NETCDF)
    xr.testing.assert_equal(parsed, given)


# parts of netCDF-4 that are not there, which HDF5 fills with 0 without a word


def stored_anew(name: str, store: Callable[[h5py.Group, DataArray], None]) -> bytes:
    """Frames in netCDF-4 of which one variable is stored in another way."""
    given = frames(0, 1)
    file = io.BytesIO(netcdf.encode(given))
    with h5py.File(file, "r+") as h5:
        kept, is_scale = dict(h5[name].attrs), h5py.h5ds.is_scale(h5[name].id)
        scales = [] if is_scale else [h5[dim] for dim in given.dims]
        del h5[name]
        store(h5, given[name] if name in given.coords else given)
        for axis, scale in enumerate(scales):
            h5[name].dims[axis].attach_scale(scale)
        for attribute in ("units", "grid_mapping", "calendar"):
            if attribute in kept:
                h5[name].attrs[attribute] = kept[attribute]
    return file.getvalue()


def in_pieces(*written: slice) -> Callable[[h5py.Group, DataArray], None]:
    def store(h5: h5py.Group, given: DataArray) -> None:
        new = h5.create_dataset("rainfall_rate", given.shape, "f4", chunks=(1, 90, 90))
        for part in written:
            new[part] = given.values[part]

    return store


def test_rates_of_which_pieces_are_not_stored_are_refused() -> None:
    whole = upload.read(stored_anew("rainfall_rate", in_pieces(slice(None))), NETCDF)
    np.testing.assert_array_equal(whole, frames(0, 1))
    for written in ((), (slice(0, 1),)):
        body = stored_anew("rainfall_rate", in_pieces(*written))
        with pytest.raises(BadField, match=r"lacks the piece of 'rainfall_rate' at \d, 0, 0"):
            upload.read(body, NETCDF)


def test_rates_of_which_nothing_is_stored_are_refused() -> None:
    body = stored_anew(
        "rainfall_rate",
        lambda h5, given: h5.create_dataset("rainfall_rate", given.shape, "f4") and None,
    )
    with pytest.raises(BadField, match="'rainfall_rate', of which nothing is stored"):
        upload.read(body, NETCDF)


def test_rates_in_the_header_of_their_data_set_are_read() -> None:
    """HDF5 stores small ones so where a program asks for it."""
    small = elsewhere(32, 32)[:2]
    file = io.BytesIO()
    with h5py.File(file, "w") as h5:
        plan = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        plan.set_layout(h5py.h5d.COMPACT)
        space = h5py.h5s.create_simple(small.shape)
        h5py.h5d.create(h5.id, b"field", h5py.h5t.NATIVE_FLOAT, space, plan)
        h5["field"][...] = small.values
        sandbox_worker.check_stored(h5["field"])
        assert h5["field"].id.get_offset() is None


@pytest.mark.parametrize("unlimited", [(), ("time",)])
def test_netcdf_of_other_programs_is_whole(tmp_path: Path, unlimited: tuple[str, ...]) -> None:
    path, given = tmp_path / "frames.nc", frames(0, 1, 2)
    for kind in ("NETCDF4", "NETCDF4_CLASSIC", "NETCDF3_CLASSIC", "NETCDF3_64BIT"):
        given.drop_vars(["lat", "lon"]).to_dataset().to_netcdf(
            path, format=kind, unlimited_dims=unlimited
        )
        np.testing.assert_array_equal(upload.read(path.read_bytes(), NETCDF), given)
