"""Ten thousand odd requests, after the service's own description and against it: each is answered
by the service, never by a fault of it, and nothing is lost or half written.

More than half are made by schemathesis; where NOWCAST_LONG is set it alone makes over ten thousand.
"""

import json
import logging
import os
import sqlite3
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from fastapi import FastAPI
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import positive_data_acceptance

from ingest.formats import netcdf
from ingest.precipitation import check
from service.api.app import create_app
from tests.served import api_context, fill, iso

TIMES = 2 if os.environ.get("NOWCAST_LONG") else 1
REQUESTS = 10_000 * TIMES
POSITIVE, NEGATIVE = GenerationMode.POSITIVE, GenerationMode.NEGATIVE
BY_SCHEMA = {
    ("POST", "/nowcast"): {POSITIVE: 150, NEGATIVE: 300},
    ("GET", "/nowcasts/latest"): {POSITIVE: 300, NEGATIVE: 300},
    ("GET", "/nowcasts/{issue}"): {POSITIVE: 500, NEGATIVE: 500},
    ("GET", "/jobs/{job}"): {POSITIVE: 300},
    ("DELETE", "/jobs/{job}"): {POSITIVE: 300},
    ("GET", "/jobs/{job}/results"): {POSITIVE: 300},
    ("GET", "/collections/nowcast/position"): {POSITIVE: 500, NEGATIVE: 500},
    ("GET", "/verification"): {POSITIVE: 200, NEGATIVE: 500},
    ("GET", "/grids/latest"): {POSITIVE: 100, NEGATIVE: 100},
    ("GET", "/grids/radar/{time}"): {POSITIVE: 200, NEGATIVE: 200},
    ("GET", "/grids/forecasts/{issue}"): {POSITIVE: 300, NEGATIVE: 300},
    ("GET", "/grids/outlines/{grid}"): {POSITIVE: 20, NEGATIVE: 20},
    ("GET", "/healthz"): {POSITIVE: 1},
    ("GET", "/readyz"): {POSITIVE: 1},
    ("GET", "/models"): {POSITIVE: 1},
    ("GET", "/public/weather-maps.json"): {POSITIVE: 1},
    ("GET", "/tiles"): {POSITIVE: 1},
    ("GET", "/feed.atom"): {POSITIVE: 1},
    ("GET", "/events"): {POSITIVE: 5},
    ("GET", "/alerts"): {POSITIVE: 1},
    ("POST", "/alerts"): {POSITIVE: 50, NEGATIVE: 100},
    ("GET", "/alerts/web-push-key"): {POSITIVE: 1},
    ("GET", "/alerts/{alert}"): {POSITIVE: 20},
    ("DELETE", "/alerts/{alert}"): {POSITIVE: 20},
    ("POST", "/alerts/{alert}/test"): {POSITIVE: 20},
}
"""How many requests after the description of each operation: valid ones, and spoilt ones."""
OTHERS = {POSITIVE: 5, NEGATIVE: 5}
"""Those of each other operation, of which there are many alike."""
PROBLEM = "application/problem+json"
ERRORS = {"/wms": "text/xml; charset=utf-8"}
"""Media types of errors where a standard asks for another than `PROBLEM`."""
LARGE = 50_000
"""Bytes from which on an answer is not held against the schema, which takes a second."""
CHEAP = "application/x-netcdf"
FORMS = st.sampled_from([CHEAP] * 48 + ["application/json", "*/*", "image/png", "text/csv"])
"""Mostly what costs little to send."""

Answers = Counter[tuple[str, int]]
Asking = Callable[..., None]


def answered(answers: Answers, method: str, status: int, kind: str, problem: str = PROBLEM) -> None:
    """Count an answer, which must be one that the service gives on purpose."""
    answers[method, status] += 1
    assert status < 500 or status == 503, status
    assert status < 400 or kind == problem, (status, kind)
    assert status >= 400 or kind != PROBLEM, (status, kind)


def few(number: int) -> Callable[[Asking], Asking]:
    """As many examples as this, the same in every run."""
    return settings(
        max_examples=number,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )


