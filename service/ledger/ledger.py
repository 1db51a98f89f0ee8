"""What has been done and how good it was, in SQL: arrivals, forecasts, and sums of each lead.

Every row has a natural key and is written once: doing a thing again finds its row and changes
nothing, so a job may be killed and repeated at any point, by as many processes as like. Counts and
sums are stored, never scores.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import (
    RowMapping,
    Select,
    Table,
    distinct,
    func,
    select,
    update,
)

from service.ledger import database, tables
from service.ledger import rolling_windows as windows
from service.ledger.database import insert, once, raise_tally, tallied
from service.ledger.queries import (
    leads_of,
    matches,
    newest,
    newest_weights,
    total,
    with_lead,
    within,
)
from service.ledger.rolling_windows import Summed, summed
from service.ledger.tables import (
    COUNTS,
    arrivals,
    counts,
    forecasts,
    fractions,
    leads,
    pixels,
    probabilities,
)

WINDOWS = (6, 24, 168, 720)
"""Hours over which skill is kept at hand."""
KEPT = ("accepted", "late")


class Arrival(NamedTuple):
    """What became of a file that came. A frame has a valid area, a share of 1, and only a frame."""

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
        """From the time of the frame to the arrival of its file."""
        return None if self.frame_time is None else (self.arrived - self.frame_time).total_seconds()


class Ledger:
    """The book of one deployment.

    Args:
        url: Of SQLite or PostgreSQL; the tables are made, or brought up to date, where need be.

    Raises:
        BadLedger: It is of another kind, or of a newer program.
        LedgerAway: It cannot be reached; any method may say so later.
    """

    def __init__(self, url: str) -> None:
        self.engine = database.engine(url)
        database.upgrade(self.engine)

    # arrivals

    def arrival(self, fingerprint: str) -> Arrival | None:
        """What became of the file of this fingerprint, if it ever came."""
        query = select(arrivals).where(arrivals.c.fingerprint == fingerprint)
        with self.engine.connect() as connection:
            row = connection.execute(query).mappings().first()
        return None if row is None else Arrival(**row)

    def has_accepted(self, frame_time: datetime, product: str | None = None) -> bool:
        """Whether a file of a product has been accepted with this time; None for any frame, which
        a provider's forecast of that time is not."""
        of = (
            arrivals.c.valid_area.is_not(None) if product is None else arrivals.c.product == product
        )
        query = select(arrivals.c.fingerprint).where(
            arrivals.c.frame_time == frame_time, arrivals.c.outcome.in_(KEPT), of
        )
        with self.engine.connect() as connection:
            return connection.execute(query.limit(1)).first() is not None

    def arrive(self, arrival: Arrival) -> None:
        with self.engine.begin() as connection:
            new = insert(connection, arrivals).values(arrival._asdict()).on_conflict_do_nothing()
            if connection.execute(new.returning(arrivals.c.fingerprint)).first():
                raise_tally(connection, "arrival", [(arrival.product or "", arrival.outcome)])

    def arrivals_by(self) -> dict[tuple[str | None, str], int]:
        """How many files came to what, by (product, outcome), None for no known product. From a
        small table of running totals."""
        with self.engine.connect() as connection:
            found = tallied(connection, "arrival")
        return {(product or None, outcome): n for (product, outcome), n in found.items()}

    def latest(self, product: str) -> Arrival | None:
        """The newest of a product that was accepted; `delay_seconds` is how long it took to come.
        From the end of an index."""
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
        """Note a forecast and its leads as pending.

        Args:
            key: Its model, weights and issue.
            times: Its radar_time and generated.
            valid: Valid times by lead in minutes.
            bridged: Times of the frames that were made up, separated by commas.
            duration_seconds: What the inference took.
        """
        more = {"bridged": bridged, "duration_seconds": duration_seconds}
        with self.engine.begin() as connection:
            once(connection, forecasts, [key | times | more])
            rows = [
                key | {"lead_minutes": lead, "valid_time": time, "status": "pending"}
                for lead, time in valid.items()
            ]
            once(connection, leads, rows)

    def has_forecast(self, key: dict[str, Any]) -> bool:
        query = select(forecasts.c.issue).where(*matches(forecasts, key))
        with self.engine.connect() as connection:
            return connection.execute(query.limit(1)).first() is not None

    def forecasts_latest(self) -> dict[str, datetime]:
        """The newest issue of each model, from the ends of an index."""
        return self._times(newest(forecasts.c.model, forecasts.c.issue))

    def weights_latest(self) -> dict[str, str]:
        """The weights of the newest forecast of each model, from the ends of an index."""
        with self.engine.connect() as connection:
            return {str(model): weights for model, weights in connection.execute(newest_weights())}

    # verification

    def pending(self, until: datetime) -> list[RowMapping]:
        """Leads whose valid time has come and that are not verified yet, oldest first."""
        query = (
            select(leads)
            .where(leads.c.status == "pending", leads.c.valid_time <= until)
            .order_by(leads.c.valid_time, leads.c.issue)
        )
        with self.engine.connect() as connection:
            return list(connection.execute(query).mappings())

    def pending_by_model(self) -> dict[str, int]:
        """How many leads of each model are pending, of which there are only ever few."""
        query = select(leads.c.model, func.count()).where(leads.c.status == "pending")
        with self.engine.connect() as connection:
            found = connection.execute(query.group_by(leads.c.model))
            return {str(model): int(n) for model, n in found}

    def verified_latest(self) -> dict[str, datetime]:
        """The newest valid time of each model that is verified, from the ends of an index."""
        is_verified = leads.c.status == "verified"
        return self._times(newest(leads.c.model, leads.c.valid_time, is_verified))

    def frames_missing(self) -> int:
        """How many frames forecasts waited for that had not come when they were given up. From an
        index; it only rises."""
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
        """Enter the verification of a lead (`key` with lead_minutes) once, whole or not at all, and
        add its counts to the running totals. Returns whether it was pending."""
        with self.engine.begin() as connection:
            done = connection.execute(
                update(leads)
                .where(*matches(leads, key), leads.c.status == "pending")
                .values(status="verified", **errors)
            )
            if done.rowcount:
                once(connection, counts, [key | row for row in count_rows])
                once(connection, fractions, [key | row for row in fraction_rows])
                once(connection, probabilities, [key | row for row in probability_rows])
                windows.add_to_pixels(connection, key)
        return bool(done.rowcount)

    def give_up(self, until: datetime) -> int:
        """Call missing what is pending since `until` or before. Returns how many leads."""
        with self.engine.begin() as connection:
            done = connection.execute(
                update(leads)
                .where(leads.c.status == "pending", leads.c.valid_time <= until)
                .values(status="missing")
            )
        return int(done.rowcount)

    def rows(
        self,
        table: Table,
        models: Sequence[str] = (),
        begin: datetime | None = None,
        end: datetime | None = None,
        **equal: float | None,
    ) -> list[Mapping[str, Any]]:
        """Rows of counts, fractions, probabilities or leads by model, valid time in (begin, end],
        and equality."""
        query = select(table, leads.c.valid_time, leads.c.status).select_from(with_lead(table))
        return self._found(query.where(*within(table, models, begin, end, equal)))

    def totals(
        self,
        models: Sequence[str] = (),
        begin: datetime | None = None,
        end: datetime | None = None,
        **equal: float | None,
    ) -> list[Mapping[str, Any]]:
        """Counts by model, lead and threshold, each summed over `n_valid` forecasts; as `rows`."""
        axes = [counts.c[name] for name in ("model", "lead_minutes", "threshold")]
        sums = [total(counts.c[name]).label(name) for name in COUNTS]
        query = select(*axes, *sums, func.count().label("n_valid")).group_by(*axes)
        query = query.select_from(with_lead(counts))
        return self._found(query.where(*within(counts, models, begin, end, equal)))

    def states(
        self,
        models: Sequence[str] = (),
        begin: datetime | None = None,
        end: datetime | None = None,
        **equal: float | None,
    ) -> dict[str, int]:
        """How many leads are pending, verified and missing; as `rows`."""
        query = select(leads.c.status, func.count().label("n")).group_by(leads.c.status)
        found = self._found(query.where(*within(leads, models, begin, end, equal)))
        return {row["status"]: row["n"] for row in found}

    # at hand for dashboards

    def pixels(self) -> list[Mapping[str, Any]]:
        """Counts by model, lead and threshold, summed over all that was ever verified: they only
        rise. From a small table."""
        return self._found(select(pixels).order_by(*pixels.primary_key))

    def refresh_windows(
        self, now: datetime, hours: Sequence[int] = WINDOWS, share: float = 0.01
    ) -> list[int]:
        """Sum up the skill of the last hours, (now - hours, now] by valid time, over the same
        forecasts of every model; see `service.ledger.rolling_windows`. Returns which windows were
        renewed.

        Args:
            share: A window is left as it is while less than this share of it is new: a month may
                take half a minute. 0 renews all.
        """
        stale = [window for window in hours if windows.is_stale(self.engine, now, window, share)]
        for window in stale:
            windows.refresh(self.engine, now, window)
        return stale

    def windows(self, hours: int | None = None) -> list[Mapping[str, Any]]:
        """Counts by (hours, model, lead_minutes, threshold) as last refreshed, from a small table.

        With `n_valid`, how many forecasts they are summed over, the same ones of every model;
        `n_missing`, how many leads of the model lack their truth; and the time `refreshed`.
        """
        return self._found(windows.kept(tables.windows, hours))

    def window_fractions(self, hours: int | None = None) -> list[Mapping[str, Any]]:
        """Sums of fractions by (hours, model, lead_minutes, threshold, window), as `windows`."""
        return self._found(windows.kept(tables.window_fractions, hours))

    def window_probabilities(self, hours: int | None = None) -> list[Mapping[str, Any]]:
        """Sums of probabilities by (hours, model, lead_minutes, threshold), as `windows`; over the
        same forecasts of every model that has them."""
        return self._found(windows.kept(tables.window_probabilities, hours))

    def summed(self, begin: datetime, end: datetime, block_hours: int | None = None) -> Summed:
        """The same sums of any time, made now; see `service.ledger.rolling_windows.summed`."""
        return summed(self.engine, begin, end, block_hours)

    def verified_span(self) -> tuple[datetime, datetime] | None:
        """The first and the last valid time that is verified, from the ends of an index."""
        time, is_verified = leads.c.valid_time, leads.c.status == "verified"
        with self.engine.connect() as connection:
            first, last = (
                connection.execute(select(end(time)).where(is_verified)).scalar()
                for end in (func.min, func.max)
            )
        return None if first is None or last is None else (first, last)

    def models_in(self, begin: datetime, end: datetime) -> list[str]:
        """Models of which leads were verified with valid times in (begin, end]."""
        found = leads_of("verified", begin, end).subquery()
        with self.engine.connect() as connection:
            return list(connection.execute(select(found.c.model).distinct()).scalars())

    def arrivals_in(self, begin: datetime, end: datetime) -> list[Arrival]:
        """Files of frames of (begin, end], and those of no known time that came in it."""
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
