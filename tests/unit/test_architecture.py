"""Rooms stay small and hide nothing. Who may import whom is in `[tool.importlinter]`."""

import ast
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("ingest", "verification", "model_zoo", "service", "benchmarks", "dashboards", "tests")
MOST = 16
FACES = {
    "ingest/__init__.py",
    "verification/__init__.py",
    "model_zoo/__init__.py",
    "model_zoo/reference.py",
}
"""Modules whose public names docs/architecture.md lists."""
COMMANDS = {"service/cli/__init__.py", "service/ledger/migrations/__init__.py"}
"""Rooms whose own code is in their `__init__.py`; they hand on no names of others."""


def modules() -> list[Path]:
    return sorted(
        file.relative_to(ROOT) for package in PACKAGES for file in (ROOT / package).rglob("*.py")
    )


def test_no_folder_has_more_modules_than_can_be_taken_in_at_a_glance() -> None:
    found = Counter(str(file.parent) for file in modules() if file.name != "__init__.py")
    assert {folder: number for folder, number in found.items() if number > MOST} == {}


def test_the_service_has_at_most_16_entries_at_its_top() -> None:
    entries = {file.parts[1] for file in modules() if file.parts[0] == "service"} | {"py.typed"}
    assert len(entries) <= MOST


@pytest.mark.parametrize(
    "file",
    [
        file
        for file in modules()
        if file.name == "__init__.py" and str(file) not in FACES | COMMANDS
    ],
    ids=str,
)
def test_a_room_says_what_it_is_for_and_hands_on_no_names(file: Path) -> None:
    body = ast.parse((ROOT / file).read_text()).body
    assert not [node for node in body if not isinstance(node, ast.Expr)], f"{file} has code"


def test_a_name_is_imported_from_where_it_is_defined() -> None:
    wrong = [
        f"{file}: {node.module}.{alias.name}"
        for file in modules()
        for node in ast.walk(ast.parse((ROOT / file).read_text()))
        if isinstance(node, ast.ImportFrom) and node.module
        for alias in node.names
        if alias.name in handed_on(node.module) and source_of(f"{node.module}.{alias.name}") is None
    ]
    assert wrong == []


@cache
def handed_on(module: str) -> frozenset[str]:
    """Names that a module of ours has from other modules of ours."""
    file = source_of(module)
    if file is None or str(file) in FACES:
        return frozenset()
    return frozenset(
        alias.asname or alias.name
        for node in ast.parse((ROOT / file).read_text()).body
        if isinstance(node, ast.ImportFrom) and node.module
        if node.module.split(".")[0] in PACKAGES
        for alias in node.names
    )


@cache
def source_of(module: str) -> Path | None:
    """The file of a module of ours."""
    path = Path(*module.split("."))
    for file in (path.with_suffix(".py"), path / "__init__.py"):
        if path.parts[0] in PACKAGES and (ROOT / file).exists():
            return file
    return None
