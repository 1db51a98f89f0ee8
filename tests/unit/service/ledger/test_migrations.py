"""Ledgers of other programs: older ones are brought up to date, newer ones are left alone."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import Connection, event, text
from typer.testing import CliRunner, Result

from service.cli import app
from service.errors import BadLedger, LedgerAway
from service.jobs.job_table import JobTable
from service.ledger import database, integrity, migrations, tables
from service.ledger.ledger import Ledger
from tests.free_port import free_port
from tests.postgres import DATABASES, new_url
from tests.state_snapshot import rows_of
from tests.unit.service.ledger.test_ledger import ISSUE, KEY, LATER, arrival, probability_row
from tests.unit.service.ledger.test_ledger import counts as count

ROOT = Path(__file__).parents[4]
AT, DUE = "2026-06-21 12:00:00.000000", "2026-06-21 12:30:00.000000"
OLD_SQLITE = """
CREATE TABLE arrivals (fingerprint VARCHAR(64) NOT NULL, name VARCHAR NOT NULL, product VARCHAR(8),
  frame_time DATETIME, outcome VARCHAR(16) NOT NULL, reason VARCHAR, arrived DATETIME NOT NULL,
  valid_area FLOAT, PRIMARY KEY (fingerprint));
CREATE INDEX ix_arrivals_frame_time ON arrivals (frame_time);
CREATE TABLE counts (model VARCHAR(64) NOT NULL, weights VARCHAR(64) NOT NULL,
  issue DATETIME NOT NULL, lead_minutes INTEGER NOT NULL, threshold FLOAT NOT NULL,
  hits BIGINT NOT NULL, misses BIGINT NOT NULL, false_alarms BIGINT NOT NULL,
  correct_negatives BIGINT NOT NULL,
  PRIMARY KEY (model, weights, issue, lead_minutes, threshold));
CREATE TABLE forecasts (model VARCHAR(64) NOT NULL, weights VARCHAR(64) NOT NULL,
  issue DATETIME NOT NULL, radar_time DATETIME NOT NULL, generated DATETIME NOT NULL,
  PRIMARY KEY (model, weights, issue));
CREATE TABLE fractions (model VARCHAR(64) NOT NULL, weights VARCHAR(64) NOT NULL,
  issue DATETIME NOT NULL, lead_minutes INTEGER NOT NULL, threshold FLOAT NOT NULL,
  window INTEGER NOT NULL, n BIGINT NOT NULL, squared_difference FLOAT NOT NULL,
  squared_reference FLOAT NOT NULL,
  PRIMARY KEY (model, weights, issue, lead_minutes, threshold, window));
CREATE TABLE leads (model VARCHAR(64) NOT NULL, weights VARCHAR(64) NOT NULL,
  issue DATETIME NOT NULL, lead_minutes INTEGER NOT NULL, valid_time DATETIME NOT NULL,
  status VARCHAR(8) NOT NULL, n BIGINT, signed FLOAT, absolute FLOAT, squared FLOAT,
  PRIMARY KEY (model, weights, issue, lead_minutes),
  FOREIGN KEY(model, weights, issue) REFERENCES forecasts (model, weights, issue));
