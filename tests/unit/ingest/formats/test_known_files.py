"""Real files of DWD, against figures counted in them with other tools."""

from pathlib import Path

import numpy as np
import pytest

import ingest
from ingest import BadField
from ingest.grid import NATIONAL_SPHERE, NATIONAL_WGS84, lies_on
from ingest.precipitation import check

LATE_2025 = "raa01-ry_10000-25111613{}-dwd---bin.bz2"


@pytest.fixture(scope="module")
def fixtures(shared: Path) -> Path:
    return shared / "data" / "dwd" / "fixtures"


def wet_share(path: Path) -> float:
    rate = ingest.read(path).values
    return float((rate[~np.isnan(rate)] > 0.1).mean())


def test_the_event_of_2020_is_weak_scattered_rain_with_spikes(shared: Path) -> None:
    files = sorted((shared / "data" / "dwd" / "ry_20200907").iterdir())
    frames = [ingest.read(file) for file in files[::6]]
    rates = np.stack([frame.values[0] for frame in frames])
    assert len(files) == 79
    assert (rates[~np.isnan(rates)] > 0.1).mean() == pytest.approx(0.018, abs=0.003)
    assert (~np.isnan(rates)).mean() == pytest.approx(0.74, abs=0.01)


def test_the_highest_rate_of_the_event_of_2020_is_337(shared: Path) -> None:
    files = (shared / "data" / "dwd" / "ry_20200907").iterdir()
    assert max(float(ingest.read(file).max()) for file in files) == pytest.approx(337, abs=0.5)


def test_the_rain_of_november_2025_reaches_41_9(fixtures: Path) -> None:
    files = sorted(fixtures.glob("raa01-ry_10000-2511161*.bz2"))
    assert len(files) == 5
    assert max(float(ingest.read(file).max()) for file in files) == pytest.approx(41.88, abs=0.01)
    assert np.mean([wet_share(file) for file in files]) == pytest.approx(0.10, abs=0.02)


def test_new_year_2020_is_nearly_dry_and_not_without_data(fixtures: Path) -> None:
    files = sorted(fixtures.glob("raa01-ry_10000-20010115*.gz"))
    assert np.mean([wet_share(file) for file in files]) == pytest.approx(0.0007, abs=0.0003)
    assert ingest.read(files[0]).notnull().mean() > 0.7


def test_reflectivity_and_amount_of_one_moment_show_the_same_rain(fixtures: Path) -> None:
    rain, echo = (
        ingest.to_model_grid(ingest.read(fixtures / f"raa01-{p}_10000-1408102050-dwd---bin.gz"))
        for p in ("ry", "rx")
    )
    seen = (rain.notnull() & echo.notnull()).values
    here, there = rain.values[seen], echo.values[seen]
    assert np.corrcoef(np.log1p(here), np.log1p(there))[0, 1] > 0.9
    assert 0.5 < here.mean() / there.mean() < 2


def test_the_extended_grid_is_cut_to_the_national_one(fixtures: Path) -> None:
    """WX has the echoes of RX, less one radar, on 1100 x 900 cells; a cell off, few fit."""
    echo, extended = (
        ingest.read(fixtures / f"raa01-{p}_10000-1408102050-dwd---bin.gz").values
        for p in ("rx", "wx")
    )
    both = ~np.isnan(echo) & ~np.isnan(extended)
    wet = both & ((echo > 0) | (extended > 0))
    assert np.mean(echo[wet] == extended[wet]) > 0.85
    assert np.mean(echo[wet] == np.roll(extended, 1, axis=-1)[wet]) < 0.2
    assert np.isnan(extended[0, :, :80]).all(), "the extended grid begins 80 km further east"


def test_clutter_is_no_data(fixtures: Path) -> None:
    path = fixtures / "raa01-yw2017.002_10000-1708160055-dwd---bin.gz"
    assert np.isnan(ingest.read(path).values[0]).mean() > 0.28


@pytest.mark.parametrize(
    ("name", "grid"),
    [
        ("raa01-ry_10000-2511161405-dwd---bin.bz2", NATIONAL_SPHERE),
        ("raa01-yw_10000-2505281200-dwd---bin.gz", NATIONAL_SPHERE),
        ("DE1200_RV2210180700.tar.bz2", NATIONAL_WGS84),
        ("composite_rv_20250923_0855.tar", NATIONAL_WGS84),
    ],
)
def test_the_header_tells_the_sphere_from_wgs84(fixtures: Path, name: str, grid: object) -> None:
    field = ingest.read(fixtures / name)
    assert lies_on(field, grid)  # type: ignore[arg-type]
    assert check(field) is field


def test_a_nowcast_of_the_old_kind_has_25_leads(fixtures: Path) -> None:
    forecast = ingest.read(fixtures / "DE1200_RV2210180700.tar.bz2")
    assert forecast.dims == ("lead_time", "y", "x")
    minutes = (forecast.lead_time / np.timedelta64(1, "m")).values
    np.testing.assert_array_equal(minutes, np.arange(0, 125, 5))
    assert forecast.forecast_reference_time.values == np.datetime64("2022-10-18T07:00")
    assert forecast.time.values[-1] == np.datetime64("2022-10-18T09:00")


def test_a_nowcast_of_the_new_kind_has_no_negative_rain(fixtures: Path) -> None:
    forecast = ingest.read(fixtures / "composite_rv_20250923_0855.tar")
    assert float(forecast.min()) == 0.0
    assert forecast.lead_time.values.tolist() == [0, 50 * 60 * 10**9]
    assert 0.7 < float(forecast.notnull().mean()) < 0.8


def test_an_hourly_sum_is_no_frame(fixtures: Path) -> None:
    with pytest.raises(BadField, match="product is 'RW'"):
        ingest.read(fixtures / "raa01-rw_10000-1408102050-dwd---bin.gz")
    with pytest.raises(BadField, match="product is 'RW'"):
        ingest.read(fixtures / "ODIM_RW_sample.hdf5")


def test_an_empty_file_says_so(fixtures: Path) -> None:
    with pytest.raises(BadField, match="is empty"):
        ingest.read(fixtures / "raa01-ry_10000-1910140140-dwd---bin")
