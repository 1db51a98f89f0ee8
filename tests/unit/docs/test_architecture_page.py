"""The architecture page names the subpackages and modules that exist, and no others."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/architecture.md").read_text()
CODE = re.compile(r"`([\w/]+)`")
LISTED = ("archive", "jobs", "ledger", "monitoring", "pipeline", "runtime", "skill")
"""Subpackages of the service whose modules are all named in their row."""


def rows(package: str) -> list[list[str]]:
    """Cells of the table of the subpackages of a package."""
    _, _, table = PAGE.partition(f"| subpackages of `{package}` |")
    lines = table.partition("\n\n")[0].splitlines()[2:]
    return [line.strip("| ").split(" | ") for line in lines]


def names_in(folder: Path) -> set[str]:
    """Names of the modules and subpackages in a folder, the latter with a slash."""
    modules = {file.stem for file in folder.glob("*.py") if not file.stem.startswith("__")}
    return modules | {f"{file.parent.name}/" for file in folder.glob("*/__init__.py")}


@pytest.mark.parametrize("package", ["service", "model_zoo", "ingest"])
def test_the_first_column_names_all_that_is_in_a_package_and_nothing_else(package: str) -> None:
    named = [name for row in rows(package) for name in CODE.findall(row[0])]
    assert sorted(named) == sorted(names_in(ROOT / package))


@pytest.mark.parametrize("room", LISTED)
def test_a_row_names_all_modules_of_a_room_of_the_service(room: str) -> None:
    (row,) = [row for row in rows("service") if f"`{room}/`" in row[0]]
    assert names_in(ROOT / "service" / room) <= set(CODE.findall(row[1]))
