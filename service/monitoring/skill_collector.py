"""The skill of the last hours as metrics: some thousand numbers that change every few minutes.

Each window is made into text once for every time that it is renewed. The client library would take
60 ms at every scrape to write down the same again.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

import numpy as np

from service.ledger.ledger import Ledger
from service.ledger.probability_rows import sums_of
from service.monitoring import metrics
from service.monitoring.metrics import Metric
from service.skill.window_scores import Row, chance_scores, scores
from verification import reliability
from verification.probabilistic import BINS

Lines = dict[Metric, str]

RELIABILITY = {
    metrics.RELIABILITY_TOLD: "told",
    metrics.RELIABILITY_CAME: "came",
    metrics.RELIABILITY_CELLS: "number",
}
GAUGES = (
    metrics.SKILL,
    metrics.SKILL_FORECASTS,
    metrics.SKILL_MISSING,
    *RELIABILITY,
    metrics.SKILL_REFRESHED,
)


class Scores:
    """Scores of the windows that a ledger keeps, as Prometheus reads them."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._made: dict[int, tuple[datetime, Lines]] = {}

    def text(self) -> str:
        """All windows as they are now.

        Raises:
            LedgerAway: They cannot be read.
        """
        by_window: dict[int, list[Row]] = {}
        for row in self._ledger.windows():
            by_window.setdefault(row["hours"], []).append(row)
        found = [self._lines(hours, rows) for hours, rows in sorted(by_window.items())]
        return "".join(
            f"# HELP {metric.name} {metric.says}\n# TYPE {metric.name} gauge\n"
            + "".join(lines[metric] for lines in found)
            for metric in GAUGES
        )

    def _lines(self, hours: int, counts: Sequence[Row]) -> Lines:
        refreshed, lines = self._made.get(hours, (None, Lines()))
        if refreshed != counts[0]["refreshed"]:
            refreshed = counts[0]["refreshed"]
            fractions = self._ledger.window_fractions(hours)
            chances = self._ledger.window_chances(hours)
            lines = lines_of(hours, counts, fractions, chances, refreshed)
            self._made[hours] = refreshed, lines
        return lines


def lines_of(
    hours: int,
    counts: Sequence[Row],
    fractions: Sequence[Row],
    chances: Sequence[Row],
    refreshed: datetime,
) -> Lines:
    """The lines of a window."""
    window = name_of(hours)
    leads = {(row["model"], f"{row['lead_minutes']}", window): row for row in counts}
    scored = (*scores(counts, fractions), *chance_scores(chances))
    samples: dict[Metric, Iterable[tuple[tuple[str, ...], float]]] = {
        metrics.SKILL: (
            ((model, score, lead, threshold, window), value)
            for (model, score, lead, threshold), value in scored
        ),
        metrics.SKILL_FORECASTS: ((lead, row["n_valid"]) for lead, row in leads.items()),
        metrics.SKILL_MISSING: ((lead, row["n_missing"]) for lead, row in leads.items()),
        **reliabilities(chances, window),
        metrics.SKILL_REFRESHED: [((window,), refreshed.timestamp())],
    }
    return {metric: "".join(lines(metric, of)) for metric, of in samples.items()}


def name_of(hours: int) -> str:
    """6h, 24h, 7d, 30d."""
    return f"{hours}h" if hours % 24 or hours == 24 else f"{hours // 24}d"


def reliabilities(
    chances: Sequence[Row], window: str
) -> dict[Metric, list[tuple[tuple[str, ...], float]]]:
    """What was told and came, of bins that were used, by metric."""
    samples: dict[Metric, list[tuple[tuple[str, ...], float]]] = {one: [] for one in RELIABILITY}
    if not chances:
        return samples
    found = reliability(sums_of(chances))
    used = np.argwhere(found["number"].values > 0).tolist()
    bins = [f"{number / BINS:g}" for number in range(BINS)]
    for metric, name in RELIABILITY.items():
        values = found[name].values.tolist()
        for at, number in used:
            row = chances[at]
            lead, threshold = str(row["lead_minutes"]), f"{row['threshold']:g}"
            labels = (row["model"], lead, threshold, bins[number], window)
            samples[metric].append((labels, values[at][number]))
    return samples


def lines(metric: Metric, samples: Iterable[tuple[tuple[str, ...], float]]) -> Iterator[str]:
    """Samples in Prometheus' text format."""
    for labels, value in samples:
        said = zip(metric.labels, map(escaped, labels), strict=True)
        yield f"{metric.name}{{{','.join(f'{name}={word}' for name, word in said)}}} {value!r}\n"


def escaped(word: str) -> str:
    quoted = word.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
    return f'"{quoted}"'
