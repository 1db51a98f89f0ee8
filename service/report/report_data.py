"""What a report is about, gathered from ledger and archive."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from service.archive.archive import Archive
from service.ledger.ledger import Ledger
from service.report.cases import Cases, cases_of
from service.report.radar import Radar, radar_of
from service.skill.period_summary import ModelComparison, Period, compare_models

BASELINES = ("persistence", "advection", "s-prog", "dwd-rv")
"""What a model should be better than: as if nothing changed, as if rain only moved, as if it moved
and its details faded, and the provider's own forecast."""
NAMES = {"s-prog": "S-PROG", "dwd-rv": "DWD's RV"}


class ReportData(NamedTuple):
    """All that a report says.

    Attributes:
        main: The model it is about first.
        leads: How many leads are verified, pending and missing.
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
        """Those that are compared: the main one, others, then baselines."""
        there = self.comparison.models
        others = [name for name in there if name not in (self.main, *BASELINES)]
        first = [self.main] if self.main not in BASELINES else []
        return first + others + [name for name in BASELINES if name in there]

    @property
    def rivals(self) -> list[str]:
        return [name for name in BASELINES if name in self.comparison.models and name != self.main]


def gather(
    archive: Archive, ledger: Ledger, models: Sequence[str], period: Period, now: datetime
) -> ReportData:
    """Gather what there is to say of a period.

    Args:
        models: Those that are served; the report is about the first that was verified.

    Raises:
        NoSkill: Nothing has been verified in it.
    """
    found = compare_models(ledger, period)
    served = [name for name in models if name in found.models]
    real = [name for name in (*served, *found.models) if name not in BASELINES]
    main = (real or served or found.models)[0]
    return ReportData(
        period,
        now,
        main,
        found,
        radar_of(ledger, period, now),
        ledger.states((), *period),
        cases_of(archive, ledger, main, period),
    )


def name_of(model: str) -> str:
    """What a model is called for people."""
    return NAMES.get(model, model)
