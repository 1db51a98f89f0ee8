"""Files as they come in: good ones become frames, every kind of bad one a clear BadField."""

import bz2
import gzip
import io
import tarfile
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ingest
from ingest import BadField, parse, to_model_grid
from ingest.formats import compression
from ingest.grid import NATIONAL_SPHERE, NATIONAL_WGS84, lies_on
from ingest.precipitation import SIMULATED, check
from ingest.simulation.simulate import encode

TIME = np.datetime64("2025-06-21T12:35", "ns")
NAME = "raa01-ry_10000-2506211235-dwd---bin"


def rain(seed: int = 1) -> np.ndarray:
    """A field (900, 900) of steps of 0.12 mm/h, wet in places, without data in the north-west."""
    rng = np.random.default_rng(seed)
    rate = 0.12 * rng.integers(0, 200, (900, 900)) * (rng.random((900, 900)) < 0.2)
    rate[:300, :200] = np.nan
    return rate.astype(np.float32)


@pytest.fixture(scope="module")
def plain() -> bytes:
    return encode(rain(), TIME)


def test_reads_what_was_written_cell_by_cell(plain: bytes) -> None:
    frame = parse(plain, NAME)
    np.testing.assert_allclose(frame.values[0], rain(), atol=1e-4)
    assert frame.dims == ("time", "y", "x")
    assert frame.dtype == np.float32
    assert frame.time.values == [TIME]
    assert frame.attrs["units"] == "mm h-1"
    assert frame.attrs["source"] == SIMULATED
    assert lies_on(frame, NATIONAL_SPHERE)


def test_row_0_is_the_north(plain: bytes) -> None:
    frame = parse(plain, NAME)
    assert np.isnan(frame.values[0, 0, 0]), "the north-west has no data"
    assert frame.lat[0, 0] > frame.lat[-1, 0]
    assert frame.y[0] > frame.y[-1]
    assert frame.x[0] < frame.x[-1]


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, bytes])
def test_packing_does_not_matter(plain: bytes, pack: object, tmp_path: Path) -> None:
    path = tmp_path / NAME
    path.write_bytes(pack(plain))  # type: ignore[operator]
    np.testing.assert_array_equal(ingest.read(path).values, parse(plain, NAME).values)


def test_a_file_of_another_name_is_taken_by_its_content(plain: bytes) -> None:
    assert parse(plain, "frame.bin").time.values == [TIME]


def flags(plain: bytes, row: int, column: int, value: int) -> bytes:
    """The composite with the raw value of one cell changed; rows counted from the south."""
    body = len(plain) - 2 * 900 * 900
    cells = np.frombuffer(plain, "<u2", offset=body).reshape(900, 900).copy()
    cells[row, column] = value
    return plain[:body] + cells.tobytes()


@pytest.mark.parametrize(
    ("raw", "rate"),
    [
        (0x29C4, np.nan),  # no data
        (0x8000 | 37, np.nan),  # clutter
        (0x4000 | 37, np.nan),  # negative, which is no rain
        (0x1000 | 37, 0.37 * 12),  # from a secondary source, yet rain
        (0, 0.0),
        (0x0FFF, 491.4),
    ],
)
def test_flag_bits_are_heeded(plain: bytes, raw: int, rate: float) -> None:
    found = parse(flags(plain, 0, 899, raw), NAME).values[0, -1, -1]
    np.testing.assert_allclose(found, rate, rtol=1e-6)


