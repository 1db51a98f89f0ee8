"""The main job from end to end on simulated weather: what `make demo` shows."""

import shutil
import tempfile
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import numpy as np
from rich.console import Console

from ingest.replay import PUBLICATION_DELAY, files_in
from ingest.simulate import write
from service import replay, show
from service import tables as book
from service.archive import Time, to_datetime, to_time
from service.deployment import Deployment, utc_now
from service.server import running
from service.settings import Settings

STEP = timedelta(minutes=5)
ENDLESS = 10 * 365 * 288
"""Frames of ten years."""
WAIT_SECONDS = 30


def run(out: Console, data: Path | None, frames: int, seed: int, port: int, *, once: bool) -> None:
    """Simulate, ingest, forecast, verify and serve an event that ends now.

    Args:
        data: Where to keep it all; a folder that is removed in the end where left out.
        once: Stop after one round of all of it.
    """
    folder = data or Path(tempfile.mkdtemp(prefix="nowcast-demo-"))
    try:
        show_all(out, Deployment(Settings(data=folder, port=port)), frames, seed, once=once)
    finally:
        if data is None:
            shutil.rmtree(folder, ignore_errors=True)


def show_all(out: Console, desk: Deployment, frames: int, seed: int, *, once: bool) -> None:
    radar = desk.settings.data / "radar"
    newest = last_published(utc_now())
    coming = write(radar, newest - (frames - 1) * np.timedelta64(5, "m"), ENDLESS, seed)

    out.rule("1  Radar: a simulated event, as RADOLAN files", align="left")
    with show.progress(Console(stderr=True)) as bar:
        task = bar.add_task("simulate", total=frames, said="")
        for _ in range(frames):
            bar.update(task, advance=1, said=next(coming).name)
    out.print(f"{frames} frames in {radar}, the last of {to_datetime(newest):%H:%M} UTC")

    out.rule("2  Ingest, forecast, verify: as it would have happened", align="left")
    with show.progress(Console(stderr=True)) as bar:
        task = bar.add_task("replay", total=frames, said="")
        tally = take_in(desk, files_in([radar]), lambda a: bar.update(task, advance=1, said=a.name))
    out.print(
        f"{show.outcomes(tally.outcomes)} frames, {tally.forecasts} forecasts, "
        f"{tally.verified} leads verified"
    )
    out.print(show.skill_table(desk.ledger.rows(book.counts)))

    out.rule("3  Serve", align="left")
    with running(desk) as url:
        ask(out, url, desk.settings.data)
        if not once:
            out.print(f"\nThe service runs. Picture: [bold]{url}/[/]  API: [bold]{url}/docs[/]")
            out.print("A new radar frame comes every 5 minutes. Ctrl-C stops.")
            go_on(out, desk, coming, newest)


def take_in(desk: Deployment, files: list[Path], progress: replay.Progress) -> replay.Tally:
    forecasters = desk.forecasters.all_served()
    return replay.replay(desk.archive, desk.ledger, forecasters, files, progress=progress)


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


def go_on(out: Console, desk: Deployment, coming: Iterator[Path], newest: Time) -> None:
    """Let time pass: a frame every 5 minutes, until interrupted."""
    pause = threading.Event()
    due = to_datetime(newest)
    try:
        while True:
            due += STEP
            while last_published(utc_now()) < to_time(due):
                pause.wait(1)
            tally = take_in(desk, [next(coming)], lambda arrival: None)
            out.print(f"{due:%H:%M} UTC: {tally.forecasts} forecasts, {tally.verified} verified")
    except KeyboardInterrupt:
        out.print("stopped")


def last_published(now: datetime) -> Time:
    """The time of the newest frame that would be published by now."""
    there = now - PUBLICATION_DELAY
    return to_time(there.replace(minute=there.minute // 5 * 5, second=0, microsecond=0))
