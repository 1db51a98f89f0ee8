"""A simulated event: files that wradlib reads, rain that looks and moves like rain, twice the same.

Statistics are held against bands around real composites of 2014 to 2025.
"""

import bz2
import gzip
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from io import BytesIO
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from wradlib.io import read_radolan_composite
from xarray import DataArray

import ingest
from ingest.errors import BadField
from ingest.simulation.rainfield import SIDE_KM, RainField
from ingest.simulation.simulate import HIGHEST_COUNT, coverage, encode, simulate, write
from ingest.simulation.weather import FRONT, SHOWERS, STRATIFORM, Weather, random_weather
from verification import radial_spectrum

START = np.datetime64("2026-07-01T12:00", "ns")
SHAPE = (900, 900)
Rate = NDArray[np.float32]

# Due east, whole cells per step, no shear: the motion that can be undone without interpolation.
EASTWARD = Weather(eastward_kmh=36, northward_kmh=0, veering=0, eddy_kmh=0)


@pytest.fixture(scope="module")
def event() -> list[Rate]:
    """The first half hour of an event."""
    return [rate for _, rate in simulate(START, 7, seed=1)]


@pytest.fixture(scope="module")
def first_frames() -> list[Rate]:
    """The first frame of eight events, everywhere."""
    return [RainField(seed, Weather(), SHAPE).rate() for seed in range(8)]


def read_back(data: bytes) -> tuple[NDArray[np.float64], dict[str, object]]:
    """What wradlib makes of a composite, mm in five minutes, south first."""
    amount, header = read_radolan_composite(BytesIO(data), missing=np.nan)
    return amount, header


def unpacked(path: Path) -> bytes:
    data = path.read_bytes()
    return bz2.decompress(data) if path.suffix == ".bz2" else gzip.decompress(data)


def test_wradlib_reads_the_same_amounts_and_the_same_gaps(event: list[Rate]) -> None:
    amount, _ = read_back(encode(event[0], START))
    np.testing.assert_array_equal(np.isnan(amount[::-1]), np.isnan(event[0]))
    np.testing.assert_allclose(amount[::-1], event[0] / 12, atol=0.00501)
    assert np.nanmax(amount) > 0.5


def test_a_corner_stays_where_it_is() -> None:
    rate = np.zeros(SHAPE, np.float32)
    rate[0, -1] = 12  # north-east
    amount, _ = read_back(encode(rate, START))
    assert amount[-1, -1] == 1
    assert amount.sum() == 1


def test_no_data_is_neither_dry_nor_rain() -> None:
    rate = np.zeros(SHAPE, np.float32)
    rate[:450] = np.nan
    amount, header = read_back(encode(rate, START))
    assert np.isnan(amount[450:]).all()
    assert (amount[:450] == 0).all()
    assert len(header["cluttermask"]) == 0  # type: ignore[arg-type]


def test_a_field_without_any_data_can_be_written() -> None:
    amount, _ = read_back(encode(np.full(SHAPE, np.nan, np.float32), START))
    assert np.isnan(amount).all()


def test_the_header_names_time_and_product() -> None:
    _, header = read_back(encode(np.zeros(SHAPE), datetime(2031, 2, 9, 23, 55, tzinfo=UTC)))
    assert header["producttype"] == "RY"
    assert header["datetime"] == datetime(2031, 2, 9, 23, 55)  # noqa: DTZ001 - wradlib has no zone
    assert header["radolanversion"] == "0.0.sim"


def test_the_header_is_that_of_a_real_file_but_for_time_and_version(shared: Path) -> None:
    real = unpacked(shared / "data/dwd/fixtures/raa01-ry_10000-2511161345-dwd---bin.bz2")
    ours = encode(np.zeros(SHAPE), np.datetime64("2025-11-16T13:45"))
    assert len(ours) == len(real)
    assert ours[:142].replace(b" 0.0.sim", b"  2.29.1") == real[:142]


def test_our_own_reader_takes_the_files(tmp_path: Path, event: list[Rate]) -> None:
    (path,) = write(tmp_path, START, 1, seed=1)
    frame = ingest.read(path)
    assert frame.time == START
    np.testing.assert_allclose(frame[0], event[0], atol=0.0601)


