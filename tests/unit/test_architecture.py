"""Who may import whom. The arrows of docs/architecture.md, kept by a test."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OURS: dict[str, set[str]] = {
    "ingest": set(),
    "verification": set(),
    "model_zoo": {"ingest", "verification"},
    "service": {"ingest", "verification", "model_zoo"},
}
HOME = {
    "torch": ("model_zoo/",),
    "fastapi": ("service/api/", "service/server.py"),
    "starlette": ("service/api/",),
    "sqlalchemy": (
        "service/audit.py",
        "service/database.py",
        "service/job_book.py",
        "service/ledger.py",
        "service/migrations/",
        "service/queries.py",
        "service/tables.py",
        "service/windows.py",
    ),
    "alembic": ("service/migrations/",),
    "typer": ("service/cli/",),
    "matplotlib": ("service/picture/", "service/figures.py"),
    "PIL": ("service/picture/",),
    "celery": ("service/messages.py", "service/worker.py"),
    "kombu": ("service/messages.py",),
    "redis": ("service/messages.py",),
    "wradlib": ("ingest/radolan.py",),
    "httpx": ("ingest/web_folder.py", "service/demo.py"),
    "tenacity": ("ingest/web_folder.py",),
    "fsspec": ("service/object_store.py",),
}
FILES = sorted(f.relative_to(ROOT) for package in OURS for f in (ROOT / package).rglob("*.py"))


def imports(file: Path) -> Iterator[str]:
    """Top-level names of the packages a file imports."""
    for node in ast.walk(ast.parse((ROOT / file).read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.split(".")[0]


@pytest.mark.parametrize("file", FILES, ids=str)
def test_imports_point_down(file: Path) -> None:
    package = file.parts[0]
    for name in set(imports(file)) - {package}:
        assert name not in OURS or name in OURS[package], f"{file} may not import {name}"
        home = HOME.get(name, ("",))
        assert str(file).startswith(home), f"{file} may not import {name}, only {home} may"


def test_looks_at_every_package() -> None:
    assert {file.parts[0] for file in FILES} == set(OURS)
