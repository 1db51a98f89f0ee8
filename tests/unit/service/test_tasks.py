"""What the service does, done once and repeated: files in, forecasts, verification."""

import os
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from xarray import DataArray

from ingest import BadField, to_model_grid
from ingest.grid import NATIONAL_SPHERE, NATIONAL_WGS84, known_grid
from ingest.precipitation import make, make_forecast
from model_zoo import load_forecaster
from model_zoo.baselines import Persistence
from service import ledger as book
from service import tasks
from service.archive import Archive, Key
from service.errors import NoFrame, NoFrames
from service.ledger import Ledger
from service.skill import THRESHOLDS
from tests.showers import file_bytes, file_name, frame, moment, rate, time, write_file

MODELS = ("advection", "persistence")
LAST = 12
"""Number of the newest frame in most tests: an hour after the first."""


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(tmp_path / "archive")


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    made = Ledger(f"sqlite:///{tmp_path / 'ledger.sqlite'}")
    yield made
    made.engine.dispose()


def contents(archive: Archive) -> dict[str, bytes]:
    return {str(p): p.read_bytes() for p in sorted(archive.root.rglob("*")) if p.is_file()}


def rows(ledger: Ledger) -> dict[str, list[Any]]:
    """All that a ledger holds."""
    with ledger.engine.connect() as connection:
        return {
            table.name: sorted(map(repr, connection.execute(table.select()).all()))
            for table in book.metadata.sorted_tables
        }


def put_frames(archive: Archive, *numbers: int) -> None:
    for number in numbers:
        archive.put_frame(frame(number))


def forecast(archive: Archive, ledger: Ledger, *numbers: int, models: Any = MODELS) -> None:
    for number in numbers:
        for model in models:
            tasks.forecast(archive, ledger, load_forecaster(model), time(number), moment(number))


def states(ledger: Ledger, model: str) -> dict[int, str]:
    return {row["lead_minutes"]: row["status"] for row in ledger.rows(book.leads, [model])}


# files that come


def test_a_radar_file_becomes_a_frame(archive: Archive, ledger: Ledger, tmp_path: Path) -> None:
    came = tasks.ingest(archive, ledger, write_file(tmp_path, 0), moment(1))
    assert (came.outcome, came.product, came.frame_time) == ("accepted", "RY", moment(0))
    assert came.arrived == moment(1)
    assert came.valid_area == pytest.approx(float(np.isfinite(frame(0)).mean()), abs=1e-4)
    kept = archive.frame(time(0))
    assert kept.shape == (1, 180, 180)
    # a file holds whole hundredths of a mm in five minutes, so steps of 0.12 mm/h
    np.testing.assert_allclose(kept, frame(0), atol=0.061)
    np.testing.assert_array_equal(np.isnan(kept), np.isnan(frame(0)))


def test_a_frame_older_than_the_newest_is_late_and_kept(
    archive: Archive, ledger: Ledger, tmp_path: Path
) -> None:
    outcomes = [
        tasks.ingest(archive, ledger, write_file(tmp_path, number), moment(9)).outcome
        for number in (0, 2, 1, 3)
    ]
    assert outcomes == ["accepted", "accepted", "late", "accepted"]
    assert len(list(archive.frame_times())) == 4


def test_a_second_file_of_a_time_is_a_duplicate(
    archive: Archive, ledger: Ledger, tmp_path: Path
) -> None:
    tasks.ingest(archive, ledger, write_file(tmp_path, 0), moment(1))
    before = contents(archive)
    again = tmp_path / file_name(0).replace("-dwd", "-dwd-again")
    again.write_bytes(file_bytes(0))
    assert tasks.ingest(archive, ledger, again, moment(2)).outcome == "duplicate"
    assert contents(archive) == before
    assert ledger.arrivals_by_outcome() == {"accepted": 1, "duplicate": 1}


