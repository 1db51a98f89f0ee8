"""Writes the report as one HTML page without scripts or other files."""

from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha256
from importlib.resources import files

from ingest.precipitation import ATTRIBUTION
from service.report import charts, tables
from service.report.cases import LEAD, RATE, WINDOW_CELLS, Case
from service.report.charts import Axis
from service.report.glossary import terms
from service.report.language import Language, day_format, number, translate, written_in
from service.report.markup import Html, element, joined, void
from service.report.probabilities import probabilities
from service.report.rain_sums import rain_sums
from service.report.report_data import ReportData, name_of
from service.report.tables import wide
from service.report.words import figure, percent, signed, summary
from service.skill.scores import FSS_SCORES, SCORES
from service.skill.verification import COUNTS, Row, table

SHOWN_RATES = (0.5, 2.0, 5.0)
"""Thresholds of the curves, in mm/h."""
CURVES = {name: score for name, score in (SCORES | FSS_SCORES).items() if score.has_curve}
"""Scores drawn by lead."""
OUTLINES = "GSHHG and WDBII (Wessel and Smith 1996)"
FEWEST_BLOCKS = 3
"""Fewest blocks of six hours for a chart over time."""


def write(report: ReportData, language: Language = "en") -> bytes:
    """Return the HTML page of a report in a language."""
    with written_in(language):
        return page(report, language).encode()


def page(report: ReportData, language: Language) -> str:
    """Return the HTML page of a report in the current language."""
    style = files("service.report").joinpath("report.css").read_text(encoding="utf-8")
    title = translate("Skill of the nowcasts, {period}", period=period_of(report))
    head = element(
        "head",
        void("meta", charset="utf-8"),
        void("meta", http_equiv="Content-Security-Policy", content=policy(style)),
        void("meta", name="viewport", content="width=device-width, initial-scale=1"),
        void("meta", name="color-scheme", content="light dark"),
        element("title", title),
        element("style", Html(style)),
    )
    body = element("body", element("header", *header(report)), element("main", *sections(report)),
                   footer(report))  # fmt: skip
    return f"<!doctype html>\n{element('html', head, body, lang=language)}\n"


def policy(style: str) -> str:
    """Return the Content-Security-Policy: only this style sheet and images within the page."""
    digest = b64encode(sha256(style.encode()).digest()).decode()
    return (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; "
        "form-action 'none'"
    )


def header(report: ReportData) -> Iterator[Html]:
    """Yield title and period."""
    yield element("h1", translate("Verification of the nowcasts"))
    yield element("p", period_of(report), class_="when")


def period_of(report: ReportData) -> str:
    """Return the period of a report in words."""
    return str(report.period).replace(" to ", translate(" to "))


def sections(report: ReportData) -> Iterator[Html]:
    """Yield the sections of the page: those of two pages on paper, and the rest behind them."""
    looks = charts.classes(report.models)
    yield section(
        "Summary", tiles(report), *(element("p", paragraph) for paragraph in summary(report))
    )
    if report.rivals:
        note = "Green-blue: better than the baseline; brown: worse. "
        yield section(
            "Comparison with baselines",
            element("p", translate(note), class_="note"),
            element(
                "div", *(tables.gains(report, rival) for rival in report.rivals), class_="pair"
            ),
        )
    yield section("Best and worst forecasts", *cases(report))
    yield element("p", translate("Details"), class_="details")
    yield section("Skill by lead time", charts.legend(looks), *by_lead(report, looks))
    if report.comparison.blocks.sizes["block"] >= FEWEST_BLOCKS:
        yield section("Skill over time", charts.legend(looks), over_time(report, looks))
    if report.comparison.probabilities:
        yield section("Reliability of the probabilities", *probabilities(report))
    if report.comparison.sums:
        yield section("Rain sums of an hour", *rain_sums(report))
    yield section("Radar", *radar(report))
    rates = sorted({row["threshold"] for row in report.comparison.rows})
    yield section("All scores", *(tables.scores(report, rate) for rate in rates))
    is_probable = any(row["n_probable"] for row in report.comparison.sums)
    found = terms(with_probabilities=bool(report.comparison.probabilities) or is_probable)
    meant = (joined(element("dt", term), element("dd", meaning)) for term, meaning in found)
    yield section("Glossary", element("dl", *meant))


