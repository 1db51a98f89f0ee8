"""The conclusion at the head of each generated page, from the numbers in its tables."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from statistics import median
from types import MappingProxyType

from benchmarks.ensemble_conclusion import ensemble
from benchmarks.five_minutes_conclusion import dry_places, lead_times
from benchmarks.skill_conclusion import conclusion as skill
from model_zoo.profiling.markdown import Table, number, span, tables, with_conclusion

REFERENCE_MODEL = "ms-lstm"
PUBLISHED = "published, float32"


def conclude(text: str) -> str:
    """A page with its conclusion; unchanged where no conclusion is defined for its title."""
    title = text.partition("\n")[0].removeprefix("# ")
    if title not in CONCLUSIONS:
        return text
    return with_conclusion(text, CONCLUSIONS[title](tables(text)))


def first(found: Sequence[Table], section: str) -> Table | None:
    """The first table below a heading that begins so."""
    return next((table for table in found if table.section.startswith(section)), None)


# docs/performance.md


def performance(found: Sequence[Table]) -> list[str]:
    """Forecasts, bfloat16, training, data, serving: a line for each that is on the page."""
    lines = [
        " ".join(
            filter(
                None,
                (
                    forecasts(first(found, "Forecasts on the processor")),
                    cycle(first(found, "Forecasts of a cycle")),
                ),
            )
        ),
        bfloat16(first(found, "Scores in bfloat16")),
        training(first(found, "Training throughput")),
        data(first(found, "Ingest"), first(found, "Verification")),
        serving(first(found, "Reading a forecast"), first(found, "Start-up")),
    ]
    return [line for line in lines if line]


def forecasts(table: Table | None) -> str:
    """How many times as fast forecasts are as by the published networks."""
    if table is None:
        return ""
    ratios = [number(cell) for cell in table.where(how="float32").column("times as fast")]
    if not ratios:
        return ""
    shown = [row for row in table.where(how="float32").rows if row[0].startswith(REFERENCE_MODEL)]
    fastest = min(shown, key=lambda row: number(row[table.headings.index("seconds")]), default=None)
    extra = ""
    if fastest:
        row = dict(zip(table.headings, fastest, strict=True))
        extra = (
            f" {REFERENCE_MODEL} with {row['channels']} channels forecasts {row['frames']} cells "
            f"in {row['seconds']} s on {row['threads']} threads."
        )
    return (
        f"Forecasts in float32 are {span(ratios, '.1f')} times as fast as those of the published "
        f"networks (median {median(ratios):.1f}).{extra}"
    )


def bfloat16(table: Table | None) -> str:
    """What bfloat16 does to scores."""
    if table is None:
        return ""
    change = max(number(cell) for cell in table.column("largest change of CSI"))
    return f"Convolutions in bfloat16 change CSI by at most {change:.4f}."


def training(table: Table | None) -> str:
    """Rates of training against the published network."""
    if table is None:
        return ""
    modes = [
        f"{row['against published']} times the rate of the published network and "
        f"{row['of published']} of its memory ({row['how']})"
        for row in (dict(zip(table.headings, cells, strict=True)) for cells in table.rows)
        if row["how"] != PUBLISHED
    ]
    return f"Training {table.rows[0][0]}: {'; '.join(modes)}." if modes else ""


def data(ingest: Table | None, verification: Table | None) -> str:
    """Ingest against decoding, verification against pysteps."""
    parts = []
    if ingest is not None:
        column = ingest.headings.index("ms of processors")
        parts += [
            f"Ingest takes {row[column]} times the processor time of decoding alone"
            for row in ingest.rows
            if row[0].startswith("ratio, target")
        ]
    if verification is not None:
        ratios = [
            f"{cells[0].partition(',')[0]} {cells[verification.headings.index('times as fast')]}"
            for cells in verification.rows
            if "pysteps" in cells[0]
        ]
        if ratios:
            parts.append(f"verification is faster than pysteps by factors of {', '.join(ratios)}")
    text = "; ".join(parts)
    return f"{text[:1].upper()}{text[1:]}." if text else ""


def cycle(table: Table | None) -> str:
    """Processor time of the default model and of all that are served."""
    if table is None:
        return ""
    rows = [dict(zip(table.headings, row, strict=True)) for row in table.rows]
    most = max((row["threads"] for row in rows), key=int)
    first, *_, last = (row for row in rows if row["threads"] == most)
    return (
        f"A forecast of 24 leads by {first['model']} takes {first['seconds']} s on {most} threads, "
        f"those of a cycle {last['seconds']} s {last['model']}."
    )


def serving(reading: Table | None, start: Table | None) -> str:
    """Requests per second, and the time to the first answer."""
    parts = []
    if reading is not None:
        rates = reading.where(server="service").column("requests/s")
        shares = reading.where(server="bare ASGI").column("service to it, by clock")
        parts += [
            f"The API answers {number(rate):,.0f} requests/s, {share} of a bare ASGI application"
            for rate, share in zip(rates, shares, strict=False)
        ]
    if start is not None:
        answered = start.where(process="`nowcast serve`, its application").column("seconds")
        parts += [f"`nowcast serve` answers {seconds} s after its start" for seconds in answered]
    return f"{'; '.join(parts)}." if parts else ""


def signs(table: Table) -> tuple[int, int]:
    """How many intervals lie above 0, and how many below."""
    bounds = [re.findall(r"[+-]\d+\.\d+", cell)[1:] for row in table.rows for cell in row[3:]]
    known = [(float(low), float(high)) for low, high in (b for b in bounds if len(b) == 2)]
    return sum(low > 0 for low, _ in known), sum(high < 0 for _, high in known)


# docs/memory.md


def memory(found: Sequence[Table]) -> list[str]:
    """What ours keep against the published networks, and pyramids against plain stacks."""
    rows = [dict(zip(table.headings, row, strict=True)) for table in found for row in table.rows]
    lines = []
    for heading, what in (
        ("ours / published", "Ours keep"),
        ("lean / published", "With `lean = true` they keep"),
    ):
        shares = [number(row[heading]) for row in rows if row.get(heading)]
        if shares:
            lines.append(
                f"{what} {median(shares):.2f} times what the published networks keep "
                f"(median; {span(shares, '.3f')})."
            )
    halved = [number(row[PYRAMID]) for row in rows if row.get(PYRAMID)]
    if halved:
        lines.append(
            f"A multi-scale network keeps {median(halved):.2f} times what the plain one keeps "
            f"(median; {span(halved, '.2f')})."
        )
    return [*lines, *shown_memory(found)]


PYRAMID = "ours, pyramid / plain"


def shown_memory(found: Sequence[Table]) -> Iterator[str]:
    """The networks of the service on the first data set."""
    for row in (dict(zip(found[0].headings, cells, strict=True)) for cells in found[0].rows):
        if row["network"] in {REFERENCE_MODEL, "ms-preciplstm, scores alone"}:
            yield (
                f"{found[0].section.partition(':')[0]}, {row['network']}: {row['ours, MB']} MB, "
                f"lean {row['ours, lean, MB']} MB, published {row['published, MB']} MB."
            )


# docs/scale.md


def scale(found: Sequence[Table]) -> list[str]:
    """What forecasts and readers cost."""
    lines = []
    if (cost := first(found, "What a forecast")) is not None:
        for cells in cost.rows:
            row = dict(zip(cost.headings, cells, strict=True))
            lines.append(
                f"{row['grid']}: {row['s, one core']} s of a core for a forecast, "
                f"{row['core-hours a year']} core-hours and {row['TB a year']} TB a year."
            )
    if (readers := first(found, "10,000")) is not None:
        cores = [
            f"{asked} {number_of}"
            for asked, number_of in zip(
                readers.column("asked for"), readers.column("cores for 10,000/s"), strict=True
            )
        ]
        lines.append(f"Cores for 10,000 requests/s without a cache: {', '.join(cores)}.")
    return lines


# what each step gains, in docs/experiments.md


def steps(found: Sequence[Table]) -> list[str]:
    """For each step, how many CSI differences are significant."""
    (table,) = found
    lines = []
    for step in dict.fromkeys(table.column("step")):
        chosen = table.where(step=step, score="CSI")
        above, below = signs(chosen)
        cases = len(chosen.rows) * len(table.headings[3:])
        lines.append(
            f"{step}: CSI significantly higher in {above}, lower in {below} of {cases} thresholds "
            f"and leads."
        )
    return lines


CONCLUSIONS: Mapping[str, Callable[[Sequence[Table]], list[str]]] = MappingProxyType(
    {
        "Performance": performance,
        "Skill": skill,
        "What training keeps": memory,
        "Scale": scale,
        "Lead times of five minutes": lead_times,
        "Places called dry": dry_places,
        "Ensemble": ensemble,
    }
)
"""By the title of the page."""
