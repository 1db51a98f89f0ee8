"""What the service says of itself holds: its examples are right, and nothing is left out."""

import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from fastapi.testclient import TestClient

from service.api import openapi_examples
from service.api.app import create_app
from service.api.nowcast_requests.request import OwnFrames
from service.api.schemas import Forecast, JobStatus, Readiness, Verification
from tests.served import api_context

Description = dict[str, Any]


@pytest.fixture(scope="module")
def description(reader: TestClient) -> Description:
    found: Description = reader.get("/openapi.json").json()
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
def test_an_example_is_one(schema: Any, example: Description) -> None:
    assert set(example) == set(schema.model_validate(example).model_dump(exclude_unset=True))


def test_an_example_has_all_that_an_answer_has(reader: TestClient) -> None:
    answer = reader.get("/nowcasts/latest?model=persistence").json()
    assert set(answer) == set(openapi_examples.FORECAST)
    assert set(answer["grid"]) == set(openapi_examples.FORECAST["grid"])
    assert set(answer["skill"][0]) == set(openapi_examples.FORECAST["skill"][0])
    assert set(reader.get("/readyz").json()) == set(openapi_examples.READINESS)
    place = reader.get("/collections/nowcast/position?coords=POINT(10 51)").json()
    assert set(openapi_examples.COVERAGE) <= set(place)


def test_every_operation_is_described_with_an_example(description: Description) -> None:
    for path, operations in description["paths"].items():
        for method, operation in operations.items():
            where = f"{method} {path}"
            if operation["tags"] == ["grids"]:  # for the page
                continue
            assert operation["summary"], where
            assert operation["description"], where
            success = next(status for status in operation["responses"] if status < "3")
            if success == "204":
                continue
            answer = operation["responses"][success]["content"]
            media, content = next(iter(answer.items()))
            assert media, where
            is_file = content["schema"].get("format") == "binary"
            assert is_file or path == "/healthz" or has_example(description, content), where
            for parameter in operation.get("parameters", []):
                assert "description" in parameter, f"{where}: {parameter['name']}"


def has_example(description: Description, content: Description) -> bool:
    schema = content.get("schema", {})
    name = schema.get("$ref", "").rpartition("/")[2]
    named = description["components"]["schemas"].get(name, {})
    return bool({"example", "examples"} & (content.keys() | schema.keys() | named.keys()))


def test_the_form_can_be_chosen_wherever_a_forecast_is_sent(description: Description) -> None:
    for path, method in (("/nowcast", "post"), ("/nowcasts/latest", "get"),
                         ("/nowcasts/{issue}", "get"), ("/jobs/{job}/results", "get")):  # fmt: skip
        operation = description["paths"][path][method]
        (form,) = (parameter for parameter in operation["parameters"] if parameter["name"] == "f")
        assert form["schema"]["enum"] == ["json", "netcdf", "png"]
        media = set(operation["responses"]["200"]["content"])
        assert media == {"application/json", "application/x-netcdf", "image/png"}


def test_what_can_be_asked_for_is_told(description: Description) -> None:
    ask = description["paths"]["/nowcast"]["post"]
    assert {parameter["name"] for parameter in ask["parameters"]} == {
        "f", "model", "prefer", "idempotency-key"
    }  # fmt: skip
    body = ask["requestBody"]["content"]
    assert set(body) == {"application/json", "application/x-netcdf"}
    assert len(body["application/json"]["examples"]) == 3


def test_every_operation_is_named_by_a_verb_and_a_noun(description: Description) -> None:
    ids = [
        operation["operationId"]
        for operations in description["paths"].values()
        for operation in operations.values()
    ]
    assert len(ids) == len(set(ids))
    verbs = {"read", "list", "query", "request", "dismiss", "create", "delete", "test"}
    assert {name.partition("_")[0] for name in ids} <= verbs
    assert all(re.fullmatch(r"[a-z]+(_[a-z]+)+", name) for name in ids)


def test_every_answer_has_a_type_for_every_media_type(description: Description) -> None:
    for path, operations in description["paths"].items():
        for method, operation in operations.items():
            for status, answer in operation["responses"].items():
                for media, content in answer.get("content", {}).items():
                    assert content.get("schema"), f"{method} {path} {status} {media}"


def test_every_example_of_the_description_is_valid(description: Description) -> None:
    registry = {"components": description["components"]}
    checked = 0
    for path, operations in description["paths"].items():
        for method, operation in operations.items():
            bodies = [operation.get("requestBody", {}), *operation["responses"].values()]
            for body in bodies:
                for content in body.get("content", {}).values():
                    examples = [part["value"] for part in content.get("examples", {}).values()]
                    examples += [content["example"]] if "example" in content else []
                    for example in examples:
                        schema = content["schema"] | registry
                        checker = jsonschema.Draft202012Validator(schema)
                        errors = [error.message for error in checker.iter_errors(example)]
                        assert errors == [], f"{method} {path}"
                        checked += 1
    assert checked > 10
    for name, schema in description["components"]["schemas"].items():
        checker = jsonschema.Draft202012Validator(schema | registry)
        for example in schema.get("examples", []):
            assert not list(checker.iter_errors(example)), name


def test_every_schema_has_a_name_of_its_own_which_is_its_title(description: Description) -> None:
    schemas = description["components"]["schemas"]
    assert {name for name, schema in schemas.items() if schema["title"] != name} == set()
    assert [name for name in schemas if "__" in name.strip("_")] == [
        "RootModel_Dict_str__Parameter__"
    ]
    references = set(re.findall(r"'#/components/schemas/(\w+)'", repr(description)))
    assert references <= set(schemas)


def test_every_part_of_a_forecast_and_of_a_problem_has_a_type(description: Description) -> None:
    schemas = description["components"]["schemas"]
    waiting, seen = ["Forecast", "Problem"], set[str]()
    while waiting:
        name = waiting.pop()
        seen.add(name)
        for member, schema in schemas[name]["properties"].items():
            assert set(schema) & {"$ref", "anyOf", "type", "const"}, f"{name}.{member}"
            assert "additionalProperties" not in repr(schema), f"{name}.{member}"
            assert "'object'" not in repr(schema), f"{name}.{member}"
            found = set(re.findall(r"'#/components/schemas/(\w+)'", repr(schema)))
            waiting += found - seen
    assert {"ForecastGrid", "RecentSkill", "Violation"} <= seen


def test_no_two_values_of_a_parameter_differ_in_case_alone(description: Description) -> None:
    for path, operations in description["paths"].items():
        for operation in operations.values():
            for parameter in operation.get("parameters", []):
                values = [str(value).lower() for value in parameter["schema"].get("enum", [])]
                assert len(values) == len(set(values)), f"{path} {parameter['name']}"


def test_every_parameter_of_a_path_is_described(description: Description) -> None:
    for path, operations in description["paths"].items():
        for method, operation in operations.items():
            described = {p["name"] for p in operation.get("parameters", []) if p["in"] == "path"}
            assert described == set(re.findall(r"{(\w+)}", path)), f"{method} {path}"


def test_the_description_says_where_the_service_is_and_how_to_open_it(
    description: Description, filled: Path, tmp_path: Path
) -> None:
    assert description["servers"] == [{"url": "/", "description": "This service"}]
    keys = tmp_path / "keys"
    keys.write_text("")
    app = create_app(api_context(filled, api_keys=keys))
    with_keys = app.openapi()
    assert set(with_keys["components"]["securitySchemes"]) == {"bearer", "header"}
    assert with_keys["paths"]["/collections/nowcast/position"]["get"]["security"]
    assert "security" not in with_keys["paths"]["/healthz"]["get"]
