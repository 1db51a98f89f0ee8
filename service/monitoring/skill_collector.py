"""Skill over the rolling windows as Prometheus metrics: thousands of samples that change rarely.

The text of a window is encoded once after each refresh, since the client library would take 60 ms
at every scrape to encode the same samples again.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta

from service.ledger import dry_claim_rows
from service.ledger.ledger import Ledger
from service.monitoring import metrics
from service.monitoring.metrics import Metric
from service.skill.window_scores import (
    Row,
    dry_claim_shares,
    probability_scores,
    reliability_points,
    scores,
    sum_scores,
)

Lines = dict[Metric, str]
Samples = list[tuple[tuple[str, ...], float]]

RELIABILITY = (
    metrics.RELIABILITY_PROBABILITY,
    metrics.RELIABILITY_FREQUENCY,
    metrics.RELIABILITY_CELLS,
)
GAUGES = (
    metrics.SKILL,
    metrics.SUM_SKILL,
    metrics.DRY_CLAIMS_WRONG,
    metrics.DRY_PLACES_CALLED,
    metrics.DRY_CLAIM_FORECASTS,
    metrics.SKILL_FORECASTS,
    metrics.SKILL_MISSING,
    *RELIABILITY,
    metrics.SKILL_REFRESHED,
)


class SkillCollector:
    """Scores over the rolling windows of a ledger, in Prometheus' text format."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._cached: dict[int, tuple[datetime, Lines]] = {}

    def text(self) -> str:
        """Return the metrics of all windows.

        Raises:
            LedgerAway: The ledger cannot be read.
        """
        by_window: dict[int, list[Row]] = {}
        for row in self._ledger.windows():
            by_window.setdefault(row["hours"], []).append(row)
        found = [self._lines(hours, rows) for hours, rows in sorted(by_window.items())]
        return "".join(
            f"# HELP {metric.name} {metric.help}\n# TYPE {metric.name} gauge\n"
            + "".join(lines[metric] for lines in found)
            for metric in GAUGES
        )

    def _lines(self, hours: int, counts: Sequence[Row]) -> Lines:
        refreshed, lines = self._cached.get(hours, (None, Lines()))
        if refreshed != counts[0]["refreshed"]:
            refreshed = counts[0]["refreshed"]
            fractions = self._ledger.window_fractions(hours)
            probabilities = self._ledger.window_probabilities(hours)
            sums = self._ledger.window_sums(hours)
            begin = refreshed - timedelta(hours=hours)
            claims = dry_claim_rows.totals(self._ledger.engine, begin, refreshed)
            lines = lines_of(hours, counts, fractions, probabilities, sums, claims, refreshed)
            self._cached[hours] = refreshed, lines
        return lines


def lines_of(
    hours: int,
    counts: Sequence[Row],
    fractions: Sequence[Row],
    probabilities: Sequence[Row],
    sums: Sequence[Row],
    claims: Sequence[Row],
    refreshed: datetime,
) -> Lines:
    """Return the lines of a window, by metric.

    Args:
        hours: Length of the window.
        counts: Its rows of counts.
        fractions: Its rows of sums of fractions.
        probabilities: Its rows of sums of exceedance probabilities.
        sums: Its rows of counts of rain sums.
        claims: Its rows of counts of places called dry.
        refreshed: Time of its last refresh.
    """
    window = name_of(hours)
    leads = {(row["model"], f"{row['lead_minutes']}", window): row for row in counts}
    scored = (*scores(counts, fractions), *probability_scores(probabilities))
    samples: dict[Metric, Iterable[tuple[tuple[str, ...], float]]] = {
        metrics.SKILL: (((*key, window), value) for key, value in scored),
        metrics.SUM_SKILL: (((*key, window), value) for key, value in sum_scores(sums)),
        metrics.SKILL_FORECASTS: ((lead, row["n_valid"]) for lead, row in leads.items()),
        metrics.SKILL_MISSING: ((lead, row["n_missing"]) for lead, row in leads.items()),
        **dry_claim_samples(claims, window),
        **reliability_samples(probabilities, window),
        metrics.SKILL_REFRESHED: [((window,), refreshed.timestamp())],
    }
    return {metric: "".join(lines(metric, of)) for metric, of in samples.items()}


def name_of(hours: int) -> str:
    """Return the name of a window: 6h, 24h, 7d, 30d."""
    return f"{hours}h" if hours % 24 or hours == 24 else f"{hours // 24}d"


def reliability_samples(probabilities: Sequence[Row], window: str) -> dict[Metric, Samples]:
    """Return the samples of reliability diagrams, by metric."""
    samples: dict[Metric, Samples] = {metric: [] for metric in RELIABILITY}
    for point in reliability_points(probabilities):
        labels = (point.model, point.lead, point.threshold, point.bin, window)
        samples[metrics.RELIABILITY_PROBABILITY].append((labels, point.forecast_probability))
        samples[metrics.RELIABILITY_FREQUENCY].append((labels, point.observed_frequency))
        samples[metrics.RELIABILITY_CELLS].append((labels, point.number))
    return samples


def dry_claim_samples(claims: Sequence[Row], window: str) -> dict[Metric, Samples]:
    """Return the samples of places called dry, by metric; undefined shares are left out."""
    samples: dict[Metric, Samples] = {
        metrics.DRY_CLAIMS_WRONG: [],
        metrics.DRY_PLACES_CALLED: [],
        metrics.DRY_CLAIM_FORECASTS: [],
    }
    for row in claims:
        labels = (row["model"], window)
        shares = dry_claim_shares(row)
        samples[metrics.DRY_CLAIM_FORECASTS].append((labels, row["n_valid"]))
        if shares.wrong is not None:
            samples[metrics.DRY_CLAIMS_WRONG].append((labels, shares.wrong))
        if shares.called is not None:
            samples[metrics.DRY_PLACES_CALLED].append((labels, shares.called))
    return samples


def lines(metric: Metric, samples: Iterable[tuple[tuple[str, ...], float]]) -> Iterator[str]:
    """Yield samples in Prometheus' text format."""
    for labels, value in samples:
        pairs = zip(metric.labels, map(quoted, labels), strict=True)
        yield f"{metric.name}{{{','.join(f'{name}={text}' for name, text in pairs)}}} {value!r}\n"


def quoted(value: str) -> str:
    """Return the value of a label in quotation marks, escaped."""
    escaped = value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
    return f'"{escaped}"'
