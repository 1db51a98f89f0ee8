"""The ledger: arrivals of files, forecasts, and the verification of each lead time, in SQL.

Every row has a natural key and is inserted once; inserting it again changes nothing. A task can
therefore be killed and repeated at any point, by any number of processes. Counts and sums are
stored, never scores.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import uuid4

from sqlalchemy import RowMapping, Select, Table, delete, distinct, func, select, update

from service.ledger import daily_sums, database, sum_rows, tables
from service.ledger import rolling_windows as windows
from service.ledger.database import increment_tallies, insert, insert_once, tallies_of
from service.ledger.queries import (
    leads_of,
    matches,
    newest,
    newest_weights,
    with_lead,
    within,
)
from service.ledger.rolling_windows import Summed, summed
from service.ledger.tables import (
    arrivals,
    counts,
    forecasts,
    fractions,
    leads,
    pixels,
    probabilities,
)

WINDOWS = (6, 24, 168, 720)
"""Lengths of the rolling windows of verification, in h."""
KEPT = ("accepted", "late")
"""Outcomes of arrivals whose field is in the archive."""


class Arrival(NamedTuple):
    """Arrival of a file and its outcome.

    Attributes:
        fingerprint: SHA-256 of content and name.
        name: Name of the file.
        outcome: accepted, late, duplicate or quarantined.
        arrived: Time of arrival.
        product: Radar product; None if unknown.
        frame_time: Time of the frame, or issue time of a provider's forecast; None if unknown.
        reason: Why it is quarantined or suspect.
        valid_area: Fraction of a frame that has data; None for other files.
    """

    fingerprint: str
    name: str
    outcome: str
    arrived: datetime
    product: str | None = None
    frame_time: datetime | None = None
    reason: str | None = None
    valid_area: float | None = None

    @property
    def delay_seconds(self) -> float | None:
        """Time from the frame to the arrival of its file, in s; None if the frame is unknown."""
        return None if self.frame_time is None else (self.arrived - self.frame_time).total_seconds()


class Ledger:
    """The ledger of a deployment. Every method can raise LedgerAway.

    Args:
        url: URL of SQLite or PostgreSQL. Missing tables are created, old ones upgraded.

    Raises:
        BadLedger: The database is of another kind, or of a newer program.
        LedgerAway: The database is unreachable.
    """

    def __init__(self, url: str) -> None:
        self.engine = database.engine(url)
        database.upgrade(self.engine)

    def probe(self) -> None:
        """Write a row and remove it.

        Raises:
            LedgerAway: Nothing can be written.
        """
        row = {"subject": "probe", "name": uuid4().hex, "outcome": "write", "n": 0}
        with self.engine.begin() as connection:
            insert_once(connection, tables.tallies, [row])
            mine = tables.tallies.c.name == row["name"]
            connection.execute(delete(tables.tallies).where(mine))

    # arrivals

    def arrival(self, fingerprint: str) -> Arrival | None:
        """Return the arrival of a fingerprint; None if there is none."""
        query = select(arrivals).where(arrivals.c.fingerprint == fingerprint)
        with self.engine.connect() as connection:
            row = connection.execute(query).mappings().first()
        return None if row is None else Arrival(**row)

    def has_accepted(self, frame_time: datetime, product: str | None = None) -> bool:
        """Whether a file of a product was accepted with this time.

        Args:
            frame_time: Time of the frame, or issue time of a provider's forecast.
            product: Product; None for a frame of any product, but not a provider's forecast.
        """
        of = (
            arrivals.c.valid_area.is_not(None) if product is None else arrivals.c.product == product
        )
        query = select(arrivals.c.fingerprint).where(
            arrivals.c.frame_time == frame_time, arrivals.c.outcome.in_(KEPT), of
        )
        with self.engine.connect() as connection:
            return connection.execute(query.limit(1)).first() is not None

    def arrive(self, arrival: Arrival) -> None:
        """Insert an arrival once and count it in the running totals."""
        with self.engine.begin() as connection:
            new = insert(connection, arrivals).values(arrival._asdict()).on_conflict_do_nothing()
            if connection.execute(new.returning(arrivals.c.fingerprint)).first():
                increment_tallies(connection, "arrival", [(arrival.product or "", arrival.outcome)])

    def arrivals_by(self) -> dict[tuple[str | None, str], int]:
        """Return numbers of arrivals by (product, outcome), from running totals.

        The product is None where it is unknown.
        """
        with self.engine.connect() as connection:
            found = tallies_of(connection, "arrival")
        return {(product or None, outcome): n for (product, outcome), n in found.items()}

    def latest(self, product: str) -> Arrival | None:
        """Return the newest accepted file of a product, from the end of an index; None if none."""
        query = (
            select(arrivals)
            .where(arrivals.c.product == product, arrivals.c.outcome.in_(KEPT))
            .where(arrivals.c.frame_time.is_not(None))
            .order_by(arrivals.c.frame_time.desc())
        )
        with self.engine.connect() as connection:
            row = connection.execute(query.limit(1)).mappings().first()
        return None if row is None else Arrival(**row)

    # forecasts

    def forecast(
        self,
        key: dict[str, Any],
        times: dict[str, datetime],
        valid: dict[int, datetime],
        *,
        bridged: str | None = None,
        duration_seconds: float | None = None,
    ) -> None:
        """Insert a forecast, and its lead times as pending.

        Args:
            key: Columns model, weights and issue.
            times: Columns radar_time and generated.
            valid: Valid times by lead time in min.
            bridged: Times of interpolated frames, separated by commas; None if there are none.
            duration_seconds: Duration of the inference in s; None if unknown.
        """
        more = {"bridged": bridged, "duration_seconds": duration_seconds}
        with self.engine.begin() as connection:
            insert_once(connection, forecasts, [key | times | more])
            rows = [
                key | {"lead_minutes": lead, "valid_time": time, "status": "pending"}
                for lead, time in valid.items()
            ]
            insert_once(connection, leads, rows)
            sum_rows.expect(connection, rows)

    def has_forecast(self, key: dict[str, Any]) -> bool:
        """Whether there is a forecast of a key (model, weights, issue)."""
        query = select(forecasts.c.issue).where(*matches(forecasts, key))
        with self.engine.connect() as connection:
            return connection.execute(query.limit(1)).first() is not None

    def forecasts_latest(self) -> dict[str, datetime]:
        """Return the newest issue time of each model, from the ends of an index."""
        return self._times(newest(forecasts.c.model, forecasts.c.issue))

    def weights_latest(self) -> dict[str, str]:
        """Return the weights of the newest forecast of each model, from the ends of an index."""
        with self.engine.connect() as connection:
            return {str(model): weights for model, weights in connection.execute(newest_weights())}

    # verification

    def pending(self, until: datetime) -> list[RowMapping]:
        """Return the pending lead times with valid times up to `until`, oldest first."""
        query = (
            select(leads)
            .where(leads.c.status == "pending", leads.c.valid_time <= until)
            .order_by(leads.c.valid_time, leads.c.issue)
        )
        with self.engine.connect() as connection:
            return list(connection.execute(query).mappings())

    def pending_by_model(self) -> dict[str, int]:
        """Return the number of pending lead times of each model."""
        query = select(leads.c.model, func.count()).where(leads.c.status == "pending")
        with self.engine.connect() as connection:
            found = connection.execute(query.group_by(leads.c.model))
            return {str(model): int(n) for model, n in found}

    def verified_latest(self) -> dict[str, datetime]:
        """Return the newest verified valid time of each model, from the ends of an index."""
        is_verified = leads.c.status == "verified"
        return self._times(newest(leads.c.model, leads.c.valid_time, is_verified))

    def frames_missing(self) -> int:
        """Return the number of frames missing for verification, from an index; a counter."""
        query = select(func.count(distinct(leads.c.valid_time))).where(leads.c.status == "missing")
        with self.engine.connect() as connection:
            return int(connection.execute(query).scalar_one())

    def verified(
        self,
        key: dict[str, Any],
        errors: dict[str, float],
        count_rows: Iterable[dict[str, Any]],
        fraction_rows: Iterable[dict[str, Any]],
        probability_rows: Iterable[dict[str, Any]] = (),
    ) -> bool:
        """Insert the verification of a pending lead time, and add it to the running totals.

        All in one transaction; a lead time that is not pending is left unchanged.

        Args:
            key: Columns model, weights, issue and lead_minutes.
            errors: Sums of errors, columns of `leads`.
            count_rows: Rows of `counts` by threshold.
            fraction_rows: Rows of `fractions` by threshold and window.
            probability_rows: Rows of `probabilities` by threshold.

        Returns:
            Whether it was pending.
        """
        with self.engine.begin() as connection:
            done = connection.execute(
                update(leads)
                .where(*matches(leads, key), leads.c.status == "pending")
                .values(status="verified", **errors)
            )
            if done.rowcount:
                insert_once(connection, counts, [key | row for row in count_rows])
                insert_once(connection, fractions, [key | row for row in fraction_rows])
                insert_once(connection, probabilities, [key | row for row in probability_rows])
                windows.add_to_pixels(connection, key)
                daily_sums.add_verified(connection, key)
        return bool(done.rowcount)

    def give_up(self, until: datetime, unfinished: Collection[datetime] = ()) -> int:
        """Mark pending lead times with valid times up to `until` as missing. Returns how many.

        Args:
            until: Newest valid time that is given up.
            unfinished: Issues whose lead times stay pending, since they are verified later.
        """
        is_over = (leads.c.valid_time <= until, leads.c.issue.not_in(list(unfinished)))
        query = update(leads).where(leads.c.status == "pending", *is_over)
        with self.engine.begin() as connection:
            return daily_sums.give_up(connection, query)

    def rows(
        self,
        table: Table,
        models: Sequence[str] = (),
        begin: datetime | None = None,
        end: datetime | None = None,
        **equal: float | None,
    ) -> list[Mapping[str, Any]]:
        """Return rows of counts, fractions, probabilities or leads, with their valid time.

        Args:
            table: The table.
            models: Names of models; empty for all.
            begin: Valid times are after this; None for no bound.
            end: Valid times are at or before this; None for no bound.
            **equal: Values of columns; None for any value.
        """
        query = select(table, leads.c.valid_time, leads.c.status).select_from(with_lead(table))
        return self._found(query.where(*within(table, models, begin, end, equal)))

    def totals(
        self,
        models: Sequence[str] = (),
        begin: datetime | None = None,
        end: datetime | None = None,
        **equal: float | None,
    ) -> list[Mapping[str, Any]]:
        """Return counts by model, lead and threshold over `n_valid` forecasts; see `rows`."""
        return self._found(daily_sums.totals(models, begin, end, equal))

    def states(
        self,
        models: Sequence[str] = (),
        begin: datetime | None = None,
        end: datetime | None = None,
        **equal: float | None,
    ) -> dict[str, int]:
        """Return numbers of lead times by status; the arguments are those of `rows`."""
        found = self._found(daily_sums.states(models, begin, end, equal))
        return {row["status"]: row["n"] for row in found}

    # summed up for dashboards

    def pixels(self) -> list[Mapping[str, Any]]:
        """Return counts by model, lead time and threshold over all verified forecasts: counters."""
        return self._found(select(pixels).order_by(*pixels.primary_key))

    def refresh_windows(
        self, now: datetime, hours: Sequence[int] = WINDOWS, share: float = 0.01
    ) -> list[int]:
        """Refresh the rolling windows (now - hours, now]; see `service.ledger.rolling_windows`.

        Args:
            now: End of the windows.
            hours: Lengths of the windows.
            share: Fraction of a window that must be new for it to be refreshed, since a month can
                take half a minute; 0 refreshes all.

        Returns:
            Lengths of the refreshed windows, in h.
        """
        stale = [window for window in hours if windows.is_stale(self.engine, now, window, share)]
        for window in stale:
            windows.refresh(self.engine, now, window)
        return stale

    def windows(self, hours: int | None = None) -> list[Mapping[str, Any]]:
        """Return counts by (hours, model, lead_minutes, threshold) of one or all windows.

        Each row has `n_valid`, the number of forecasts it is summed over, the same ones for every
        model; `n_missing`, the number of lead times without an observed frame; and the time
        `refreshed`.
        """
        return self._found(windows.kept(tables.windows, hours))

    def window_fractions(self, hours: int | None = None) -> list[Mapping[str, Any]]:
        """Return sums of fractions by (hours, model, lead_minutes, threshold, window)."""
        return self._found(windows.kept(tables.window_fractions, hours))

    def window_probabilities(self, hours: int | None = None) -> list[Mapping[str, Any]]:
        """Return sums of probabilities by (hours, model, lead_minutes, threshold)."""
        return self._found(windows.kept(tables.window_probabilities, hours))

    def window_sums(self, hours: int | None = None) -> list[Mapping[str, Any]]:
        """Return counts of rain sums by (hours, model, lead_minutes, threshold in mm)."""
        return self._found(windows.kept(tables.window_sums, hours))

    def summed(self, begin: datetime, end: datetime, block_hours: int | None = None) -> Summed:
        """Return sums over any period; see `service.ledger.rolling_windows.summed`."""
        return summed(self.engine, begin, end, block_hours)

    def verified_span(self) -> tuple[datetime, datetime] | None:
        """Return the first and last verified valid time, from the ends of an index."""
        time, is_verified = leads.c.valid_time, leads.c.status == "verified"
        with self.engine.connect() as connection:
            first, last = (
                connection.execute(select(end(time)).where(is_verified)).scalar()
                for end in (func.min, func.max)
            )
        return None if first is None or last is None else (first, last)

    def models_in(self, begin: datetime, end: datetime) -> list[str]:
        """Return the models with verified valid times in (begin, end]."""
        found = leads_of("verified", begin, end).subquery()
        with self.engine.connect() as connection:
            return list(connection.execute(select(found.c.model).distinct()).scalars())

    def arrivals_in(self, begin: datetime, end: datetime) -> list[Arrival]:
        """Return arrivals with frame times in (begin, end], or arrived then where it is unknown."""
        time = func.coalesce(arrivals.c.frame_time, arrivals.c.arrived)
        query = select(arrivals).where(time > begin, time <= end).order_by(time)
        return [Arrival(**row) for row in self._found(query)]

    # SQL

    def _times(self, query: Select[Any]) -> dict[str, datetime]:
        with self.engine.connect() as connection:
            return {name: time for name, time in connection.execute(query) if time is not None}

    def _found(self, query: Select[Any]) -> list[Mapping[str, Any]]:
        with self.engine.connect() as connection:
            return [dict(row) for row in connection.execute(query).mappings()]
