"""Verification of forecasters on an event, as a section of a document."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
import xarray as xr

from benchmarks.skill import diagram, tables
from benchmarks.skill.events import EventRole
from benchmarks.skill.scoring import NEIGHBOURHOOD, Scored
from benchmarks.skill.tables import Draws

HOW = f"""\
Categorical scores (an event is a rate of the threshold or more) are computed from counts summed
over all starts, on the cells where every forecaster and the radar have data. FBIAS is forecast
events per observed one. In brackets stands the 90 % interval of a bootstrap: of one event over
blocks of starts of an hour, which is too narrow, as weather remembers longer, and left out below
three blocks; of several events together over events. Differences are drawn pairwise, so they may be
sure where the intervals of the scores overlap.

Climatology is the observed frequency of the event in the sample at that lead, known beforehand;
"{NEIGHBOURHOOD}" is the share of cells around in which its forecast reaches it. The variance
left is that of octaves of wavelength, summed over starts: 1 is as rough as the radar, 0 is flat."""
DIFFERENCES = "Differences, in bold where surely not 0"
BRIER = "Brier score; skill against climatology"
RELIABILITY = "Reliability of {}: mean forecast probability; observed frequency; cells"
VARIANCE = "Variance left, relative to the radar's, by wavelength"


def section(found: Scored, pictures: Mapping[str, str], heading: str = "##") -> str:
    """All tables of an event.

    Args:
        found: Sums and scores of the forecasters.
        pictures: Where the reliability of each is drawn, by label.
        heading: How deep it stands in its document.
    """
    starts, draws = found.counts.sizes["start"], Draws("start", found.hour)
    lacking = f", {found.left_out} more lack frames" if found.left_out else ""
    took = ", ".join(f"{label} {1e3 * s:.1f} ms" for label, s in found.seconds.items())
    parts = [
        f"{heading} {found.event}\n",
        f"{found.role.value.capitalize()}. {found.about}; {starts} starts{lacking}.",
        f"Median time of a forecast, threads {torch.get_num_threads()}: {took}.\n",
        tables.scores(found.counts, draws) + "\n",
        *titled(DIFFERENCES, tables.differences(found.counts, draws)),
    ]
    if found.probabilities is not None:
        parts += titled(BRIER, tables.probabilities(found.probabilities, draws))
        whole = found.probabilities.sum("start")
        for label in with_probabilities(found):
            reliability = tables.reliabilities(whole.sel(model=label))
            parts += titled(RELIABILITY.format(label), reliability)
            if label in pictures:
                parts.append(f"![Reliability of {label} on {found.event}]({pictures[label]})\n")
    parts += titled(VARIANCE, tables.blur(found.power))
    return "\n".join(parts)


def summary(role: EventRole, several: Sequence[Scored]) -> str:
    """Scores of all events of one role together, resampled by event."""
    counts = xr.concat([found.counts.sum("start") for found in several], "event")
    draws = Draws("event", 1)
    parts = [
        f"## {len(several)} events together\n",
        f"{role.value.capitalize()}. Counts of all starts of all events are summed.\n",
        tables.scores(counts, draws) + "\n",
        *titled(DIFFERENCES, tables.differences(counts, draws)),
    ]
    return "\n".join(parts)


def titled(title: str, table: str) -> list[str]:
    """A table under its title; nothing for none."""
    return [f"{title}:\n", table + "\n"] if table else []


def with_probabilities(found: Scored) -> list[str]:
    """Labels of the networks that forecast probabilities."""
    labels = [] if found.probabilities is None else found.probabilities["model"].to_numpy().tolist()
    return [label for label in labels if label != NEIGHBOURHOOD]


def draw_reliability(found: Scored, folder: Path) -> dict[str, Path]:
    """Draw the reliability diagram of each network with probabilities; the files by label."""
    files = {}
    for label in with_probabilities(found):
        assert found.probabilities is not None
        name = re.sub(r"[^\w.+-]+", "-", f"reliability-{label}-{found.event}")
        files[label] = folder / f"{name}.png"
        sums = found.probabilities.sel(model=label).sum("start")
        files[label].write_bytes(diagram.draw(sums, f"Reliability of {label}, {found.event}"))
    return files
