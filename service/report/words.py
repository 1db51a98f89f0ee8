"""Numbers and the summary of a report as text."""

from collections.abc import Iterator

import numpy as np

from service.report.cases import LEAD, RATE
from service.report.report_data import ReportData, name_of
from verification import csi

NONE = "\N{EN DASH}"
"""Text of undefined values, never 0."""
EVEN = 0.005
"""Smallest difference that counts."""


def figure(value: float | None, digits: int = 2) -> str:
    """Format a score; a dash if it is undefined."""
    return NONE if value is None or np.isnan(value) else f"{value:.{digits}f}"


def signed(value: float | None, digits: int = 3) -> str:
    """Format a difference with its sign; a dash if it is undefined."""
    if value is None or np.isnan(value):
        return NONE
    text = f"{value:+.{digits}f}".replace("-", "\N{MINUS SIGN}")
    return text if float(f"{value:.{digits}f}") else f"{0:.{digits}f}"


def percent(share: float | None) -> str:
    """Format a fraction in percent; a dash if it is None."""
    if share is None:
        return NONE
    # less than all is never rounded up to 100 %
    return f"{min(100 * share, 99.9) if share < 1 else 100:.3g} %"


def summary(report: ReportData) -> Iterator[str]:
    """Yield two paragraphs: number of frames and forecasts, and skill."""
    yield f"{radar(report)} {forecasts(report)}"
    yield " ".join([*skill(report), *gains(report), significance(report)])


def radar(report: ReportData) -> str:
    """Return the availability of radar frames as a sentence."""
    seen = report.radar
    if not seen.expected:
        return "No radar frame is expected in this period."
    sentence = (
        f"{seen.received:,} of {seen.expected:,} radar frames arrived ({percent(seen.share)})"
    )
    files = "file was" if seen.quarantined == 1 else "files were"
    bad = f"; {seen.quarantined:,} {files} invalid and quarantined"
    return sentence + (bad if seen.quarantined else "") + "."


def forecasts(report: ReportData) -> str:
    """Return the numbers of verified and compared forecasts as sentences."""
    left, leads = report.comparison.left_out, report.leads
    text = f"{leads.get('verified', 0):,} forecast fields were verified"
    if leads.get("missing"):
        text += f", {leads['missing']:,} lack their radar frame"
    if leads.get("pending"):
        text += f", {leads['pending']:,} are waiting for it"
    text += f". The comparison is over {report.comparison.compared}."
    if left:
        text += f" Models with too few forecasts are left out: {', '.join(map(name_of, left))}."
    return text


def skill(report: ReportData) -> Iterator[str]:
    """Yield the detection, false alarms and bias of the main model as sentences."""

    def value(score: str) -> float | None:
        return report.comparison.value(report.main, score, LEAD, RATE)

    hit, alarm, bias = value("pod"), value("far"), value("fbias")
    if hit is None:
        yield f"No compared cell had {RATE:g} mm/h or more {LEAD} minutes ahead."
        return
    text = f"One hour ahead, {report.main} detected {percent(hit)} of the cells with {RATE:g} mm/h"
    correct = NONE if alarm is None else percent(1 - alarm)
    yield f"{text} or more; {correct} of the cells with such a forecast had that rain."
    if bias is not None and not 0.9 <= bias <= 1.1:
        yield f"The forecast rain area was {bias:.2f} times the observed one."


def gains(report: ReportData) -> Iterator[str]:
    """Yield the differences of the main model to the baselines as sentences."""
    mine = report.comparison.value(report.main, "csi", LEAD, RATE)
    for rival in report.rivals:
        theirs = report.comparison.value(rival, "csi", LEAD, RATE)
        if mine is not None and theirs is not None:
            first = f"Its CSI of {mine:.2f}" if rival == report.rivals[0] else "It"
            yield f"{first} is {compared(mine - theirs)} {name_of(rival)} ({theirs:.2f})."


def compared(difference: float) -> str:
    """Return a difference as words before the name of a baseline."""
    if abs(difference) < EVEN:
        return "as high as that of"
    side = "above" if difference > 0 else "below"
    return f"{abs(difference):.2f} {side} that of"


def significance(report: ReportData) -> str:
    """Return the significance of the differences as a sentence."""
    sure = []
    for rival in report.rivals:
        found = report.comparison.difference(csi, report.main, rival)
        if found is None:
            continue
        _, low, high = (part.sel(lead_minutes=LEAD, threshold=RATE).item() for part in found)
        if np.isnan(low):
            return (
                "The period is too short to tell whether these differences are statistically "
                "significant."
            )
        if low > 0 or high < 0:
            sure.append(name_of(rival))
    if not report.rivals:
        return "There is no baseline to compare with."
    if not sure:
        return "None of these differences is statistically significant (90 %)."
    return f"The difference to {' and '.join(sure)} is statistically significant (90 %)."
