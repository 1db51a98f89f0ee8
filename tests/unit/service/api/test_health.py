"""Whether the service says that it is well only when it is."""

from datetime import timedelta
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from service.api.app import create_app
from tests.served import NEWEST, desk, iso, problem
from tests.showers import moment


def test_the_process_lives(reader: TestClient) -> None:
    assert reader.get("/healthz").json() == {"status": "ok"}


def test_a_service_with_fresh_radar_is_ready(reader: TestClient) -> None:
    said = reader.get("/readyz").json()
    assert said["status"] == "ready"
    assert said["radar_time"] == iso(NEWEST)
    assert said["radar_age_s"] == 240


@pytest.mark.parametrize(("minutes", "status"), [(20, 200), (21, 503)])
def test_a_service_with_old_radar_is_not_ready(filled: Path, minutes: int, status: int) -> None:
    now = moment(NEWEST) + timedelta(minutes=minutes)
    with TestClient(create_app(desk(filled, now))) as client:
        answer = client.get("/readyz")
        assert answer.status_code == status
        if status == 503:
            assert "21 minutes" in problem(answer, 503)["detail"]
            assert int(answer.headers["retry-after"]) > 0
        assert client.get("/healthz").status_code == 200


def test_a_service_without_radar_is_not_ready(tmp_path: Path) -> None:
    with TestClient(create_app(desk(tmp_path))) as client:
        assert int(client.get("/readyz").headers["retry-after"]) > 0
        problem(client.get("/readyz"), 503)
        problem(client.post("/nowcast", json={}), 503)
        problem(client.get("/nowcasts/latest"), 404)
        problem(client.get("/collections/nowcast/position?coords=POINT(10 51)"), 404)
        assert client.get("/healthz").status_code == 200
        assert client.get("/verification").json()["rows"] == []