def test_the_same_file_again_changes_nothing(
    archive: Archive, ledger: Ledger, tmp_path: Path
) -> None:
    path = write_file(tmp_path, 0)
    first = tasks.ingest(archive, ledger, path, moment(1))
    before = contents(archive), rows(ledger)
    assert tasks.ingest(archive, ledger, path, moment(5)) == first
    assert (contents(archive), rows(ledger)) == before


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: data[: len(data) // 2],
        lambda data: b"<html>503</html>",
        lambda data: data[:-9] + bytes([data[-9] ^ 1]) + data[-8:],
        lambda data: file_bytes(1),
    ],
    ids=["empty", "truncated", "foreign", "bit flipped", "of another time"],
)
def test_a_bad_file_goes_to_quarantine_and_counts_once(
    archive: Archive, ledger: Ledger, tmp_path: Path, damage: Any
) -> None:
    path = tmp_path / file_name(0)
    path.write_bytes(damage(file_bytes(0)))
    came = tasks.ingest(archive, ledger, path, moment(1))
    assert came.outcome == "quarantined"
    assert came.reason is not None
    assert path.name in came.reason
    assert archive.latest_frame() is None
    kept = contents(archive)
    assert sorted(kept.values()) == sorted([path.read_bytes(), came.reason.encode() + b"\n"])
    tasks.ingest(archive, ledger, path, moment(2))
    assert ledger.arrivals_by_outcome() == {"quarantined": 1}
    assert contents(archive) == kept


def test_two_bad_files_of_the_same_bytes_are_two(
    archive: Archive, ledger: Ledger, tmp_path: Path
) -> None:
    for number in (0, 1):
        path = tmp_path / file_name(number)
        path.touch()
        tasks.ingest(archive, ledger, path, moment(1))
    assert ledger.arrivals_by_outcome() == {"quarantined": 2}


@pytest.mark.parametrize("data", [b"no radar", file_bytes(0)], ids=["bad", "good"])
def test_a_name_that_is_no_text_does_not_stop_the_run(
    archive: Archive, ledger: Ledger, tmp_path: Path, data: bytes
) -> None:
    path = tmp_path / os.fsdecode(b"raa01-ry_\xff\xfe.gz")
    path.write_bytes(data)
    came = tasks.ingest(archive, ledger, path, moment(1))
    assert came.outcome == ("accepted" if data == file_bytes(0) else "quarantined")
    assert ledger.arrival(came.fingerprint) == came


def test_a_file_that_was_kept_but_not_entered_is_made_good(
    archive: Archive, ledger: Ledger, tmp_path: Path
) -> None:
    """As when the process is killed between the archive and the ledger."""
    path = write_file(tmp_path, 0)
    unkilled = tasks.ingest(archive, ledger, path, moment(1))
    before = contents(archive)
    other = Ledger(f"sqlite:///{tmp_path / 'other.sqlite'}")
    assert tasks.ingest(archive, other, path, moment(1)) == unkilled
    assert contents(archive) == before
    assert rows(other) == rows(ledger)


# forecasts


@pytest.mark.parametrize("model", MODELS)
def test_a_forecast_is_made_once(archive: Archive, ledger: Ledger, model: str) -> None:
    put_frames(archive, 0, 1)
    forecaster = load_forecaster(model)
    key = tasks.forecast(archive, ledger, forecaster, time(1), moment(2))
    assert key == Key(time(1), model, "none")
    made = archive.forecast(key)
    np.testing.assert_array_equal(made, forecaster(archive.frames([time(0), time(1)])))
    assert made.attrs["generated_at"] == f"{moment(2):%Y-%m-%dT%H:%M:%SZ}"
    before = contents(archive), rows(ledger)
    assert tasks.forecast(archive, ledger, forecaster, time(1), moment(9)) == key
    assert (contents(archive), rows(ledger)) == before


