"""Data of a report, gathered from ledger and archive."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from service.archive.archive import Archive
from service.ledger.ledger import Ledger
from service.report.cases import Cases, cases_of
from service.report.language import Language, written_in
from service.report.radar import Radar, radar_of
from service.skill.period_summary import ModelComparison, Period, compare_models

BASELINES = ("persistence", "advection", "s-prog", "dwd-rv")
"""Baselines, and the provider's own forecast."""
NAMES = {"s-prog": "S-PROG", "dwd-rv": "DWD's RV"}
"""Names of models for readers, where they differ."""


class ReportData(NamedTuple):
    """All data of a report.

    Attributes:
        period: Valid times of the forecasts.
        created: Time of the report.
        main: The model of the summary.
        comparison: Verification of all models.
        radar: Availability of radar frames.
        leads: Number of lead times by status: verified, pending, missing.
        cases: Best and worst forecasts of the main model.
    """

    period: Period
    created: datetime
    main: str
    comparison: ModelComparison
    radar: Radar
    leads: dict[str, int]
    cases: Cases

    @property
    def models(self) -> list[str]:
        """Compared models: the main one, others, then baselines."""
        there = self.comparison.models
        others = [name for name in there if name not in (self.main, *BASELINES)]
        first = [self.main] if self.main not in BASELINES else []
        return first + others + [name for name in BASELINES if name in there]

    @property
    def rivals(self) -> list[str]:
        """Baselines that the models are compared with."""
        return [name for name in BASELINES if name in self.comparison.models and name != self.main]


def gather(
    archive: Archive,
    ledger: Ledger,
    models: Sequence[str],
    period: Period,
    now: datetime,
    language: Language = "en",
) -> ReportData:
    """Gather the data of a report.

    Args:
        archive: Archive of frames and forecasts.
        ledger: Ledger with the verification.
        models: Served models; the main model is the first of them with verification.
        period: Valid times of the forecasts.
        now: Current time.
        language: Of the texts in its pictures.

    Raises:
        NoSkill: No forecast of the period is verified.
    """
    found = compare_models(ledger, period)
    served = [name for name in models if name in found.models]
    real = [name for name in (*served, *found.models) if name not in BASELINES]
    main = (real or served or found.models)[0]
    with written_in(language):
        cases = cases_of(archive, ledger, main, period)
    return ReportData(
        period,
        now,
        main,
        found,
        radar_of(ledger, period, now),
        ledger.states((), *period),
        cases,
    )


def name_of(model: str) -> str:
    """Return the name of a model for readers."""
    return NAMES.get(model, model)
