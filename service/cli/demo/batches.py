"""Batches of radar files for the demo: the past, then new ones as they appear."""

import threading
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

from rich.console import Console

from ingest.errors import SourceUnavailable
from ingest.precipitation import INTERVAL
from ingest.simulation.simulate import write
from ingest.simulation.weather import random_weather
from ingest.sources.polled_server import Source
from ingest.sources.stored_folder import PUBLICATION_DELAY
from service.archive.atomic import write_atomically
from service.archive.key import Time, to_datetime, to_time
from service.cli import console
from service.clock import utc_now
from service.pipeline.poll import lacking, sources_of
from service.pipeline.served_models import PROVIDER_MODEL
from service.runtime.deployment import Deployment

STEP: timedelta = INTERVAL.item()
"""Interval of radar frames."""
ENDLESS = 10 * 365 * (timedelta(days=1) // STEP)
"""Frames in ten years."""


def simulated_event(
    out: Console, deployment: Deployment, frames: int, seed: int
) -> Iterator[Iterable[Path]]:
    """Batches of files of a simulated event: its past, then each new file when it is due."""
    radar = deployment.settings.data / "radar"
    newest = newest_published(utc_now())
    files = write(radar, newest - (frames - 1) * INTERVAL, ENDLESS, seed, random_weather(seed))
    out.rule("1  Radar: a simulated event, as RADOLAN files", align="left")
    out.print(f"{frames} frames in {radar}, the last of {to_datetime(newest):%H:%M} UTC")
    yield with_progress("simulate", files, frames)
    pause, due = threading.Event(), to_datetime(newest)
    while True:
        due += STEP
        while newest_published(utc_now()) < to_time(due):
            pause.wait(1)
        yield [next(files)]


def with_progress(name: str, files: Iterator[Path], number: int) -> Iterator[Path]:
    """Yield the first files, with a progress bar."""
    with console.progress(Console(stderr=True)) as bar:
        task = bar.add_task(name, total=number, note="")
        for path in islice(files, number):
            bar.update(task, advance=1, note=path.name)
            yield path


def live_event(out: Console, deployment: Deployment, frames: int) -> Iterator[Iterable[Path]]:
    """Batches of files of the provider: those of the last hours, then new ones as they appear.

    Raises:
        SourceUnavailable: There is no file at first; the message says what to do.
    """
    settings = deployment.settings
    radar = settings.data / "radar"
    hours = (frames * STEP + PUBLICATION_DELAY) / timedelta(hours=1)
    sources = [s for s in sources_of(settings) if s.product not in PROVIDER_MODEL]
    out.rule(f"1  Radar: the newest frames on {settings.radar_server}", align="left")
    try:
        files = [
            path for source in sources for path in fetch_missing(deployment, source, radar, hours)
        ]
    except SourceUnavailable as error:
        raise SourceUnavailable(
            f"{error}. NOWCAST_RADAR_SERVER can name a mirror of the server. Without "
            f"network, `nowcast demo` shows the same on simulated weather, `nowcast replay FOLDER` "
            f"on stored radar files"
        ) from error
    out.print(f"{len(files)} frames in {radar}. Quelle: Deutscher Wetterdienst")
    yield sorted(files)
    pause = threading.Event()
    while True:
        pause.wait(settings.poll_seconds)
        try:
            if files := [
                p for source in sources for p in fetch_missing(deployment, source, radar, hours)
            ]:
                yield sorted(files)
        except SourceUnavailable as error:
            out.print(str(error), style="red", markup=False)


def fetch_missing(
    deployment: Deployment, source: Source, folder: Path, hours: float
) -> Iterator[Path]:
    """Fetch the files of the last hours that the archive lacks into a folder, and yield each."""
    now = utc_now()
    times = lacking(deployment.archive, deployment.ledger, source, now, hours)
    for name, data in source.poll(times, now, most=len(times)):
        write_atomically(folder / name, data)
        yield folder / name


def newest_published(now: datetime) -> Time:
    """Time of the newest frame that a provider has published by now."""
    valid = now - PUBLICATION_DELAY
    return to_time(valid - (valid - datetime.min.replace(tzinfo=UTC)) % STEP)
