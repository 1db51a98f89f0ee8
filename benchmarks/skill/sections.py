"""Verification of forecasters on events, as sections of a document."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from xarray import Dataset

from benchmarks.skill import diagram, field_tables, probability_tables, tables
from benchmarks.skill.events import EventRole
from benchmarks.skill.opponents import yardstick
from benchmarks.skill.opponents.simple_probabilities import LABELS, SimpleProbabilities
from benchmarks.skill.scoring import HORIZON, MAIN_THRESHOLDS, START, Scored
from benchmarks.skill.tables import EventSums

HOW = """\
Categorical scores (an event is a rate of the threshold or more) are computed from counts summed
over all starts of an event, on the cells where every forecaster and the radar have data. For
several events the mean of their scores is shown, so that each event has the same weight. FBIAS is
the number of forecast events per observed one. Brackets contain the 90 % interval of a bootstrap:
for one event over blocks of starts of an hour, which is too narrow, since weather is correlated for
longer, and is left out below three blocks; for several events over events and over such blocks
within them. Differences are computed pairwise, so their intervals can exclude 0 where those of the
scores overlap.

Simple probabilities are the fraction of surrounding cells in which advection, or S-PROG, reaches
the threshold, in the window that is best on training events for each lead time and threshold, and a
logistic regression on both, fitted to training events. Climatology is the observed frequency of the
event in the sample at that lead time, as if known in advance. The components of the Brier score are
its reliability (0 is best), resolution (larger is better) and uncertainty, times 1000. The CRPS is
that of probabilities up to 20 mm/h; for forecasts without probabilities it is the absolute error of
rates limited to 20 mm/h. The variance left is that of octaves of wavelength: 1 is that of the
radar, 0 is a flat field."""
DIFFERENCES = "Differences, in bold where the interval excludes 0"
AMOUNTS = "Rain in total"
FRACTIONS = "Fractions skill score"
BRIER = "Brier score; skill against climatology"
RATIOS = "Brier score relative to others, where 500 cells or more reached the threshold"
PARTS = "Brier score times 1000: reliability; resolution; uncertainty"
CRPS = "Continuous ranked probability score"
VARIANCE = "Variance left, relative to the radar's, by wavelength"


def section(
    found: Scored, pictures: Mapping[str, str], heading: str = "##", *, short: bool = False
) -> str:
    """All tables of an event.

    Args:
        found: Sums and scores of the forecasters.
        pictures: Where the reliability of each is drawn, by label.
        heading: How deep it stands in its document.
        short: Whether to show only the main thresholds, and leave out neighbourhoods and parts.
    """
    starts = found.counts.sizes[START]
    lacking = f", {found.left_out} more lack frames" if found.left_out else ""
    took = ", ".join(f"{label} {1e3 * s:.1f} ms" for label, s in found.seconds.items())
    return "\n".join(
        [
            f"{heading} {found.event}\n",
            f"{found.role.value.capitalize()}. {found.about}; {starts} starts{lacking}.",
            f"Median time of a forecast, threads {torch.get_num_threads()}: {took}.\n" * bool(took),
            *all_tables([found], short=short),
            *(
                f"![Reliability of {label} on {found.event}]({file})\n"
                for label, file in pictures.items()
            ),
        ]
    )


def summary(role: EventRole, several: Sequence[Scored]) -> str:
    """The mean of the scores of all events of one role."""
    names = ", ".join(found.event for found in several)
    return "\n".join(
        [
            f"## {len(several)} events together\n",
            f"{role.value.capitalize()}. The mean over {names}.\n",
            *all_tables(several),
        ]
    )


def all_tables(several: Sequence[Scored], *, short: bool = False) -> list[str]:
    """Tables of an event, or of several with the same weight."""
    counts = sums_of(several, "counts")
    if short:
        counts = tables.at_main_thresholds(counts)
    parts = [
        tables.scores(counts) + "\n",
        *titled(DIFFERENCES, tables.differences(counts)),
        *titled(AMOUNTS, field_tables.amounts(sums_of(several, "amounts"))),
    ]
    if all(found.probabilities is not None for found in several):
        probabilities = sums_of(several, "probabilities")
        parts += titled(BRIER, probability_tables.brier_scores(probabilities))
        parts += titled(RATIOS, probability_tables.ratios(probabilities))
        if not short:
            parts += titled(PARTS, probability_tables.decomposition(probabilities))
    crps = field_tables.ranked_probability(sums_of(several, "crps"))
    parts += titled(CRPS, crps)
    if not short:
        fractions = field_tables.neighbourhoods(sums_of(several, "fractions"))
        parts += titled(FRACTIONS, fractions)
    powers = [found.sums.power for found in several]
    return [*parts, *titled(VARIANCE, field_tables.smoothness(powers))]


def sums_of(several: Sequence[Scored], name: str) -> list[EventSums]:
    """Sums of one kind of each event."""
    return [EventSums(getattr(found.sums, name), found.hour) for found in several]


def titled(title: str, table: str) -> list[str]:
    """A table under its title; nothing for none."""
    return [f"{title}:\n", table + "\n"] if table else []


def opponents() -> str:
    """How the simple probabilities and the yardstick were made."""
    lines = []
    for label, of_baseline in zip(LABELS, SimpleProbabilities.read().widths, strict=False):
        leads = [
            f"{at_lead.min():g}"
            if at_lead.min() == at_lead.max()
            else f"{at_lead.min():g} to {at_lead.max():g}"
            for at_lead in of_baseline[:HORIZON]
        ]
        lines.append(f"Widths of the {label}, lead by lead: {', '.join(leads)} km.")
    if yardstick.WEIGHTS.is_file():
        about = yardstick.about_weights()
        lines.append(
            f"The yardstick ({yardstick.NAME}) has {about['channels']} channels and was trained "
            f"for {about['steps']:,} steps of {about['crops']} crops of {about['side']}x"
            f"{about['side']} cells ({about['planned_steps']:,} were planned)"
            + (f"; its outputs of {about['revived']}" if "revived" in about else "")
            + "."
        )
    return " ".join(lines)


def with_probabilities(found: Scored) -> list[str]:
    """Labels of the forecasters of probabilities but for simple ones and the yardstick."""
    labels = [] if found.probabilities is None else found.probabilities["model"].to_numpy().tolist()
    return [label for label in labels if label not in {*LABELS, yardstick.NAME}]


def draw_reliability(found: Scored, folder: Path) -> dict[str, Path]:
    """Draw the reliability diagram of each network with probabilities; the files by label."""
    files = {}
    for label in with_probabilities(found):
        assert found.probabilities is not None
        name = re.sub(r"[^\w.+-]+", "-", f"reliability-{label}-{found.event}")
        files[label] = folder / f"{name}.png"
        sums: Dataset = found.probabilities.sel(model=label, threshold=list(MAIN_THRESHOLDS))
        picture = diagram.draw(sums.sum(START), f"Reliability of {label}, {found.event}")
        files[label].write_bytes(picture)
    return files
