"""Places that are called dry, as they are counted and written."""

import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.skill.five_minutes.dry_places import Claims, fitted, main, reliability_rows, row


def test_wrong_claims_and_dry_places_that_are_told_are_shares_of_claims_and_dry_places() -> None:
    dry = np.array([True, True, True, True, False, False, False, False])
    rain = np.array([True, False, False, False, True, True, True, False])
    assert row(Claims(dry, rain, np.full(8, np.nan, np.float32))) == ["50.0 %", "25.0 %", "75.0 %"]


def test_the_fit_finds_the_odds_it_is_given() -> None:
    rng = np.random.default_rng(0)
    odds = rng.uniform(-4, 2, 20000)
    rain = rng.random(20000) < 1 / (1 + np.exp(-(1 + 1.2 * odds)))
    largest = (1 / (1 + np.exp(-odds))).astype(np.float32)
    claims = Claims(np.zeros(20000, bool), rain, largest)
    assert fitted(claims) == pytest.approx((1, 1.2), abs=0.1)
    for line in reliability_rows(claims):
        forecast, observed = (float(text.removesuffix(" %")) for text in line[2:])
        assert forecast == pytest.approx(observed, abs=12)


def test_the_command_writes_its_section(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = tmp_path / "dry-places.md"
    words = ["--events", "early", "--forecasters", "advection", "--shared", str(corpus)]
    monkeypatch.setattr(
        sys, "argv", ["dry_places", *words, "--every", "60", "--write", str(document)]
    )
    main()
    text = document.read_text()
    assert "| advection | early |" in text
    assert "| advection | all events |" in text
