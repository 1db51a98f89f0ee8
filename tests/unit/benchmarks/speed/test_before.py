"""The benchmark of answers before asks the former service only for what it had."""

from pathlib import Path
from typing import Any

import pytest

from benchmarks.speed.served.before import (
    BROWSER,
    COMMIT,
    SAME,
    commit_of,
    compare,
    former_requests,
    section,
)
from benchmarks.speed.served.timed_requests import Answers, Request
from tests.unit.benchmarks.speed.test_answers import port

__all__ = ["port"]
DOCUMENTS: dict[str, Any] = {
    "/grids/latest": {"radar": {"times": ["2026-11-30T08:00:00Z", "2026-11-30T08:05:00Z"]}},
    "/nowcasts/latest": {"issue_time": "2026-11-30T08:05:00Z"},
}


def test_what_did_not_exist_is_not_asked_for() -> None:
    requests = [Request(name, [f"/{number}"]) for number, name in enumerate((*SAME, "map (PNG)"))]
    found = former_requests(requests, DOCUMENTS.__getitem__)
    assert {*found} == {*SAME, "radar of the map page", "forecast of the map page"}
    assert found["radar of the map page"].paths == ["/grids/radar/2026-11-30T08:05:00Z"]
    assert found["verification"] is requests[SAME.index("verification")]


def test_both_services_are_asked_by_turns(port: int) -> None:
    requests = [Request("models", ["/1"]), Request("map (PNG)", ["/22"])]
    (models, tile) = compare(port, port, {"models": requests[0]}, requests, seconds=60)
    before, now = models
    assert before is not None
    assert tile[0] is None
    assert before.sizes == now.sizes == {BROWSER: len(BROWSER) + 3}
    assert len(before.seconds) == len(now.seconds) == 200


def test_a_row_has_figures_of_both_or_none_before() -> None:
    before = Answers("models", {BROWSER: 4000}, [0.003] * 9)
    now = Answers("models", {BROWSER: 300}, [0.001] * 9)
    text = section([(before, now), (None, now)], COMMIT)
    assert "| models | 4,000 | 300 | 3.0 | 1.0 | 3.0 | 1.0 |" in text
    assert "| models | none | 300 | none | 1.0 | none | 1.0 |" in text
    assert f"commit {COMMIT}" in text


def test_another_checkout_is_refused() -> None:
    with pytest.raises(ValueError, match=f"should be at {COMMIT}: git worktree add"):
        commit_of(Path(__file__).parent)
