"""A period in sentences."""

from collections.abc import Iterator

import numpy as np

from service.report.cases import LEAD, RATE
from service.report.report_data import ReportData, name_of
from verification import csi

NONE = "\N{EN DASH}"
"""What is not defined; never 0."""
EVEN = 0.005
"""A difference below it is none."""


def figure(value: float | None, digits: int = 2) -> str:
    """A score; a dash where it is not defined."""
    return NONE if value is None or np.isnan(value) else f"{value:.{digits}f}"


def signed(value: float | None, digits: int = 3) -> str:
    """A difference with its sign; a dash where it is not defined."""
    if value is None or np.isnan(value):
        return NONE
    text = f"{value:+.{digits}f}".replace("-", "\N{MINUS SIGN}")
    return text if float(f"{value:.{digits}f}") else f"{0:.{digits}f}"


def percent(share: float | None) -> str:
    if share is None:
        return NONE
    # what is not all is never rounded up to all
    return f"{min(100 * share, 99.9) if share < 1 else 100:.3g} %"


def summary(report: ReportData) -> Iterator[str]:
    """The period in two paragraphs: what came and was forecast, and how good it was."""
    yield f"{radar(report)} {forecasts(report)}"
    yield " ".join([*skill(report), *gains(report), surely(report)])


def radar(report: ReportData) -> str:
    seen = report.radar
    if not seen.due:
        return "No radar frame was due in this time."
    sentence = f"Of {seen.due:,} radar frames {seen.there:,} came in ({percent(seen.share)})"
    files = "file was" if seen.quarantined == 1 else "files were"
    bad = f"; {seen.quarantined:,} {files} unusable and put in quarantine"
    return sentence + (bad if seen.quarantined else "") + "."


def forecasts(report: ReportData) -> str:
    left, leads = report.comparison.left_out, report.leads
    text = f"{leads.get('verified', 0):,} forecast fields were verified"
    if leads.get("missing"):
        text += f", {leads['missing']:,} never will be, as their radar frame never came"
    if leads.get("pending"):
        text += f", {leads['pending']:,} are still waiting for theirs"
    text += f". Compared are {report.comparison.compared}."
    if left:
        text += f" Left out, having too few of them: {', '.join(map(name_of, left))}."
    return text


def skill(report: ReportData) -> Iterator[str]:
    """What the main model saw coming."""

    def value(score: str) -> float | None:
        return report.comparison.value(report.main, score, LEAD, RATE)

    hit, alarm, bias = value("pod"), value("far"), value("fbias")
    if hit is None:
        yield f"In none of the cells compared it rained {RATE:g} mm/h or more {LEAD} minutes later."
        return
    text = f"An hour ahead, {report.main} foresaw {percent(hit)} of the cells with {RATE:g} mm/h"
    correct = NONE if alarm is None else percent(1 - alarm)
    yield f"{text} or more; of those where it forecast as much, {correct} got it."
    if bias is not None and not 0.9 <= bias <= 1.1:
        more = "more" if bias > 1 else "less"
        yield f"It forecast {more} rain area than came, {bias:.2f} times as much."


def gains(report: ReportData) -> Iterator[str]:
    """How far the main model is above the baselines."""
    mine = report.comparison.value(report.main, "csi", LEAD, RATE)
    for rival in report.rivals:
        theirs = report.comparison.value(rival, "csi", LEAD, RATE)
        if mine is not None and theirs is not None:
            first = f"Its CSI of {mine:.2f}" if rival == report.rivals[0] else "It"
            yield f"{first} is {compared(mine - theirs)} {name_of(rival)} ({theirs:.2f})."


def compared(difference: float) -> str:
    if abs(difference) < EVEN:
        return "as high as that of"
    side = "above" if difference > 0 else "below"
    return f"{abs(difference):.2f} {side} that of"


def surely(report: ReportData) -> str:
    """How sure the differences are."""
    sure = []
    for rival in report.rivals:
        found = report.comparison.difference(csi, report.main, rival)
        if found is None:
            continue
        _, low, high = (part.sel(lead_minutes=LEAD, threshold=RATE).item() for part in found)
        if np.isnan(low):
            return (
                "The period is too short to tell whether such differences are more than the "
                "chance of a few weather situations."
            )
        if low > 0 or high < 0:
            sure.append(name_of(rival))
    if not report.rivals:
        return "There is no baseline to compare with."
    if not sure:
        return "None of these differences is surely more than chance."
    return f"More than chance (90 %) is the difference to {' and '.join(sure)}."