def section(title: str, *inside: Html) -> Html:
    """Return a section with a heading."""
    return element("section", element("h2", translate(title)), *inside)


def tiles(report: ReportData) -> Html:
    """Return the key figures."""

    def value(model: str) -> float | None:
        return report.comparison.value(model, "csi", LEAD, RATE)

    mine = value(report.main)
    found = [
        (translate("radar frames in the archive"), percent(report.radar.share)),
        (translate("CSI of {model}", model=report.main), figure(mine)),
    ]
    for rival in report.rivals:
        theirs = value(rival)
        gain = None if mine is None or theirs is None else mine - theirs
        above = translate("CSI above {model}", model=name_of(rival))
        found.append((above, signed(gain, 2)))
    entries = (
        element("div", element("dt", label), element("dd", shown), class_="tile")
        for label, shown in found
    )
    note = translate("CSI one hour ahead, rain of {rate} mm/h or more.", rate=number(RATE, "g"))
    return joined(element("dl", *entries, class_="tiles"), element("p", note, class_="note"))


def by_lead(report: ReportData, looks: dict[str, str]) -> Iterator[Html]:
    """Yield curves of scores by lead time, a row per score and a chart per threshold."""
    leads = sorted({row["lead_minutes"] for row in report.comparison.rows})
    axis = Axis(leads[0], leads[-1], [(lead, f"+{lead}") for lead in leads])
    for name, score in CURVES.items():
        best = number(score.best, "g")
        title = translate("{score}, best at {best}", score=score.title, best=best)
        rows = [row for row in report.comparison.rows if row["threshold"] in SHOWN_RATES]
        top = charts.top_of([row[name] for row in rows])
        drawn = []
        for rate in SHOWN_RATES:
            of = {
                model: [(lead, report.comparison.value(model, name, lead, rate)) for lead in leads]
                for model in report.models
            }
            shown_rate = translate("{rate} mm/h or more", rate=number(rate, "g"))
            by_lead_time = translate("by lead time")
            description = f"{title}, {by_lead_time}, {shown_rate}: " + "; ".join(
                f"{name_of(model)} {', '.join(figure(value) for _, value in points)}"
                for model, points in of.items()
            )
            level = score.best if score.is_ratio else None
            lines = charts.curves(description, axis, of, looks, top, level)
            drawn.append(chart(shown_rate, lines))
        yield element("h3", title)
        yield element("div", *drawn, class_="charts")
    note = translate("Horizontal axis: lead time in minutes.")
    yield element("p", note, class_="note")


def chart(title: str, drawn: Html) -> Html:
    """Return a chart with its caption."""
    return element("figure", element("figcaption", title), drawn)


