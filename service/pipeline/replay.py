"""Replays stored files as if they came in real time: ingest, forecasts and verification."""

import logging
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from itertools import chain
from pathlib import Path

from ingest.sources.stored_files import stored_files
from ingest.sources.stored_folder import published
from model_zoo.errors import BadFrames
from model_zoo.forecasters.contract import Forecaster
from service.archive.archive import Archive
from service.archive.key import Key, iso, to_time
from service.errors import NoFrame, NoFrames, ServiceError
from service.ledger.ledger import Arrival, Ledger
from service.pipeline.forecast import forecast_model
from service.pipeline.ingest import ingest_stored
from service.pipeline.verify import verify

log = logging.getLogger(__name__)

Progress = Callable[[Arrival], object]


@dataclass
class ReplayResult:
    """Numbers of a replay.

    Attributes:
        outcomes: Number of files by outcome of their ingest.
        forecasts: Number of forecasts.
        too_early: Number of forecasts that lack frames before them.
        verified: Number of verified lead times.
    """

    outcomes: dict[str, int] = field(default_factory=dict)
    forecasts: int = 0
    too_early: int = 0
    verified: int = 0

    def count(self, arrival: Arrival) -> None:
        """Count the outcome of a file."""
        self.outcomes[arrival.outcome] = self.outcomes.get(arrival.outcome, 0) + 1


def replay(
    archive: Archive,
    ledger: Ledger,
    forecasters: Sequence[Forecaster],
    files: Iterable[Path],
    every_minutes: int = 5,
    progress: Progress = lambda arrival: None,
) -> ReplayResult:
    """Run stored files through ingest, forecast and verification in the order of their times.

    Existing results are kept, so an interrupted replay is continued by running it again.

    Args:
        archive: Archive of frames and forecasts.
        ledger: Ledger of forecasts.
        forecasters: Models to run.
        files: Radar files.
        every_minutes: Forecasts start at multiples of this from the full hour, in min.
        progress: Called after each file.
    """
    result = ReplayResult()
    now = datetime(1970, 1, 1, tzinfo=UTC)
    for file in chain.from_iterable(map(stored_files, files)):
        now = max(now, published(Path(file.name), otherwise=now))
        arrival = ingest_stored(archive, ledger, file, now)
        result.count(arrival)
        time = arrival.frame_time
        if time is not None and archive.has_frame(to_time(time)):
            if time.minute % every_minutes == 0:
                forecast_all(archive, ledger, forecasters, time, now, result)
            remake = partial(remake_forecast, archive, ledger, forecasters, now)
            result.verified += verify(archive, ledger, now, remake=remake)
        progress(arrival)
    return result


def forecast_all(
    archive: Archive,
    ledger: Ledger,
    forecasters: Sequence[Forecaster],
    time: datetime,
    now: datetime,
    result: ReplayResult,
) -> None:
    """Make the forecasts of all models at an issue time, and count them."""
    for forecaster in forecasters:
        try:
            forecast_model(archive, ledger, forecaster, to_time(time), now)
        except (NoFrame, NoFrames, BadFrames):
            result.too_early += 1
        except (ServiceError, OSError):  # not caused by the model
            raise
        except Exception:
            log.exception("%s failed from %s and is left out", forecaster.name, iso(time))
        else:
            result.forecasts += 1


def remake_forecast(
    archive: Archive, ledger: Ledger, forecasters: Sequence[Forecaster], now: datetime, key: Key
) -> bool:
    """Make a lost forecast again. Returns False if none of the models can."""
    for forecaster in forecasters:
        if (forecaster.name, forecaster.weights) == (key.model, key.weights):
            with suppress(NoFrame, NoFrames, BadFrames):
                forecast_model(archive, ledger, forecaster, key.issue, now)
    return archive.has_forecast(key)