CREATE INDEX leads_by_status ON leads (status, valid_time);
"""
"""The tables as ledgers had them before there were revisions."""
OLD_ROWS = f"""
INSERT INTO arrivals VALUES ('f1', 'a', 'RY', '{AT}', 'accepted', NULL, '{AT}', 0.9);
INSERT INTO arrivals VALUES ('f2', 'b', 'RY', '{DUE}', 'accepted', NULL, '{DUE}', 0.9);
INSERT INTO arrivals VALUES ('f3', 'c', NULL, NULL, 'quarantined', 'cut', '{DUE}', NULL);
INSERT INTO forecasts VALUES ('persistence', 'none', '{AT}', '{AT}', '{AT}');
INSERT INTO forecasts VALUES ('persistence', 'v2', '{AT}', '{AT}', '{AT}');
INSERT INTO leads VALUES ('persistence', 'none', '{AT}', 30, '{DUE}', 'verified', 9, 1, 2, 3);
INSERT INTO leads VALUES ('persistence', 'none', '{AT}', 60, '{DUE}', 'pending', NULL, 0, 0, 0);
INSERT INTO leads VALUES ('persistence', 'v2', '{AT}', 30, '{DUE}', 'verified', 9, 1, 2, 3);
INSERT INTO counts VALUES ('persistence', 'none', '{AT}', 30, 0.5, 1, 2, 3, {2**40});
INSERT INTO counts VALUES ('persistence', 'v2', '{AT}', 30, 0.5, 10, 20, 30, {2**40});
INSERT INTO fractions VALUES ('persistence', 'none', '{AT}', 30, 0.5, 3, 9, 0.25, 0.5);
"""


@pytest.fixture(params=DATABASES)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return new_url(request.param, tmp_path)


def connected(url: str) -> Any:
    return database.engine(url).begin()


def run_all(connection: Connection, statements: str) -> None:
    for statement in statements.split(";\n"):
        if statement.strip():
            connection.execute(text(statement))


@pytest.fixture
def old(url: str) -> str:
    """The URL of a ledger from before there were revisions, with something in it."""
    with connected(url) as connection:
        if connection.dialect.name == "sqlite":
            run_all(connection, OLD_SQLITE)
        else:  # nobody has one, so that it may as well be made by the first revision
            connection.execute(text("SET TIME ZONE 'UTC'"))
            migrations.run(connection, "0001")
            connection.execute(text("DROP TABLE alembic_version"))
        run_all(connection, OLD_ROWS)
    return url


def test_an_old_ledger_keeps_what_it_had(old: str) -> None:
    ledger = Ledger(old)
    assert ledger.has_accepted(ISSUE, "RY")
    assert ledger.has_forecast(KEY)
    assert [row["lead_minutes"] for row in ledger.pending(LATER)] == [60]
    assert [row["n"] for row in ledger.rows(tables.fractions)] == [9]
    assert {row["issue"] for row in ledger.rows(tables.counts)} == {ISSUE}


def test_the_totals_of_an_old_ledger_are_those_of_its_rows(old: str) -> None:
    ledger = Ledger(old)
    (row,) = ledger.pixels()
    assert [row[name] for name in tables.COUNTS] == [11, 22, 33, 2**41]
    assert ledger.arrivals_by() == {("RY", "accepted"): 2, (None, "quarantined"): 1}
    assert integrity.faults(old) == []


def test_an_old_ledger_goes_on_where_it_was(old: str) -> None:
    ledger = Ledger(old)
    ledger.verified(KEY | {"lead_minutes": 60}, {}, [count()], [], [probability_row()])
    assert [row["number_9"] for row in ledger.rows(tables.probabilities)] == [
        probability_row()["number_9"]
    ]
    ledger.arrive(arrival())
    assert ledger.pending(LATER) == []
    assert len(ledger.pixels()) == 2
    assert ledger.arrivals_by()["RY", "accepted"] == 3
    assert integrity.faults(old) == []


def test_sums_of_probabilities_keep_their_values_when_their_columns_are_renamed(old: str) -> None:
    former = {"probability": "told", "events": "came"}
    row = probability_row(8) | KEY | {"lead_minutes": 30}
    named = {
        f"{former.get(name, name)}_{number}": row[f"{name}_{number}"]
        for name in tables.BINNED
        for number in range(10)
    }
    values = {name: row[name] for name in ("model", "weights", "lead_minutes", "threshold")}
    values |= {"issue": AT, "squared": row["squared"], **named}
    with connected(old) as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SET TIME ZONE 'UTC'"))
        database.stamp(connection, "0001")
        migrations.run(connection, "0003")
        names, places = ", ".join(values), ", ".join(f":{name}" for name in values)
        connection.execute(text(f"INSERT INTO chances ({names}) VALUES ({places})"), values)
    (found,) = Ledger(old).rows(tables.probabilities)
    assert {name: found[name] for name in row} == row
    assert integrity.faults(old) == []


def test_jobs_of_an_older_ledger_are_kept_without_a_request(old: str) -> None:
    values = {"id": "20260621T1200Z-persistence-none", "model": "persistence", "weights": "none"}
    values |= {"issue": AT, "upload": "", "queue": "interactive", "status": "accepted"}
    with connected(old) as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SET TIME ZONE 'UTC'"))
        database.stamp(connection, "0001")
        migrations.run(connection, "0008")
        names, places = ", ".join(values), ", ".join(f":{name}" for name in values)
        insertion = f"INSERT INTO jobs ({names}, created, attempts) VALUES ({places}, '{AT}', 0)"
        connection.execute(text(insertion), values)
    (row,) = JobTable(Ledger(old).engine).many([values["id"]]).values()
    assert (row.status, row.message, row.request_id) == ("accepted", None, None)
    assert integrity.faults(old) == []


@pytest.mark.parametrize("revision", migrations.known()[1:-1])
def test_a_ledger_of_any_earlier_revision_goes_on_with_its_sums(old: str, revision: str) -> None:
    with connected(old) as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SET TIME ZONE 'UTC'"))
        database.stamp(connection, "0001")
        migrations.run(connection, revision)
    ledger = Ledger(old)
    (row,) = ledger.totals()
    assert [row[name] for name in (*tables.COUNTS, "n_valid")] == [11, 22, 33, 2**41, 2]
    assert ledger.states() == {"verified": 2, "pending": 1}
    assert integrity.faults(old) == []


def test_the_tables_come_out_the_same_new_and_brought_up_to_date(url: str, old: str) -> None:
    Ledger(old)
    with connected(old) as connection:
        assert migrations.differences(connection) == []


def test_new_tables_are_those_the_revisions_make(url: str) -> None:
    Ledger(url)
    with connected(url) as connection:
        assert migrations.differences(connection) == []


def test_the_newest_revision_is_the_one_the_program_looks_for() -> None:
    known = migrations.known()
    assert known == [f"{number:04d}" for number in range(1, len(known) + 1)]
    assert known[-1] == database.REVISION


def test_many_may_open_an_old_ledger_at_once(old: str) -> None:
    barrier = Barrier(6)

    def opened(_: int) -> int:
        barrier.wait()
        return len(Ledger(old).pixels())

    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(opened, range(6))) == [1] * 6
    assert integrity.faults(old) == []


def test_an_upgrade_that_fails_in_the_middle_changes_nothing(old: str) -> None:
    engine = database.engine(old)

    @event.listens_for(engine, "before_cursor_execute")
    def fail(_: Any, __: Any, statement: str, *___: Any) -> None:
        if statement.startswith("INSERT INTO pixels"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        database.upgrade(engine)
    state = integrity.state(old)
    assert state.revision == "0001"
    assert set(state.rows) == {"arrivals", "forecasts", "leads", "counts", "fractions"}
    assert len(Ledger(old).pixels()) == 1


def test_a_ledger_of_a_newer_program_is_refused_and_left_alone(url: str) -> None:
    before = rows_of(Ledger(url))
    with connected(url) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(BadLedger, match=r"revision 9999, should be at .*; run the newer program"):
        Ledger(url)
    with connected(url) as connection:
        connection.execute(text(f"UPDATE alembic_version SET version_num = '{database.REVISION}'"))
    assert rows_of(Ledger(url)) == before


def test_a_ledger_that_is_up_to_date_opens_without_the_migration_tool(url: str) -> None:
    script = (
        "import sys; from service.ledger.ledger import Ledger\n"
        "for _ in range(2): Ledger(sys.argv[1])\n"
        "sys.exit('alembic' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script, url], cwd=ROOT, timeout=550, check=True)


@pytest.mark.parametrize("bad", ["", "ledger.sqlite", "mysql://anna:secret@here/nowcast"])
def test_a_url_that_is_none_is_refused_without_telling_its_password(bad: str) -> None:
    with pytest.raises(BadLedger, match=r"should be like sqlite:///.* or postgresql://") as refusal:
        Ledger(bad)
    assert "secret" not in str(refusal.value)


def test_a_database_that_does_not_answer_is_away() -> None:
    with pytest.raises(LedgerAway, match="cannot be used now"):
        Ledger(f"postgresql://anna:secret@127.0.0.1:{free_port()}/nowcast")


def nowcast(*words: str, url: str) -> Result:
    return CliRunner().invoke(app, ["ledger", *words], env={"NOWCAST_LEDGER": url})


def test_the_command_line_upgrades_shows_and_checks(old: str) -> None:
    assert "revision 0001" in nowcast("show", url=old).output
    assert "nowcast ledger upgrade" in nowcast("check", url=old).output
    assert nowcast("check", url=old).exit_code == 1
    upgraded = nowcast("upgrade", url=old)
    assert f"revision {database.REVISION}" in upgraded.output
    assert "jobs" in upgraded.output
    checked = nowcast("check", url=old)
    assert checked.exit_code == 0
    assert "no faults found" in checked.output


@pytest.mark.parametrize(
    ("fault", "problem"),
    [
        ("UPDATE pixels SET hits = hits + 1", "1 totals of pixels"),
        ("UPDATE pixels SET hits = 0", "totals of pixels"),
        ("DELETE FROM tallies", "2 tallies of arrivals"),
        ("UPDATE leads SET status = 'pending'", "2 counts are of leads that are not verified"),
        ("DROP TABLE windows", "windows"),
    ],
)
def test_a_check_finds_what_is_wrong(old: str, fault: str, problem: str) -> None:
    Ledger(old)
    with connected(old) as connection:
        connection.execute(text(fault))
    checked = nowcast("check", url=old)
    assert checked.exit_code == 1
    assert problem in " ".join(checked.output.split())


def test_a_file_that_is_no_database_is_told_from_one(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    path.write_bytes(b"no database at all, but long enough to be looked at" * 20)
    with pytest.raises(BadLedger, match="not a database"):
        Ledger(f"sqlite:///{path}")
