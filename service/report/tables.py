"""Tables of scores and differences; undefined values are a dash."""

from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
from xarray import DataArray

from service.report.cases import Case
from service.report.language import number, translate
from service.report.markup import Html, element
from service.report.report_data import ReportData, name_of
from service.report.words import EVEN, figure, signed
from service.skill.scores import FSS_SCORES, SCORES
from service.skill.verification import Row
from verification import csi

COLUMNS = SCORES | FSS_SCORES
"""Scores of the tables."""
NAMES = ("model", "minutes", "issued (UTC)")
"""Headings of columns of text."""
STRONG = 0.05
"""Smallest difference with the stronger colour."""


def scores(report: ReportData, threshold: float) -> Html:
    """Return all scores of a threshold by lead time and model, the best in bold."""
    rows = [row for row in report.comparison.rows if row["threshold"] == threshold]

    def cells(of_lead: Sequence[Row]) -> Iterator[list[Html]]:
        best = {score: best_of(score, [row[score] for row in of_lead]) for score in COLUMNS}
        for row in of_lead:
            yield [cell(row[score], is_best=row[score] == best[score]) for score in COLUMNS]

    lines = lines_by_lead(report, rows, cells)
    caption = translate("Rain of {rate} mm/h or more", rate=number(threshold, "g"))
    return table(
        caption,
        ["minutes", "model", *(score.title for score in COLUMNS.values()), "forecasts"],
        lines,
    )


def lines_by_lead(
    report: ReportData,
    rows: Sequence[Row],
    cells: Callable[[Sequence[Row]], Iterable[Sequence[Html]]],
) -> list[Html]:
    """Return the lines of a table by lead time and model, which end with the number of forecasts.

    Args:
        report: The order of models.
        rows: The rows of one threshold.
        cells: Yields the cells of each of the rows of a lead time.
    """
    by_key = {(row["lead_minutes"], row["model"]): row for row in rows}
    lines = []
    for lead in sorted({lead for lead, _ in by_key}):
        of_lead = [by_key[lead, name] for name in report.models if (lead, name) in by_key]
        for rank, (row, own) in enumerate(zip(of_lead, cells(of_lead), strict=True)):
            first = element("th", f"+{lead}", scope="rowgroup", rowspan=len(of_lead))
            lines.append(
                element(
                    "tr",
                    None if rank else first,
                    element("th", name_of(row["model"]), scope="row"),
                    *own,
                    element("td", number(row["n_valid"])),
                    class_=None if rank else "first",
                )
            )
    return lines


def cell(value: float | None, *, is_best: bool) -> Html:
    """Return the cell of a score."""
    is_best = is_best and value is not None
    return element("td", figure(value), class_="best" if is_best else None)


def best_of(score: str, values: Iterable[float | None]) -> float | None:
    """Return the value closest to that of a perfect forecast; None if none is defined."""
    found = [value for value in values if value is not None]
    return min(found, key=COLUMNS[score].departure, default=None)


def gains(report: ReportData, rival: str) -> Html:
    """Return the difference of the CSI of each model to that of a rival, by lead and threshold."""
    lines = []
    for model in report.models:
        found = report.comparison.difference(csi, model, rival) if model != rival else None
        if found is None or model in report.rivals:
            continue
        value, low, high = found
        leads = value["lead_minutes"].values.tolist()
        for row, lead in enumerate(leads):
            first = element("th", name_of(model), scope="rowgroup", rowspan=len(leads))
            cells = (gain(part) for part in zip(*values_at(lead, value, low, high), strict=True))
            lines.append(
                element(
                    "tr",
                    None if row else first,
                    element("th", f"+{lead}", scope="row"),
                    *cells,
                    class_=None if row else "first",
                )
            )
    rates = sorted({row["threshold"] for row in report.comparison.rows})
    caption = translate("CSI above that of {model}", model=name_of(rival))
    columns = [f"{number(rate, 'g')} mm/h" for rate in rates]
    return table(caption, ["model", "minutes", *columns], lines)


def values_at(lead: int, *fields: DataArray) -> Iterable[list[float]]:
    """Yield the values of fields (lead_minutes, threshold) at a lead time, by threshold."""
    for field in fields:
        yield field.sel(lead_minutes=lead).sortby("threshold").values.tolist()


def gain(found: Sequence[float]) -> Html:
    """Return the cell of a difference, coloured, in bold if its interval excludes 0."""
    value, low, high = found
    if np.isnan(value):
        return element("td", figure(None), class_="none")
    size = "even" if abs(value) < EVEN else "much" if abs(value) >= STRONG else "some"
    side = "" if size == "even" else " up" if value > 0 else " down"
    is_significant = low > 0 or high < 0
    return element("td", signed(value), class_=f"{size}{side}{' best' if is_significant else ''}")


def counts(rows: Sequence[tuple[str, str]], caption: str) -> Html:
    """Return a table of names and numbers."""
    lines = [element("tr", element("th", n, scope="row"), element("td", v)) for n, v in rows]
    return table(caption, [], lines)


def cases(found: Sequence[Case], caption: str) -> Html:
    """Return a table of forecasts with their scores."""
    lines = [
        element(
            "tr",
            element("th", f"{case.issue:%Y-%m-%d %H:%M}", scope="row"),
            element("td", figure(case.csi)),
            element("td", number(case.cells)),
        )
        for case in found
    ]
    return table(caption, ["issued (UTC)", "CSI", "cells with rain"], lines)


def numbers_of_forecasts(rows: Sequence[Row], models: Sequence[str]) -> list[tuple[str, str]]:
    """Return the number of compared forecasts by lead time."""
    found = {row["lead_minutes"]: row["n_valid"] for row in rows if row["model"] == models[0]}
    return [(f"+{lead} min", number(n)) for lead, n in sorted(found.items())]


def table(caption: str, headings: Sequence[str], lines: Sequence[Html]) -> Html:
    """Return a table that scrolls by itself if it is too wide."""
    above = (
        element("th", translate(heading), scope="col", class_="name" if heading in NAMES else None)
        for heading in headings
    )
    head = element("thead", element("tr", *above))
    content = element(
        "table",
        element("caption", caption),
        head if headings else None,
        element("tbody", *lines),
    )
    return wide(content, caption)


def wide(inside: Html, label: str) -> Html:
    """Return content that scrolls by itself if it is too wide, with a label for screen readers."""
    return element("div", inside, class_="wide", tabindex=0, role="region", aria_label=label)