def ask_by_schema(app: FastAPI, answers: Answers) -> None:
    """Requests after the description, and answers held against it."""
    schema = schemathesis.openapi.from_asgi("/openapi.json", app)
    operations = {
        (found.ok().method.upper(), found.ok().path) for found in schema.get_all_operations()
    }
    assert operations >= set(BY_SCHEMA)
    for method, path in sorted(operations):
        for mode, number in BY_SCHEMA.get((method, path), OTHERS).items():
            cases = schema[path][method].as_strategy(generation_mode=mode)
            problem = ERRORS.get(path, PROBLEM)
            ask_operation(cases, answers, method, number * TIMES, problem)


def ask_operation(
    cases: Any, answers: Answers, method: str, number: int, problem: str = PROBLEM
) -> None:
    @few(number)
    @given(case=cases, form=FORMS)
    def ask(case: Any, form: str) -> None:
        answer = case.call(headers={"Accept": form})
        kind = answer.headers.get("content-type", [""])[0]
        answered(answers, method, answer.status_code, kind, problem)
        if len(answer.content) < LARGE:
            # a model may be unknown though its name is fine; 503 is documented
            case.validate_response(
                answer, excluded_checks=[positive_data_acceptance, not_a_server_error]
            )

    ask()


ODD_TEXT = st.text(st.characters(codec=None), max_size=40)
ODD_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ODD_TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(ODD_TEXT, inner, max_size=4),
    max_leaves=12,
)
ALMOST = st.fixed_dictionaries(
    {},
    optional={
        "model": st.sampled_from(["advection", "persistence", "ms-lstm", "convlstm", "s-prog"])
        | ODD_JSON,
        "issue": st.sampled_from(["latest", iso(3), iso(4), iso(99)]) | ODD_JSON,
    },
)
FRAMES = st.fixed_dictionaries(
    {"frames": st.fixed_dictionaries({}, optional={
        "times": st.lists(st.sampled_from([iso(3), iso(4)]) | ODD_TEXT, max_size=3) | ODD_JSON,
        "rainfall_rate": st.lists(st.lists(st.lists(st.floats(0, 9) | st.none(), max_size=3),
                                           max_size=3), max_size=3) | ODD_JSON,
        "grid": st.fixed_dictionaries({}, optional={
            "name": ODD_TEXT, "x": st.lists(st.floats()), "projection": ODD_TEXT}) | ODD_JSON,
    }) | ODD_JSON},
    optional={"model": st.just("advection") | ODD_JSON},
)  # fmt: skip
BODIES = (
    st.binary(max_size=200)
    | ODD_JSON.map(lambda thing: json.dumps(thing).encode())
    | (ALMOST | FRAMES).map(lambda thing: json.dumps(thing).encode())
    | st.integers(0, 3000).map(lambda depth: b"[" * depth + b"]" * depth)
)
LATIN = st.text(st.characters(codec="latin-1", exclude_categories=["Cc"]), max_size=60)
HEADERS = st.dictionaries(
    st.sampled_from(
        ["accept", "content-type", "prefer", "idempotency-key", "if-none-match", "host", "range",
         "x-forwarded-for", "accept-encoding", "content-encoding", "expect", "cookie"]
    ),
    LATIN
    | st.sampled_from(["*/*", "application/json", "image/png", "wait=0", "a", "*", "bytes=0-1",
                       "gzip", "wait=0.001, respond-async", '"x", W/"y"', "application/*;q=0"]),
    max_size=4,
)  # fmt: skip
PLACES = st.builds(
    "POINT({} {})".format, st.floats(-400, 400) | ODD_TEXT, st.floats(-100, 100) | ODD_TEXT
)
SEGMENTS = (
    st.sampled_from(
        ["", ".", "..", "nowcast", "nowcasts", "latest", "jobs", "results", "collections",
         "position", "verification", "grids", "radar", "forecasts", "page", "metrics", "healthz",
         "readyz", "docs", "20260621T2245Z-advection-none", iso(3), iso(6), "null", "-1", "1e9"]
    )
    | ODD_TEXT
)  # fmt: skip
PATHS = (
    st.just("/nowcast")
    | st.sampled_from(
        ["/nowcasts/latest", f"/nowcasts/{iso(6)}", "/collections/nowcast/position", "/readyz",
         "/verification", "/jobs/20260621T2300Z-advection-none", "/healthz", "/openapi.json",
         "/jobs/20260621T2300Z-advection-none/results"]
    )
    | st.lists(SEGMENTS, max_size=4).map(lambda parts: "/" + "/".join(parts))
)  # fmt: skip
QUERIES = st.dictionaries(
    st.sampled_from(["model", "lead", "threshold", "from", "to", "coords", "f", ""]) | ODD_TEXT,
    ODD_TEXT | PLACES | st.integers() | st.floats() | st.sampled_from(["advection", iso(6), "30"]),
    max_size=3,
)
METHODS = st.sampled_from(["GET"] * 7 + ["POST"] * 4 + ["HEAD", "PUT", "DELETE", "OPTIONS", "X"])


