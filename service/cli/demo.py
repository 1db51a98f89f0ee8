"""The main job from end to end, on simulated weather or on real: what `make demo` shows."""

import shutil
import tempfile
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import numpy as np
from rich.console import Console

from ingest.errors import SourceUnavailable
from ingest.simulation.simulate import write
from ingest.sources.polled_server import Source
from ingest.sources.stored_folder import PUBLICATION_DELAY, files_in
from service.archive.atomic import write_whole
from service.archive.key import Time, iso, to_datetime, to_time
from service.cli import console
from service.clock import utc_now
from service.ledger import tables as book
from service.pipeline import replay
from service.pipeline.poll import lacking, sources_of
from service.pipeline.served_models import PROVIDER_MODEL
from service.runtime.deployment import Deployment
from service.runtime.server import running
from service.settings import Settings

STEP = timedelta(minutes=5)
ENDLESS = 10 * 365 * 288
"""Frames of ten years."""
PAST_EVERY_MINUTES = 15
"""Between forecasts of the past: enough to show, and the networks take seconds for each."""
WAIT_SECONDS = 30


def run(
    out: Console,
    data: Path | None,
    frames: int,
    seed: int,
    port: int,
    *,
    once: bool,
    live: bool = False,
) -> None:
    """Ingest, forecast, verify and serve an event that ends now.

    Args:
        data: Where to keep it all; a folder that is removed in the end where left out.
        frames: How many of the past to begin with, five minutes apart.
        once: Stop after one round of all of it.
        live: Take the event from the provider's server instead of simulating it.

    Raises:
        SourceUnavailable: There is no fresh radar to be had.
    """
    folder = data or Path(tempfile.mkdtemp(prefix="nowcast-demo-"))
    try:
        desk = Deployment(Settings(data=folder, port=port))
        coming = real(out, desk, frames) if live else simulated(out, desk, frames, seed)
        show_all(out, desk, coming, once=once)
    finally:
        if data is None:
            shutil.rmtree(folder, ignore_errors=True)


def show_all(out: Console, desk: Deployment, coming: Iterator[list[Path]], *, once: bool) -> None:
    """Do the whole job on the files that come: those of the past first, then the new ones."""
    files = next(coming)
    out.rule("2  Ingest, forecast, verify: as it would have happened", align="left")
    with console.progress(Console(stderr=True)) as bar:
        task = bar.add_task("replay", total=len(files), said="")
        tally = take_in(
            desk, files, lambda a: bar.update(task, advance=1, said=a.name), PAST_EVERY_MINUTES
        )
    out.print(
        f"{console.outcomes(tally.outcomes)} frames, {tally.forecasts} forecasts, "
        f"{tally.verified} leads verified"
    )
    if rows := desk.ledger.rows(book.counts):
        out.print(console.skill_table(rows))
    check_fresh(desk)

    out.rule("3  Serve", align="left")
    with running(desk) as url:
        ask(out, url, desk.settings.data)
        if not once:
            out.print(f"\nThe service runs. Picture: [bold]{url}/[/]  API: [bold]{url}/docs[/]")
            out.print("A new radar frame comes every 5 minutes. Ctrl-C stops.")
            go_on(out, desk, coming)


def simulated(out: Console, desk: Deployment, frames: int, seed: int) -> Iterator[list[Path]]:
    """Files of a simulated event: its past, then a new one when it is due."""
    radar = desk.settings.data / "radar"
    newest = last_published(utc_now())
    coming = write(radar, newest - (frames - 1) * np.timedelta64(5, "m"), ENDLESS, seed)
    out.rule("1  Radar: a simulated event, as RADOLAN files", align="left")
    with console.progress(Console(stderr=True)) as bar:
        task = bar.add_task("simulate", total=frames, said="")
        for _ in range(frames):
            bar.update(task, advance=1, said=next(coming).name)
    out.print(f"{frames} frames in {radar}, the last of {to_datetime(newest):%H:%M} UTC")
    yield files_in([radar])
    pause, due = threading.Event(), to_datetime(newest)
    while True:
        due += STEP
        while last_published(utc_now()) < to_time(due):
            pause.wait(1)
        yield [next(coming)]


