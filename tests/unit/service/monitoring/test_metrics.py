"""Metrics for Prometheus: values of the ledger, and counters of a process."""

import shutil
import sqlite3
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple, cast

import httpx
import numpy as np
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import event

from benchmarks.speed.scrape import PROBABILISTIC, SERVED, write_windows, write_year
from service.api.app import create_app
from service.archive.key import Key, ledger_key
from service.clock import utc_now
from service.jobs.job_table import JobTable
from service.ledger import dry_claim_rows, tables
from service.ledger.alert_table import AlertState, AlertTable, NewMessage
from service.ledger.ledger import Ledger
from service.monitoring import metrics, skill_collector
from service.monitoring.metrics import Process, exposed
from service.pipeline.ingest import ingest_bytes
from service.settings import Settings
from tests.alerts import rain_band
from tests.postgres import DATABASES, new_url
from tests.scraped import DECLARED, Scrape, scrape
from tests.served import MODELS, NOW, StandingStill, api_context
from tests.showers import file_bytes, file_name, moment, time
from tests.unit.service.ledger.test_ledger import counts, probability_row

RADAR = metrics.FRAMES, metrics.LAST_FRAME, metrics.DELAY, metrics.VALID_AREA
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
KEY = Key(time(11), "persistence", "none")


@pytest.fixture
def kept(data: Path) -> Iterator[Ledger]:
    """The ledger of `client`."""
    opened = Ledger(f"sqlite:///{data / 'ledger.sqlite'}")
    yield opened
    opened.engine.dispose()


@pytest.fixture
def jobs(kept: Ledger) -> JobTable:
    """The job table of `client`."""
    return JobTable(kept.engine)


def asked(client: TestClient) -> dict[tuple[str, ...], float]:
    """Requests by (code, method, route), those that there were."""
    return {key: n for key, n in scrape(client).of(metrics.REQUESTS).items() if n}


# facts of the ledger


def test_all_that_is_declared_is_told_and_nothing_else(client: TestClient, kept: Ledger) -> None:
    files = StandingStill(Settings(data=kept_in(kept)), NOW, lambda key: None)
    ingest_bytes(files.archive, kept, file_bytes(12), file_name(12), NOW)
    enter_probabilities(kept, probability_row(100))
    claims = dict.fromkeys(tables.COUNTS, 1)
    dry_claim_rows.enter(kept.engine, ledger_key(KEY), NOW, claims)
    kept.refresh_windows(NOW)
    JobTable(kept.engine).ask(KEY, "interactive", NOW)
    JobTable(kept.engine).beat("anna", ["interactive"], "cpu", NOW)
    AlertTable(kept.engine).put("a1", NewMessage("a1-test", "test", "{}", NOW), NOW)
    client.get("/nowcasts/latest", headers={"Accept": "application/json"})
    shapes = {shape for shape in scrape(client).shapes() if shape[0].startswith("nowcast_")}
    assert shapes == {(name, frozenset(metric.labels)) for name, metric in DECLARED.items()}


def test_what_has_not_happened_is_0_and_no_gap(tmp_path: Path) -> None:
    with TestClient(create_app(api_context(tmp_path))) as client:
        found = scrape(client)
    outcomes = ["accepted", "duplicate", "late", "missing", "quarantined"]
    frames = {
        (outcome, product): 0.0 for outcome in outcomes for product in ("RV", "RY", "unknown")
    }
    assert found.of(metrics.FRAMES) == frames
    assert len(found.of(metrics.JOBS)) == 5 * len([*MODELS, "auto"])
    assert len(found.of(metrics.PIXELS)) == 4 * 4 * 6 * len([*MODELS, "auto", "dwd-rv"])
    assert set(found.of(metrics.CACHE)) == {("hit",), ("miss",)}
    assert found.value(metrics.WAIT.name + "_count", queue="scheduled") == 0
    assert found.value(metrics.REQUESTS, method="POST", route="/nowcast", code="503") == 0
    assert {n for _, n in found.counters().items() if n} <= set(
        found.of("process_cpu_seconds_total").values()
    )