def test_format_version_5_is_on_wgs84(plain: bytes) -> None:
    assert lies_on(parse(plain.replace(b"VS 3", b"VS 5", 1), NAME), NATIONAL_WGS84)


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, bytes])
@pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 0.999])
def test_a_truncated_file_is_refused(plain: bytes, pack: object, share: float) -> None:
    packed = pack(plain)  # type: ignore[operator]
    with pytest.raises(BadField, match=r"truncated|empty|no whole RADOLAN composite"):
        parse(packed[: int(share * len(packed))], NAME)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "is empty"),
        (b"<!DOCTYPE html><html><h1>503 Service Unavailable</h1></html>", "no whole RADOLAN"),
        (b"\x89PNG\r\n\x1a\n" + bytes(5000), "no whole RADOLAN"),
        (b"\x89HDF\r\n\x1a\n" + bytes(5000), "no whole ODIM"),
        (b"\x1f\x8b" + bytes(5000), "damaged"),
        (b"BZh9" + bytes(5000), "damaged"),
        (b"\x03" * 5000, "no whole RADOLAN"),
        (bytes(5000), "no whole RADOLAN"),
        (b"RY", "no whole RADOLAN"),
    ],
)
def test_a_foreign_file_is_refused(data: bytes, why: str) -> None:
    with pytest.raises(BadField, match=f"{NAME}: .*{why}"):
        parse(data, NAME)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("raa01-ry_10000-2406211235-dwd---bin", "of 2025-06-21T12:35 UTC, should be of 2024-06-21"),
        ("raa01-ry_10000-2506211240-dwd---bin.gz", "should be of 2025-06-21T12:40"),
        ("raa01-yw_10000-2506211235-dwd---bin", "content is RY, should be YW"),
        ("raa01-ry_10000-2513451235-dwd---bin", "which is no time"),
    ],
)
def test_a_file_that_is_not_what_its_name_says_is_refused(
    plain: bytes, name: str, why: str
) -> None:
    with pytest.raises(BadField, match=why):
        parse(plain, name)


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        (b"RY", b"RW", "product is 'RW', should be one of RY, YW, RV, RX, WX"),
        (b"10000", b"10132", "of radar '10132', should be a composite"),
        (b"INT   5", b"INT  60", "interval is 3600 s, should be 300 s"),
        (b"GP 900x 900", b"GP1800x 450", r"shape is \(1800, 450\)"),
    ],
)
def test_a_composite_of_another_kind_is_refused(
    plain: bytes, old: bytes, new: bytes, why: str
) -> None:
    with pytest.raises(BadField, match=why):
        parse(plain.replace(old, new, 1), "frame")


def test_a_frame_without_any_data_is_refused() -> None:
    with pytest.raises(BadField, match="no cell has data"):
        parse(encode(np.full((900, 900), np.nan, np.float32), TIME), NAME)


def test_a_dry_frame_is_taken() -> None:
    assert float(parse(encode(np.zeros((900, 900), np.float32), TIME), NAME).max()) == 0


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_flipped_bit_in_a_packed_file_never_passes_in_silence(data: st.DataObject) -> None:
    """The checksums of gzip and bzip2 catch what the content cannot tell."""
    packed = PACKED[data.draw(st.sampled_from(["gzip", "bzip2"]))]
    bit = data.draw(st.integers(0, 8 * len(packed) - 1))
    flipped = bytearray(packed)
    flipped[bit // 8] ^= 1 << bit % 8
    try:
        frame = parse(bytes(flipped), NAME)
    except BadField:
        return
    np.testing.assert_array_equal(frame.values, parse(PACKED["plain"], NAME).values)


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_a_flipped_bit_in_the_header_is_a_bad_field_or_keeps_the_contract(
    data: st.DataObject,
) -> None:
    plain = PACKED["plain"]
    bit = data.draw(st.integers(0, 8 * plain.index(b"\x03") + 7))
    flipped = bytearray(plain)
    flipped[bit // 8] ^= 1 << bit % 8
    try:
        frame = parse(bytes(flipped), NAME)
    except BadField:
        return
    check(frame)
    assert frame.time.values == [TIME]


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=400))
def test_any_bytes_at_all_are_a_bad_field(data: bytes) -> None:
    with pytest.raises(BadField):
        parse(data, NAME)


PACKED = {"plain": encode(rain(), TIME)}
PACKED |= {"gzip": gzip.compress(PACKED["plain"], mtime=0), "bzip2": bz2.compress(PACKED["plain"])}

DE1200 = (
    "+proj=stere +lat_ts=60 +lat_0=90 +lon_0=10 +x_0=543196.83521776402 +y_0=3622588.8619310022"
    " +units=m +a=6378137 +b=6356752.3142451802 +no_defs"
)