def over_time(report: ReportData, looks: dict[str, str]) -> Html:
    """Return a chart of the CSI in blocks of six hours."""
    blocks = report.comparison.blocks.sel(lead_minutes=[LEAD], threshold=[RATE])
    times = blocks["block"].values.astype("datetime64[s]")
    rows: list[list[Row]] = [table(blocks.isel(block=k)) for k in range(len(times))]
    seconds = times.astype(int).tolist()
    of = {
        model: [
            (second, next((row["csi"] for row in found if row["model"] == model), None))
            for second, found in zip(seconds, rows, strict=True)
        ]
        for model in report.models
    }
    every = -(-len(times) // 4)
    marks = [
        (seconds[k], times[k].item().strftime(f"{day_format()} %H h"))
        for k in range(0, len(times), every)
    ]
    axis = Axis(seconds[0], seconds[-1], marks)
    top = charts.top_of([value for points in of.values() for _, value in points])
    description = translate(
        "CSI of forecasts one hour ahead, {rate} mm/h or more, in blocks of six hours, by their "
        "issue.",
        rate=number(RATE, "g"),
    )
    drawn = charts.curves(description, axis, of, looks, top, with_points=len(times) < 20)
    return element("div", chart(description, drawn), class_="charts one")


def cases(report: ReportData) -> Iterator[Html]:
    """Yield the best and the worst forecasts, with plots."""
    best, worst = report.cases
    if not best and not worst:
        yield element("p", translate("No forecast had enough rain for a meaningful score."))
        return
    yield element(
        "p",
        translate(
            "Forecasts of {model} by their CSI one hour ahead, {rate} mm/h or more; only those "
            "with enough rain, at least two hours apart.",
            model=report.main,
            rate=number(RATE, "g"),
        ),
        class_="note",
    )
    for name, title, found in (
        (translate("Best"), translate("Best forecasts"), best),
        (translate("Worst"), translate("Worst forecasts"), worst),
    ):
        if found:
            yield from (pictured(name, found[0]), tables.cases(found, title))


def pictured(name: str, case: Case) -> Html:
    """Return the plot of a case with its caption."""
    caption = translate(
        "{name}: radar at {issue} UTC, the forecast one hour ahead, and the observed radar. "
        "CSI {csi}.",
        name=name,
        issue=f"{case.issue:%Y-%m-%d %H:%M}",
        csi=figure(case.csi),
    )
    if case.picture is None:
        lost = translate(" Its fields are past their retention.")
        return element("p", caption + lost, class_="note")
    caption += translate(" Shown are {km} km around the rain.", km=5 * WINDOW_CELLS)
    data = f"data:image/png;base64,{b64encode(case.picture).decode()}"
    image = wide(void("img", src=data, alt=caption), f"{name}: {translate('maps')}")
    return element("figure", element("figcaption", caption), image, class_="picture")


def radar(report: ReportData) -> Iterator[Html]:
    """Yield the availability of radar frames."""
    seen = report.radar
    share = translate("Share of radar frames in the archive")
    bars = wide(charts.bars(seen.spans), translate("Radar frames"))
    yield element("figure", element("figcaption", share), bars, class_="picture")
    rows = [
        (translate("expected frames, one every five minutes"), number(seen.expected)),
        (translate("accepted"), number(seen.received)),
        (translate("of these late, after a newer one"), number(seen.late)),
        (translate("missing"), number(seen.missing)),
        (translate("quarantined files"), number(seen.quarantined)),
        (translate("duplicate files"), number(seen.duplicates)),
    ]
    numbers = tables.numbers_of_forecasts(report.comparison.rows, report.models)
    leads = [
        (words, number(report.leads.get(status, 0)))
        for status, words in (
            ("verified", translate("verified")),
            ("pending", translate("pending")),
            ("missing", translate("missing")),
        )
    ]
    yield element(
        "div",
        tables.counts(rows, translate("Radar")),
        tables.counts(numbers, translate("Compared forecasts")),
        tables.counts(leads, translate("Forecast fields")),
        class_="pair",
    )
    if seen.reasons:
        lines = (element("li", f"{n} \N{MULTIPLICATION SIGN} {why}") for why, n in seen.reasons)
        yield element("h3", translate("Reasons for quarantine"))
        yield element("ul", *lines, class_="reasons")


def footer(report: ReportData) -> Html:
    """Return attribution and origin of the page."""
    counted = ", ".join(translate(name.replace("_", " ")) for name in COUNTS)
    return element(
        "footer",
        element("p", f"{ATTRIBUTION}. {translate('Outlines')}: {OUTLINES}."),
        element(
            "p",
            translate(
                "Generated {created} UTC by nowcast report from sums of {counted} of forecasts "
                "with valid times in the period.",
                created=f"{report.created:%Y-%m-%d %H:%M}",
                counted=counted,
            ),
        ),
    )