def test_times_of_what_never_was_are_not_told(tmp_path: Path) -> None:
    with TestClient(create_app(api_context(tmp_path))) as client:
        found = scrape(client)
    times = [name for name in DECLARED if name.endswith("_timestamp_seconds")]
    assert len(times) > 4
    assert not any(found.of(name) for name in times)


def test_alerts_count_by_channel_and_outcome_and_the_oldest_unsent_message_is_dated(
    client: TestClient, kept: Ledger
) -> None:
    table = AlertTable(kept.engine)
    for name in ("a1", "a2"):
        assert table.add(rain_band.row(rain_band.subscription(), name), most=9)
    subscribed = table.get("a2")
    assert subscribed is not None
    raining = AlertState(issue=NOW, event=NOW, announced=True)
    assert table.change(subscribed, raining, NOW, NewMessage("m1", "start", "{}", NOW))
    for number, wait in (("m2", 2 * MINUTE), ("m3", MINUTE)):
        table.put("a1", NewMessage(number, "test", "{}", NOW + wait), NOW)
    table.put("a1", NewMessage("m4", "test", "{}", utc_now() + HOUR), NOW)
    for _ in range(2):  # repeated, it counts once
        table.sent("m1", NOW, "webhook")
        table.failed("m2", NOW, "it is gone", "ntfys")
    found = scrape(client)
    assert (found.value(metrics.SUBSCRIPTIONS), found.value(metrics.EVENTS)) == (2, 1)
    assert found.of(metrics.MESSAGES) == {
        ("webhook", "sent"): 1, ("webhook", "failed"): 0, ("ntfys", "failed"): 1
    }  # fmt: skip
    assert found.value(metrics.UNSENT) == (NOW + MINUTE).timestamp()
    table.remove("a2")
    assert scrape(client).of(metrics.MESSAGES)["webhook", "sent"] == 1


def test_files_count_by_product_and_outcome(data: Path, client: TestClient, kept: Ledger) -> None:
    files = StandingStill(Settings(data=data), NOW, lambda key: None)
    for number, arrived in ((13, NOW), (15, NOW + 12 * MINUTE), (14, NOW + 13 * MINUTE)):
        ingest_bytes(files.archive, kept, file_bytes(number), file_name(number), arrived)
    ingest_bytes(files.archive, kept, file_bytes(13) + b"\0", file_name(13), NOW + HOUR)
    ingest_bytes(files.archive, kept, b"no radar", "no.gz", NOW)
    found = scrape(client)
    counted = {key: n for key, n in found.of(metrics.FRAMES).items() if n}
    assert counted == {
        ("accepted", "RY"): 2, ("late", "RY"): 1, ("duplicate", "RY"): 1,
        ("quarantined", "unknown"): 1,
    }  # fmt: skip
    assert found.of(metrics.LAST_FRAME) == {("RY",): moment(15).timestamp()}
    assert found.of(metrics.DELAY) == {("RY",): (NOW + 12 * MINUTE - moment(15)).total_seconds()}
    seen = float(1 - np.isnan(files.archive.frame(time(15)).values).mean())
    assert found.of(metrics.VALID_AREA) == {("RY",): pytest.approx(seen)}
    assert 0.3 < seen < 0.9


def test_frames_that_never_came_count_once_each(client: TestClient, kept: Ledger) -> None:
    before = scrape(client).value(metrics.FRAMES, product="RY", outcome="missing")
    awaited = {row["valid_time"] for row in kept.pending(NOW + 3 * HOUR)}
    kept.give_up(NOW + 3 * HOUR)
    found = scrape(client).value(metrics.FRAMES, product="RY", outcome="missing")
    assert (before, found) == (0, len(awaited))
    assert len(awaited) > 4


def test_verified_pixels_are_those_of_the_ledger(client: TestClient, kept: Ledger) -> None:
    found = scrape(client)
    counted: dict[tuple[str, ...], float] = {}
    for row in kept.rows(tables.counts):
        for name, outcome in (("hits", "hit"), ("correct_negatives", "correct_negative")):
            key = (str(row["lead_minutes"]), row["model"], outcome, f"{row['threshold']:g}")
            counted[key] = counted.get(key, 0) + row[name]
    shown = {key: n for key, n in found.of(metrics.PIXELS).items() if n}
    assert {key: n for key, n in shown.items() if key[2] in ("hit", "correct_negative")} == {
        key: n for key, n in counted.items() if n
    }
    assert any(key[2] == "hit" for key in shown)
    pending = len(kept.pending(NOW + 3 * HOUR))
    assert sum(found.of(metrics.PENDING).values()) == pending > 0
    newest = max(
        row["valid_time"] for row in kept.rows(tables.leads) if row["status"] == "verified"
    )
    assert found.value(metrics.LAST_VERIFIED, model="persistence") == newest.timestamp()


