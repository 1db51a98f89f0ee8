"""Verification of rain sums of an hour: counts and scores, a table for each threshold in mm."""

from collections.abc import Iterator, Sequence

from service.report.language import number, translate
from service.report.markup import Html, element
from service.report.report_data import ReportData
from service.report.tables import lines_by_lead, table
from service.report.words import figure
from service.skill.scores import PROBABILITY_SCORES, SCORES
from service.skill.verification import Row

COUNTED = {"hits": "Hits", "misses": "Misses", "false_alarms": "False alarms"}
"""Columns of counts, with their headings."""
SCORED = ("csi", "fbias")


def rain_sums(report: ReportData) -> Iterator[Html]:
    """Yield the tables of the thresholds that were reached, and a sentence on the others."""
    rows = report.comparison.sums
    note = translate(
        "Rain of the hour that ends at the lead time, cell by cell. Probabilities are those of "
        "the ensemble, of issues at each half hour."
    )
    yield element("p", note, class_="note")
    thresholds = sorted({row["threshold"] for row in rows})
    reached = [
        threshold
        for threshold in thresholds
        if any(row[name] for row in rows if row["threshold"] == threshold for name in COUNTED)
    ]
    for threshold in reached:
        yield scores(report, [row for row in rows if row["threshold"] == threshold], threshold)
    dry = ", ".join(number(threshold, "g") for threshold in thresholds if threshold not in reached)
    if dry:
        none = "Neither measured nor forecast anywhere: {thresholds} mm in an hour."
        yield element("p", translate(none, thresholds=dry), class_="note")


def scores(report: ReportData, rows: Sequence[Row], threshold: float) -> Html:
    """Return the counts and scores of a threshold in mm by lead time and model."""
    is_probable = any(row["n_probable"] for row in rows)
    columns = [*SCORED, *(PROBABILITY_SCORES if is_probable else ())]

    def cells(of_lead: Sequence[Row]) -> Iterator[list[Html]]:
        for row in of_lead:
            yield [
                *(element("td", number(row[name])) for name in COUNTED),
                *(
                    element("td", figure(row[name], 4 if name == "brier" else 2))
                    for name in columns
                ),
            ]

    lines = lines_by_lead(report, rows, cells)
    titles = [(SCORES | PROBABILITY_SCORES)[name].title for name in columns]
    caption = translate("Rain of {mm} mm or more in an hour", mm=number(threshold, "g"))
    return table(caption, ["minutes", "model", *COUNTED.values(), *titles, "forecasts"], lines)