def test_a_forecast_that_was_kept_but_not_noted_is_made_good(
    archive: Archive, ledger: Ledger, tmp_path: Path
) -> None:
    put_frames(archive, 0, 1)
    forecast(archive, ledger, 1)
    other = Ledger(f"sqlite:///{tmp_path / 'other.sqlite'}")
    for model in MODELS:
        tasks.forecast(archive, other, load_forecaster(model), time(1), moment(50))
    assert rows(other) == rows(ledger)


class Overtaken(Persistence):
    """Is so slow that another process has made the same forecast meanwhile."""

    def __init__(self, archive: Archive, ledger: Ledger) -> None:
        self.archive, self.ledger = archive, ledger

    def __call__(self, frames: DataArray, horizon: int = 4) -> DataArray:
        tasks.forecast(self.archive, self.ledger, Persistence(), time(0), moment(1))
        return super().__call__(frames, horizon)


def test_the_ledger_tells_of_the_forecast_that_was_kept(
    archive: Archive, ledger: Ledger, tmp_path: Path
) -> None:
    put_frames(archive, 0)
    elsewhere = Ledger(f"sqlite:///{tmp_path / 'other.sqlite'}")
    slow = Overtaken(archive, elsewhere)
    key = tasks.forecast(archive, ledger, slow, time(0), moment(2))
    assert archive.generated(key) == moment(1)
    assert rows(ledger) == rows(elsewhere)


def test_without_the_frame_there_is_no_forecast(archive: Archive, ledger: Ledger) -> None:
    put_frames(archive, 0)
    with pytest.raises(NoFrame, match="20260621T2235Z"):
        tasks.forecast(archive, ledger, Persistence(), time(1), moment(2))
    assert list(archive.issues()) == []


def test_without_a_frame_before_it_there_is_no_motion(archive: Archive, ledger: Ledger) -> None:
    put_frames(archive, 0, 7)
    with pytest.raises(NoFrames, match="from 20260621T2235Z on"):
        forecast(archive, ledger, 7, models=["advection"])
    assert rows(ledger)["forecasts"] == []


def test_no_motion_is_seen_between_two_grids(archive: Archive, ledger: Ledger) -> None:
    archive.put_frame(frame(0))
    archive.put_frame(frame(1, NATIONAL_WGS84))
    with pytest.raises(NoFrames, match="advection"):
        forecast(archive, ledger, 1, models=["advection"])


# verification


def counted_by_hand(
    said: NDArray[np.float32], came: NDArray[np.float32], mask: Any, threshold: float
) -> dict[str, int]:
    """Counts of one lead, cell by cell."""
    tally = dict.fromkeys(("hits", "misses", "false_alarms", "correct_negatives"), 0)
    for forecast_rate, rate_seen in zip(said[mask], came[mask], strict=True):
        wet, rained = forecast_rate >= np.float32(threshold), rate_seen >= np.float32(threshold)
        names = {(1, 1): "hits", (0, 1): "misses", (1, 0): "false_alarms"}
        tally[names.get((int(wet), int(rained)), "correct_negatives")] += 1
    return tally


def test_verification_is_what_counting_by_hand_gives(archive: Archive, ledger: Ledger) -> None:
    put_frames(archive, *range(LAST + 1))
    forecast(archive, ledger, 6)
    assert tasks.verify(archive, ledger, moment(LAST)) == 2
    fields = [archive.forecast(Key(time(6), model, "none")).values[0] for model in MODELS]
    came = frame(LAST).values[0]
    mask = np.isfinite([*fields, came]).all(axis=0)
    assert 0 < mask.sum() < np.isfinite(fields[1]).sum(), "advection lacks what comes from outside"
    for model, said in zip(MODELS, fields, strict=True):
        found = {row["threshold"]: row for row in ledger.rows(book.counts, [model])}
        assert sorted(found) == list(THRESHOLDS)
        for threshold in THRESHOLDS:
            by_hand = counted_by_hand(said, came, mask, threshold)
            assert {name: found[threshold][name] for name in by_hand} == by_hand
        (lead,) = (row for row in ledger.rows(book.leads, [model]) if row["status"] == "verified")
        error = said[mask].astype(float) - came[mask]
        assert lead["n"] == mask.sum()
        sums = [lead[name] for name in ("signed", "absolute", "squared")]
        np.testing.assert_allclose(sums, [error.sum(), abs(error).sum(), (error**2).sum()])


