"""ODIM composites as DWD, OPERA and others write them, and what scales them."""

import io
from collections.abc import Callable
from typing import Any

import h5py
import numpy as np
import pytest
from numpy.typing import NDArray
from pyproj import Transformer

from ingest import BadField, parse
from ingest.formats.odim import check_kind
from ingest.formats.radolan import HIGHEST_DBZ
from ingest.grid import NATIONAL_WGS84, lies_on
from ingest.precipitation import credit
from tests.unit.ingest.formats.test_radar_file import DE1200

OPERA = "+proj=laea +lat_0=55.0 +lon_0=10.0 +x_0=1950000.0 +y_0=-2100000.0 +units=m +ellps=WGS84"
TIME = np.datetime64("2024-06-01T12:00", "ns")


def counts(kind: str = "u2") -> NDArray[Any]:
    """Nothing but 50 in a square, 2 beside it, and no data in the north of the national grid."""
    field = np.zeros((1200, 1100), kind)
    field[500:600, 500:600] = 50
    field[500:600, 600:700] = 2
    field[150:200] = np.iinfo(kind).max
    return field


def write(
    field: NDArray[Any],
    about: dict[str, Any],
    where: dict[str, Any],
    what: dict[str, Any],
    source: str,
    change: Callable[[h5py.File], object],
) -> bytes:
    file = io.BytesIO()
    with h5py.File(file, "w") as h5:
        h5.create_group("what").attrs.update(date="20240601", time="120000", source=source)
        h5.create_group("where").attrs.update(where)
        times = {"startdate": "20240601", "starttime": "115500"}
        times |= {"enddate": "20240601", "endtime": "120000"}
        h5.create_group("dataset1/what").attrs.update(times | what)
        h5.create_group("dataset1/data1/what").attrs.update(about)
        h5["dataset1/data1"].create_dataset("data", data=field, compression="gzip")
        change(h5)
    return file.getvalue()


def nothing(h5: h5py.File) -> None: ...


def german(
    quantity: str = "ACRR", kind: str = "u2", change: Callable[[h5py.File], object] = nothing,
    **about: Any,
) -> bytes:  # fmt: skip
    packing = {"gain": 0.01, "offset": 0.0, "nodata": float(np.iinfo(kind).max), "undetect": 0.0}
    where = {"projdef": DE1200, "xsize": 1100, "ysize": 1200, "xscale": 1000.0, "yscale": 1000.0}
    data_what = {"quantity": quantity} | packing | about
    return write(counts(kind), data_what, where, {"prodname": "RY"}, "ORG:78,CTY:616", change)


def european(change: Callable[[h5py.File], object] = nothing, **where: Any) -> bytes:
    """The rate in OPERA's 2 km cells, as numbers that are not packed: 7 mm/h east of 10 E."""
    to_degrees = Transformer.from_crs(OPERA, "EPSG:4326", always_xy=True)
    x, y = np.meshgrid(2000 * (np.arange(1900) + 0.5), -2000 * (np.arange(2200) + 0.5))
    longitude, latitude = to_degrees.transform(x, y)
    rate = np.where(longitude > 10, 7.0, -8_888_000.0)
    rate[latitude > 54] = -9_999_000.0
    corners = {"UL": (0, 0), "LR": (3_800_000, -4_400_000)}
    grid = {"projdef": OPERA, "xsize": 1900, "ysize": 2200, "xscale": 2000.0, "yscale": 2000.0}
    for name, place in corners.items():
        grid[f"{name}_lon"], grid[f"{name}_lat"] = to_degrees.transform(*place)
    about = {"quantity": "RATE", "gain": 1.0, "offset": 0.0}
    about |= {"nodata": -9_999_000.0, "undetect": -8_888_000.0}
    return write(rate, about, grid | where, {"product": "COMP"}, "ORG:247", change)


def rate_at(data: bytes, row: int, column: int) -> float:
    """The rate of a cell of DE1200."""
    return float(parse(data, "x").values[0, row - 150, column - 20])


