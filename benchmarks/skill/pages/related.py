"""What docs/skill.md has of the pages on lead times, the ensemble and places called dry.

python -m benchmarks.skill.pages.related --write docs/skill.md
"""

import argparse
from pathlib import Path

from benchmarks.report import put, table, write_section
from model_zoo.profiling.markdown import BEGIN, END, tables

NAME = "further pages"
TITLE = "# Skill\n"
PAGES = {
    "lead-times.md": "Lead times of five minutes",
    "ensemble.md": "Ensemble",
    "dry-places.md": "Places called dry",
}
"""Titles of the pages beside docs/skill.md."""
CLAIMS = "claims wrong"
"""Heading of a table that is taken over as it is."""


def related(folder: Path) -> str:
    """Conclusions of the pages that a folder has, and the table of claims, as Markdown.

    Raises:
        ValueError: A page has the first of the comments around its conclusion but not the second.
    """
    parts = ["## Every five minutes, the ensemble, and places called dry\n"]
    for name, title in PAGES.items():
        page = folder / name
        if not page.exists():
            continue
        text = page.read_text()
        parts.append(f"### {title}\n\nAll tables: [{name}]({name}).\n")
        parts += [f"{conclusion}\n" for conclusion in [conclusion_of(text, name)] if conclusion]
        parts += [
            f"{table(found.headings, found.rows)}\n"
            for found in tables(text)
            if CLAIMS in found.headings
        ]
    return "\n".join(parts)


def conclusion_of(text: str, name: str) -> str:
    """The conclusion at the head of a page of a name; empty where it has none.

    Raises:
        ValueError: It does not end.
    """
    _, begun, rest = text.partition(f"{BEGIN}\n")
    lines, ended, _ = rest.partition(f"\n{END}")
    if begun and not ended:
        raise ValueError(f"{name} has {BEGIN} without {END} after it; put it back")
    return lines


def with_related(text: str, folder: Path) -> str:
    """A page with the section of `related`, in place of the one there was or at its end.

    A page without others beside it stays as it is.
    """
    if not any((folder / name).exists() for name in PAGES):
        return text
    return put(text, related(folder), NAME, TITLE)


def main() -> None:
    """Print the section, and write it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folder", type=Path, default=Path("docs"), help="with the pages")
    parser.add_argument("--write", type=Path, help="a Markdown file; changes its section only")
    options = parser.parse_args()
    section = related(options.folder)
    print(section)
    if options.write:
        write_section(options.write, section, NAME, TITLE)


if __name__ == "__main__":
    main()
