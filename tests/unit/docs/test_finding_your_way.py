"""Files and names that the documentation mentions exist."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs/finding-your-way.md"
CODE = re.compile(r"`([^`]+)`")
PACKAGES = "service|ingest|model_zoo|verification|benchmarks|dashboards|deploy|tests|reference_docs"
PATH = re.compile(rf"`((?:{PACKAGES})/[\w./+-]+)`")
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "SECURITY.md",
    *sorted((ROOT / "docs").rglob("*.md")),
]


def rows() -> list[list[str]]:
    """Question, file, name and file to continue with."""
    lines = [line for line in PAGE.read_text().splitlines() if "?" in line and line[0] == "|"]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def in_code(cell: str) -> str:
    """The first text in backticks."""
    found = CODE.search(cell)
    assert found, cell
    return found[1]


def defined(file: Path) -> set[str]:
    """Functions, classes and variables at the top of a module."""
    names: set[str] = set()
    for node in ast.parse(file.read_text()).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found = (name for target in targets for name in ast.walk(target))
            names |= {name.id for name in found if isinstance(name, ast.Name)}
    return names


def test_ten_questions_are_answered() -> None:
    assert len(rows()) == 10


@pytest.mark.parametrize("row", rows(), ids=lambda row: row[0])
def test_the_file_of_an_answer_exists_and_defines_the_name(row: list[str]) -> None:
    _, file, name, more = map(str, row)
    path = ROOT / in_code(file)
    assert path.is_file(), f"{path.name} is not there"
    assert in_code(name) in defined(path), f"{file} does not define {name}"
    assert (ROOT / in_code(more)).is_file(), f"{more} is not there"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_file_that_a_page_mentions_exists(page: Path) -> None:
    missing = [path for path in PATH.findall(page.read_text()) if not (ROOT / path).exists()]
    assert missing == []
