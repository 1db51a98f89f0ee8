"""CSI rises from lead time to lead time up to the radar, without a jump where fields are joined.

At +0 the forecast is the radar, of CSI 1. From there on the loss of each five minutes should be at
most that of the five minutes before: predictability decays ever more slowly. A seam, as between
the radar and a network's first field at +30 minutes, would be a loss above the one before it. What
sampling does to losses is seen from forecasters that have every five minutes by themselves, and so
no seams: advection and S-PROG. A loss of another forecaster may exceed the one before it by as much
as it ever does in theirs at the same threshold, and by `MARGIN`. In the first half hour, where
losses are large, none may be a larger share of the score than theirs by more than `SHARE_MARGIN`.
"""

from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from benchmarks.skill import events
from benchmarks.skill.five_minutes.lead_times import counts_of
from benchmarks.skill.forecasters import open_forecasters
from model_zoo.profiling.markdown import number, tables
from verification import csi

TABLE = Path(__file__).parents[5] / "docs/lead-times.md"
NATIVE = ("advection", "s-prog")
SHOWN = ("+5", "+10", "+15", "+20", "+25", "+30")
MARGIN, SHARE_MARGIN = 0.01, 0.05
EVENT = "knmi_20100826_5km"

Curve = NDArray[np.float64]


def excess(scores: Curve) -> float:
    """By how much the loss of five minutes exceeds the one before, at most.

    Args:
        scores: CSI by lead time, from +5 minutes on.
    """
    losses = -np.diff(np.concatenate([[1.0], scores]))
    return float(np.diff(losses).max())


def shares_lost(scores: Curve) -> Curve:
    """Which share of the score before is lost in each five minutes."""
    before = np.concatenate([[1.0], scores[:-1]])
    lost: Curve = (before - scores) / before
    return lost


def jumps(curves: Mapping[str, Curve]) -> list[str]:
    """What is a jump in curves of CSI by forecaster, in words."""
    allowed = MARGIN + max(0.0, *(excess(curves[name]) for name in NATIVE if name in curves))
    found = [
        f"{name}: {excess(scores):.3f} more than the loss before, allowed {allowed:.3f}"
        for name, scores in curves.items()
        if excess(scores) > allowed
    ]
    early = {name: shares_lost(scores)[: len(SHOWN)] for name, scores in curves.items()}
    most = np.max([early[name] for name in NATIVE if name in curves], axis=0) + SHARE_MARGIN
    return found + [
        f"{name}: loses {shares.round(3)} of its score, allowed {most.round(3)}"
        for name, shares in early.items()
        if (shares > most).any()
    ]


def mean_curves(threshold: str) -> dict[str, Curve]:
    """Mean CSI over the events of the documentation by forecaster."""
    found = [
        dict(zip(table.headings, row, strict=True))
        for table in tables(TABLE.read_text())
        if "forecaster" in table.headings
        for row in table.rows
    ]
    rows = [row for row in found if row["mm/h"] == threshold]
    return {
        name: np.mean(
            [[number(row[lead]) for lead in SHOWN] for row in rows if row["forecaster"] == name],
            axis=0,
        )
        for name in dict.fromkeys(row["forecaster"] for row in rows)
    }


@pytest.mark.parametrize("threshold", ["0.5", "2", "5"])
def test_the_documented_scores_rise_to_the_radar_without_a_jump(threshold: str) -> None:
    curves = mean_curves(threshold)
    assert "blend" in curves
    assert jumps(curves) == []


@pytest.mark.parametrize("threshold", ["0.5", "2"])
@pytest.mark.parametrize("seam", [1, 3, 5])
def test_a_seam_would_be_found(threshold: str, seam: int) -> None:
    curves = mean_curves(threshold)
    broken = curves["blend"].copy()
    broken[seam:] -= 0.06
    assert jumps(curves | {"broken": broken}) != []
    late = curves["blend"] - 0.1
    assert jumps(curves | {"late": late}) != [], "it would not start from the radar"


def test_a_network_has_no_jump_at_any_of_its_half_hours_on_a_real_event() -> None:
    if not (events.SHARED / "data/corpus" / f"{EVENT}.npz").exists():
        pytest.skip(f"the event {EVENT} is not in ../shared/data")
    threads = cv2.getNumThreads(), torch.get_num_threads()
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    try:
        frames = events.read(EVENT, events.SHARED)
        forecasters = open_forecasters(["advection", "ms-lstm"])
        counts, starts = counts_of(frames, forecasters, np.timedelta64(60, "m"))
    finally:
        cv2.setNumThreads(threads[0])
        torch.set_num_threads(threads[1])
    assert starts >= 3
    assert counts.sizes["lead_time"] == 24
    scores = csi(counts).sel(threshold=0.5)
    curves = {name: scores.sel(model=name).values for name in ("advection", "ms-lstm")}
    assert jumps(curves) == []