def test_all_models_of_an_issue_are_counted_on_the_same_cells(
    archive: Archive, ledger: Ledger
) -> None:
    put_frames(archive, *range(LAST + 14))
    forecast(archive, ledger, 1, 6)
    tasks.verify(archive, ledger, moment(LAST + 13))
    cells: dict[Any, set[int]] = {}
    for row in ledger.rows(book.counts):
        number = sum(row[n] for n in ("hits", "misses", "false_alarms", "correct_negatives"))
        cells.setdefault((row["issue"], row["lead_minutes"]), set()).add(number)
    assert len(cells) == 7, "the first issue at four leads, the second at three"
    assert all(len(numbers) == 1 for numbers in cells.values())
    assert max(max(n) for n in cells.values()) < 180 * 180 * np.isfinite(frame(0)).mean()


def test_verifying_again_changes_nothing(archive: Archive, ledger: Ledger) -> None:
    put_frames(archive, *range(LAST + 1))
    forecast(archive, ledger, 6)
    tasks.verify(archive, ledger, moment(LAST))
    before = contents(archive), rows(ledger)
    assert tasks.verify(archive, ledger, moment(LAST)) == 0
    assert (contents(archive), rows(ledger)) == before


def test_a_lead_is_not_verified_before_its_time(archive: Archive, ledger: Ledger) -> None:
    put_frames(archive, *range(LAST + 1))
    forecast(archive, ledger, 6)
    assert tasks.verify(archive, ledger, moment(LAST) - timedelta(minutes=1)) == 0


def test_a_lead_whose_frame_does_not_come_is_pending_then_missing_and_never_dry(
    archive: Archive, ledger: Ledger
) -> None:
    put_frames(archive, 0, 12)
    forecast(archive, ledger, 0, models=["persistence"])
    six_hours = tasks.MISSING_AFTER
    assert tasks.verify(archive, ledger, moment(12)) == 1
    assert states(ledger, "persistence") == {
        30: "pending", 60: "verified", 90: "pending", 120: "pending"
    }  # fmt: skip
    tasks.verify(archive, ledger, moment(6) + six_hours - timedelta(seconds=1))
    assert states(ledger, "persistence")[30] == "pending"
    tasks.verify(archive, ledger, moment(6) + six_hours)
    assert states(ledger, "persistence") == {
        30: "missing", 60: "verified", 90: "pending", 120: "pending"
    }  # fmt: skip
    assert {row["lead_minutes"] for row in ledger.rows(book.counts)} == {60}
    assert {row["lead_minutes"] for row in ledger.rows(book.fractions)} == {60}


def test_a_frame_that_comes_late_is_still_verified_against(
    archive: Archive, ledger: Ledger
) -> None:
    put_frames(archive, 0)
    forecast(archive, ledger, 0, models=["persistence"])
    hours_later = moment(6) + tasks.MISSING_AFTER - timedelta(minutes=1)
    tasks.verify(archive, ledger, moment(7))
    put_frames(archive, 6)
    assert tasks.verify(archive, ledger, hours_later) == 1
    assert states(ledger, "persistence")[30] == "verified"


def test_a_frame_that_comes_too_late_does_not_change_what_is_missing(
    archive: Archive, ledger: Ledger
) -> None:
    put_frames(archive, 0)
    forecast(archive, ledger, 0, models=["persistence"])
    long_after = moment(24) + tasks.MISSING_AFTER
    tasks.verify(archive, ledger, long_after)
    put_frames(archive, 6)
    assert tasks.verify(archive, ledger, long_after) == 0
    assert set(states(ledger, "persistence").values()) == {"missing"}


