"""Numbers and the summary of a report as text."""

from collections.abc import Iterator

import numpy as np

from service.report.cases import LEAD, RATE
from service.report.language import number, translate
from service.report.report_data import ReportData, name_of
from verification import csi

NONE = "\N{EN DASH}"
"""Text of undefined values, never 0."""
EVEN = 0.005
"""Smallest difference that counts."""


def figure(value: float | None, digits: int = 2) -> str:
    """Format a score; a dash if it is undefined."""
    return NONE if value is None or np.isnan(value) else number(value, f".{digits}f")


def signed(value: float | None, digits: int = 3) -> str:
    """Format a difference with its sign; a dash if it is undefined."""
    if value is None or np.isnan(value):
        return NONE
    if not float(f"{value:.{digits}f}"):
        return number(0, f".{digits}f")
    return number(value, f"+.{digits}f").replace("-", "\N{MINUS SIGN}")


def percent(share: float | None) -> str:
    """Format a fraction in percent; a dash if it is None."""
    if share is None:
        return NONE
    # less than all is never rounded up to 100 %
    return f"{number(min(100 * share, 99.9) if share < 1 else 100, '.3g')} %"


def summary(report: ReportData) -> Iterator[str]:
    """Yield two paragraphs: number of frames and forecasts, and skill."""
    yield f"{radar(report)} {forecasts(report)}"
    yield " ".join([*skill(report), *gains(report), significance(report)])


def radar(report: ReportData) -> str:
    """Return the availability of radar frames as a sentence."""
    seen = report.radar
    if not seen.expected:
        return translate("No radar frame is expected in this period.")
    sentence = translate(
        "{received} of {expected} radar frames arrived ({share})",
        received=number(seen.received),
        expected=number(seen.expected),
        share=percent(seen.share),
    )
    if seen.quarantined == 1:
        sentence += translate("; 1 file was invalid and quarantined")
    elif seen.quarantined:
        bad = "; {number} files were invalid and quarantined"
        sentence += translate(bad, number=number(seen.quarantined))
    return f"{sentence}."


def forecasts(report: ReportData) -> str:
    """Return the numbers of verified and compared forecasts as sentences."""
    left, leads = report.comparison.left_out, report.leads
    verified = number(leads.get("verified", 0))
    text = translate("{number} forecast fields were verified", number=verified)
    if leads.get("missing"):
        text += translate(", {number} lack their radar frame", number=number(leads["missing"]))
    if leads.get("pending"):
        text += translate(", {number} are waiting for it", number=number(leads["pending"]))
    text += translate(
        ". The comparison is over {number} forecasts by lead, the same ones and the same cells for "
        "all models.",
        number=numbers_compared(report),
    )
    if left:
        names = ", ".join(map(name_of, left))
        text += translate(" Models with too few forecasts are left out: {names}.", names=names)
    return text


def numbers_compared(report: ReportData) -> str:
    """Return the number of compared forecasts, or the least and the most by lead."""
    starts = {row["n_valid"] for row in report.comparison.rows}
    if len(starts) == 1:
        return number(max(starts))
    return translate("{least} to {most}", least=number(min(starts)), most=number(max(starts)))


def skill(report: ReportData) -> Iterator[str]:
    """Yield the detection, false alarms and bias of the main model as sentences."""

    def value(score: str) -> float | None:
        return report.comparison.value(report.main, score, LEAD, RATE)

    hit, alarm, bias = value("pod"), value("far"), value("fbias")
    if hit is None:
        none = "No compared cell had {rate} mm/h or more {minutes} minutes ahead."
        yield translate(none, rate=number(RATE, "g"), minutes=LEAD)
        return
    yield translate(
        "One hour ahead, {model} detected {share} of the cells with {rate} mm/h or more; {correct} "
        "of the cells with such a forecast had that rain.",
        model=report.main,
        share=percent(hit),
        rate=number(RATE, "g"),
        correct=NONE if alarm is None else percent(1 - alarm),
    )
    if bias is not None and not 0.9 <= bias <= 1.1:
        area = "The forecast rain area was {bias} times the observed one."
        yield translate(area, bias=figure(bias))


def gains(report: ReportData) -> Iterator[str]:
    """Yield the differences of the main model to the baselines as sentences."""
    mine = report.comparison.value(report.main, "csi", LEAD, RATE)
    for rival in report.rivals:
        theirs = report.comparison.value(rival, "csi", LEAD, RATE)
        if mine is not None and theirs is not None:
            is_first = rival == report.rivals[0]
            text = "Its CSI of {mine} is {compared} {rival} ({theirs})."
            yield translate(
                text if is_first else "It is {compared} {rival} ({theirs}).",
                mine=figure(mine),
                compared=compared(mine - theirs),
                rival=name_of(rival),
                theirs=figure(theirs),
            )


def compared(difference: float) -> str:
    """Return a difference as words before the name of a baseline."""
    if abs(difference) < EVEN:
        return translate("as high as that of")
    side = "{difference} above that of" if difference > 0 else "{difference} below that of"
    return translate(side, difference=figure(abs(difference)))


def significance(report: ReportData) -> str:
    """Return the significance of the differences as a sentence."""
    sure = []
    for rival in report.rivals:
        found = report.comparison.difference(csi, report.main, rival)
        if found is None:
            continue
        _, low, high = (part.sel(lead_minutes=LEAD, threshold=RATE).item() for part in found)
        if np.isnan(low):
            return translate(
                "The period is too short to tell whether these differences are statistically "
                "significant."
            )
        if low > 0 or high < 0:
            sure.append(name_of(rival))
    if not report.rivals:
        return translate("There is no baseline to compare with.")
    if not sure:
        return translate("None of these differences is statistically significant (90 %).")
    return translate(
        "The difference to {names} is statistically significant (90 %).",
        names=translate(" and ").join(sure),
    )
