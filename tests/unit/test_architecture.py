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
    "fastapi": ("service/api/", "service/runtime/server.py"),
    "starlette": ("service/api/",),
    "sqlalchemy": (
        "service/ledger/integrity.py",
        "service/ledger/database.py",
        "service/jobs/job_table.py",
        "service/ledger/ledger.py",
        "service/ledger/migrations/",
        "service/ledger/queries.py",
        "service/ledger/tables.py",
        "service/ledger/rolling_windows.py",
    ),
    "alembic": ("service/ledger/migrations/",),
    "typer": ("service/cli/",),
    "matplotlib": ("service/plots/",),
    "PIL": ("service/plots/",),
    "celery": ("service/jobs/celery_transport.py", "service/runtime/worker.py"),
    "kombu": ("service/jobs/celery_transport.py",),
    "redis": ("service/jobs/celery_transport.py",),
    "wradlib": ("ingest/formats/radolan.py",),
    "httpx": ("ingest/sources/web_folder.py", "service/cli/demo.py"),
    "tenacity": ("ingest/sources/web_folder.py",),
    "fsspec": ("service/archive/object_store.py",),
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