@pytest.mark.parametrize(
    ("quantity", "gain", "offset", "rate"),
    [
        ("ACRR", 0.01, 0.0, 6.0),
        ("ACRR", 0.1, 0.0, 60.0),
        ("ACRR", 0.01, -0.01, 5.88),
        ("RATE", 0.12, 0.0, 6.0),
        ("RATE", 0.1, 0.0, 5.0),
        ("DBZH", 0.5, -32.5, 10 ** ((-0.75 - 10 * np.log10(256) / 10) / 1.42)),
    ],
)
def test_each_quantity_becomes_a_rate(
    quantity: str, gain: float, offset: float, rate: float
) -> None:
    data = german(quantity, gain=gain, offset=offset)
    assert rate_at(data, 550, 550) == pytest.approx(rate, rel=1e-5)
    assert rate_at(data, 700, 700) == 0, "nothing detected is dry"
    assert np.isnan(rate_at(data, 160, 550)), "no data is none"


def test_the_strongest_echo_is_capped_and_no_weather_is_refused() -> None:
    def stronger(value: int) -> Callable[[h5py.File], object]:
        return lambda h5: h5["dataset1/data1/data"].write_direct(
            np.full((1, 1100), value, "u1"), dest_sel=np.s_[700:701]
        )

    scale = {"gain": 0.5, "offset": -32.5}
    hail = german("DBZH", "u1", stronger(220), **scale)
    assert rate_at(hail, 700, 700) == pytest.approx((10 ** (HIGHEST_DBZ / 10) / 256) ** (1 / 1.42))
    with pytest.raises(BadField, match="over 90 dBZ"):
        parse(german("DBZH", "u1", stronger(254), **scale), "x")


@pytest.mark.parametrize(
    "written",
    [
        {"gain": np.bytes_("0.01"), "offset": "0.0"},
        {"gain": np.array([0.01]), "offset": np.array([0.0], "f4")},
        {"nodata": "65535", "undetect": np.array([0])},
    ],
)
def test_numbers_may_be_written_as_texts_or_arrays(written: dict[str, Any]) -> None:
    assert rate_at(german(**written), 550, 550) == pytest.approx(6.0)


@pytest.mark.parametrize("quantity", ["ACRR", "RATE", "DBZH"])
@pytest.mark.parametrize(
    "scale",
    [
        {"gain": 0.0},
        {"gain": -0.01},
        {"gain": 1e-9},
        {"gain": 0.005},
        {"gain": 0.25},
        {"offset": -1e6},
        {"offset": -0.5},
        {"offset": 3.0},
        {"gain": np.nan},
        {"gain": "much"},
        {"gain": np.inf},
        {"gain": np.array([0.01, 0.01])},
    ],
    ids=str,
)
def test_a_scale_that_no_product_has_is_refused(quantity: str, scale: dict[str, Any]) -> None:
    usual = {"gain": 0.5, "offset": -32.5} if quantity == "DBZH" else {}
    with pytest.raises(BadField, match=r"gain is|offset is"):
        parse(german(quantity, **usual | scale), "x")


@pytest.mark.parametrize(
    ("marks", "why"),
    [
        ({"undetect": 50.0}, "undetect is 50, should be below all others"),
        ({"undetect": 65535.0}, "should differ"),
        ({"nodata": 70000.0}, "nodata is 70000, should be a number of uint16"),
        ({"undetect": 0.5}, "undetect is 0.5, should be a number of uint16"),
        ({"nodata": 32767.0}, "rates reach"),
        ({"undetect": "none"}, "undetect is 'none', should be a number"),
    ],
)
def test_marks_that_hide_rain_or_make_it_are_refused(marks: dict[str, Any], why: str) -> None:
    with pytest.raises(BadField, match=why):
        parse(german(**marks), "x")


def test_a_negative_amount_beyond_packing_noise_is_refused() -> None:
    def below(h5: h5py.File) -> None:
        del h5["dataset1/data1/data"]
        h5["dataset1/data1/data"] = np.where(counts() == 2, -0.5, 0.5).astype("f4")

    scale = {"gain": 1.0, "nodata": -1.0, "undetect": -2.0}
    with pytest.raises(BadField, match=r"ACRR reaches down to -0\.5, should be 0 or more"):
        parse(german("ACRR", "u2", below, **scale), "x")