def test_skill_is_that_of_the_windows(client: TestClient, kept: Ledger) -> None:
    assert not scrape(client).of(metrics.SKILL)
    kept.refresh_windows(NOW)
    found = scrape(client)
    key = {"model": "persistence", "lead_minutes": 30, "threshold": 0.5}
    row = next(row for row in kept.windows(6) if key.items() <= row.items())
    a, c, b, d = (row[name] for name in tables.COUNTS)
    labels = {"model": "persistence", "lead_minutes": "30", "window": "6h"}
    by_hand = {
        "csi": a / (a + b + c),
        "pod": a / (a + c),
        "far": b / (a + b),
        "fbias": (a + b) / (a + c),
        "base_rate": (a + c) / (a + b + c + d),
        "forecast_rate": (a + b) / (a + b + c + d),
    }
    values = {
        name: found.value(metrics.SKILL, score=name, threshold="0.5", **labels) for name in by_hand
    }
    assert values == {name: pytest.approx(value) for name, value in by_hand.items()}
    assert found.value(metrics.SKILL_FORECASTS, **labels) == row["n_valid"] > 0
    assert found.of(metrics.SKILL_REFRESHED) == {
        (window,): NOW.timestamp() for window in ("6h", "24h", "7d", "30d")
    }
    assert all(np.isfinite(value) for value in found.of(metrics.SKILL).values())


def test_rain_that_is_right_but_for_its_place_scores_in_wide_neighbourhoods(
    client: TestClient, kept: Ledger
) -> None:
    kept.refresh_windows(NOW)
    labels = {"model": "persistence", "lead_minutes": "30", "window": "6h", "threshold": "0.5"}
    found = scrape(client)
    narrow, wide = (
        found.value(metrics.SKILL, score=f"fss_{km}km", **labels) or 0 for km in (5, 40)
    )
    assert 0 < narrow < wide < 1


def test_a_score_of_nothing_is_absent_and_one_of_no_hits_is_0(tmp_path: Path) -> None:
    with TestClient(create_app(api_context(tmp_path))) as client:
        ledger = Ledger(f"sqlite:///{tmp_path / 'ledger.sqlite'}")
        write_windows(ledger, NOW, hours=(6,), models=("dry",), hits=0, misses=0, false_alarms=0)
        write_windows(ledger, NOW, hours=(24,), models=("wrong",), hits=0, misses=3, false_alarms=5)
        found = scrape(client)
    labels = {"lead_minutes": "30", "threshold": "0.5"}
    assert found.value(metrics.SKILL, model="dry", score="csi", window="6h", **labels) is None
    assert found.value(metrics.SKILL, model="dry", score="base_rate", window="6h", **labels) == 0
    assert found.value(metrics.SKILL, model="wrong", score="csi", window="24h", **labels) == 0
    assert found.value(metrics.SKILL, model="wrong", score="far", window="24h", **labels) == 1


def test_skill_is_told_anew_when_a_window_is_renewed(tmp_path: Path) -> None:
    labels = {"model": "persistence", "lead_minutes": "30", "threshold": "0.5", "score": "pod"}
    with TestClient(create_app(api_context(tmp_path))) as client:
        ledger = Ledger(f"sqlite:///{tmp_path / 'ledger.sqlite'}")
        write_windows(ledger, NOW, models=MODELS, hits=1, misses=1)
        assert scrape(client).value(metrics.SKILL, window="6h", **labels) == 0.5
        write_windows(ledger, NOW + MINUTE, hours=(6,), models=MODELS, hits=3, misses=1)
        found = scrape(client)
        assert found.value(metrics.SKILL, window="6h", **labels) == 0.75
        assert found.value(metrics.SKILL, window="24h", **labels) == 0.5
        write_windows(ledger, NOW, hours=(6,), models=())
        assert scrape(client).value(metrics.SKILL, window="6h", **labels) is None


