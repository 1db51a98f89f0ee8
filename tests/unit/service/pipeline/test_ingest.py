"""Radar files that come: accepted, late, duplicate or bad, and each of them once."""

import gzip
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ingest.simulation.simulate import encode
from model_zoo.forecasters.baselines import Persistence
from service.archive.archive import Archive
from service.ledger.ledger import Arrival, Ledger
from service.pipeline.ingest import ingest_file, keep_frame
from tests.showers import file_bytes, file_name, frame, moment, time, write_file
from tests.state_snapshot import files_of, outcomes_of, rows_of


def test_a_radar_file_becomes_a_frame(archive: Archive, ledger: Ledger, tmp_path: Path) -> None:
    arrival = ingest_file(archive, ledger, write_file(tmp_path, 0), moment(1))
    assert (arrival.outcome, arrival.product, arrival.frame_time) == ("accepted", "RY", moment(0))
    assert arrival.arrived == moment(1)
    assert arrival.valid_area == pytest.approx(float(np.isfinite(frame(0)).mean()), abs=1e-4)
    kept = archive.frame(time(0))
    assert kept.shape == (1, 180, 180)
    # a file holds whole hundredths of a mm in five minutes, so steps of 0.12 mm/h
    np.testing.assert_allclose(kept, frame(0), atol=0.061)
    np.testing.assert_array_equal(np.isnan(kept), np.isnan(frame(0)))


def test_a_frame_older_than_the_newest_is_late_and_kept(
    archive: Archive, ledger: Ledger, tmp_path: Path
) -> None:
    outcomes = [
        ingest_file(archive, ledger, write_file(tmp_path, number), moment(9)).outcome
        for number in (0, 2, 1, 3)
    ]
    assert outcomes == ["accepted", "accepted", "late", "accepted"]
    assert len(list(archive.frame_times())) == 4


def test_a_second_file_of_a_time_is_a_duplicate(
    archive: Archive, ledger: Ledger, tmp_path: Path
) -> None:
    ingest_file(archive, ledger, write_file(tmp_path, 0), moment(1))
    before = files_of(archive.root)
    again = tmp_path / file_name(0).replace("-dwd", "-dwd-again")
    again.write_bytes(file_bytes(0))
    assert ingest_file(archive, ledger, again, moment(2)).outcome == "duplicate"
    assert files_of(archive.root) == before
    assert outcomes_of(ledger) == {"accepted": 1, "duplicate": 1}


def test_the_same_file_again_changes_nothing(
    archive: Archive, ledger: Ledger, tmp_path: Path
) -> None:
    path = write_file(tmp_path, 0)
    first = ingest_file(archive, ledger, path, moment(1))
    before = files_of(archive.root), rows_of(ledger)
    assert ingest_file(archive, ledger, path, moment(5)) == first
    assert (files_of(archive.root), rows_of(ledger)) == before


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
    arrival = ingest_file(archive, ledger, path, moment(1))
    assert arrival.outcome == "quarantined"
    assert arrival.reason is not None
    assert path.name in arrival.reason
    assert archive.latest_frame() is None
    kept = files_of(archive.root)
    assert sorted(kept.values()) == sorted([path.read_bytes(), arrival.reason.encode() + b"\n"])
    ingest_file(archive, ledger, path, moment(2))
    assert outcomes_of(ledger) == {"quarantined": 1}
    assert files_of(archive.root) == kept


def test_two_bad_files_of_the_same_bytes_are_two(
    archive: Archive, ledger: Ledger, tmp_path: Path
) -> None:
    for number in (0, 1):
        path = tmp_path / file_name(number)
        path.touch()
        ingest_file(archive, ledger, path, moment(1))
    assert outcomes_of(ledger) == {"quarantined": 2}


@pytest.mark.parametrize("data", [b"no radar", file_bytes(0)], ids=["bad", "good"])
def test_a_name_that_is_no_text_does_not_stop_the_run(
    archive: Archive, ledger: Ledger, tmp_path: Path, data: bytes
) -> None:
    path = tmp_path / os.fsdecode(b"raa01-ry_\xff\xfe.gz")
    path.write_bytes(data)
    arrival = ingest_file(archive, ledger, path, moment(1))
    assert arrival.outcome == ("accepted" if data == file_bytes(0) else "quarantined")
    assert ledger.arrival(arrival.fingerprint) == arrival


def test_a_file_that_was_kept_but_not_entered_is_made_good(
    archive: Archive, ledger: Ledger, tmp_path: Path
) -> None:
    """As when the process is killed between the archive and the ledger."""
    path = write_file(tmp_path, 0)
    unkilled = ingest_file(archive, ledger, path, moment(1))
    before = files_of(archive.root)
    other = Ledger(f"sqlite:///{tmp_path / 'other.sqlite'}")
    assert ingest_file(archive, other, path, moment(1)) == unkilled
    assert files_of(archive.root) == before
    assert rows_of(other) == rows_of(ledger)


