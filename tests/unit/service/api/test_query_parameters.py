"""A query parameter that a route does not have is refused by its name, on every route."""

from typing import Any

import pytest
from fastapi.testclient import TestClient

from service.api.app import create_app
from tests.served import LATEST, api_context, iso, problem

PATH_PARAMETERS = {
    "issue": iso(LATEST),
    "time": iso(LATEST),
    "job": "20260621T2325Z-advection-none",
    "grid": "sphere",
}


@pytest.fixture(scope="module")
def operations(reader: TestClient) -> list[tuple[str, str]]:
    """Method and path of every operation, with values in place of its path parameters."""
    found: list[tuple[str, str]] = []
    description: dict[str, Any] = reader.get("/openapi.json").json()
    for path, by_method in description["paths"].items():
        filled = path
        for operation in by_method.values():
            for parameter in operation.get("parameters", []):
                if parameter["in"] == "path":
                    name = parameter["name"]
                    schema = parameter["schema"]
                    value = PATH_PARAMETERS.get(name) or (parameter | schema)["examples"][0]
                    filled = filled.replace(f"{{{name}}}", str(value))
        found += [(method.upper(), filled) for method in by_method]
    return found


def test_every_route_refuses_a_parameter_that_it_does_not_have(
    reader: TestClient, operations: list[tuple[str, str]]
) -> None:
    assert len(operations) > 12
    for method, path in [*operations, ("GET", "/metrics"), ("GET", "/")]:
        answer = reader.request(method, path, params={"modle": "advection"})
        if path == "/wms":  # a service exception in XML
            assert answer.status_code == 400
            assert "'modle'" in answer.text
            continue
        assert "'modle'" in problem(answer, 400)["detail"], (method, path)


def test_a_misspelt_parameter_is_told_how_it_is_written(reader: TestClient) -> None:
    answer = reader.get("/nowcasts/latest?modle=advection")
    assert "did you mean 'model'?" in problem(answer, 400)["detail"]


@pytest.mark.parametrize("query", ["f=", "model=", "f=%20", "model=advection&model=persistence"])
def test_a_parameter_without_value_or_given_twice_is_refused(
    reader: TestClient, query: str
) -> None:
    name = query.partition("=")[0]
    answer = reader.get(f"/nowcasts/latest?{query}")
    assert f"'{name}'" in problem(answer, 400)["detail"]


def test_a_request_without_key_learns_nothing_of_parameters(filled: Any, tmp_path: Any) -> None:
    keys = tmp_path / "keys"
    keys.write_text("")
    with TestClient(create_app(api_context(filled, api_keys=keys))) as client:
        problem(client.get("/nowcasts/latest?modle=x"), 401)