def test_reliability_diagrams_are_those_of_the_windows(client: TestClient, kept: Ledger) -> None:
    likely = {
        "number_9": 8,
        "probability_9": 7.6,
        "events_9": 6,
        "number_2": 0,
        "probability_2": 0.0,
        "events_2": 0,
    }
    enter_probabilities(kept, probability_row(100) | likely)
    kept.refresh_windows(NOW)
    found = scrape(client)
    labels = {"model": "telling", "lead_minutes": "30", "threshold": "0.5", "window": "6h"}
    assert found.value(metrics.RELIABILITY_PROBABILITY, bin="0.9", **labels) == pytest.approx(0.95)
    assert found.value(metrics.RELIABILITY_FREQUENCY, bin="0.9", **labels) == 0.75
    assert found.value(metrics.RELIABILITY_CELLS, bin="0.9", **labels) == 8
    assert found.value(metrics.RELIABILITY_CELLS, bin="0", **labels) == 100
    assert len(found.of(metrics.RELIABILITY_CELLS)) == 9 * 4, "a bin that was not used is absent"
    number, events = 8 * 100 + 8, 8 * 50 + 6
    error, rate = probability_row(100)["squared"] / number, events / number
    assert found.value(metrics.SKILL, score="brier", **labels) == pytest.approx(error)
    skill = 1 - error / (rate * (1 - rate))
    assert found.value(metrics.SKILL, score="brier_skill", **labels) == pytest.approx(skill)
    assert not [key for key in found.of(metrics.RELIABILITY_PROBABILITY) if "persistence" in key]


def test_there_is_no_brier_skill_where_no_event_came(client: TestClient, kept: Ledger) -> None:
    dry = dict.fromkeys(tables.bins_of("events"), 0)
    enter_probabilities(kept, probability_row(100) | dry)
    kept.refresh_windows(NOW)
    found = scrape(client)
    labels = {"model": "telling", "lead_minutes": "30", "threshold": "0.5", "window": "6h"}
    assert (
        found.value(metrics.SKILL, score="brier", **labels)
        == probability_row(100)["squared"] / 1000
    )
    assert found.value(metrics.SKILL, score="brier_skill", **labels) is None
    assert found.value(metrics.RELIABILITY_FREQUENCY, bin="0.5", **labels) == 0


def test_models_are_told_with_the_weights_of_their_newest_forecast(
    data: Path, kept: Ledger
) -> None:
    for number, weights in ((1, "a" * 64), (3, "c" * 64), (2, "b" * 64)):
        key = {"model": "net", "weights": weights, "issue": moment(number)}
        kept.forecast(key, {"radar_time": moment(number), "generated": NOW}, {30: NOW})
    with TestClient(create_app(api_context(data, models=("net", "advection", "unborn")))) as client:
        found = scrape(client)
    infos = found.of(metrics.MODEL)
    assert infos == {
        ("net", "c" * 8, "c" * 64): 1, ("advection", "none", "none"): 1, ("unborn", "", ""): 1
    }  # fmt: skip
    assert found.value(metrics.REFERENCE, model="net") == moment(3).timestamp()
    assert found.value(metrics.REFERENCE, model="unborn") is None


def test_the_queue_is_told_by_its_length_and_its_oldest_job(
    client: TestClient, jobs: JobTable
) -> None:
    assert not scrape(client).of(metrics.OLDEST)
    jobs.ask(KEY, "interactive", NOW)
    jobs.ask(KEY._replace(issue=time(10)), "interactive", NOW + MINUTE)
    found = scrape(client)
    assert found.of(metrics.WAITING) == {("interactive",): 2, ("scheduled",): 0}
    assert found.of(metrics.OLDEST) == {("interactive",): NOW.timestamp()}