def test_a_frame_of_the_future_is_refused(archive: Archive, ledger: Ledger, tmp_path: Path) -> None:
    """Else it would be the newest until then, and every real frame late."""
    path = write_file(tmp_path, 9)
    early = ingest_file(archive, ledger, path, moment(1))
    assert early.outcome == "quarantined"
    assert "in the future of" in str(early.reason)
    assert archive.latest_frame() is None
    assert ingest_file(archive, ledger, path, moment(2)) == early
    assert outcomes_of(ledger) == {"quarantined": 1}
    renamed = path.with_name(path.name.replace("-dwd", "-dwd-again"))
    path.rename(renamed)
    assert ingest_file(archive, ledger, renamed, moment(9)).outcome == "accepted"


def test_what_a_wrong_clock_refused_is_taken_in_once_the_clock_is_right(
    archive: Archive, ledger: Ledger, tmp_path: Path
) -> None:
    path = write_file(tmp_path, 9)
    assert ingest_file(archive, ledger, path, moment(1)).outcome == "quarantined"
    accepted = ingest_file(archive, ledger, path, moment(9))
    assert (accepted.outcome, accepted.frame_time) == ("accepted", moment(9))
    assert archive.has_frame(time(9))
    assert ledger.has_accepted(moment(9))
    assert ingest_file(archive, ledger, path, moment(10)) == accepted
    assert outcomes_of(ledger) == {"accepted": 1, "quarantined": 1}


def test_the_same_frame_of_another_product_is_a_duplicate(archive: Archive, ledger: Ledger) -> None:
    other = frame(0)
    other.attrs["product"] = "WN"
    assert keep_frame(archive, ledger, frame(0))["outcome"] == "accepted"
    assert keep_frame(archive, ledger, other)["outcome"] == "duplicate"
    assert archive.frame(time(0)).attrs["product"] == "RY"


def test_a_forecast_of_the_provider_is_no_frame_of_that_time(
    archive: Archive, ledger: Ledger, tmp_path: Path
) -> None:
    """A frame that was kept but not entered is made good, though RV of its time came before."""
    path = write_file(tmp_path, 0)
    archive.put_frame(frame(0))
    ledger.arrive(Arrival("e" * 64, "rv", "accepted", moment(1), "RV", moment(0)))
    assert ingest_file(archive, ledger, path, moment(1)).outcome == "accepted"
    again = path.rename(path.with_suffix(".again.gz"))
    assert ingest_file(archive, ledger, again, moment(1)).outcome == "duplicate"


def field_file(folder: Path, number: int, rate: np.ndarray) -> Path:
    path = folder / file_name(number)
    path.write_bytes(gzip.compress(encode(rate.astype(np.float32), time(number)), 1))
    return path


def widespread(number: int) -> np.ndarray:
    """Rain over a third of Germany that moves east."""
    rain = np.zeros((900, 900))
    rain[300:600, 100 + 8 * number : 800 + 8 * number] = 3
    rain[310:590:20, ::30] = 0.4 * number
    return rain


def test_a_frame_that_is_suddenly_dry_goes_to_quarantine(
    archive: Archive, ledger: Ledger, tmp_path: Path
) -> None:
    ingest_file(archive, ledger, field_file(tmp_path, 0, widespread(0)), moment(9))
    arrival = ingest_file(archive, ledger, field_file(tmp_path, 1, np.zeros((900, 900))), moment(9))
    assert arrival.outcome == "quarantined"
    assert "it rains nowhere though 5 minutes before it rained on" in str(arrival.reason)
    assert not archive.has_frame(time(1))
    late = ingest_file(archive, ledger, field_file(tmp_path, 2, widespread(2)), moment(9))
    assert late.outcome == "accepted"


def test_a_composite_that_stopped_is_kept_and_told_to_be_suspect(
    archive: Archive, ledger: Ledger, tmp_path: Path
) -> None:
    for number in range(2):
        arrival = ingest_file(
            archive, ledger, field_file(tmp_path, number, widespread(0)), moment(9)
        )
    assert arrival.outcome == "accepted"
    assert "nothing has changed" in str(arrival.reason)
    assert "suspect" not in archive.frame(time(0)).attrs
    assert "nothing has changed" in archive.frame(time(1)).attrs["suspect"]
    both = archive.frames([time(0), time(1)])
    assert "nothing has changed" in Persistence()(both).attrs["suspect"], "as is what is made of it"
