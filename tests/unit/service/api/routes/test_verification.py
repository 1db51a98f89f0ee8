"""How good the forecasts were, over HTTP."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cachetools import TTLCache
from fastapi.testclient import TestClient

from service.api.app import create_app
from service.api.dependencies import SUMS_SECONDS
from service.api.routes import verification
from service.ledger import sum_rows, tables
from service.ledger.ledger import Ledger
from tests.served import NEWEST, api_context, iso, problem
from tests.showers import moment


def test_verification_tells_counts_and_scores(reader: TestClient, filled: Path) -> None:
    body = reader.get("/verification").json()
    ledger = Ledger(f"sqlite:///{filled / 'ledger.sqlite'}")
    leads = [row["status"] for row in ledger.rows(tables.leads)]
    assert body["n_valid"] == leads.count("verified") == 4
    assert body["n_pending"] == leads.count("pending")
    assert body["n_missing"] == 0
    for row in body["rows"]:
        rows = ledger.rows(tables.counts, [row["model"]], lead_minutes=row["lead_minutes"],
                           threshold=row["threshold"])  # fmt: skip
        assert row["n_valid"] == len(rows)
        for name in ("hits", "misses", "false_alarms", "correct_negatives"):
            assert row[name] == sum(counted[name] for counted in rows)
        events = row["hits"] + row["misses"] + row["false_alarms"]
        assert row["csi"] == (pytest.approx(row["hits"] / events) if events else None)
    assert {row["model"] for row in body["rows"]} == {"advection", "persistence"}


def test_a_score_that_is_undefined_is_null(data: Path) -> None:
    ledger = Ledger(f"sqlite:///{data / 'ledger.sqlite'}")
    key = {"model": "desert", "weights": "none", "issue": moment(0)}
    ledger.forecast(key, {"radar_time": moment(0), "generated": moment(0)}, {30: moment(6)})
    dry = {"hits": 0, "misses": 0, "false_alarms": 0, "correct_negatives": 100}
    ledger.verified(key | {"lead_minutes": 30}, {}, [dry | {"threshold": 0.5}], [])
    with TestClient(create_app(api_context(data))) as client:
        answer = client.get("/verification?model=desert")
    (row,) = answer.json()["rows"]
    scores = ("csi", "hss", "pod", "far", "fbias", "ets")
    assert {name: row[name] for name in scores} == dict.fromkeys(scores)
    assert {name: row[name] for name in dry} == dry


def test_rain_sums_of_an_hour_have_counts_and_brier_scores_in_mm(data: Path) -> None:
    ledger = Ledger(f"sqlite:///{data / 'ledger.sqlite'}")
    counts = {"hits": 6, "misses": 2, "false_alarms": 4, "correct_negatives": 88}
    for number in range(2):
        key = {"model": "blend", "weights": "none", "issue": moment(6 * number)}
        valid = {lead: moment(6 * number + lead // 5) for lead in (30, 60)}
        ledger.forecast(key, {"radar_time": moment(0), "generated": moment(0)}, valid)
        rows = [
            counts | {"threshold": 5.0, "n_probable": 100 * number, "squared": 4.0 * number},
            dict.fromkeys(counts, 0) | {"threshold": 25.0, "n_probable": 0, "squared": 0.0},
        ]
        assert sum_rows.enter(ledger.engine, key | {"lead_minutes": 60}, rows)
    with TestClient(create_app(api_context(data))) as client:
        low, high = client.get("/verification?model=blend").json()["sums"]
        assert (low["threshold_mm"], low["lead_minutes"], low["n_valid"]) == (5, 60, 2)
        assert [low[name] for name in counts] == [2 * value for value in counts.values()]
        assert low["csi"] == pytest.approx(6 / 12)
        assert (low["n_probable"], low["brier"]) == (100, pytest.approx(0.04))
        assert low["brier_skill"] == pytest.approx(1 - 0.04 / (0.08 * 0.92))
        assert (high["threshold_mm"], high["csi"], high["brier"]) == (25, None, None)
        for query, number in (("lead=30", 0), ("lead=60", 2), ("threshold=5", 0)):
            answer = client.get(f"/verification?model=blend&{query}").json()
            assert len(answer["sums"]) == number, query
        later = client.get(f"/verification?model=blend&from={iso(12)}").json()["sums"]
        assert [row["n_valid"] for row in later] == [1, 1]


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ({"model": "advection"}, {"model": "advection"}),
        ({"lead": 30}, {"lead_minutes": 30}),
        ({"threshold": 0.1}, {"threshold": 0.1}),
    ],
)
def test_verification_can_be_asked_for_in_part(
    reader: TestClient, query: dict[str, Any], wanted: dict[str, Any]
) -> None:
    everything = reader.get("/verification").json()["rows"]
    part = reader.get("/verification", params=query).json()["rows"]
    (name, value), *_ = wanted.items()
    assert part == [row for row in everything if row[name] == value]
    assert 0 < len(part) < len(everything)


def test_verification_of_a_period_begins_after_from_and_ends_with_to(reader: TestClient) -> None:
    def leads(**query: str) -> int:
        found: int = reader.get("/verification", params=query).json()["n_valid"]
        return found

    assert leads() == 4
    assert leads(**{"from": iso(6), "to": iso(NEWEST)}) == 3
    assert leads(to=iso(6)) == 1
    assert leads(**{"from": iso(NEWEST)}) == 0


def test_what_was_never_verified_has_no_rows(reader: TestClient) -> None:
    body = reader.get("/verification?model=ms-lstm").json()
    assert body == {"n_valid": 0, "n_missing": 0, "n_pending": 0, "rows": [], "sums": []}


@pytest.mark.parametrize(
    "query",
    ["lead=0", "lead=1.5", "lead=x", f"lead={10**30}", "threshold=nan", "threshold=-1",
     "threshold=inf", "model=A%20B", f"model={'a' * 65}", "from=yesterday", "from=2026-06-21",
     "to=2026-06-21T22:30:00", "to=0001-01-01T00:00:00%2B14:00", "to=9999-12-31T23:59:59-14:00"],
)  # fmt: skip
def test_a_question_about_verification_that_makes_no_sense_is_422(
    reader: TestClient, query: str
) -> None:
    body = problem(reader.get(f"/verification?{query}"), 422)
    assert body["errors"][0]["at"][0] == "query"


def test_verification_is_of_a_bounded_period(filled: Path) -> None:
    context = api_context(filled, verification_days=1)
    with TestClient(create_app(context)) as client:
        everything = client.get("/verification").json()
        assert everything["n_valid"] == 4, "all is within a day"
        long = {"from": "2026-06-20T00:00:00Z", "to": "2026-06-21T00:06:00Z"}
        detail = problem(client.get("/verification", params=long), 422)["detail"]
        assert "should be at most 1" in detail
        problem(client.get("/verification", params={"from": "2020-01-01T00:00:00Z"}), 422)
        later = client.get("/verification", params={"to": "2026-06-25T00:00:00Z"}).json()
        assert later["n_valid"] == 0


def test_who_asks_for_the_same_verification_shares_one_result(
    filled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: TTLCache[Any, Any] = TTLCache(9, SUMS_SECONDS, timer=lambda: 0.0)
    context, queries = replace(api_context(filled), sums=kept), list[object]()
    sum_up = verification.sum_up

    def counted(*arguments: Any) -> Any:
        queries.append(arguments)
        return sum_up(*arguments)

    monkeypatch.setattr(verification, "sum_up", counted)
    with TestClient(create_app(context)) as client:
        # each in another form, so that none is the whole response of another
        forms = [{"Accept": f"application/json; q=0.{number}"} for number in range(1, 6)]
        answers = [client.get("/verification", headers=form) for form in forms]
    assert [answer.status_code for answer in answers] == [200] * 5
    assert len({answer.content for answer in answers}) == 1
    assert len(queries) == 1
