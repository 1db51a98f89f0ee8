"""Forecasts are counted against what came: on the same cells, once, and never against nothing."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from threading import Barrier
from typing import Any

import numpy as np
import pytest

from ingest.grid import NATIONAL_WGS84
from service.archive.archive import Archive
from service.archive.key import Key, forecast_name, frame_name
from service.ledger import tables
from service.ledger.ledger import Ledger
from service.pipeline import verify as verify_module
from service.pipeline.verify import MISSING_AFTER, verify
from service.skill.verification import THRESHOLDS
from tests.served import MODELS, counted_by_hand, make_forecasts, put_frames
from tests.showers import frame, moment, time
from tests.state_snapshot import files_of, rows_of

LAST = 12
"""Number of the newest frame in most tests: an hour after the first."""


def states(ledger: Ledger, model: str) -> dict[int, str]:
    return {row["lead_minutes"]: row["status"] for row in ledger.rows(tables.leads, [model])}


def test_verification_is_what_counting_by_hand_gives(archive: Archive, ledger: Ledger) -> None:
    put_frames(archive, *range(LAST + 1))
    make_forecasts(archive, ledger, 6)
    assert verify(archive, ledger, moment(LAST)) == 2
    fields = [archive.forecast(Key(time(6), model, "none")).values[0] for model in MODELS]
    observed = frame(LAST).values[0]
    mask = np.isfinite([*fields, observed]).all(axis=0)
    assert 0 < mask.sum() < np.isfinite(fields[1]).sum(), "advection lacks what comes from outside"
    for model, forecast in zip(MODELS, fields, strict=True):
        found = {row["threshold"]: row for row in ledger.rows(tables.counts, [model])}
        assert sorted(found) == list(THRESHOLDS)
        for threshold in THRESHOLDS:
            by_hand = counted_by_hand(forecast, observed, mask, threshold)
            assert {name: found[threshold][name] for name in by_hand} == by_hand
        (lead,) = (row for row in ledger.rows(tables.leads, [model]) if row["status"] == "verified")
        error = forecast[mask].astype(float) - observed[mask]
        assert lead["n"] == mask.sum()
        sums = [lead[name] for name in ("signed", "absolute", "squared")]
        np.testing.assert_allclose(sums, [error.sum(), abs(error).sum(), (error**2).sum()])


def test_an_issue_of_which_forecasts_are_on_their_way_is_left_for_later(
    archive: Archive, ledger: Ledger
) -> None:
    put_frames(archive, *range(LAST + 1))
    make_forecasts(archive, ledger, 5, 6)
    assert verify(archive, ledger, moment(LAST), {moment(6)}) == 2
    assert verify(archive, ledger, moment(LAST)) == 2


def test_all_models_of_an_issue_are_counted_on_the_same_cells(
    archive: Archive, ledger: Ledger
) -> None:
    put_frames(archive, *range(LAST + 14))
    make_forecasts(archive, ledger, 1, 6)
    verify(archive, ledger, moment(LAST + 13))
    cells: dict[Any, set[int]] = {}
    for row in ledger.rows(tables.counts):
        number = sum(row[n] for n in ("hits", "misses", "false_alarms", "correct_negatives"))
        cells.setdefault((row["issue"], row["lead_minutes"]), set()).add(number)
    assert len(cells) == 7, "the first issue at four leads, the second at three"
    assert all(len(numbers) == 1 for numbers in cells.values())
    assert max(max(n) for n in cells.values()) < 180 * 180 * np.isfinite(frame(0)).mean()


def test_verifying_again_changes_nothing(archive: Archive, ledger: Ledger) -> None:
    put_frames(archive, *range(LAST + 1))
    make_forecasts(archive, ledger, 6)
    verify(archive, ledger, moment(LAST))
    before = files_of(archive.root), rows_of(ledger)
    assert verify(archive, ledger, moment(LAST)) == 0
    assert (files_of(archive.root), rows_of(ledger)) == before


def test_a_lead_is_not_verified_before_its_time(archive: Archive, ledger: Ledger) -> None:
    put_frames(archive, *range(LAST + 1))
    make_forecasts(archive, ledger, 6)
    assert verify(archive, ledger, moment(LAST) - timedelta(minutes=1)) == 0


def test_a_lead_whose_frame_does_not_come_is_pending_then_missing_and_never_dry(
    archive: Archive, ledger: Ledger
) -> None:
    put_frames(archive, 0, 12)
    make_forecasts(archive, ledger, 0, models=["persistence"])
    six_hours = MISSING_AFTER
    assert verify(archive, ledger, moment(12)) == 1
    assert states(ledger, "persistence") == {
        30: "pending", 60: "verified", 90: "pending", 120: "pending"
    }  # fmt: skip
    verify(archive, ledger, moment(6) + six_hours - timedelta(seconds=1))
    assert states(ledger, "persistence")[30] == "pending"
    verify(archive, ledger, moment(6) + six_hours)
    assert states(ledger, "persistence") == {
        30: "missing", 60: "verified", 90: "pending", 120: "pending"
    }  # fmt: skip
    assert {row["lead_minutes"] for row in ledger.rows(tables.counts)} == {60}
    assert {row["lead_minutes"] for row in ledger.rows(tables.fractions)} == {60}


def test_a_frame_that_comes_late_is_still_verified_against(
    archive: Archive, ledger: Ledger
) -> None:
    put_frames(archive, 0)
    make_forecasts(archive, ledger, 0, models=["persistence"])
    hours_later = moment(6) + MISSING_AFTER - timedelta(minutes=1)
    verify(archive, ledger, moment(7))
    put_frames(archive, 6)
    assert verify(archive, ledger, hours_later) == 1
    assert states(ledger, "persistence")[30] == "verified"


def test_leads_of_an_unfinished_issue_are_not_given_up(archive: Archive, ledger: Ledger) -> None:
    put_frames(archive, 0, 6, 25)
    make_forecasts(archive, ledger, 0, models=["persistence"])
    long_after = moment(24) + MISSING_AFTER
    assert verify(archive, ledger, long_after, unfinished=[moment(0)]) == 0
    assert set(states(ledger, "persistence").values()) == {"pending"}
    assert verify(archive, ledger, long_after) == 1
    assert states(ledger, "persistence") == {
        30: "verified", 60: "missing", 90: "missing", 120: "missing"
    }  # fmt: skip


def test_a_frame_that_comes_too_late_does_not_change_what_is_missing(
    archive: Archive, ledger: Ledger
) -> None:
    put_frames(archive, 0, 25)
    make_forecasts(archive, ledger, 0, models=["persistence"])
    long_after = moment(24) + MISSING_AFTER
    verify(archive, ledger, long_after)
    put_frames(archive, 6)
    assert verify(archive, ledger, long_after) == 0
    assert set(states(ledger, "persistence").values()) == {"missing"}


def test_a_clock_that_is_ahead_gives_up_nothing_that_may_still_come(
    archive: Archive, ledger: Ledger
) -> None:
    put_frames(archive, 0)
    make_forecasts(archive, ledger, 0, models=["persistence"])
    verify(archive, ledger, moment(0) + timedelta(days=2))
    put_frames(archive, 6, 12, 18, 24)
    assert verify(archive, ledger, moment(24)) == 4


def test_forecast_and_frame_on_two_grids_are_never_compared(
    archive: Archive, ledger: Ledger
) -> None:
    put_frames(archive, 0)
    make_forecasts(archive, ledger, 0, models=["persistence"])
    archive.put_frame(frame(6, NATIONAL_WGS84))
    assert verify(archive, ledger, moment(6)) == 0
    assert ledger.rows(tables.counts) == []
    verify(archive, ledger, moment(6) + MISSING_AFTER)
    assert states(ledger, "persistence")[30] == "missing"


def test_a_forecast_file_that_is_gone_does_not_keep_others_from_being_verified(
    archive: Archive, ledger: Ledger
) -> None:
    put_frames(archive, *range(7))
    make_forecasts(archive, ledger, 0, models=["persistence"])
    make_forecasts(archive, ledger, 1, models=["persistence"])
    (archive.root / forecast_name(Key(time(0), "persistence", "none"))).unlink()
    put_frames(archive, 7)
    assert verify(archive, ledger, moment(7)) == 1


def test_many_who_verify_at_once_count_each_lead_once(archive: Archive, ledger: Ledger) -> None:
    put_frames(archive, *range(LAST + 7))
    make_forecasts(archive, ledger, 1, 6)
    ledgers = [Ledger(str(ledger.engine.url)) for _ in range(4)]
    barrier = Barrier(len(ledgers))

    def go(ledger: Ledger) -> int:
        barrier.wait()
        return verify(archive, ledger, moment(LAST + 6))

    with ThreadPoolExecutor(len(ledgers)) as pool:
        done = list(pool.map(go, ledgers))
    assert sum(done) == len(
        [row for row in ledger.rows(tables.leads) if row["status"] == "verified"]
    )
    pixels = sum(row[name] for row in ledger.pixels() for name in tables.COUNTS)
    counts = sum(row[name] for row in ledger.rows(tables.counts) for name in tables.COUNTS)
    assert pixels == counts > 0


def spoil(archive: Archive, path: str) -> Archive:
    """Cut a file of the archive; returns another reader of it."""
    file = archive.root / path
    file.write_bytes(file.read_bytes()[:5000])
    return Archive(archive.root)


@pytest.mark.parametrize(
    "path",
    [
        forecast_name(Key(time(1), "persistence", "none")),
        frame_name(time(8)),
        frame_name(time(9)),
    ],
)
def test_one_damaged_file_leaves_all_others_to_be_verified(
    archive: Archive, ledger: Ledger, path: str
) -> None:
    put_frames(archive, *range(12))
    make_forecasts(archive, ledger, 1, 2, 3)
    due = len(ledger.pending(moment(12)))
    reader = spoil(archive, path)
    done = sum(verify(reader, ledger, moment(12)) for _ in range(2))
    left = len(ledger.pending(moment(12)))
    assert done == due - left
    assert 0 < left <= len(MODELS)


def test_a_lead_that_fails_is_logged_and_tried_again(
    archive: Archive, ledger: Ledger, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    put_frames(archive, *range(12))
    make_forecasts(archive, ledger, 1, 2)
    due, enter = len(ledger.pending(moment(12))), verify_module.enter

    def fail_once(*parts: Any) -> int:
        monkeypatch.setattr(verify_module, "enter", enter)
        raise RuntimeError("out of order")

    monkeypatch.setattr(verify_module, "enter", fail_once)
    first = verify(archive, ledger, moment(12))
    assert "1 of 2 lead times could not be verified and are tried again" in caplog.text
    assert first + verify(archive, ledger, moment(12)) == due
    assert ledger.pending(moment(12)) == []


def test_others_of_an_issue_wait_for_a_forecast_that_is_made_again(
    archive: Archive, ledger: Ledger
) -> None:
    put_frames(archive, *range(12))
    make_forecasts(archive, ledger, 1)
    lost = Key(time(1), "persistence", "none")
    reader = spoil(archive, forecast_name(lost))
    asked: list[Key] = []

    def remake(key: Key) -> bool:
        asked.append(key)
        return True

    assert verify(reader, ledger, moment(12), remake=remake) == 0
    assert set(asked) == {lost}
    make_forecasts(reader, ledger, 1)
    assert verify(reader, ledger, moment(12), remake=remake) == len(MODELS)
    counted = rows_of(ledger)["counts"]
    assert counted == counts_without_damage(archive.root.parent)


def counts_without_damage(folder: Path) -> list[Any]:
    """Counts of the same forecasts where no file was damaged."""
    archive = Archive(folder / "undamaged")
    ledger = Ledger(f"sqlite:///{folder / 'undamaged.sqlite'}")
    put_frames(archive, *range(12))
    make_forecasts(archive, ledger, 1)
    verify(archive, ledger, moment(12))
    ledger.engine.dispose()
    return rows_of(ledger)["counts"]
