"""The demo: the whole service on simulated or live radar, as in `make demo`."""

import shutil
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

import httpx
from rich.console import Console

from ingest.errors import SourceUnavailable
from ingest.precipitation import INTERVAL
from ingest.simulation.simulate import write
from ingest.simulation.weather import random_weather
from ingest.sources.polled_server import Source
from ingest.sources.stored_folder import PUBLICATION_DELAY
from model_zoo.errors import BadFrames
from model_zoo.forecasters.by_name import BASELINES
from service.archive.atomic import write_atomically
from service.archive.key import Time, iso, to_datetime, to_time
from service.cli import console
from service.cli.startup import read_settings
from service.clock import utc_now
from service.errors import NoFrames
from service.ledger import tables
from service.pipeline import replay
from service.pipeline.forecast import forecast_model
from service.pipeline.ingest_batch import ingest_all
from service.pipeline.poll import lacking, sources_of
from service.pipeline.served_models import PROVIDER_MODEL
from service.runtime.deployment import Deployment
from service.runtime.server import running

STEP: timedelta = INTERVAL.item()
"""Interval of radar frames."""
ENDLESS = 10 * 365 * (timedelta(days=1) // STEP)
"""Frames in ten years."""
PAST_EVERY_MINUTES = 30
"""Minutes between forecasts of the past, since networks take seconds for each."""
WAIT_SECONDS, PATIENCE_SECONDS = 30, 600
"""Time in s that the API waits for a forecast, and that the demo waits for an answer of a busy
machine."""


def run(
    out: Console,
    data: Path | None,
    frames: int,
    seed: int,
    port: int | None,
    *,
    once: bool,
    live: bool = False,
) -> None:
    """Ingest, forecast, verify and serve an event that ends now.

    Args:
        out: Where to print.
        data: Folder of the archive and the ledger; by default one that is removed in the end.
        frames: Number of past frames at the start.
        seed: Seed of the simulated event.
        port: Port of the API; 0 for a free one, None for that of the settings.
        once: Stop after one round.
        live: Use radar of the provider's server instead of a simulation.

    Raises:
        SourceUnavailable: There is no recent radar.
    """
    folder = data or Path(tempfile.mkdtemp(prefix="nowcast-demo-"))
    try:
        deployment = Deployment(read_settings({"data": folder, "port": port}))
        batches = (
            live_event(out, deployment, frames)
            if live
            else simulated_event(out, deployment, frames, seed)
        )
        run_all(out, deployment, batches, once=once)
    except KeyboardInterrupt:
        out.print("stopped")
    finally:
        if data is None:
            shutil.rmtree(folder, ignore_errors=True)


def run_all(
    out: Console, deployment: Deployment, batches: Iterator[Iterable[Path]], *, once: bool
) -> None:
    """Serve at once, and ingest, forecast and verify batches of files: the past, then new ones.

    The first forecasts are those of the newest frame, so that the map soon shows what comes; those
    of the past, which can be verified, follow.
    """
    with running(deployment) as url:
        out.print(f"Map: [bold]{url}/[/]  API: [bold]{url}/docs[/]  They fill up from now on.")
        files, outcomes = ingest(out, deployment, next(batches))
        newest = check_fresh(deployment)
        out.rule("2  Forecast, first the next two hours, then past ones; verify", align="left")
        forecast_newest(out, deployment, newest)
        tally = replay_past(deployment, files)
        out.print(
            f"{console.outcomes(outcomes)} frames, {tally.forecasts} forecasts, "
            f"{tally.verified} leads verified"
        )
        if rows := deployment.ledger.rows(tables.counts):
            out.print(console.skill_table(rows))
        out.rule("3  Ask the API", align="left")
        query_service(out, url, deployment.settings.data)
        if not once:
            out.print(f"\nThe service is running. Map: [bold]{url}/[/]  API: [bold]{url}/docs[/]")
            out.print(
                f"A new radar frame arrives every {STEP.seconds // 60} minutes. Ctrl-C stops."
            )
            continue_event(out, deployment, batches)


def ingest(
    out: Console, deployment: Deployment, files: Iterable[Path]
) -> tuple[list[Path], dict[str, int]]:
    """Ingest files as they appear. Returns them, and the number of each outcome."""
    tally, taken = replay.ReplayResult(), list[Path]()

    def noted() -> Iterator[Path]:
        for file in files:
            taken.append(file)
            yield file

    for arrival in ingest_all(deployment.archive, deployment.ledger, noted(), deployment.clock):
        tally.count(arrival)
    out.print(f"{console.outcomes(tally.outcomes)} frames are in the archive and on the map")
    return taken, tally.outcomes


def forecast_newest(out: Console, deployment: Deployment, newest: Time) -> None:
    """Forecast from the newest frame with all served models, baselines first as they take less."""
    models = deployment.forecasters.all_served()
    for forecaster in sorted(models, key=lambda each: each.name not in BASELINES):
        begin = time.monotonic()
        try:
            forecast_model(
                deployment.archive, deployment.ledger, forecaster, newest, deployment.clock()
            )
        except (NoFrames, BadFrames) as error:
            out.print(f"{forecaster.name}: {error}", markup=False)
        else:
            out.print(f"{forecaster.name} forecast in {time.monotonic() - begin:.1f} s")


def replay_past(deployment: Deployment, files: list[Path]) -> replay.ReplayResult:
    """Forecast from past frames and verify, with a progress bar."""
    with console.progress(Console(stderr=True)) as bar:
        task = bar.add_task("past", total=len(files), note="")
        return run_pipeline(
            deployment,
            files,
            lambda arrival: bar.update(task, advance=1, note=arrival.name),
            PAST_EVERY_MINUTES,
        )


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


def check_fresh(deployment: Deployment) -> Time:
    """Return the time of the newest frame, which must be recent.

    Raises:
        SourceUnavailable: There is none.
    """
    newest, minutes = deployment.archive.latest_frame(), deployment.settings.stale_minutes
    if newest is None or utc_now() - to_datetime(newest) > timedelta(minutes=minutes):
        found = "there is none"
        if newest is not None:
            found = f"the newest is of {iso(to_datetime(newest))}"
        raise SourceUnavailable(
            f"there is no radar frame under {minutes} minutes old, {found}; check whether the "
            f"server still has the files of NOWCAST_RADAR_FILES, or leave out --live"
        )
    return newest


def run_pipeline(
    deployment: Deployment,
    files: list[Path],
    progress: replay.Progress,
    every_minutes: int = STEP.seconds // 60,
) -> replay.ReplayResult:
    """Ingest files, forecast with all served models, and verify."""
    forecasters = deployment.forecasters.all_served()
    return replay.replay(
        deployment.archive, deployment.ledger, forecasters, files, every_minutes, progress=progress
    )


def query_service(out: Console, url: str, folder: Path) -> None:
    """Send the requests of a client, and print the responses.

    Raises:
        HTTPStatusError: A response has an error status.
    """
    with httpx.Client(base_url=url, timeout=PATIENCE_SECONDS) as client:
        wait = {"Prefer": f"wait={WAIT_SECONDS}"}
        response = client.post("/nowcast", json={}, headers=wait).raise_for_status()
        while response.status_code == httpx.codes.ACCEPTED:
            out.print("the forecast takes longer than usual; asking again")
            response = client.post("/nowcast", json={}, headers=wait).raise_for_status()
        forecast = response.json()
        wettest = [max(r or 0 for row in lead for r in row) for lead in forecast["rainfall_rate"]]
        out.print(
            f"POST /nowcast                {response.status_code}  {forecast['model']['name']} "
            f"issued at {forecast['issue_time']}"
        )
        for lead, rate in zip(forecast["lead_minutes"], wettest, strict=True):
            out.print(f"                                  +{lead} min: up to {rate:.1f} mm/h")
        picture = client.get("/nowcasts/latest", headers={"Accept": "image/png"})
        path = folder.absolute() / "latest.png"
        path.write_bytes(picture.raise_for_status().content)
        out.print(
            f"GET  /nowcasts/latest        {picture.status_code}  "
            f"{picture.headers['content-type']}, {len(picture.content):,} bytes"
        )
        position = client.get(
            "/collections/nowcast/position", params={"coords": "POINT(13.41 52.52)"}
        ).raise_for_status()
        out.print(
            f"GET  .../position, Berlin    {position.status_code}  "
            f"{position.json()['nowcast:summary']['state']}"
        )
        ready = client.get("/readyz").raise_for_status()
        out.print(
            f"GET  /readyz                 {ready.status_code}  radar is "
            f"{ready.json()['radar_age_s'] / 60:.0f} minutes old"
        )


def continue_event(out: Console, deployment: Deployment, batches: Iterator[Iterable[Path]]) -> None:
    """Process batches of files as they appear, until interrupted."""
    try:
        for files in batches:
            tally = run_pipeline(deployment, list(files), lambda arrival: None)
            out.print(
                f"{utc_now():%H:%M} UTC: {console.outcomes(tally.outcomes)}, {tally.forecasts} "
                f"forecasts, {tally.verified} leads verified"
            )
    except KeyboardInterrupt:
        out.print("stopped")


def newest_published(now: datetime) -> Time:
    """Time of the newest frame that a provider has published by now."""
    valid = now - PUBLICATION_DELAY
    return to_time(valid - (valid - datetime.min.replace(tzinfo=UTC)) % STEP)
