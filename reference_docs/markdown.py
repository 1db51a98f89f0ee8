"""Markdown tables."""

from collections.abc import Iterable, Sequence


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Rows of cells as a Markdown table; line breaks and bars within cells are escaped."""
    lines = [headings, ["---"] * len(headings), *([cell(text) for text in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def cell(text: str) -> str:
    """Text as it stands in a cell."""
    return " ".join(text.split()).replace("|", "\\|")