def test_forecast_and_frame_on_two_grids_are_never_compared(
    archive: Archive, ledger: Ledger
) -> None:
    put_frames(archive, 0)
    forecast(archive, ledger, 0, models=["persistence"])
    archive.put_frame(frame(6, NATIONAL_WGS84))
    assert tasks.verify(archive, ledger, moment(6)) == 0
    assert ledger.rows(book.counts) == []
    tasks.verify(archive, ledger, moment(6) + tasks.MISSING_AFTER)
    assert states(ledger, "persistence")[30] == "missing"


def test_a_forecast_file_that_is_gone_does_not_keep_others_from_being_verified(
    archive: Archive, ledger: Ledger
) -> None:
    put_frames(archive, *range(7))
    forecast(archive, ledger, 0, models=["persistence"])
    forecast(archive, ledger, 1, models=["persistence"])
    archive.forecast_path(Key(time(0), "persistence", "none")).unlink()
    put_frames(archive, 7)
    assert tasks.verify(archive, ledger, moment(7)) == 1


# the provider's own forecast


def provider_forecast(number: int, leads: int = 24) -> DataArray:
    steps = [np.timedelta64(5 * k, "m") for k in range(1, leads + 1)]
    rates = np.stack([rate(number)] * leads)
    return to_model_grid(make_forecast(rates, time(number), steps, NATIONAL_SPHERE, "RV"))


def test_the_providers_own_forecast_is_kept_and_verified_beside_ours(
    archive: Archive, ledger: Ledger
) -> None:
    put_frames(archive, *range(7))
    came = tasks.keep_forecast(archive, ledger, provider_forecast(0))
    assert came == {"product": "RV", "frame_time": moment(0), "outcome": "accepted"}
    assert tasks.keep_forecast(archive, ledger, provider_forecast(0))["outcome"] == "duplicate"
    kept = archive.forecast(Key(time(0), "dwd-rv", "none"))
    minutes = kept.lead_time.values / np.timedelta64(1, "m")
    assert minutes.tolist() == [30, 60, 90, 120]
    forecast(archive, ledger, 0, models=["persistence"])
    assert tasks.verify(archive, ledger, moment(6)) == 2
    theirs, ours = (ledger.rows(book.counts, [m]) for m in ("dwd-rv", "persistence"))
    names = ("threshold", "hits", "misses", "false_alarms", "correct_negatives")
    assert [[r[n] for n in names] for r in theirs] == [[r[n] for n in names] for r in ours]


def test_a_real_file_of_the_providers_forecast_is_kept_and_verified(
    archive: Archive, ledger: Ledger, shared: Path
) -> None:
    file = shared / "data/dwd/fixtures/DE1200_RV2210180700.tar.bz2"
    issue = np.datetime64("2022-10-18T07:00", "ns")
    came = tasks.ingest(archive, ledger, file, datetime.fromisoformat("2022-10-18T07:04Z"))
    assert (came.outcome, came.product) == ("accepted", "RV")
    kept = archive.forecast(Key(issue, "dwd-rv", "none"))
    grid = known_grid(kept)
    assert grid is not None
    truth = make(frame(0).values[0], issue + np.timedelta64(60, "m"), grid, "RY")
    archive.put_frame(truth)
    assert tasks.verify(archive, ledger, datetime.fromisoformat("2022-10-18T08:00Z")) == 1
    said, came_true = kept.values[1], truth.values[0]
    by_hand = counted_by_hand(said, came_true, np.isfinite(said + came_true), 0.5)
    (row,) = ledger.rows(book.counts, threshold=0.5)
    assert {name: row[name] for name in by_hand} == by_hand


def test_a_provider_forecast_that_lacks_a_lead_is_refused(archive: Archive, ledger: Ledger) -> None:
    with pytest.raises(BadField, match="120 minutes"):
        tasks.keep_forecast(archive, ledger, provider_forecast(0, leads=23))
    assert contents(archive) == {}
