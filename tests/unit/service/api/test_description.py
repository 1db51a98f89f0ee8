"""What the service says of itself holds: its examples are right, and nothing is left out."""

from typing import Any

import pytest
from fastapi.testclient import TestClient

from service.api import openapi_examples
from service.api.nowcast_requests.request import OwnFrames
from service.api.schemas import Forecast, JobStatus, Readiness, Verification

Said = dict[str, Any]


@pytest.fixture(scope="module")
def description(reader: TestClient) -> Said:
    found: Said = reader.get("/openapi.json").json()
    return found


@pytest.mark.parametrize(
    ("schema", "example"),
    [
        (Forecast, openapi_examples.FORECAST),
        (JobStatus, openapi_examples.JOB_STATUS),
        (OwnFrames, openapi_examples.FRAMES),
        (Readiness, openapi_examples.READINESS),
        (Verification, openapi_examples.VERIFICATION),
    ],
)
def test_an_example_is_one(schema: Any, example: Said) -> None:
    assert set(example) == set(schema.model_validate(example).model_dump(exclude_unset=True))


def test_an_example_has_all_that_an_answer_has(reader: TestClient) -> None:
    answer = reader.get("/nowcasts/latest?model=persistence").json()
    assert set(answer) == set(openapi_examples.FORECAST)
    assert set(answer["grid"]) == set(openapi_examples.FORECAST["grid"])
    assert set(answer["skill"][0]) == set(openapi_examples.FORECAST["skill"][0])
    assert set(reader.get("/readyz").json()) == set(openapi_examples.READINESS)
    place = reader.get("/collections/nowcast/position?coords=POINT(10 51)").json()
    assert set(openapi_examples.COVERAGE) <= set(place)


def test_every_operation_is_described_with_an_example(description: Said) -> None:
    for path, operations in description["paths"].items():
        for method, operation in operations.items():
            where = f"{method} {path}"
            if operation["tags"] == ["grids"]:  # for the page
                continue
            assert operation["summary"], where
            assert operation["description"], where
            answer = operation["responses"]["200"]["content"]
            media, content = next(iter(answer.items()))
            assert media, where
            assert path == "/healthz" or has_example(description, content), where
            for parameter in operation.get("parameters", []):
                assert "description" in parameter, f"{where}: {parameter['name']}"


def has_example(description: Said, content: Said) -> bool:
    schema = content.get("schema", {})
    name = schema.get("$ref", "").rpartition("/")[2]
    named = description["components"]["schemas"].get(name, {})
    return bool({"example", "examples"} & (content.keys() | schema.keys() | named.keys()))


def test_the_form_can_be_chosen_wherever_a_forecast_is_sent(description: Said) -> None:
    for path, method in (("/nowcast", "post"), ("/nowcasts/latest", "get"),
                         ("/nowcasts/{issue}", "get"), ("/jobs/{job}/results", "get")):  # fmt: skip
        operation = description["paths"][path][method]
        (form,) = (parameter for parameter in operation["parameters"] if parameter["name"] == "f")
        assert form["schema"]["enum"] == ["json", "netcdf", "png"]
        media = set(operation["responses"]["200"]["content"])
        assert media == {"application/json", "application/x-netcdf", "image/png"}


def test_what_can_be_asked_for_is_told(description: Said) -> None:
    ask = description["paths"]["/nowcast"]["post"]
    assert {parameter["name"] for parameter in ask["parameters"]} == {
        "f", "model", "prefer", "idempotency-key"
    }  # fmt: skip
    body = ask["requestBody"]["content"]
    assert set(body) == {"application/json", "application/x-netcdf"}
    assert len(body["application/json"]["examples"]) == 3
