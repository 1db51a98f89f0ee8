"""Nothing new is made of radar that is too old, and what is there is labelled in each format."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient
from xarray import DataArray

from ingest.formats import netcdf
from service.api.app import create_app
from service.archive.archive import Archive
from service.pipeline.place_summary import summarise
from service.plots.fields import about
from tests.served import NOW, api_context, ask, iso, problem
from tests.showers import frame, time

LATER = NOW + timedelta(hours=5)
JSON, NETCDF, PNG = "application/json", "application/x-netcdf", "image/png"
PLACE = "POINT(13.41 52.52)"


@pytest.fixture
def late(data: Path) -> Iterator[TestClient]:
    """A client of a service whose newest radar is five hours old."""
    context = api_context(data, now=LATER)
    with TestClient(create_app(context), raise_server_exceptions=False) as client:
        yield client


@pytest.mark.parametrize("media", [JSON, NETCDF, PNG])
def test_the_latest_forecast_says_in_each_format_that_its_radar_is_old(
    late: TestClient, client: TestClient, media: str
) -> None:
    path = "/nowcasts/latest?model=persistence"
    recent = client.get(path, headers={"Accept": media})
    old = late.get(path, headers={"Accept": media})
    assert (recent.status_code, old.status_code) == (200, 200)
    assert "nowcast-stale" not in recent.headers
    assert old.headers["nowcast-stale"] == "true"
    assert "minutes old" in old.headers["warning"]
    age = float(old.headers["nowcast-radar-age"])
    assert age == pytest.approx((LATER - NOW).total_seconds() + 9 * 60)
    assert old.headers["etag"] != recent.headers["etag"]
    assert old.content != recent.content, "also where only the body is kept"
    known = {"Accept": media, "If-None-Match": old.headers["etag"]}
    assert late.get(path, headers=known).status_code == 304
    assert client.get(path, headers=known).status_code == 200


def test_labels_are_part_of_the_body(late: TestClient, client: TestClient) -> None:
    path = "/nowcasts/latest?model=persistence"
    assert client.get(path).json()["stale"] is False
    assert late.get(path).json()["stale"] is True
    labelled = netcdf.decode(late.get(path, headers={"Accept": NETCDF}).content)
    assert "minutes old when this was sent" in labelled.attrs["stale"]
    assert "OUTDATED" in about(labelled)


def test_no_new_forecast_is_made_from_old_radar_as_if_it_were_of_now(late: TestClient) -> None:
    refused = problem(ask(late, Prefer="wait=20"), 503)
    assert refused["type"] == "/problems/StaleRadar"
    assert "name the issue time" in refused["detail"]
    assert ask(late, issue=12, Prefer="wait=20").status_code == 200, "of a time that is named"


def test_a_place_is_never_called_dry_by_old_radar(late: TestClient) -> None:
    body = late.get("/collections/nowcast/position", params={"coords": PLACE}).json()
    assert body["nowcast:stale"] is True
    assert body["nowcast:summary"]["state"] in {"rain", "unknown"}
    lead_time = np.arange(5, 121, 5).astype("timedelta64[m]").astype("timedelta64[ns]")
    coords = {
        "lead_time": lead_time,
        "time": ("lead_time", time(0) + lead_time),
        "forecast_reference_time": time(0),
    }
    dry, wet = (DataArray(np.full(24, rate, np.float32), coords, ("lead_time",)) for rate in (0, 1))
    assert summarise(dry, 0.0, dry=True).state == "dry"
    assert summarise(dry, 0.0, dry=True, stale=True).state == "unknown"
    assert summarise(wet, 0.0, dry=False, stale=True).state == "rain"


def test_doubtful_radar_is_told_with_the_forecast_and_on_the_map(data: Path) -> None:
    archive = Archive(data / "archive")
    doubtful = frame(13)
    doubtful.attrs["suspect"] = "nothing has changed"
    archive.put_frame(doubtful)
    context = api_context(data, now=NOW + timedelta(minutes=5))
    with TestClient(create_app(context)) as client:
        assert ask(client, issue=13, Prefer="wait=20").json()["suspect"] == "nothing has changed"
        place = client.get(
            "/collections/nowcast/position",
            params={"coords": PLACE, "issue": iso(13), "model": "advection"},
        )
        assert place.json()["nowcast:suspect"] == "nothing has changed"
        assert client.get("/grids/latest").json()["radar"]["suspect"] == "nothing has changed"
        assert client.get("/nowcasts/latest?model=persistence").json()["suspect"] is None


def test_a_damaged_latest_forecast_gives_way_to_the_one_before(data: Path) -> None:
    archive = Archive(data / "archive")
    issue = archive.latest_issue("persistence", "none")
    path = next(path for path in archive.store.files("forecasts") if "persistence" in path)
    (archive.root / path).write_bytes(b"rotten")
    with TestClient(create_app(api_context(data))) as client:
        answer = client.get("/nowcasts/latest?model=persistence")
        assert answer.status_code == 200
        assert answer.json()["issue_time"] < f"{issue}"
