"""What stands at the head of docs/skill.md, from the numbers in its tables."""

from collections.abc import Iterator, Sequence

from model_zoo.profiling.markdown import Table, number, span

TOGETHER = "events together"
MAIN_THRESHOLDS = ("0.5", "2", "5")
OPPONENTS = ("persistence", "advection", "s-prog", "pysteps-s-prog", "u-net")
"""Forecasters that are there for comparison."""
LEFT_OUT = ("persistence", "pysteps-s-prog")
"""Forecasters whose CSI is only in the tables."""
REFERENCE = "s-prog"
MOST_BIASED = 10.0
"""mm/h; the highest threshold whose frequency bias is reported."""
ALLOWED = 0.95
"""Of the Brier score of the best simple probability."""
SIMPLE = "best simple probability"


def conclusion(found: Sequence[Table]) -> list[str]:
    """CSI at three thresholds, amounts, and probabilities, in a line each.

    They are of the first section of several events together, or of the last one without such.
    """
    scored = [table for table in found if table.headings[:3] == ("score", "mm/h", "forecaster")]
    if not scored:
        return []
    main = next((table for table in scored if TOGETHER in table.section), scored[-1])
    tests = [
        table
        for table in scored
        if table.about.startswith("Test") and table.section != main.section
    ]
    of_section = [table for table in found if table.section == main.section]
    lines = [line for threshold in MAIN_THRESHOLDS for line in csi(main, tests, threshold)]
    lines += [amounts(main, of_section), probabilities(of_section)]
    return [line for line in lines if line]


def csi(main: Table, tests: Sequence[Table], threshold: str) -> Iterator[str]:
    """CSI of forecasters, and how much above the reference the last one is on test events."""
    rows = rows_of(main, "CSI", threshold)
    if not rows:
        return
    values = "; ".join(f"{row[2]} {figures(row[3:])}" for row in rows if row[2] not in LEFT_OUT)
    leads = ", ".join(lead.removesuffix(" min") for lead in main.headings[3:])
    text = f"CSI at {threshold} mm/h on {main.section} for {leads} min: {values}."
    default = rows[-1][2]
    for table in tests:
        both = {row[2]: row[3:] for row in rows_of(table, "CSI", threshold)}
        if default != REFERENCE and {default, REFERENCE} <= both.keys():
            pairs = zip(both[default], both[REFERENCE], strict=True)
            differences = " ".join(f"{number(a) - number(b):+.3f}" for a, b in pairs)
            text += f" On {table.section} {default} less {REFERENCE}: {differences}."
    yield text


def amounts(main: Table, of_section: Sequence[Table]) -> str:
    """Rain in total and frequency bias of what is served."""
    parts = [
        f"{row[1]} {span([number(cell) for cell in row[2:]], '.2f')}"
        for table in of_section
        if table.headings[:2] == ("score", "forecaster")
        for row in table.rows
        if row[0].startswith("rain") and row[1] not in OPPONENTS
    ]
    biases = []
    for name in dict.fromkeys(main.column("forecaster")):
        values = [
            number(cell)
            for row in main.rows
            if row[0] == "FBIAS" and row[2] == name and float(row[1]) <= MOST_BIASED
            for cell in row[3:]
        ]
        if name not in OPPONENTS and values:
            biases.append(f"{name} {span(values, '.2f')}")
    if not parts or not biases:
        return ""
    return (
        f"Rain in total over that observed: {', '.join(parts)}; frequency bias up to "
        f"{MOST_BIASED:g} mm/h: {', '.join(biases)}."
    )


def probabilities(of_section: Sequence[Table]) -> str:
    """Brier scores of what is served relative to those of opponents."""
    parts = []
    for table in of_section:
        if table.headings[:2] != ("mm/h", "Brier score over"):
            continue
        for pair in dict.fromkeys(table.column("Brier score over")):
            name, _, reference = pair.partition(" / ")
            ratios = [
                number(cell)
                for row in table.rows
                if row[1] == pair
                for cell in row[2:]
                if cell != "-"
            ]
            if name in OPPONENTS or not ratios:
                continue
            wanted = ALLOWED if reference == SIMPLE else 1.0
            reached = sum(ratio <= wanted for ratio in ratios)
            parts.append(
                f"{name} {span(ratios, '.3f')} of the {reference}, at most {wanted:g} in "
                f"{reached} of {len(ratios)} leads and thresholds"
            )
    return f"Brier score: {'; '.join(parts)}." if parts else ""


def rows_of(table: Table, score: str, threshold: str) -> list[tuple[str, ...]]:
    """The rows of a score and threshold."""
    return [row for row in table.rows if row[:2] == (score, threshold)]


def figures(cells: Sequence[str]) -> str:
    """The first number of each cell, as it is printed."""
    return " ".join(cell.partition(" ")[0] for cell in cells)