def odim(**changes: object) -> bytes:
    """The HDF5 twin of an RY frame on DE1200, as DWD writes it."""
    given_ = {
        "prodname": "RY",
        "quantity": "ACRR",
        "projdef": DE1200,
        "starttime": "123000",
        "endtime": "123500",
        "xsize": 1100,
    } | changes
    file = io.BytesIO()
    with h5py.File(file, "w") as h5:
        packed = h5.create_dataset("dataset1/data1/data", data=de1200_counts(), compression="gzip")
        del packed
        about = h5.create_group("dataset1/data1/what").attrs
        about.update(
            quantity=given_["quantity"],
            gain=0.001,
            offset=-0.001,
            nodata=4294967295.0,
            undetect=0.0,
        )
        h5.create_group("dataset1/what").attrs.update(
            prodname=given_["prodname"],
            startdate="20250621",
            starttime=given_["starttime"],
            enddate="20250621",
            endtime=given_["endtime"],
        )
        h5.create_group("what").attrs.update(date="20250621", time="123500")
        h5.create_group("where").attrs.update(
            projdef=given_["projdef"],
            xsize=given_["xsize"],
            ysize=1200,
            xscale=1000.0,
            yscale=1000.0,
        )
        h5.create_group("how").attrs.update(software="POLARA", sw_version="1")
    return file.getvalue()


def de1200_counts() -> np.ndarray:
    """Undetected but for 1 mm in the first cell of the national grid, no data in its last."""
    counts = np.zeros((1200, 1100), np.uint32)
    counts[150, 20] = 1001
    counts[1049, 919] = 4294967295
    return counts


def test_the_hdf5_twin_is_cut_to_the_national_grid() -> None:
    frame = parse(odim(), f"{NAME}.hdf5")
    assert frame.shape == (1, 900, 900)
    assert lies_on(frame, NATIONAL_WGS84)
    assert frame.values[0, 0, 0] == pytest.approx(12.0)
    assert np.isnan(frame.values[0, -1, -1])
    assert frame.values[0, 5, 5] == 0, "undetected is dry, not -0.001 mm"
    assert frame.attrs["source"] == "radar composite RY of Deutscher Wetterdienst, POLARA 1"


def test_the_national_grid_of_the_twin_lies_where_de1200_says() -> None:
    """Corner of the cut window by DE1200's own projection, against our coordinates."""
    from pyproj import Transformer

    frame = parse(odim(), f"{NAME}.hdf5")
    to_degrees = Transformer.from_crs(DE1200, "EPSG:4326", always_xy=True)
    lon, lat = to_degrees.transform(20_000, -150_000)
    assert (float(frame.lon[0, 0]), float(frame.lat[0, 0])) == pytest.approx((lon, lat), abs=1e-4)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"prodname": "RW"}, "product is 'RW'"),
        ({"quantity": "VRADH"}, "quantity is 'VRADH', should be one of 'ACRR', 'RATE', 'DBZH'"),
        ({"starttime": "113500"}, "interval is 3600 s"),
        ({"xsize": 900}, r"shape is \(1200, 1100\), should be \(1200, 900\)"),
        ({"projdef": DE1200.replace("+lon_0=10", "+lon_0=9")}, "should be DE1200's"),
        ({"projdef": "nonsense"}, "should be a PROJ string"),
        ({"projdef": DE1200 + " +nadgrids=/etc/passwd"}, "should be a PROJ string"),
        ({"endtime": "124000", "starttime": "123500"}, "lead of 5 minutes, should have none"),
    ],
)
def test_an_odim_file_of_another_kind_is_refused(changes: dict[str, object], why: str) -> None:
    with pytest.raises(BadField, match=why):
        parse(odim(**changes), "frame.hdf5")


def test_a_tar_of_different_issues_is_no_forecast(plain: bytes) -> None:
    other = encode(rain(2), TIME + np.timedelta64(5, "m"))
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, data in (("a", plain), ("b", other)):
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    with pytest.raises(BadField, match="not the different leads of one forecast"):
        parse(file.getvalue(), "composite_rv_20250621_1235.tar")


def test_unpacking_stops_at_a_bomb(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compression, "LARGEST", 1_000_000)
    with pytest.raises(BadField, match="unpacks to over 1000000 bytes"):
        parse(gzip.compress(bytes(50_000_000)), NAME)


def test_the_model_grid_has_a_frame_of_the_same_kind(plain: bytes) -> None:
    assert check(to_model_grid(parse(plain, NAME))).shape == (1, 180, 180)