def quoted(text: object) -> str:
    return "".join(f"%{byte:02x}" for byte in str(text).encode("utf-8", "surrogatepass"))


def ask_anything(client: TestClient, answers: Answers, number: int) -> None:
    """Requests after no description at all."""

    @few(number)
    @given(
        method=METHODS, path=PATHS, query=QUERIES, headers=HEADERS, body=BODIES, ours=st.booleans()
    )
    def ask(
        method: str, path: str, query: dict[str, Any], headers: Any, body: bytes, ours: bool
    ) -> None:
        if method == "POST" and ours:
            path, headers = "/nowcast", headers | {"content-type": "application/json"}
        steps = "/".join(part if part.isascii() and part.isalnum() else quoted(part)
                         for part in path.split("/"))  # fmt: skip
        if "accept" not in headers:
            headers = headers | {"accept": CHEAP}
        asked = "&".join(f"{quoted(name)}={quoted(value)}" for name, value in query.items())
        answer = client.request(
            method,
            f"http://testserver{steps or '/'}?{asked}",
            content=body,
            headers={name: value.encode("latin-1") for name, value in headers.items()},
            follow_redirects=False,
        )
        answered(answers, method, answer.status_code, answer.headers.get("content-type", ""))

    ask()


def test_ten_thousand_odd_requests_are_answered_and_nothing_is_harmed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    fill(tmp_path)
    before = frames(tmp_path)
    answers: Answers = Counter()
    app = create_app(api_context(tmp_path))
    ask_by_schema(app, answers)
    by_schema = answers.total()
    with TestClient(app, raise_server_exceptions=False) as client:
        while answers.total() < REQUESTS:
            ask_anything(client, answers, REQUESTS - answers.total())
    print(f"{by_schema} by schema, {answers.total()} in all")
    assert by_schema > 5_000 * TIMES
    assert answers.total() >= REQUESTS
    statuses = {status for _, status in answers}
    assert {200, 202, 400, 404, 405, 422} <= statuses, "all kinds of answers were provoked"
    assert frames(tmp_path) == before
    nothing_is_half(tmp_path)


def frames(data: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in (data / "archive" / "frames").rglob("*.nc")}


def nothing_is_half(data: Path) -> None:
    """Every file of the archive is whole, and the ledger knows every forecast of it."""
    files = sorted((data / "archive" / "forecasts").rglob("*.nc"))
    fields = [check(netcdf.decode(path)) for path in files]
    assert not list((data / "archive" / "incoming").iterdir())
    kinds = {path.name for path in (data / "archive").iterdir()}
    assert kinds <= {"frames", "forecasts", "uploads", "incoming"}
    connection = sqlite3.connect(data / "ledger.sqlite")
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert connection.execute("SELECT count(*) FROM forecasts").fetchone() == (len(files),)
    assert connection.execute("SELECT count(*) FROM leads").fetchone() == (4 * len(files),)
    assert len(fields) > 5, "some requests made forecasts"
    connection.close()
