"""What a clean run by hand makes of the frames that came, to hold the live service against."""

import gzip
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from sqlalchemy import Table

from ingest.simulation.simulate import encode, simulate
from ingest.sources.stored_folder import files_in
from service.archive.key import Key, to_datetime, to_time
from service.ledger import tables
from service.pipeline.ingest import ingest_bytes
from service.pipeline.record import note
from service.pipeline.verify import verify
from service.runtime.deployment import Deployment
from service.settings import Settings
from tests.process_cluster import path_of

Frames = list[tuple[datetime, bytes]]
MODELS = ("advection", "persistence")


def real_day(shared: Path) -> Frames:
    """Times and files of the radar event of 2020-09-07."""
    files = files_in([shared / "data" / "dwd" / "ry_20200907"])
    times = [datetime.strptime(p.name[15:25], "%y%m%d%H%M").replace(tzinfo=UTC) for p in files]
    return [(time, path.read_bytes()) for time, path in zip(times, files, strict=True)]


def simulated_day(frames: int) -> Frames:
    """The same of a made-up one."""
    begin = datetime(2026, 6, 21, 12, 0, tzinfo=UTC)
    return [
        (to_datetime(time), gzip.compress(encode(rate, time), 1))
        for time, rate in simulate(begin, frames, seed=5)
    ]


def is_done(deployment: Deployment, arrived: Collection[datetime]) -> bool:
    """Whether the frames of these times are in, and nothing is left to do that can be done."""
    there = {to_datetime(time) for time in deployment.archive.frame_times()}
    rows = deployment.ledger.rows(tables.leads)
    waiting = [row for row in rows if row["status"] == "pending" and row["valid_time"] in there]
    lacking = {
        time
        for time in there
        for name in MODELS
        if not deployment.archive.has_forecast(Key(to_time(time), name, "none"))
    }
    # From the first frame alone there is no motion to be seen.
    return set(arrived) == there and not waiting and lacking <= {min(arrived)}


def clean_run(folder: Path, frames: Frames, live: Deployment) -> Deployment:
    """The frames taken in and each forecast of the live service made again, from the frames that it
    says to be made from, then all verified."""
    deployment = Deployment(Settings(data=folder, models=MODELS))
    for time, data in frames:
        ingest_bytes(deployment.archive, deployment.ledger, data, Path(path_of(time)).name, time)
    for issue in sorted(live.archive.issues()):
        for key, forecast in live.archive.forecasts(issue).items():
            if key.model in MODELS:
                ours = deployment.forecasters.get(key.model)(
                    deployment.archive.frames(used_by(forecast))
                )
                ours.attrs["generated_at"] = forecast.attrs["generated_at"]
                deployment.archive.put_forecast(ours, "by hand")
                note(deployment.ledger, ours)
    verify(deployment.archive, deployment.ledger, frames[-1][0] + timedelta(minutes=1))
    return deployment


def used_by(forecast: xr.DataArray) -> list[np.datetime64]:
    """Times of the frames that a forecast was made from."""
    return [np.datetime64(t.rstrip("Z"), "ns") for t in forecast.attrs["radar_times"].split()]


def assert_same_frames(live: Deployment, clean: Deployment) -> None:
    ours, theirs = (list(deployment.archive.frame_times()) for deployment in (live, clean))
    assert ours == theirs, f"frames of one alone: {sorted(set(ours) ^ set(theirs))}"
    for time in clean.archive.frame_times():
        xr.testing.assert_identical(live.archive.frame(time), clean.archive.frame(time))


def assert_same_forecasts(live: Deployment, clean: Deployment) -> float:
    """Also that there is one of each model from each frame, but from the first. Returns the share
    of those that were made when all frames they can use had come."""
    whole = total = 0
    for issue in clean.archive.frame_times():
        ours = clean.archive.forecasts(issue)
        for key, forecast in live.archive.forecasts(issue).items():
            if key.model in MODELS:
                xr.testing.assert_equal(forecast, ours.pop(key))
                needs = clean.forecasters.get(key.model).needs
                there = [t for t in needs.times(issue) if clean.archive.has_frame(t)]
                whole += len(used_by(forecast)) == len(there)
                total += 1
        assert not ours
    assert total == len(MODELS) * len(list(clean.archive.frame_times())) - 1
    return whole / total


def assert_same_counts(live: Deployment, clean: Deployment) -> int:
    """Also that each is there once. Returns how many leads have been verified."""
    for table in (tables.leads, tables.counts, tables.fractions, tables.probabilities):
        ours, theirs = rows_of(clean, table), rows_of(live, table)
        assert ours.keys() == theirs.keys()
        other = {key: (ours[key], theirs[key]) for key in ours if ours[key] != theirs[key]}
        assert not other, f"{len(other)} of {len(ours)} rows differ, as {next(iter(other.items()))}"
    return live.ledger.states(MODELS)["verified"]


def rows_of(deployment: Deployment, table: Table) -> dict[Any, dict[str, Any]]:
    """Rows of a table by their key. Whether what never came is still waited for depends on the
    clock alone, and counts as one."""
    rows = [dict(row) for row in deployment.ledger.rows(table, MODELS)]
    for row in rows:
        row.pop("status__1", None)  # once more, by way of the join
        row["status"] = "verified" if row["status"] == "verified" else "without a frame"
    names = ("model", "issue", "lead_minutes", "threshold", "window")
    keyed = {tuple(row.get(name) for name in names): row for row in rows}
    assert len(keyed) == len(rows)
    return keyed