def test_a_field_of_which_pieces_are_not_stored_is_refused() -> None:
    """HDF5 reads them as 0, which is dry."""

    def hole(h5: h5py.File) -> None:
        del h5["dataset1/data1/data"]
        sparse = h5["dataset1/data1"].create_dataset("data", (1200, 1100), "u2", chunks=(600, 550))
        sparse[:600, :550] = 50

    with pytest.raises(BadField, match="lacks the piece of the field at 0, 550"):
        parse(german(change=hole), "x")


def test_the_first_data_that_are_rain_are_read_wherever_they_stand() -> None:
    def second(h5: h5py.File) -> None:
        h5.copy("dataset1", "dataset2")
        h5["dataset1/data1/what"].attrs.update(quantity="QIND", gain=0.003)

    assert rate_at(german(change=second), 550, 550) == pytest.approx(6.0)


def test_what_data_do_not_say_their_data_set_says() -> None:
    def inherited(h5: h5py.File) -> None:
        about = h5["dataset1/data1/what"].attrs
        for name in list(about):
            h5["dataset1/what"].attrs[name] = about[name]
        del h5["dataset1/data1/what"]

    assert rate_at(german(change=inherited), 550, 550) == pytest.approx(6.0)


def test_a_composite_of_opera_is_sampled_in_the_nearest_cell() -> None:
    frame = parse(european(), "T_PAAH22_C_EUOC_20240601120000.hdf")
    assert lies_on(frame, NATIONAL_WGS84)
    assert frame.time.values == [TIME]
    longitude, latitude = frame.lon.values, frame.lat.values
    south = latitude < 53.9
    assert (frame.values[0][south & (longitude > 10.05)] == 7).all()
    assert (frame.values[0][south & (longitude < 9.95)] == 0).all()
    assert np.isnan(frame.values[0][latitude > 54.1]).all()
    assert frame.attrs["source"] == "radar composite OPERA of EUMETNET OPERA"
    assert credit(frame) == "Quelle: EUMETNET OPERA"


@pytest.mark.parametrize(
    ("where", "why"),
    [
        ({"UL_lon": 39.0}, "corners are"),
        ({"xscale": 1000.0}, "corners are"),
        ({"xscale": 16000.0, "yscale": 16000.0}, "cells are 16000 x 16000 m"),
        ({"projdef": OPERA.replace("lat_0=55.0", "lat_0=25.0")}, "corners are|covers"),
        ({"projdef": "+proj=pipeline +step +proj=laea"}, "should be a PROJ string"),
    ],
)
def test_a_grid_that_does_not_fit_itself_is_refused(where: dict[str, Any], why: str) -> None:
    with pytest.raises(BadField, match=why):
        parse(european(**where), "x")


def test_a_composite_of_elsewhere_is_refused() -> None:
    lapland = OPERA.replace("x_0=1950000.0 +y_0=-2100000.0", "x_0=0 +y_0=0")
    to_degrees = Transformer.from_crs(lapland, "EPSG:4326", always_xy=True)
    where: dict[str, Any] = {"projdef": lapland}
    for name, place in {"UL": (0, 2_000_000), "LR": (3_800_000, -2_400_000)}.items():
        where[f"{name}_lon"], where[f"{name}_lat"] = to_degrees.transform(*place)
    with pytest.raises(BadField, match=r"covers .*% of Germany's"):
        parse(european(**where), "x")


DE1200_CORNERS = {"UL": (-500, 500), "UR": (1_099_500, 500), "LR": (1_099_500, -1_199_500)}
"""Corners of DE1200 in its projection, in m."""


def with_corners(east: float = 0.0, north: float = 0.0, **moved: float) -> dict[str, float]:
    """Attributes of the corners of DE1200, all moved by so many m, and some further east."""
    to_degrees = Transformer.from_crs(DE1200, "EPSG:4326", always_xy=True)
    where = {}
    for name, (x, y) in DE1200_CORNERS.items():
        place = to_degrees.transform(x + east + moved.get(name, 0.0), y + north)
        where[f"{name}_lon"], where[f"{name}_lat"] = place
    return where