def test_rates_beyond_the_format_are_cut_off_and_not_wrapped() -> None:
    amount, _ = read_back(encode(np.full(SHAPE, 1000.0), START))
    np.testing.assert_allclose(amount, HIGHEST_COUNT / 100)


def test_fields_that_are_no_composite_are_refused() -> None:
    with pytest.raises(BadField, match=r"\(180, 180\), should be \(900, 900\)"):
        encode(np.zeros((180, 180)), START)
    negative = np.zeros(SHAPE)
    negative[3, 3] = -0.1
    with pytest.raises(BadField, match="below 0 at 1 cells"):
        encode(negative, START)


def test_files_are_named_as_the_provider_names_them(tmp_path: Path) -> None:
    paths = write(tmp_path, datetime(2026, 12, 31, 23, 55, tzinfo=UTC), 2, seed=1)
    assert [path.name for path in paths] == [
        "raa01-ry_10000-2612312355-dwd---bin.gz",
        "raa01-ry_10000-2701010000-dwd---bin.gz",
    ]


def test_an_interrupted_run_leaves_whole_files_only(tmp_path: Path) -> None:
    written = list(islice(write(tmp_path, START, 100, seed=1), 2))
    assert sorted(tmp_path.iterdir()) == written
    for path in written:
        read_back(unpacked(path))


def test_the_same_seed_writes_the_same_bytes(tmp_path: Path) -> None:
    first, again, other = (
        [path.read_bytes() for path in write(tmp_path / name, START, 2, seed)]
        for name, seed in (("one", 4), ("again", 4), ("other", 5))
    )
    assert first == again
    assert first != other
    assert first[0][4:8] == bytes(4)  # gzip's own time stamp


def test_a_frame_does_not_depend_on_how_many_follow(event: list[Rate]) -> None:
    for (_, short), long in zip(simulate(START, 3, seed=1), event, strict=False):
        np.testing.assert_array_equal(short, long)


def test_any_length_is_made_as_it_is_asked_for() -> None:
    times = [time for time, _ in islice(simulate(START, 10**9, seed=1), 2)]
    assert times == [START, START + np.timedelta64(5, "m")]


def test_a_start_between_the_marks_is_refused() -> None:
    with pytest.raises(ValueError, match="should be on a five-minute mark"):
        next(simulate(np.datetime64("2026-07-01T12:03"), 1, seed=1))


def test_a_start_with_a_zone_is_brought_to_utc() -> None:
    summer = timezone(timedelta(hours=2))
    time, _ = next(simulate(datetime(2026, 7, 1, 14, 0, tzinfo=summer), 1, seed=1))
    assert time == START


@pytest.mark.parametrize(
    "wrong",
    [{"wet_share": 0}, {"wet_share": 0.9}, {"lifetime_minutes": 0}, {"median_rate": -1}],
)
def test_weather_that_cannot_be_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="should be above 0"):
        Weather(**wrong)


def test_rain_too_light_to_be_seen_cannot_cover_much() -> None:
    with pytest.raises(ValueError, match="too little for a wet share"):
        RainField(0, Weather(wet_share=0.5, median_rate=0.02), SHAPE)


def test_the_radars_see_as_much_as_the_real_network(shared: Path) -> None:
    real = ingest.read(shared / "data/dwd/fixtures/raa01-ry_10000-2511161345-dwd---bin.bz2")
    seen = real[0].notnull().to_numpy()
    assert (seen & coverage()).sum() / (seen | coverage()).sum() > 0.99


def test_beyond_the_radars_is_no_data(event: list[Rate]) -> None:
    for rate in event:
        np.testing.assert_array_equal(np.isnan(rate), ~coverage())
    assert 0.75 < coverage().mean() < 0.80


def test_the_wet_share_is_what_was_asked_for_in_the_mean(first_frames: list[Rate]) -> None:
    shares = [(rate >= 0.1).mean() for rate in first_frames]
    assert min(shares) > 0.02
    assert max(shares) < 0.25
    assert 0.08 < np.mean(shares) < 0.13
    light = [RainField(s, Weather(wet_share=0.02), SHAPE).rate() >= 0.1 for s in range(2)]
    assert 0.005 < np.mean(light) < 0.04


