"""The code of the tutorials runs as it is printed."""

import hashlib
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from fastapi.testclient import TestClient
from numpy.typing import NDArray
from pyproj import CRS
from typer.testing import CliRunner
from xarray import DataArray

from model_zoo.training.data.record import from_hundredths
from service.api.app import create_app
from service.archive.key import Key
from service.cli import app
from service.pipeline.forecast import forecast_by_key
from tests.served import api_context, fill
from tests.showers import frame, moment, time

ROOT = Path(__file__).parents[2]


def test_the_first_forecast_in_python_runs(tmp_path: Path) -> None:
    script = ROOT / "docs/tutorials/first_forecast.py"
    done = subprocess.run(
        [sys.executable, str(script)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "(43, 180, 180)" in done.stdout
    for model in ("ms-lstm", "advection", "persistence"):
        assert f"{model}: CSI at 0.5 mm/h" in done.stdout
    assert list(tmp_path.rglob("forecast.nc"))


KNMI = ROOT / "../shared/data/corpus/knmi_2021_evenings_5km.npz"
PROJECTION = "+proj=stere +lat_0=90 +lon_0=0 +lat_ts=60 +a=6378140 +b=6356750 +units=m +no_defs"
EVENINGS = ("2021-01-01", "2021-01-16", "2021-02-03")


def rates_of_evenings() -> dict[str, DataArray]:
    """Frames (time, y, x) of three evenings in mm/h, of KNMI or made up; row 0 in the north."""
    if not KNMI.is_file():
        made_up = np.stack([frame(number).values[0, 20:173, 20:160] for number in range(36)])
        return {day: evening(day, made_up) for day in EVENINGS}
    with np.load(KNMI) as file:
        days = file["time"].astype("datetime64[D]")
        chosen = np.unique(days)[[0, 5, 10]]
        rates = [from_hundredths(file["rate_x100"][days == day]) for day in chosen]
    return {name: evening(name, rate) for name, rate in zip(EVENINGS, rates, strict=True)}


def evening(day: str, rate: NDArray[np.float32]) -> DataArray:
    times = np.datetime64(f"{day}T20:05", "ns") + np.arange(len(rate)) * np.timedelta64(5, "m")
    axes = {"x": 2500.0 + 5000 * np.arange(140), "y": -3652500.0 - 5000 * np.arange(153)}
    return DataArray(rate, {"time": times, **axes}, ("time", "y", "x"), "rainfall_rate")


def write_as_netcdf(rates: DataArray, folder: Path) -> None:
    """Write frames as CF netCDF files that begin in the south, half an hour each."""
    folder.mkdir(parents=True)
    attributes = {
        "units": "mm/h",
        "standard_name": "rainfall_rate",
        "grid_mapping": "stereographic",
    }
    for number in range(0, len(rates), 6):
        part = rates[number : number + 6, ::-1].assign_attrs(attributes)
        mapping = DataArray(0, attrs=CRS(PROJECTION).to_cf())
        file = part.to_dataset().assign(stereographic=mapping)
        file.to_netcdf(folder / f"{number:03d}.nc", engine="netcdf4")


def commands_of(script: Path) -> list[list[str]]:
    """The commands of a shell script, as words."""
    text = script.read_text().replace("\\\n", " ")
    return [shlex.split(line, comments=True) for line in text.splitlines() if line.strip()]


@pytest.fixture(scope="module")
def own_model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, dict[str, str]]]:
    """The folder of the tutorial after all its commands but the last, and what they printed."""
    folder = tmp_path_factory.mktemp("own")
    for day, rates in rates_of_evenings().items():
        write_as_netcdf(rates, folder / "radar" / day)
    settings = (ROOT / "docs/tutorials/my-radar.toml").read_text()
    small = settings.replace("steps = 2000", "steps = 2").replace("channels = 16", "channels = 4")
    small = small.replace("crop = 96", "crop = 48").replace("samples = 400", "samples = 8")
    (folder / "my-radar.toml").write_text(small + "[machine]\n")
    printed: dict[str, str] = {}
    with chdir(folder):
        for words in commands_of(ROOT / "docs/tutorials/own-model.sh"):
            if words and words[0] == "nowcast" and words != ["nowcast", "up"]:
                done = CliRunner().invoke(app, words[1:], catch_exceptions=False)
                assert done.exit_code == 0, done.output
                printed.setdefault(" ".join(words[1:3]), done.output)
            elif words and words[0] in ("mkdir", "cp"):
                subprocess.run(words, check=True)
        yield folder, printed


def test_own_radar_in_netcdf_becomes_events_with_a_picture(
    own_model: tuple[Path, dict[str, str]],
) -> None:
    folder, printed = own_model
    assert "rows are turned" in printed["data import"]
    assert "36 frames" in printed["data import"]
    assert "153 x 140 cells of 5 km around 52" in " ".join(printed["data import"].split())
    assert (folder / "events/january-1.png").read_bytes().startswith(b"\x89PNG")
    first = rates_of_evenings()[EVENINGS[0]]
    with xr.open_zarr(folder / "events/january-1.zarr", consolidated=False) as event:
        np.testing.assert_allclose(event["rainfall_rate"], first, atol=0.006)
        assert event["rainfall_rate"].attrs["units"] == "mm h-1"
        np.testing.assert_array_equal(event["time"], first["time"])
    assert "153 x 140" in printed["data corpus"]


def test_the_own_model_is_trained_evaluated_and_served_under_its_own_name(
    own_model: tuple[Path, dict[str, str]],
) -> None:
    folder, printed = own_model
    assert "the best weights are in" in printed["train my-radar.toml"]
    assert printed["evaluate runs/my-radar/best.safetensors"]
    fill(folder / "service", frames=19)
    context = api_context(
        folder / "service",
        moment(18),
        models=("my-radar", "persistence"),
        weights=folder / "weights",
    )
    key = Key(time(18), *context.forecasters.named("my-radar"))
    forecast_by_key(context.archive, context.ledger, context.forecasters, key, moment(18))
    with TestClient(create_app(context)) as client:
        forecast = client.get("/nowcasts/latest?model=my-radar").json()
    assert forecast["model"]["name"] == "my-radar"
    weights = (folder / "weights/my-radar.safetensors").read_bytes()
    assert forecast["model"]["weights_sha256"] == hashlib.sha256(weights).hexdigest()