def test_deliveries_and_dead_letters_are_counted(client: TestClient, jobs: JobTable) -> None:
    job, _ = jobs.ask(KEY, "interactive", NOW)
    for later in (0, 1, 2):
        jobs.claim(job.id, f"worker {later}", NOW + later * HOUR, 2, NOW + later * HOUR)
    jobs.ask(KEY._replace(issue=time(3)), "scheduled", NOW)
    jobs.expire(NOW + HOUR)
    found = scrape(client)
    ended = {key: n for key, n in found.of(metrics.JOBS).items() if n}
    model = "persistence"
    assert ended == {(model, "accepted"): 2, (model, "running"): 2, (model, "failed"): 2}
    lost = {key: n for key, n in found.of(metrics.GIVEN_UP).items() if n}
    assert lost == {(model, "DeadLetter"): 1, (model, "Expired"): 1}


def test_workers_are_told_with_their_queues(client: TestClient, jobs: JobTable) -> None:
    jobs.beat("anna", ["interactive", "scheduled"], "cuda:0", NOW)
    jobs.beat("otto", ["verify"], "", NOW + MINUTE)
    found = scrape(client)
    assert found.of(metrics.HEARTBEAT) == {
        ("anna",): NOW.timestamp(), ("otto",): (NOW + MINUTE).timestamp()
    }  # fmt: skip
    assert set(found.of(metrics.WORKER)) == {
        ("cuda:0", "interactive", "anna"), ("cuda:0", "scheduled", "anna"), ("", "verify", "otto")
    }  # fmt: skip


@pytest.mark.parametrize("database", DATABASES)
def test_facts_are_read_from_any_database(database: str, tmp_path: Path) -> None:
    url = new_url(database, tmp_path)
    ledger = Ledger(url)
    for number, weights in ((1, "a"), (2, "b")):
        key = {"model": "net", "weights": weights, "issue": moment(number)}
        ledger.forecast(key, {"radar_time": NOW, "generated": NOW}, {30: NOW, 60: NOW + HOUR})
    ledger.give_up(NOW + MINUTE)
    write_windows(ledger, NOW, models=MODELS)
    book_of_jobs = JobTable(ledger.engine)
    book_of_jobs.ask(KEY, "scheduled", NOW)
    book_of_jobs.expire(NOW + MINUTE)
    with TestClient(create_app(api_context(tmp_path, ledger=url, models=("net",)))) as client:
        found = scrape(client)
    ledger.engine.dispose()
    assert found.of(metrics.MODEL) == {("net", "b", "b"): 1}
    assert found.value(metrics.FRAMES, product="RY", outcome="missing") == 1
    assert found.value(metrics.PENDING, model="net") == 2
    assert found.value(metrics.GIVEN_UP, model="persistence", reason="Expired") == 1
    assert found.value(metrics.SKILL_REFRESHED, window="7d") == NOW.timestamp()


def test_a_restart_changes_no_fact(data: Path, kept: Ledger, jobs: JobTable) -> None:
    kept.refresh_windows(NOW)
    jobs.ask(KEY, "interactive", NOW)
    scrapes = []
    for _ in range(2):  # all is made anew: the application and its connections
        with TestClient(create_app(api_context(data))) as client:
            scrapes.append(values_from_database(scrape(client)))
    first, second = scrapes
    assert first == second
    assert len(first) > 500


def test_two_processes_tell_the_same_facts(data: Path, kept: Ledger) -> None:
    kept.refresh_windows(NOW)
    with (
        TestClient(create_app(api_context(data))) as first,
        TestClient(create_app(api_context(data))) as second,
    ):
        first.get("/jobs/none")
        assert values_from_database(scrape(first)) == values_from_database(scrape(second))
        assert asked(first) != asked(second)


def test_without_a_ledger_the_rest_is_told(client: TestClient, data: Path) -> None:
    before = scrape(client)
    assert before.value(metrics.LEDGER_UP) == 1
    client.get("/healthz")
    hidden = away(client, data)
    found = scrape(client)
    assert found.value(metrics.LEDGER_UP) == 0
    assert not found.of(metrics.PIXELS)
    assert not found.of(metrics.SKILL)
    assert found.value(metrics.REQUESTS, method="GET", route="/healthz", code="2xx") == 1
    back(data, hidden)
    assert values_from_database(scrape(client)) == values_from_database(before)


