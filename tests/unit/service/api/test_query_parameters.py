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


OTHER_DIGITS = {ord("0") + n: 0xFF10 + n for n in range(10)}
"""Full-width digits."""
ODD_NUMBERS = {
    "/maps/radar.png": {"bbox": "5,47,15,5{}", "width": "6{}"},
    "/collections/radar/radius": {"within": "2{}"},
    "/collections/radar/cube": {"bbox": "13,52,14,5{}"},
    "/nowcasts/latest": {"leads": "{}"},
    "/places": {"lat": "5{}"},
    "/sums": {"thresholds": "1{}"},
    "/wms": {"BBOX": "47,5,55,1{}", "WIDTH": "6{}", "TIME": "202{}-06-21"},
}
"""Query parameters with numbers, which lack a digit, by path."""


@pytest.mark.parametrize("digit", ["_5", "5".translate(OTHER_DIGITS), "\u0665", "\u096b"])
def test_numbers_of_a_query_are_of_plain_digits(reader: TestClient, digit: str) -> None:
    for path, queries in ODD_NUMBERS.items():
        for name, text in queries.items():
            value = f"5{digit}" if text == "{}" else text.format(digit)
            answer = reader.get(path, params={name: value})
            assert answer.status_code == 400, (path, name)
            assert "the digits 0 to 9" in answer.text, (path, name)


@pytest.mark.parametrize(
    "path",
    ["/tiles/radar/{time}/{z}/3_3/20.png", "/tiles/radar/{time}/\uff16/33/20.png",
     "/v2/radar/{frame}/256/6/5\uff12/13/2/1_1.png"],
)  # fmt: skip
def test_numbers_of_a_path_are_of_plain_digits(reader: TestClient, path: str) -> None:
    answer = reader.get(path.format(time=iso(LATEST), z=6, frame=1_750_500_000))
    assert "the digits 0 to 9" in problem(answer, 404)["detail"]


def test_a_place_may_be_searched_for_in_any_digits(reader: TestClient) -> None:
    assert reader.get("/places", params={"q": "10115".translate(OTHER_DIGITS)}).status_code == 200