@pytest.mark.parametrize(
    ("threshold", "low", "high"),
    [(0.5, 0.49, 0.74), (1, 0.33, 0.62), (2, 0.18, 0.49), (5, 0.05, 0.3), (10, 0.007, 0.1)],
)
def test_rates_are_spread_as_in_real_events(
    first_frames: list[Rate], threshold: float, low: float, high: float
) -> None:
    """Share of the wet cells that reach the threshold: between the extremes of real composites."""
    rates = np.array(first_frames)
    assert low < (rates >= threshold).mean() / (rates >= 0.1).mean() < high


@pytest.mark.parametrize(
    "name",
    [
        "raa01-ry_10000-1408102050-dwd---bin.gz",
        "raa01-ry_10000-2511161345-dwd---bin.bz2",
        "raa01-yw2017.002_10000-1708160055-dwd---bin.gz",
    ],
)
def test_the_spectrum_falls_as_that_of_real_events(
    first_frames: list[Rate], shared: Path, name: str
) -> None:
    """Slopes of the spectrum of the logarithm of the rate from 4 to 128 km differ by under 0.5."""
    real = ingest.read(shared / "data/dwd/fixtures" / name)[0].to_numpy()
    ours = np.mean([slope(np.where(coverage(), rate, np.nan)) for rate in first_frames])
    assert abs(slope(real) - ours) < 0.5


def slope(rate: Rate) -> float:
    """Exponent of the power spectral density of the logarithm of the rate, 4 to 128 km."""
    power = radial_spectrum(DataArray(np.log(np.maximum(rate, 0.1)), dims=["y", "x"]), cell_km=1)
    scales = (power.wavelength > 4) & (power.wavelength < 128)
    line = np.polyfit(np.log(power.wavenumber[scales]), np.log(power[scales]), 1)
    return float(line[0])


def test_rain_moves_with_the_prescribed_wind() -> None:
    """36 km/h are 3 cells to the east in five minutes, by the phase of the cross-spectrum."""
    field = RainField(2, EASTWARD, SHAPE)
    before = np.log(field.rate() + 0.1)
    field.advance()
    (east, south), _ = cv2.phaseCorrelate(before, np.log(field.rate() + 0.1))
    assert east == pytest.approx(3, abs=0.1)
    assert south == pytest.approx(0, abs=0.1)


def test_shear_and_rotation_can_be_seen_by_optical_flow() -> None:
    """Dense flow from two frames is near the prescribed wind, nearer than the mean wind is."""
    field = RainField(3, Weather(eddy_kmh=15), SHAPE)
    before, (east, north) = pixels(field.rate()), field.wind()
    field.advance()
    flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM).calc(
        before, pixels(field.rate()), None
    )
    rainy = cv2.blur(before, (9, 9)) > 60
    off = np.hypot(flow[..., 0] - east / 12, flow[..., 1] + north / 12)[rainy]
    spread = np.hypot(east - east[rainy].mean(), north - north[rainy].mean())[rainy] / 12
    assert np.median(off) < 0.5
    assert np.median(off) < 0.6 * np.median(spread)


def pixels(rate: Rate) -> NDArray[np.uint8]:
    grey: NDArray[np.uint8] = (255 * np.clip(np.log1p(rate) / np.log(21), 0, 1)).astype(np.uint8)
    return grey


def test_the_mean_wind_turns_clockwise() -> None:
    field = RainField(1, Weather(eastward_kmh=36, northward_kmh=0, veering=60, eddy_kmh=0), SHAPE)
    for _ in range(12):
        field.advance()
    east, north = field.wind()
    assert east[0, 0] == pytest.approx(18)
    assert north[0, 0] == pytest.approx(-36 * np.sqrt(3) / 2)


def test_rain_grows_and_decays_faster_the_smaller_it_is() -> None:
    """Seen by who moves along, large and small scales lose memory, small ones first."""
    field = RainField(1, EASTWARD, SHAPE)
    start = scales(field.rate()[:, :-36])
    kept = []
    for step in range(1, 13):
        field.advance()
        if step in (1, 3, 6, 12):
            now = scales(field.rate()[:, 3 * step :][:, : 900 - 36])
            kept.append([correlation(*pair) for pair in zip(start, now, strict=True)])
    large, small = np.transpose(kept)
    assert (np.diff(large) < 0).all()
    assert (np.diff(small) < 0).all()
    assert (small < large).all()
    assert large[-1] > 0.5
    assert small[0] > 0.5
    assert small[-1] < 0.2