@pytest.mark.parametrize(
    "where",
    [
        with_corners(east=50_000.0),
        with_corners(north=-2_000.0),
        with_corners(UR=5_000.0),
        with_corners() | {"LR_lat": -95.0},
    ],
    ids=["all moved east", "all moved south", "one moved", "no place"],
)
def test_corners_that_contradict_the_grid_are_refused(where: dict[str, float]) -> None:
    """Else the rain of one grid would be shown in the places of another."""
    with pytest.raises(BadField, match="corners are"):
        parse(german(change=in_where(where)), "x")


def in_where(where: dict[str, float]) -> Callable[[h5py.File], object]:
    """Write attributes of the grid."""
    return lambda h5: h5["where"].attrs.update(where)


@pytest.mark.parametrize(
    ("group", "name", "value", "why"),
    [
        *(
            ("what", "object", kind, f"object is '{kind}', should be 'COMP'")
            for kind in ("PVOL", "scan")
        ),
        *(
            ("dataset1/what", "product", kind, f"product is '{kind}', which is no precipitation")
            for kind in ("ETOP", "vil")
        ),
        *(
            ("dataset1/data1/what", "quantity", kind, f"quantity is '{kind}', should be one of")
            for kind in ("HGHT", "")
        ),
        ("where", "projdef", None, "KeyError: 'projdef'"),
        ("where", "xscale", None, "KeyError: 'xscale'"),
        ("where", "xscale", 2000.0, "lacks 'UL_lon'"),
        ("where", "ysize", 900, r"shape is \(1200, 1100\), should be \(900, 1100\)"),
    ],
)
def test_what_is_no_composite_of_rain_is_refused_by_its_name(
    group: str, name: str, value: str | None, why: str
) -> None:
    def change(h5: h5py.File) -> None:
        h5[group].attrs.pop(name, None)
        if value is not None:
            h5[group].attrs[name] = value

    with pytest.raises(BadField, match=why):
        parse(german(change=change), "x")


@pytest.mark.parametrize("kind", ["CVOL", "SCAN", "RAY", "AZIM", "VP", "XSEC", "RHI", "ELEV"])
def test_objects_other_than_composites_are_refused(kind: str) -> None:
    with pytest.raises(BadField, match=f"object is '{kind}'"):
        check_kind({"object": kind}, {})


@pytest.mark.parametrize("kind", ["SCAN", "VIL", "HGHT", "RHI", "EBASE", "QUAL", "VP", "AZIM"])
def test_products_that_are_no_rain_near_the_ground_are_refused(kind: str) -> None:
    with pytest.raises(BadField, match=f"product is '{kind}'"):
        check_kind({}, {"product": kind})


def test_a_composite_may_say_what_it_is_and_tell_its_corners() -> None:
    def change(h5: h5py.File) -> None:
        h5["what"].attrs["object"] = "COMP"
        h5["dataset1/what"].attrs["product"] = "MAX"
        h5["where"].attrs.update(with_corners())

    assert rate_at(german(change=change), 550, 550) == pytest.approx(6.0)
    check_kind({"object": "IMAGE"}, {"product": "COMP"})


def another(quantity: str, end: str) -> Callable[[h5py.File], object]:
    """Put a data set of a quantity that ends at a time before the one that is there."""

    def put(h5: h5py.File) -> None:
        h5.move("dataset1", "dataset2")
        h5.copy("dataset2", "dataset1")
        h5["dataset1/what"].attrs["endtime"] = end
        h5["dataset1/data1/what"].attrs["quantity"] = quantity
        h5["dataset1/data1/data"][:] = 7

    return put


def test_a_file_of_several_times_is_refused_and_other_quantities_are_passed_by() -> None:
    with pytest.raises(BadField, match="holds ACRR of 2 times"):
        parse(german(change=another("ACRR", "115500")), "x")
    assert rate_at(german(change=another("VRADH", "115500")), 550, 550) == pytest.approx(6.0)


def test_an_hourly_amount_is_refused() -> None:
    def hourly(h5: h5py.File) -> None:
        h5["dataset1/what"].attrs["starttime"] = "110000"

    with pytest.raises(BadField, match="interval is 3600 s"):
        parse(german(change=hourly), "x")
    with pytest.raises(BadField, match="interval is 3600 s"):
        parse(european(hourly), "x")