def real(out: Console, desk: Deployment, frames: int) -> Iterator[list[Path]]:
    """Files of the provider's frames: those of the last hours, then new ones as they come.

    Raises:
        SourceUnavailable: Nothing came at first; the message says what to do.
    """
    settings = desk.settings
    radar = settings.data / "radar"
    hours = (frames * STEP + PUBLICATION_DELAY) / timedelta(hours=1)
    sources = [s for s in sources_of(settings) if s.product not in PROVIDER_MODEL]
    out.rule(f"1  Radar: the newest frames on {settings.radar_server}", align="left")
    try:
        files = [path for source in sources for path in fetched(desk, source, radar, hours)]
    except SourceUnavailable as error:
        raise SourceUnavailable(
            f"{error}. A copy of the server can be named by NOWCAST_RADAR_SERVER. Without any way "
            f"out, `nowcast demo` shows the same on simulated weather, and `nowcast replay FOLDER` "
            f"on stored radar files"
        ) from error
    out.print(f"{len(files)} frames in {radar}. Quelle: Deutscher Wetterdienst")
    yield sorted(files)
    pause = threading.Event()
    while True:
        pause.wait(settings.poll_seconds)
        try:
            if files := [p for source in sources for p in fetched(desk, source, radar, hours)]:
                yield sorted(files)
        except SourceUnavailable as error:
            out.print(str(error), style="red", markup=False)


def fetched(desk: Deployment, source: Source, folder: Path, hours: float) -> Iterator[Path]:
    """Fetch what the archive lacks of the last hours into a folder."""
    now = utc_now()
    times = lacking(desk.archive, desk.ledger, source, now, hours)
    for name, data in source.poll(times, now, most=len(times)):
        write_whole(folder / name, data)
        yield folder / name


def check_fresh(desk: Deployment) -> None:
    """Refuse to show a service that has nothing to serve.

    Raises:
        SourceUnavailable: There is no frame that is young enough to forecast from.
    """
    newest, minutes = desk.archive.latest_frame(), desk.settings.stale_minutes
    if newest is None or utc_now() - to_datetime(newest) > timedelta(minutes=minutes):
        found = "there is none at all"
        if newest is not None:
            found = f"the newest is of {iso(to_datetime(newest))}"
        raise SourceUnavailable(
            f"there is no radar frame under {minutes} minutes old, {found}; see whether the server "
            f"still has files as NOWCAST_RADAR_FILES names them, or leave out --live"
        )


def take_in(
    desk: Deployment, files: list[Path], progress: replay.Progress, every_minutes: int = 5
) -> replay.Tally:
    forecasters = desk.forecasters.all_served()
    return replay.replay(
        desk.archive, desk.ledger, forecasters, files, every_minutes, progress=progress
    )


def ask(out: Console, url: str, folder: Path) -> None:
    """Ask the service as a client does, and say what it answered.

    Raises:
        HTTPStatusError: It answered with an error.
    """
    with httpx.Client(base_url=url, timeout=WAIT_SECONDS) as client:
        wait = {"Prefer": f"wait={WAIT_SECONDS}"}
        answer = client.post("/nowcast", json={}, headers=wait).raise_for_status()
        said = answer.json()
        wettest = [max(r or 0 for row in lead for r in row) for lead in said["rainfall_rate"]]
        out.print(
            f"POST /nowcast                {answer.status_code}  {said['model']['name']} "
            f"issued at {said['issue_time']}"
        )
        for lead, rate in zip(said["lead_minutes"], wettest, strict=True):
            out.print(f"                                  +{lead} min: up to {rate:.1f} mm/h")
        picture = client.get("/nowcasts/latest", headers={"Accept": "image/png"})
        written = folder.absolute() / "latest.png"
        written.write_bytes(picture.raise_for_status().content)
        out.print(
            f"GET  /nowcasts/latest        {picture.status_code}  "
            f"{picture.headers['content-type']}, {len(picture.content):,} bytes"
        )
        place = client.get(
            "/collections/nowcast/position", params={"coords": "POINT(13.41 52.52)"}
        ).raise_for_status()
        out.print(
            f"GET  .../position, Berlin    {place.status_code}  "
            f"{place.json()['nowcast:summary']['state']}"
        )
        ready = client.get("/readyz").raise_for_status()
        out.print(
            f"GET  /readyz                 {ready.status_code}  radar is "
            f"{ready.json()['radar_age_s'] / 60:.0f} minutes old"
        )


def go_on(out: Console, desk: Deployment, coming: Iterator[list[Path]]) -> None:
    """Take in files as they come, until interrupted."""
    try:
        for files in coming:
            tally = take_in(desk, files, lambda arrival: None)
            out.print(
                f"{utc_now():%H:%M} UTC: {console.outcomes(tally.outcomes)}, {tally.forecasts} "
                f"forecasts, {tally.verified} leads verified"
            )
    except KeyboardInterrupt:
        out.print("stopped")


def last_published(now: datetime) -> Time:
    """The time of the newest frame that would be published by now."""
    there = now - PUBLICATION_DELAY
    return to_time(there.replace(minute=there.minute // 5 * 5, second=0, microsecond=0))
