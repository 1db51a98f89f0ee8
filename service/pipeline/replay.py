"""A stored day as it would have happened: files come in, forecasts are made, others verified."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path

from ingest.sources.stored_files import stored_files
from ingest.sources.stored_folder import published
from model_zoo.errors import BadFrames
from model_zoo.forecasters.contract import Forecaster
from service.archive.archive import Archive
from service.archive.key import to_time
from service.errors import NoFrames
from service.ledger.ledger import Arrival, Ledger
from service.pipeline.forecast import forecast_model
from service.pipeline.ingest import ingest_stored
from service.pipeline.verify import verify

Progress = Callable[[Arrival], object]


@dataclass
class Tally:
    """What a replay did."""

    outcomes: dict[str, int] = field(default_factory=dict)
    forecasts: int = 0
    too_early: int = 0
    """Forecasts that could not be made for want of frames before them."""
    verified: int = 0

    def count(self, arrival: Arrival) -> None:
        self.outcomes[arrival.outcome] = self.outcomes.get(arrival.outcome, 0) + 1


def replay(
    archive: Archive,
    ledger: Ledger,
    forecasters: Sequence[Forecaster],
    files: Iterable[Path],
    every_minutes: int = 5,
    progress: Progress = lambda arrival: None,
) -> Tally:
    """Run stored files through ingest, forecast and verification in the order of their stamps.

    Whatever is done already is found and left as it is, so a replay that was killed is simply run
    again.

    Args:
        every_minutes: Forecasts start at multiples of this, of the hour.
        progress: Called after each file.
    """
    tally = Tally()
    now = datetime(1970, 1, 1, tzinfo=UTC)
    for file in chain.from_iterable(map(stored_files, files)):
        now = max(now, published(Path(file.name), otherwise=now))
        arrival = ingest_stored(archive, ledger, file, now)
        tally.count(arrival)
        time = arrival.frame_time
        if time is not None and archive.has_frame(to_time(time)):
            if time.minute % every_minutes == 0:
                forecast_all(archive, ledger, forecasters, time, now, tally)
            tally.verified += verify(archive, ledger, now)
        progress(arrival)
    return tally


def forecast_all(
    archive: Archive,
    ledger: Ledger,
    forecasters: Sequence[Forecaster],
    time: datetime,
    now: datetime,
    tally: Tally,
) -> None:
    for forecaster in forecasters:
        try:
            forecast_model(archive, ledger, forecaster, to_time(time), now)
        except (NoFrames, BadFrames):
            tally.too_early += 1
        else:
            tally.forecasts += 1
