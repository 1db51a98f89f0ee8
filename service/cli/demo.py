"""The demo: the whole service on simulated or live radar, as in `make demo`."""

import shutil
import tempfile
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
from rich.console import Console

from ingest.errors import SourceUnavailable
from ingest.precipitation import INTERVAL
from ingest.simulation.simulate import write
from ingest.sources.polled_server import Source
from ingest.sources.stored_folder import PUBLICATION_DELAY, files_in
from service.archive.atomic import write_atomically
from service.archive.key import Time, iso, to_datetime, to_time
from service.cli import console
from service.cli.startup import read_settings
from service.clock import utc_now
from service.ledger import tables
from service.pipeline import replay
from service.pipeline.poll import lacking, sources_of
from service.pipeline.served_models import PROVIDER_MODEL
from service.runtime.deployment import Deployment
from service.runtime.server import running

STEP: timedelta = INTERVAL.item()
"""Interval of radar frames."""
ENDLESS = 10 * 365 * (timedelta(days=1) // STEP)
"""Frames in ten years."""
PAST_EVERY_MINUTES = 15
"""Minutes between forecasts of the past, since networks take seconds for each."""
WAIT_SECONDS = 30


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
    finally:
        if data is None:
            shutil.rmtree(folder, ignore_errors=True)


def run_all(
    out: Console, deployment: Deployment, batches: Iterator[list[Path]], *, once: bool
) -> None:
    """Ingest, forecast, verify and serve batches of files: the past first, then new ones."""
    files = next(batches)
    out.rule("2  Ingest, forecast, verify", align="left")
    with console.progress(Console(stderr=True)) as bar:
        task = bar.add_task("replay", total=len(files), note="")
        tally = run_pipeline(
            deployment,
            files,
            lambda arrival: bar.update(task, advance=1, note=arrival.name),
            PAST_EVERY_MINUTES,
        )
    out.print(
        f"{console.outcomes(tally.outcomes)} frames, {tally.forecasts} forecasts, "
        f"{tally.verified} leads verified"
    )
    if rows := deployment.ledger.rows(tables.counts):
        out.print(console.skill_table(rows))
    check_fresh(deployment)

    out.rule("3  Serve", align="left")
    with running(deployment) as url:
        query_service(out, url, deployment.settings.data)
        if not once:
            out.print(f"\nThe service is running. Map: [bold]{url}/[/]  API: [bold]{url}/docs[/]")
            out.print(
                f"A new radar frame arrives every {STEP.seconds // 60} minutes. Ctrl-C stops."
            )
            continue_event(out, deployment, batches)


def simulated_event(
    out: Console, deployment: Deployment, frames: int, seed: int
) -> Iterator[list[Path]]:
    """Batches of files of a simulated event: its past, then each new file when it is due."""
    radar = deployment.settings.data / "radar"
    newest = newest_published(utc_now())
    files = write(radar, newest - (frames - 1) * INTERVAL, ENDLESS, seed)
    out.rule("1  Radar: a simulated event, as RADOLAN files", align="left")
    with console.progress(Console(stderr=True)) as bar:
        task = bar.add_task("simulate", total=frames, note="")
        for _ in range(frames):
            bar.update(task, advance=1, note=next(files).name)
    out.print(f"{frames} frames in {radar}, the last of {to_datetime(newest):%H:%M} UTC")
    yield files_in([radar])
    pause, due = threading.Event(), to_datetime(newest)
    while True:
        due += STEP
        while newest_published(utc_now()) < to_time(due):
            pause.wait(1)
        yield [next(files)]


def live_event(out: Console, deployment: Deployment, frames: int) -> Iterator[list[Path]]:
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


def check_fresh(deployment: Deployment) -> None:
    """Check that there is a recent frame to forecast from.

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
    with httpx.Client(base_url=url, timeout=WAIT_SECONDS) as client:
        wait = {"Prefer": f"wait={WAIT_SECONDS}"}
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


def continue_event(out: Console, deployment: Deployment, batches: Iterator[list[Path]]) -> None:
    """Process batches of files as they appear, until interrupted."""
    try:
        for files in batches:
            tally = run_pipeline(deployment, files, lambda arrival: None)
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
