"""The forecasts of a period that were best and worst, with pictures of them."""

from datetime import datetime, timedelta
from typing import NamedTuple

import numpy as np

from service.archive.archive import Archive
from service.archive.key import Key, to_time
from service.errors import NotFound
from service.ledger import tables
from service.ledger.ledger import Ledger
from service.plots.fields import case_sheet
from service.plots.sheet import png
from service.skill import verification
from service.skill.period_summary import Period

LEAD, RATE = 60, 0.5
"""Minutes ahead and mm/h that a forecast is judged by here and in the summary."""
FEWEST_CELLS = 100
"""With rain, below which a forecast is no case: a few cells decide its score."""
APART = timedelta(hours=2)
"""Two cases are at least so far apart, or they are one."""
MOST = 3


class Case(NamedTuple):
    """A forecast and its score."""

    key: Key
    issue: datetime
    csi: float
    cells: int
    """With rain, as radar saw it."""
    picture: bytes | None = None
    """PNG: what radar saw at the issue, what was forecast from it, what came; None where these are
    past their keeping time."""


class Cases(NamedTuple):
    best: list[Case]
    worst: list[Case]


def cases_of(archive: Archive, ledger: Ledger, model: str, period: Period) -> Cases:
    """The best and the worst forecasts of a model, the first of each with a picture."""
    rows = ledger.rows(tables.counts, [model], *period, lead_minutes=LEAD, threshold=RATE)
    found = []
    for row in rows:
        cells = row["hits"] + row["misses"]
        if cells >= FEWEST_CELLS:
            (scored,) = verification.table(verification.counted([row]))
            key = Key(to_time(row["issue"]), model, row["weights"])
            found.append(Case(key, row["issue"], scored["csi"], cells))
    rising = sorted(found, key=lambda case: (case.csi, case.issue))
    middle = rising[len(rising) // 2].csi if rising else 0.0
    worst = apart([case for case in rising if case.csi <= middle])
    best = apart([case for case in reversed(rising) if case.csi > middle])
    return Cases(pictured(archive, best), pictured(archive, worst))


def apart(cases: list[Case]) -> list[Case]:
    """The first few cases that are not of the same weather as one before."""
    chosen: list[Case] = []
    for case in cases:
        if all(abs(case.issue - other.issue) >= APART for other in chosen):
            chosen.append(case)
        if len(chosen) == MOST:
            break
    return chosen


def pictured(archive: Archive, cases: list[Case]) -> list[Case]:
    return [case._replace(picture=draw(archive, case)) if not k else case
            for k, case in enumerate(cases)]  # fmt: skip


def draw(archive: Archive, case: Case) -> bytes | None:
    lead = np.timedelta64(LEAD, "m")
    try:
        forecast = archive.forecast(case.key).sel(lead_time=[lead])
        before, observed = archive.frame(case.key.issue), archive.frame(case.key.issue + lead)
    except NotFound:
        return None
    return png(case_sheet(before, forecast, observed))
