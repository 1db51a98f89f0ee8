"""Best and worst forecasts of a period, with plots."""

from datetime import datetime, timedelta
from typing import NamedTuple

import numpy as np
from xarray import DataArray

from service.archive.archive import Archive
from service.archive.key import Key, to_time
from service.errors import NotFound
from service.ledger import tables
from service.ledger.ledger import Ledger
from service.plots.fields import case_sheet
from service.plots.sheet import png
from service.report.language import translate
from service.skill import verification
from service.skill.period_summary import Period

LEAD, RATE = 60, 0.5
"""Lead time in min and threshold in mm/h of the scores here and in the summary."""
FEWEST_CELLS = 100
"""Fewest observed cells with rain; with fewer, a few cells determine the score."""
APART = timedelta(hours=2)
"""Shortest time between two cases."""
WINDOW_CELLS = 90
"""Side of the part of the fields that is drawn, around the rain: 450 km, 4 pixels to a cell."""
MOST = 3
"""Largest number of best, and of worst, forecasts."""


class Case(NamedTuple):
    """A forecast and its score.

    Attributes:
        key: Key of the forecast.
        issue: Its issue time.
        csi: Its critical success index.
        cells: Number of observed cells with rain.
        picture: PNG of the frame at the issue time, the forecast and the observed frame; None if
            they are past their retention, or not drawn.
    """

    key: Key
    issue: datetime
    csi: float
    cells: int
    picture: bytes | None = None


class Cases(NamedTuple):
    """Best and worst forecasts, each in order."""

    best: list[Case]
    worst: list[Case]


def cases_of(archive: Archive, ledger: Ledger, model: str, period: Period) -> Cases:
    """Return the best and the worst forecasts of a model, the first of each with a plot."""
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
    """Return the first few cases that are at least APART from each other."""
    chosen: list[Case] = []
    for case in cases:
        if all(abs(case.issue - other.issue) >= APART for other in chosen):
            chosen.append(case)
        if len(chosen) == MOST:
            break
    return chosen


def pictured(archive: Archive, cases: list[Case]) -> list[Case]:
    """Return the cases with a plot of the first."""
    return [case._replace(picture=draw(archive, case)) if not k else case
            for k, case in enumerate(cases)]  # fmt: skip


def draw(archive: Archive, case: Case) -> bytes | None:
    """Plot a case as PNG in the current language; None if its fields are past their retention."""
    lead = np.timedelta64(LEAD, "m")
    try:
        forecast = archive.forecast(case.key).sel(lead_time=[lead])
        before, observed = archive.frame(case.key.issue), archive.frame(case.key.issue + lead)
    except NotFound:
        return None
    part = around_rain(observed)
    fields = before.isel(part), forecast.isel(part), observed.isel(part)
    return png(case_sheet(*fields, translate))


def around_rain(frame: DataArray) -> dict[str, slice]:
    """Return the rows and columns of the window with the most rain.

    Args:
        frame: Rates (time of 1, y, x) in mm/h, NaN for no data.
    """
    wet = (frame.values[0] >= RATE).cumsum(0).cumsum(1)
    sums = np.pad(wet, ((1, 0), (1, 0)))  # of all cells above and to the left
    height, width = (min(WINDOW_CELLS, size) for size in wet.shape)
    inside = sums[height:, width:] - sums[:-height, width:] - sums[height:, :-width]
    inside = inside + sums[:-height, :-width]
    best = np.argwhere(inside == inside.max())
    row, column = best[len(best) // 2].tolist()
    return {"y": slice(row, row + height), "x": slice(column, column + width)}
