"""The round of the demo: ingest, forecast, verify, and ask the API; then each new frame."""

import time
from collections.abc import Iterable, Iterator
from datetime import timedelta
from pathlib import Path

import httpx
from rich.console import Console

from ingest.errors import SourceUnavailable
from model_zoo.errors import BadFrames
from model_zoo.forecasters.by_name import BASELINES
from service.archive.key import Time, iso, to_datetime
from service.cli import console
from service.cli.demo.batches import STEP
from service.clock import utc_now
from service.errors import NoFrames
from service.ledger import tables
from service.pipeline import replay
from service.pipeline.forecast import forecast_model
from service.pipeline.ingest_batch import ingest_all
from service.runtime.deployment import Deployment

PAST_EVERY_MINUTES = 30
"""Minutes between forecasts of the past, since networks take seconds for each."""
WAIT_SECONDS, PATIENCE_SECONDS = 30, 600
"""Time in s that the API waits for a forecast, and that the demo waits for an answer of a busy
machine."""


def run_all(
    out: Console,
    url: str,
    deployment: Deployment,
    batches: Iterator[Iterable[Path]],
    *,
    once: bool,
) -> None:
    """Ingest, forecast and verify batches of files: the past, then new ones.

    The first forecasts are those of the newest frame, so that the map soon shows what comes; those
    of the past, which can be verified, follow.
    """
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
        out.print(f"A new radar frame arrives every {STEP.seconds // 60} minutes. Ctrl-C stops.")
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
        out.print(readiness(client.get("/readyz")))


def readiness(response: httpx.Response) -> str:
    """The response of `/readyz` in a line; on a slow machine the radar is old by now, with 503."""
    answer = response.json()
    state = (
        f"radar is {answer['radar_age_s'] / 60:.0f} minutes old"
        if response.is_success
        else answer["detail"]
    )
    return f"GET  /readyz                 {response.status_code}  {state}"


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
