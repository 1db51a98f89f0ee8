"""Reads the tables of a generated Markdown page and puts a conclusion at its head.

A conclusion is worked out from the tables as they are printed, so that a page and its conclusion
cannot disagree, whenever each was written.
"""

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

BEGIN, END = "<!-- conclusion: begin -->", "<!-- conclusion: end -->"
HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)
BLOCK = re.compile(rf"\n{BEGIN}\n.*?{END}\n", re.DOTALL)
NUMBER = re.compile(r"[+-]?\d[\d,]*(?:\.\d+)?(?:e[+-]?\d+)?")
MOST_LINES = 5


class Table(NamedTuple):
    """A Markdown table.

    Attributes:
        section: The heading above it.
        about: The first paragraph below that heading.
        headings: Of the columns.
        rows: Cells, without Markdown's bold.
    """

    section: str
    about: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def column(self, heading: str) -> list[str]:
        """The cells below a heading."""
        index = self.headings.index(heading)
        return [row[index] for row in self.rows]

    def where(self, **values: str) -> "Table":
        """The rows that have these values, by heading; underscores stand for spaces."""
        wanted = {self.headings.index(name.replace("_", " ")): v for name, v in values.items()}
        kept = [row for row in self.rows if all(row[index] == v for index, v in wanted.items())]
        return self._replace(rows=tuple(kept))


def tables(text: str) -> list[Table]:
    """All tables of a page, in their order."""
    parts = HEADING.split(text)
    found = []
    for section, body in zip(parts[1::2], parts[2::2], strict=True):
        blocks = [block.strip() for block in re.split(r"\n\s*\n", BLOCK.sub("\n", body))]
        prose = (b for b in blocks if b and not b.startswith(("|", "<!--", "!", "```")))
        about = next(prose, "")
        found += [Table(section, about, *parsed(block)) for block in blocks if block[:1] == "|"]
    return found


def parsed(block: str) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    """Headings and rows of a table."""
    lines = [line for line in block.splitlines() if line.startswith("|")]
    headings, _, *rows = (
        tuple(cell.strip().replace("**", "") for cell in line.strip("|").split("|"))
        for line in lines
    )
    return headings, tuple(rows)


def number(cell: str) -> float:
    """The first number in a cell; NaN where there is none."""
    found = NUMBER.search(cell)
    return float(found[0].replace(",", "")) if found else float("nan")


def with_conclusion(text: str, lines: Iterable[str]) -> str:
    """A page with a list of conclusions below its first heading, in place of the one there was.

    Args:
        text: Markdown that begins with a heading.
        lines: Conclusions; empty ones are left out, and of the others those after the fifth.
    """
    chosen = [f"- {line}" for line in lines if line][:MOST_LINES]
    bare = BLOCK.sub("", text, count=1)
    title, line_end, rest = bare.partition("\n")
    if not chosen:
        return bare
    block = "\n".join(["", BEGIN, *chosen, END, ""])
    return f"{title}{line_end}{block}{rest}"


def span(numbers: Sequence[float], layout: str) -> str:
    """The lowest and the highest of numbers, or the one they all are."""
    low, high = (format(bound(numbers), layout) for bound in (min, max))
    return low if low == high else f"{low} to {high}"
