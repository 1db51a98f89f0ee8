"""The tables of the database. Every row has a natural key.

* Inserted once, the source of everything else: arrivals, forecasts, leads, counts, fractions,
  probabilities, dry_claims, and of rain sums sum_leads and sum_counts.
* Derived from them: the running totals tallies, pixels and those of each day, incremented in the
  transaction that inserts the rows they count; and the tables of windows, refreshed as a whole.
* Current state: jobs, requests, workers, alerts and their messages.

A change here needs a new revision in `service/ledger/migrations`; a test compares the two.
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    String,
    Table,
)
from sqlalchemy.types import TypeEngine

from service.ledger.column_types import EscapedText, Utc

BINS = 10
"""Bins of forecast probability, those of `verification.probabilistic`, which needs xarray."""

metadata = MetaData()

arrivals = Table(
    "arrivals",
    metadata,
    Column("fingerprint", String(64), primary_key=True),
    Column("name", EscapedText, nullable=False),
    Column("product", String(8)),
    Column("frame_time", Utc, index=True),
    Column("outcome", String(16), nullable=False),
    Column("reason", EscapedText),
    Column("arrived", Utc, nullable=False),
    Column("valid_area", Float),
    Index("arrivals_by_product", "product", "frame_time"),
)
"""Files that arrived, with their outcome; see `service.ledger.ledger.Arrival`."""

KEY = ("model", "weights", "issue")
COUNTS = ("hits", "misses", "false_alarms", "correct_negatives")


def count_columns() -> list[Column[Any]]:
    """Return the columns of contingency counts."""
    return [Column(name, BigInteger, nullable=False) for name in COUNTS]


def key_columns() -> list[Column[Any]]:
    """Return the key columns of a forecast."""
    return [
        Column("model", String(64), primary_key=True),
        Column("weights", String(64), primary_key=True),
        Column("issue", Utc, primary_key=True),
    ]


def lead_columns() -> list[Column[Any]]:
    """Return the key columns of a lead time of a forecast."""
    return [*key_columns(), Column("lead_minutes", Integer, primary_key=True)]


def total_columns() -> list[Column[Any]]:
    """Return the key columns of what is summed over the forecasts of a model."""
    return [
        Column("model", String(64), primary_key=True),
        Column("lead_minutes", Integer, primary_key=True),
        Column("threshold", Float, primary_key=True),
    ]


def daily_columns() -> list[Column[Any]]:
    """Return the key columns of sums of a day."""
    return [Column("day", Integer, primary_key=True, autoincrement=False), *total_columns()]


def window_columns() -> list[Column[Any]]:
    """Return the key columns of sums over a rolling window."""
    return [Column("hours", Integer, primary_key=True), *total_columns()]


def fraction_columns() -> list[Column[Any]]:
    """Return the columns of sums of fractions, the first of which is part of the key."""
    return [
        Column("window", Integer, primary_key=True),
        Column("n", BigInteger, nullable=False),
        Column("squared_difference", Float, nullable=False),
        Column("squared_reference", Float, nullable=False),
    ]


forecasts = Table(
    "forecasts",
    metadata,
    *key_columns(),
    Column("radar_time", Utc, nullable=False),
    Column("generated", Utc, nullable=False),
    Column("bridged", String),
    Column("duration_seconds", Float),
    Index("forecasts_by_model", "model", "issue"),
)
"""Forecasts. `bridged` has the times of interpolated frames, null if there are none;
`duration_seconds` is the duration of the inference, null if unknown."""
leads = Table(
    "leads",
    metadata,
    *lead_columns(),
    Column("valid_time", Utc, nullable=False),
    Column("status", String(8), nullable=False),
    Column("n", BigInteger),
    Column("signed", Float),
    Column("absolute", Float),
    Column("squared", Float),
    ForeignKeyConstraint(KEY, [f"forecasts.{name}" for name in KEY]),
    Index("leads_by_status", "status", "valid_time"),
    Index("leads_by_model", "model", "status", "valid_time"),
)
"""Lead times of forecasts: pending until the observed frame arrives, then verified; missing if it
never arrives. `signed`, `absolute` and `squared` are sums of errors in mm/h over `n` cells."""
counts = Table(
    "counts",
    metadata,
    *lead_columns(),
    Column("threshold", Float, primary_key=True),
    *count_columns(),
)
fractions = Table(
    "fractions",
    metadata,
    *lead_columns(),
    Column("threshold", Float, primary_key=True),
    *fraction_columns(),
)

BINNED: dict[str, type[TypeEngine[Any]]] = {
    "number": BigInteger,
    "probability": Float,
    "events": BigInteger,
}
"""Sums by bin of forecast probability; see `verification.probability_sums`."""


def bins_of(name: str) -> list[str]:
    """Return the names of the columns of a sum, one for each bin."""
    return [f"{name}_{number}" for number in range(BINS)]


def probability_columns() -> list[Column[Any]]:
    """Return the columns of sums of exceedance probabilities."""
    binned = [
        Column(column, kind, nullable=False)
        for name, kind in BINNED.items()
        for column in bins_of(name)
    ]
    return [*binned, Column("squared", Float, nullable=False)]


probabilities = Table(
    "probabilities",
    metadata,
    *lead_columns(),
    Column("threshold", Float, primary_key=True),
    *probability_columns(),
)
"""Sums of exceedance probabilities, for forecasts that have them. The bins of a threshold are
columns of one row: as rows they would take five times the space, most of it for keys."""


def sum_columns() -> list[Column[Any]]:
    """Return the columns of counts of rain sums."""
    return [
        *count_columns(),
        Column("n_probable", BigInteger, nullable=False),
        Column("squared", Float, nullable=False),
    ]


sum_leads = Table(
    "sum_leads",
    metadata,
    *lead_columns(),
    Column("valid_time", Utc, nullable=False),
    Column("status", String(8), nullable=False),
    Index("sum_leads_by_status", "status", "valid_time"),
)
"""Rain sums of the hour that ends at a lead time: pending until its radar is there, then verified;
missing if too much of it never arrives."""
sum_counts = Table(
    "sum_counts",
    metadata,
    *lead_columns(),
    Column("threshold", Float, primary_key=True),
    *sum_columns(),
)
"""Counts of rain sums by threshold in mm. `squared` is the sum of the squared errors of the
probability over `n_probable` cells; both are 0 for forecasts without an ensemble."""

dry_claims = Table(
    "dry_claims",
    metadata,
    *key_columns(),
    Column("valid_time", Utc, nullable=False, index=True),
    *count_columns(),
)
"""Counts of places called dry for two hours up to a valid time: a miss is a wrong claim, a correct
negative a dry place that was called so."""

tallies = Table(
    "tallies",
    metadata,
    Column("subject", String(16), primary_key=True),
    Column("name", String(64), primary_key=True),
    Column("outcome", String(16), primary_key=True),
    Column("n", BigInteger, nullable=False),
)
"""Counters: arrivals by product ("" if unknown) and outcome, jobs by model and status."""
pixels = Table(
    "pixels",
    metadata,
    *total_columns(),
    *count_columns(),
)
"""Counters: the counts summed over all issue times."""
daily_counts = Table(
    "daily_counts",
    metadata,
    *daily_columns(),
    *count_columns(),
    Column("n_valid", BigInteger, nullable=False),
)
"""The counts of each day of valid times, in days since 1970 (UTC), over `n_valid` forecasts."""
daily_sum_counts = Table(
    "daily_sum_counts",
    metadata,
    *daily_columns(),
    *sum_columns(),
    Column("n_valid", BigInteger, nullable=False),
)
"""The counts of rain sums of each day of valid times, over `n_valid` forecasts."""
daily_leads = Table(
    "daily_leads",
    metadata,
    Column("day", Integer, primary_key=True, autoincrement=False),
    Column("model", String(64), primary_key=True),
    Column("lead_minutes", Integer, primary_key=True),
    Column("status", String(8), primary_key=True),
    Column("n", BigInteger, nullable=False),
)
"""Numbers of verified and missing lead times of each day of valid times."""

windows = Table(
    "windows",
    metadata,
    *window_columns(),
    *count_columns(),
    Column("n_valid", Integer, nullable=False),
    Column("n_missing", Integer, nullable=False),
    Column("refreshed", Utc, nullable=False),
)
"""Counts over a rolling window, summed over `n_valid` forecasts."""
window_fractions = Table(
    "window_fractions",
    metadata,
    *window_columns(),
    *fraction_columns(),
    Column("refreshed", Utc, nullable=False),
)
"""Sums of fractions over a rolling window."""
window_probabilities = Table(
    "window_probabilities",
    metadata,
    *window_columns(),
    *probability_columns(),
    Column("refreshed", Utc, nullable=False),
)
"""Sums of exceedance probabilities over a rolling window."""
window_sums = Table(
    "window_sums",
    metadata,
    *window_columns(),
    *sum_columns(),
    Column("n_valid", Integer, nullable=False),
    Column("refreshed", Utc, nullable=False),
)
"""Counts of rain sums over a rolling window, summed over `n_valid` forecasts."""
jobs = Table(
    "jobs",
    metadata,
    Column("id", String(160), primary_key=True),
    Column("model", String(64), nullable=False),
    Column("weights", String(64), nullable=False),
    Column("issue", Utc, nullable=False),
    Column("upload", String(64), nullable=False),
    Column("queue", String(16), nullable=False),
    Column("status", String(16), nullable=False),
    Column("created", Utc, nullable=False),
    Column("sent", Utc),
    Column("started", Utc),
    Column("finished", Utc),
    Column("attempts", Integer, nullable=False),
    Column("worker", String(128)),
    Column("kind", String(64)),
    Column("message", EscapedText),
    Column("request_id", String(128)),
    Index("jobs_by_status", "status", "queue", "created"),
)
"""Forecast jobs: accepted, running, successful, failed or dismissed."""
requests = Table(
    "requests",
    metadata,
    Column("name_hash", String(64), primary_key=True),
    Column("body_hash", String(64), nullable=False),
    Column("job", String(160), nullable=False),
    Column("created", Utc, nullable=False, index=True),
)
"""Requests with an idempotency key."""
workers = Table(
    "workers",
    metadata,
    Column("worker", String(128), primary_key=True),
    Column("queues", String, nullable=False),
    Column("device", String(64), nullable=False),
    Column("started", Utc, nullable=False),
    Column("seen", Utc, nullable=False),
)
"""Workers with their last heartbeat."""
alerts = Table(
    "alerts",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("owner", String(64), nullable=False, index=True),
    Column("subscription", EscapedText, nullable=False),
    Column("secret", String(64), nullable=False),
    Column("created", Utc, nullable=False),
    Column("issue", Utc),
    Column("event", Utc),
    Column("announced", Boolean, nullable=False),
    Column("streak", Integer, nullable=False),
    Column("confirmed", Utc),
)
"""Subscriptions to alerts, as JSON, with the state of each: the newest issue that it has been
compared with, the issue at which its present event started, how many issues in a row have spoken
against that state, and the newest that confirms the event."""
alert_messages = Table(
    "alert_messages",
    metadata,
    Column("id", String(96), primary_key=True),
    Column("alert", String(32), nullable=False, index=True),
    Column("kind", String(8), nullable=False),
    Column("body", EscapedText, nullable=False),
    Column("created", Utc, nullable=False),
    Column("status", String(8), nullable=False),
    Column("due", Utc, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("finished", Utc),
    Column("error", EscapedText),
    Index("alert_messages_by_status", "status", "due"),
)
"""Messages of alerts: waiting until they are due, then sent or failed. They are inserted in the
transaction that changes the state of their alert."""
