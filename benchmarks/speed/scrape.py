"""Processor time of a scrape by Prometheus, of a ledger that holds a year.

    python -m benchmarks.speed.scrape

The ledger holds what a year of six models leaves where a scrape looks: every twelfth forecast and
file, the running totals and the rolling windows. The API is called in this process.
"""

import argparse
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from time import process_time
from typing import Any

from sqlalchemy import Connection

from benchmarks.report import at_least_one
from service.ledger import tables
from service.ledger.ledger import Ledger
from service.skill.verification import THRESHOLDS

MOST_MILLISECONDS = 50
ISSUES_A_YEAR = 365 * 24 * 12
EVERY = 12
SERVED = ("ms-lstm", "ms-preciplstm", "advection", "persistence")
MODELS = (*SERVED, "auto", "dwd-rv")
PROBABILISTIC = ("ms-lstm", "ms-preciplstm", "auto")
"""Models whose exceedance probabilities are verified."""
PROBABILITY_THRESHOLDS = (0.5, 2.0, 5.0)
WINDOWS = (6, 24, 168, 720)
"""Hours."""
LEADS = (30, 60, 90, 120)
"""Minutes."""
SCALES = (1, 3, 5, 9)
"""Cells."""


def write_windows(
    ledger: Ledger,
    now: datetime,
    hours: Sequence[int] = WINDOWS,
    models: Sequence[str] = MODELS,
    **counts: int,
) -> None:
    """Replace rolling windows by rows of every model, lead and threshold, summed up at `now`."""
    some = {"hits": 3, "misses": 2, "false_alarms": 1, "correct_negatives": 10**9} | counts
    sums = {"n": 9, "squared_difference": 0.5, "squared_reference": 1.0, "refreshed": now}
    keys = [{"hours": of, **key} for of in hours for key in lead_thresholds(models)]
    more = {**some, "n_valid": 72, "n_missing": 0, "refreshed": now}
    probable = [
        key
        for key in keys
        if key["model"] in PROBABILISTIC and key["threshold"] in PROBABILITY_THRESHOLDS
    ]
    with ledger.engine.begin() as connection:
        for table in (tables.windows, tables.window_fractions, tables.window_probabilities):
            connection.execute(table.delete().where(table.c.hours.in_(hours)))
        binned = probability_sums() | {"refreshed": now}
        insert(connection, tables.window_probabilities, [binned | key for key in probable])
        insert(connection, tables.windows, [key | more for key in keys])
        scaled = [key | sums | {"window": scale} for key in keys for scale in SCALES]
        insert(connection, tables.window_fractions, scaled)


def lead_thresholds(models: Sequence[str]) -> list[dict[str, Any]]:
    """Keys of the rows of some models."""
    return [
        {"model": model, "lead_minutes": lead, "threshold": threshold}
        for model in models
        for lead in LEADS
        for threshold in THRESHOLDS
    ]


def probability_sums() -> dict[str, float]:
    """A row of sums of probabilities with eight cells in each bin."""
    sums = {"number": 8, "probability": 2.0, "events": 4}
    return {"squared": 1.0} | {
        column: sums[name] for name in sums for column in tables.bins_of(name)
    }


def insert(connection: Connection, table: Any, rows: Sequence[dict[str, Any]]) -> None:  # noqa: ANN401
    """Insert rows, if there are any."""
    if rows:
        connection.execute(table.insert(), rows)


def write_year(ledger: Ledger, now: datetime, models: Sequence[str] = MODELS) -> None:
    """Add what the year before `now` leaves: forecasts, their leads, files and running totals."""
    step = timedelta(minutes=5)
    times = [now - number * step for number in range(0, ISSUES_A_YEAR, EVERY)]
    some = {"hits": 10**9, "misses": 1, "false_alarms": 1, "correct_negatives": 10**12}
    keys = [{"model": model, "weights": "w", "issue": time} for model in models for time in times]
    written = {"radar_time": now, "generated": now}
    lead = {"lead_minutes": 30, "valid_time": now, "status": "verified"}
    file = {"name": "x", "product": "RY", "outcome": "accepted", "arrived": now}
    with ledger.engine.begin() as connection:
        insert(connection, tables.pixels, [key | some for key in lead_thresholds(models)])
        insert(connection, tables.forecasts, [key | written for key in keys])
        insert(connection, tables.leads, [key | lead for key in keys])
        files = [file | {"fingerprint": f"{time}", "frame_time": time} for time in times]
        insert(connection, tables.arrivals, files)


def milliseconds(folder: Path, scrapes: int) -> float:
    """Of the processor, at the median of some scrapes after one that is not counted."""
    from fastapi.testclient import TestClient

    from service.runtime.deployment import Deployment
    from service.runtime.server import application
    from service.settings import Settings

    parts = Deployment(Settings(data=folder, models=SERVED))
    now = datetime.now(UTC).replace(microsecond=0)
    write_windows(parts.ledger, now)
    write_year(parts.ledger, now)
    took = []
    with TestClient(application(parts)) as client:
        client.get("/metrics").raise_for_status()
        for _ in range(scrapes):
            begun = process_time()
            client.get("/metrics").raise_for_status()
            took.append(1e3 * (process_time() - begun))
    return median(took)


def main() -> None:
    """Print what was measured."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scrapes", type=at_least_one, default=9)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="nowcast-bench-") as name:
        found = milliseconds(Path(name), options.scrapes)
    print(f"a scrape takes {found:.1f} ms of processor, should take under {MOST_MILLISECONDS}")


if __name__ == "__main__":
    main()
