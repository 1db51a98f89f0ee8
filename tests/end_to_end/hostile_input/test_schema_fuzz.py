"""Ten thousand requests after the description of the routes for maps, queries, sums and alerts.

Runs where NOWCAST_LONG is set. Answers are held against all checks of schemathesis, but for three:
that a valid request succeeds, as what it names may not exist; that there is no 503, which is
documented; and that keys are needed, as each request here has a valid key beside generated ones.
Half of the valid requests name times, forecasts and places that exist.
"""

import logging
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import ignored_auth, positive_data_acceptance

from service.api.app import create_app
from service.api.middleware import api_keys
from tests.end_to_end.hostile_input.test_fuzz import ERRORS, LARGE, PROBLEM, answered, few
from tests.served import LATEST, api_context, fill, iso

GROUPS = {
    "alerts, feeds, sums, places": ("/alerts", "/feed", "/events", "/sums", "/places", "/widget"),
    "maps": ("/tiles", "/maps", "/wms", "/v2/radar", "/public"),
    "collections and nowcasts": ("/collections/nowcast", "/conformance"),
    "radar and probabilities": ("/collections/radar", "/collections/probability"),
    "sums of collections": ("/collections/sums",),
}
EXCLUDED = [positive_data_acceptance, not_a_server_error, ignored_auth]
KEY_HEADERS = ("authorization", "x-api-key")
CASES = 2_000
"""Of each group: 10,000 in all."""
STAMP = "20260621T2325Z"
EXISTING = {
    "time": iso(LATEST),
    "issue": iso(LATEST),
    "forecast": f"{STAMP}-advection-none",
    "item": f"{STAMP}-advection-none",
    "instance": STAMP,
    "location": "Berlin",
    "frame": f"radar-{STAMP}",
    "z": 7,
    "x": 68,
    "y": 42,
}
"""Values of parameters of paths that name something."""
X, Y = st.floats(5, 16), st.floats(46, 56)
POINTS = st.builds("POINT({} {})".format, X, Y)
AREAS = st.builds(
    lambda x, y, size: (
        f"POLYGON(({x} {y},{x + size} {y},{x + size} {y + size},{x} {y + size},{x} {y}))"
    ),
    X,
    Y,
    st.floats(0, 1),
)
PATHS = st.builds("LINESTRING({} {},{} {})".format, X, Y, X, Y)
BOXES = st.builds(lambda x, y, size: f"{x},{y},{x + size},{y + size}", X, Y, st.floats(0, 1))

pytestmark = pytest.mark.skipif(
    not os.environ.get("NOWCAST_LONG"), reason="takes minutes: set NOWCAST_LONG=1 to run it"
)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> tuple[FastAPI, str]:
    """A service with API keys, so that it has alerts, and a key of it."""
    folder: Path = tmp_path_factory.mktemp("fuzzed")
    fill(folder)
    key = api_keys.add(folder / "keys", "fuzz", None)
    channels: dict[str, Any] = {"alerts_per_key": 20, "allowed_hosts": ("testserver", "localhost")}
    app = create_app(api_context(folder, api_keys=folder / "keys", **channels))
    app.openapi()  # once, as it takes long on a busy machine
    return app, key


@pytest.mark.parametrize("group", GROUPS)
def test_thousands_of_requests_after_the_description_are_answered_as_described(
    group: str, served: tuple[FastAPI, str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    app, key = served
    schema = schemathesis.openapi.from_asgi("/openapi.json", app, headers={"X-API-Key": key})
    found = [operation.ok() for operation in schema.get_all_operations()]
    operations = sorted(
        (operation.method.upper(), operation.path)
        for operation in found
        if operation.path.startswith(GROUPS[group])
    )
    answers: Counter[tuple[str, int]] = Counter()
    failures: dict[str, str] = {}
    each = CASES // (2 * len(operations)) + 1
    for method, path in operations:
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            cases = schema[path][method].as_strategy(generation_mode=mode)
            try:
                ask(cases, method, path, key, each, answers, valid=mode is GenerationMode.POSITIVE)
            except (Exception, BaseExceptionGroup) as error:  # noqa: BLE001  all are listed
                failures[f"{method} {path} {mode.value}"] = str(error)[:2000]
    print(
        f"{group}: {answers.total()} cases, {len(failures)} failures, {dict(answers)}", flush=True
    )
    assert not failures, "\n\n".join(f"{where}: {what}" for where, what in failures.items())
    assert answers.total() >= CASES * 0.9


def ask(
    cases: Any,
    method: str,
    path: str,
    key: str,
    number: int,
    answers: Counter[tuple[str, int]],
    *,
    valid: bool,
) -> None:
    """Make some requests and hold the answers against the description."""

    @few(number)
    @given(case=cases, exists=st.booleans(), coordinates=coordinates(path), box=BOXES)
    def request(case: Any, exists: bool, coordinates: str, box: str) -> None:
        if valid and exists:
            name_what_exists(case, coordinates, box)
        for name in [name for name in case.headers or {} if name.lower() in KEY_HEADERS]:
            del case.headers[name]
        answer = case.call(headers={"X-API-Key": key})
        kind = answer.headers.get("content-type", [""])[0]
        # Capabilities of WMS have the media type of its errors.
        is_document = path == "/wms" and answer.status_code == 200
        answered(answers, method, answer.status_code, "" if is_document else kind,
                 ERRORS.get(path, PROBLEM))  # fmt: skip
        if len(answer.content) < LARGE:
            case.validate_response(answer, excluded_checks=EXCLUDED)

    request()


def coordinates(path: str) -> st.SearchStrategy[str]:
    """Geometries of a kind that a query takes."""
    kinds = {"area": AREAS, "trajectory": PATHS}
    return kinds.get(path.rpartition("/")[2], POINTS)


def name_what_exists(case: Any, coordinates: str, box: str) -> None:
    """Put times, forecasts and places that exist in the place of generated ones."""
    for name in set(EXISTING) & set(case.path_parameters or {}):
        case.path_parameters[name] = EXISTING[name]
    for name, value in named_in(case.query or {}, coordinates, box):
        case.query[name] = value


def named_in(query: dict[str, Any], coordinates: str, box: str) -> Iterator[tuple[str, str]]:
    """Yield values for the parameters of a query that name a place or a time."""
    given = {"coords": coordinates, "bbox": box, "crs": "CRS84", "issue": iso(LATEST)}
    given |= {"model": "advection", "lat": "51.3", "lon": "9.5"}
    yield from ((name, value) for name, value in given.items() if name in query)