def test_a_scrape_after_a_year_costs_what_it_costs_on_the_first_day(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In queries and steps of the database; `benchmarks.speed.scrape` measures the time."""
    context, summed_hours = api_context(tmp_path, models=SERVED), list[int]()

    def counted(hours: int, *rows: Any) -> skill_collector.Lines:
        summed_hours.append(hours)
        return lines_of(hours, *rows)

    lines_of = skill_collector.lines_of
    monkeypatch.setattr(skill_collector, "lines_of", counted)
    write_windows(context.ledger, NOW)
    with TestClient(create_app(context)) as client:
        found = scrape_only(client)
        assert summed_hours == [6, 24, 168, 720]
        before = work_of_scrape(client, context.ledger)
        write_year(context.ledger, NOW)
        after = work_of_scrape(client, context.ledger)
    assert after.queries == before.queries < 20
    assert after.steps < 2 * before.steps
    assert summed_hours == [6, 24, 168, 720], (
        "a window is written once, and again when it is renewed"
    )
    of_probabilities = len(PROBABILISTIC) * 4 * 3 * 4
    assert len(Scrape(found).of(metrics.SKILL)) == 6 * 4 * 6 * 4 * (8 + 4) + 2 * of_probabilities
    assert len(Scrape(found).of(metrics.RELIABILITY_PROBABILITY)) == 10 * of_probabilities


class Work(NamedTuple):
    """What SQLite does for something."""

    queries: int
    steps: int
    """Instructions of its virtual machine, in hundreds."""


def work_of_scrape(client: TestClient, ledger: Ledger) -> Work:
    queries, steps = list[str](), list[int]()

    def count_steps(connection: sqlite3.Connection, *rest: object) -> None:
        connection.set_progress_handler(lambda: steps.append(1), 100)

    def count_query(*event_arguments: Any) -> None:
        queries.append(event_arguments[2])

    event.listen(ledger.engine, "checkout", count_steps)
    event.listen(ledger.engine, "before_cursor_execute", count_query)
    scrape_only(client)
    event.remove(ledger.engine, "checkout", count_steps)
    event.remove(ledger.engine, "before_cursor_execute", count_query)
    return Work(len(queries), len(steps))


# what a process counts


def test_requests_count_by_their_route_and_how_they_ended(client: TestClient) -> None:
    client.get("/jobs/one")
    client.get("/jobs/another")
    client.head("/healthz")
    client.get("/healthz")
    client.delete("/healthz")
    client.post("/nowcast", content=b"{")
    found = asked(client)
    assert found == {
        ("4xx", "GET", "/jobs/{job}"): 2, ("2xx", "HEAD", "/healthz"): 1,
        ("2xx", "GET", "/healthz"): 1, ("4xx", "DELETE", "/healthz"): 1,
        ("4xx", "POST", "/nowcast"): 1,
    }  # fmt: skip
    counts = scrape(client).of(metrics.REQUEST_SECONDS.name + "_count")
    assert counts["GET", "/jobs/{job}"] == 2


def test_paths_and_methods_of_strangers_make_no_series(client: TestClient) -> None:
    client.get("/a")
    client.request("BREW", "/a")
    before = len(scrape(client).samples)
    for number in range(50):
        client.get(f"/wp-admin/{number}")
        client.request(f"BREW{number}", f"/coffee/{number}")
    found = scrape(client)
    assert len(found.samples) == before
    assert found.value(metrics.REQUESTS, method="GET", route="other", code="4xx") == 51
    assert found.value(metrics.REQUESTS, method="other", route="other", code="4xx") == 51


def test_requests_that_are_refused_at_the_door_count_too(data: Path) -> None:
    with TestClient(create_app(api_context(data, requests_per_minute=1))) as client:
        answers = [client.get("/nowcasts/latest").status_code for _ in range(3)]
        found = asked(client)
    assert answers[1:] == [429, 429]
    assert found["429", "GET", "/nowcasts/latest"] == 2


def test_a_refusal_on_purpose_is_no_fault(tmp_path: Path) -> None:
    app = create_app(api_context(tmp_path))

    @app.get("/broken")
    def broken() -> None:
        raise RuntimeError("out of order")

    with TestClient(app, raise_server_exceptions=False) as client:
        assert client.get("/readyz").status_code == 503
        assert client.get("/broken").status_code == 500
        found = asked(client)
    assert found == {("503", "GET", "/readyz"): 1, ("5xx", "GET", "/broken"): 1}


def test_what_was_held_is_a_hit(client: TestClient) -> None:
    for _ in range(3):
        client.get("/nowcasts/latest", headers={"Accept": "application/json"})
    found = scrape(client)
    assert found.of(metrics.CACHE) == {("hit",): 2, ("miss",): 1}


def test_jobs_of_the_api_itself_are_timed(data: Path) -> None:
    settings = Settings(data=data, models=MODELS, allowed_hosts=("testserver",))
    parts = StandingStill(settings, NOW, lambda key: None)
    from service.runtime.server import application

    with TestClient(application(parts)) as client:
        wanted = {"issue": moment(9).isoformat(), "model": "persistence"}
        answer = client.post("/nowcast", json=wanted, headers={"Prefer": "wait=30"})
        assert answer.status_code == 200, answer.text
        found = scrape(client)
    assert found.value(metrics.INFERENCE.name + "_count", model="persistence") == 1
    assert found.value(metrics.WAIT.name + "_count", queue="interactive") == 1


def test_a_process_tells_what_it_counts_on_a_port_of_its_own() -> None:
    process, other = (Process(Settings(models=("net",))) for _ in range(2))
    process.inferred("net", 0.3)
    process.inferred("net", 3)
    process.waited("scheduled", 0.02)
    process.fell_back("net")
    process.polled("RY", failed=True)
    process.polled("RY", failed=False)
    with exposed(process, "127.0.0.1", 0) as port:
        found = Scrape(httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=300).text)
    assert found.value(metrics.INFERENCE.name + "_count", model="net") == 2
    assert found.value(metrics.INFERENCE.name + "_sum", model="net") == pytest.approx(3.3)
    assert found.value(metrics.INFERENCE.name + "_bucket", model="net", le="0.5") == 1
    assert found.value(metrics.WAIT.name + "_count", queue="scheduled") == 1
    assert found.value(metrics.FALLBACKS, model="net") == 1
    assert found.value(metrics.POLLS, product="RY", result="failed") == 1
    assert found.value("process_resident_memory_bytes")
    with exposed(other, "127.0.0.1", 0) as port:
        nothing = Scrape(httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=300).text)
    assert nothing.value(metrics.FALLBACKS, model="net") == 0


# what tests are made of


def values_from_database(found: Scrape) -> dict[Any, float]:
    """What is of the ledger."""
    own = {
        metric.name
        for metric in (metrics.REQUESTS, metrics.CACHE, metrics.POLLS, metrics.FALLBACKS)
    }
    timed = (metrics.INFERENCE.name, metrics.WAIT.name, metrics.REQUEST_SECONDS.name, "process_")
    return {
        key: n
        for key, n in found.samples.items()
        if key[0] not in own and not key[0].startswith(timed)
    }


def kept_in(ledger: Ledger) -> Path:
    return Path(str(ledger.engine.url.database)).parent


def scrape_only(client: TestClient) -> str:
    return str(client.get("/metrics").text)


def away(client: TestClient, data: Path) -> Path:
    """Put a folder where the file of the ledger was."""
    hidden = data / "hidden"
    hidden.mkdir()
    for path in data.glob("ledger.sqlite*"):
        shutil.move(path, hidden / path.name)
    (data / "ledger.sqlite").mkdir()
    cast("FastAPI", client.app).state.context.ledger.engine.dispose()
    return hidden


def back(data: Path, hidden: Path) -> None:
    (data / "ledger.sqlite").rmdir()
    for path in hidden.iterdir():
        shutil.move(path, data / path.name)


def enter_probabilities(ledger: Ledger, sums: dict[str, Any]) -> None:
    """A verified lead of a model that tells probabilities, with these sums of them."""
    key = {"model": "telling", "weights": "none", "issue": NOW - HOUR}
    ledger.forecast(key, {"radar_time": NOW - HOUR, "generated": NOW}, {30: NOW - HOUR / 2})
    ledger.verified(key | {"lead_minutes": 30}, {"n": 9}, [counts()], [], [sums])
