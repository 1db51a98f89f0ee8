"""The packages define no functions, classes or constants that they do not use themselves."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.packages import PACKAGES, ROOT

PUBLIC = (ROOT / "docs/architecture.md").read_text()
"""Names listed there are for other programs."""
FRAMEWORKS = {"__all__", "__getattr__", "down_revision", "revision", "upgrade"}
"""Names that Python and Alembic look up."""


def trees(root: Path) -> dict[str, ast.Module]:
    """Syntax trees of all modules of the packages, by module."""
    found = {}
    for package in PACKAGES:
        for file in sorted((root / package).rglob("*.py")):
            name = ".".join(file.relative_to(root).with_suffix("").parts)
            found[name.removesuffix(".__init__")] = ast.parse(file.read_text())
    return found


def definitions(tree: ast.Module) -> Iterator[str]:
    """Names that a module defines at its top, without those that a decorator registers."""
    for node in tree.body:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                if not node.decorator_list:
                    yield node.name
            case ast.Assign(targets=targets):
                names = (name for target in targets for name in ast.walk(target))
                yield from (name.id for name in names if isinstance(name, ast.Name))
            case ast.AnnAssign(target=ast.Name(id=name)):
                yield name


def unused(modules: dict[str, ast.Module]) -> list[str]:
    """Names that no module loads, imports, has as an attribute or as a text."""
    local: set[tuple[str, str]] = set()
    anywhere: set[str] = set()
    for module, tree in modules.items():
        for node in ast.walk(tree):
            match node:
                case ast.ImportFrom(module=str(source), names=names):
                    local |= {(source, alias.name) for alias in names}
                case ast.Name(id=name, ctx=ast.Load()):
                    local.add((module, name))
                case ast.Attribute(attr=name) | ast.Constant(value=str(name)):
                    anywhere.add(name)
    return [
        f"{module}.{name}"
        for module, tree in modules.items()
        for name in definitions(tree)
        if (module, name) not in local and name not in anywhere
    ]


def test_every_name_is_used_by_the_packages_or_public() -> None:
    found = [name for name in unused(trees(ROOT)) if name.rpartition(".")[2] not in FRAMEWORKS]
    assert [name for name in found if name.rpartition(".")[2] not in PUBLIC] == []


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("def f() -> None: ...", ["service.new.f"]),
        ("class C: ...\nLIMIT: int = 1", ["service.new.C", "service.new.LIMIT"]),
        ("def f() -> None: ...\nf()", []),
        ("@app.get('/')\ndef f() -> None: ...", []),
    ],
)
def test_unused_names_are_found(tmp_path: Path, source: str, found: list[str]) -> None:
    (tmp_path / "service").mkdir()
    (tmp_path / "service/new.py").write_text(source)
    assert unused(trees(tmp_path)) == found
