"""A few hours of made-up showers as they come to a service: with gaps, with a bad file, forecast by
models and by the provider, and verified."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from model_zoo import load_forecaster
from service.ledger.ledger import Ledger
from service.pipeline.ingest import ingest_bytes
from service.pipeline.record import note
from service.pipeline.replay import replay
from service.pipeline.verify import verify
from service.runtime.deployment import Deployment
from service.settings import Settings
from tests.showers import file_name, frame, moment, write_file

FRAMES = 34
LACKING = (20, 21)
"""Numbers of frames that never came."""
BAD = 22
"""Number of the frame whose file could not be used."""
MODELS = ("advection", "persistence")
ENDED = moment(FRAMES - 1) + timedelta(minutes=30)
"""Long enough for the newest frame to have been due, and not for a lead to be given up."""


def take_place(folder: Path) -> Deployment:
    """The event in a folder of data; its deployment."""
    deployment = Deployment(Settings(data=folder / "data", models=MODELS))
    (folder / "files").mkdir(parents=True)
    files = [
        write_file(folder / "files", number)
        for number in range(FRAMES)
        if number not in (*LACKING, BAD)
    ]
    replay(
        deployment.archive,
        deployment.ledger,
        deployment.forecasters.all_served(),
        files,
        every_minutes=15,
    )
    bad = b"<script>alert(1)</script>"
    ingest_bytes(deployment.archive, deployment.ledger, bad, file_name(BAD), moment(BAD))
    for number in range(0, FRAMES, 3):
        provided(deployment, number)
    verify(deployment.archive, deployment.ledger, ENDED)
    return deployment


def provided(deployment: Deployment, number: int) -> None:
    """A forecast as if it had come from the provider: what falls now, a little weaker."""
    forecast = load_forecaster("persistence")(0.9 * frame(number))
    attributes = {"model": "dwd-rv", "weights": "none", "generated_at": moment(number).isoformat()}
    forecast.attrs |= attributes
    deployment.archive.put_forecast(forecast, history="made up")
    note(deployment.ledger, forecast)


def enter(
    ledger: Ledger, model: str, number: int, hits: int, lead: int = 60, threshold: float = 0.5,
    weights: str = "none", probabilities: Sequence[dict[str, Any]] = (),
) -> None:  # fmt: skip
    """A verified lead of a forecast from the frame of a number, with so many hits, 100 misses, no
    false alarm, no skill at 10 mm/h, which nothing reached, and these sums of probabilities."""
    issue = moment(number)
    key = {"model": model, "weights": weights, "issue": issue}
    times = {"radar_time": issue, "generated": issue}
    ledger.forecast(key, times, {lead: issue + timedelta(minutes=lead)})
    rain = {"threshold": threshold, "hits": hits, "misses": 100, "false_alarms": 0}
    none = {"threshold": 10.0, "hits": 0, "misses": 0, "false_alarms": 0}
    rows = [counts | {"correct_negatives": 10_000} for counts in (rain, none)]
    ledger.verified(key | {"lead_minutes": lead}, {"n": 10_100}, rows, [], probabilities)
