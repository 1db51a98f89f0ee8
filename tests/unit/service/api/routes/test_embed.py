"""The place card can be put on other pages, and only on those that the operator names."""

from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from service.api.app import create_app
from tests.served import api_context, problem


def policy(client: TestClient, path: str) -> str:
    answer = client.get(path, headers={"Accept": "text/html"})
    assert answer.status_code == 200
    found: str = answer.headers["content-security-policy"]
    return found


@pytest.mark.parametrize("path", ["/", "/embed?lat=52.5&lon=13.4&lang=de&theme=dark&name=Berlin"])
def test_the_map_and_the_card_may_be_framed_where_the_operator_says(
    reader: TestClient, filled: Path, path: str
) -> None:
    assert policy(reader, path).endswith("frame-ancestors 'self'")
    context = api_context(filled, frame_ancestors=("https://weather.example",))
    with TestClient(create_app(context)) as client:
        assert policy(client, path).endswith("frame-ancestors 'self' https://weather.example")


def test_the_card_needs_no_key_and_sets_no_cookie(filled: Path, tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.write_text("")
    with TestClient(create_app(api_context(filled, api_keys=keys))) as client:
        for path in ("/embed", "/embed/nowcast-place.js", "/embed/embed.js"):
            answer = client.get(path)
            assert answer.status_code == 200
            assert "set-cookie" not in answer.headers
        problem(client.get("/widget?lat=52.5&lon=13.4"), 401)


@pytest.mark.parametrize(
    ("path", "status"),
    [("/embed/../settings.py", 404), ("/embed/x.js", 404), ("/embed?lang=fr", 422),
     ("/embed?colour=red", 400)],
)  # fmt: skip
def test_what_there_is_not_is_refused(reader: TestClient, path: str, status: int) -> None:
    problem(reader.get(path), status)