def correlation(first: Rate, other: Rate) -> float:
    return float(np.corrcoef(first.ravel(), other.ravel())[0, 1])


def scales(rate: Rate) -> tuple[Rate, Rate]:
    """What of the logarithm of the rate is larger than about 50 km, and smaller than about 10."""
    level = np.log(rate + 0.1)
    return cv2.GaussianBlur(level, (0, 0), 12), level - cv2.GaussianBlur(level, (0, 0), 2.5)


def test_interpolation_wears_no_scale_away() -> None:
    field = RainField(6, Weather(eddy_kmh=30), SHAPE)
    for _ in range(6):
        field.advance()
    for band in field._bands:
        assert band.state.std() == pytest.approx(1, abs=1e-4)


def test_it_rains_as_much_an_hour_later() -> None:
    field = RainField(6, Weather(), SHAPE)
    wet = (field.rate() >= 0.1).mean()
    for _ in range(12):
        field.advance()
    assert (field.rate() >= 0.1).mean() == pytest.approx(wet, rel=0.4)


def test_months_of_drift_lose_no_precision() -> None:
    """Interpolation counts cells in sixteen bits; the torus brings the drift back into them."""
    field = RainField(6, Weather(), SHAPE)
    before = field.rate()
    field._drift_km = field._drift_km + 100 * SIDE_KM
    np.testing.assert_array_equal(field.rate(), before)


def motion_kmh(before: Rate, after: Rate) -> tuple[float, float]:
    """Eastward and northward motion of the rain between two frames five minutes apart."""
    coarse = [
        cv2.resize(np.log1p(rate), None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
        for rate in (before, after)
    ]
    (right, down), _ = cv2.phaseCorrelate(*(field.astype(np.float64) for field in coarse))
    return 2 * 12 * right, -2 * 12 * down


KINDS = {"front": 11, "showers": 1, "stratiform": 5}
"""Seeds of random weather of each kind."""


@pytest.mark.parametrize("kind", KINDS)
def test_random_weather_moves_as_fast_as_it_should_and_has_its_share_of_rain(kind: str) -> None:
    weather = random_weather(KINDS[kind])
    field = RainField(KINDS[kind], weather, (600, 600))
    before = field.rate()
    field.advance()
    east, north = motion_kmh(before, field.rate())
    assert np.hypot(east - weather.eastward_kmh, north - weather.northward_kmh) < 15
    assert 36 - 10 < np.hypot(east, north) < 90 + 10, "10 to 25 m/s"
    assert 0.4 < (before >= 0.1).mean() / weather.wet_share < 2


def test_random_weather_is_of_all_kinds_and_from_all_directions() -> None:
    found = [random_weather(seed) for seed in range(60)]
    speeds = [np.hypot(each.eastward_kmh, each.northward_kmh) / 3.6 for each in found]
    assert min(speeds) >= 10
    assert max(speeds) <= 25
    assert {each.wet_share for each in found} == {
        each.wet_share for each in (FRONT, SHOWERS, STRATIFORM)
    }
    quadrants = {(each.eastward_kmh > 0, each.northward_kmh > 0) for each in found}
    assert len(quadrants) == 4
    assert random_weather(3) == random_weather(3) != random_weather(4)


def test_the_line_of_a_front_lies_across_the_wind_and_moves_with_it() -> None:
    steady = {"northward_kmh": 0.0, "veering": 0.0, "eddy_kmh": 0.0}
    weather = replace(FRONT, eastward_kmh=48.0, front=0.9, **steady)
    field = RainField(2, weather, (600, 600))
    wet = field.rate() >= 0.1
    assert wet.mean(0).std() > 3 * wet.mean(1).std(), "columns differ, rows are alike"
    for _ in range(12):
        field.advance()
    later = field.rate() >= 0.1
    lag = np.argmax(np.correlate(later.mean(0), wet.mean(0), "full")) - 599
    assert 38 < lag < 58, "48 km in an hour"
