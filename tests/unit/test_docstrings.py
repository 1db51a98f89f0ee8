"""Docstrings of public functions name the shapes of their arrays and the errors they raise."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.packages import PACKAGES, ROOT

ARRAYS = re.compile(r"\b(Tensor|NDArray|Array|Rates|DataArray|ArrayLike)\b")
SHAPE = re.compile(
    r"\((?:[^()]|\([^()]*\))*,(?:[^()]|\([^()]*\))*\)"  # (time, y, x)
    r"|\b(shapes?|shaped|scalar|likewise|elementwise)\b|\bas `\w+`",
    re.IGNORECASE,
)

Function = ast.FunctionDef | ast.AsyncFunctionDef


def is_public(name: str) -> bool:
    return not name.startswith("_") or name == "__call__"


def public_functions(tree: ast.Module, package: str) -> Iterator[tuple[str, Function, str]]:
    """Name, node and context (docstrings of class and module) of each public function."""
    module_doc = ast.get_docstring(tree) or ""
    for node in tree.body:
        if isinstance(node, Function) and is_public(node.name):
            yield f"{package}.{node.name}", node, module_doc
        elif isinstance(node, ast.ClassDef) and is_public(node.name):
            context = f"{module_doc}\n{ast.get_docstring(node) or ''}"
            for method in node.body:
                if isinstance(method, Function) and is_public(method.name):
                    yield f"{package}.{node.name}.{method.name}", method, context


def takes_or_gives_arrays(function: Function) -> bool:
    """Whether an annotation of the function names a type of arrays, functions of these aside."""
    arguments = function.args
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    every += [argument for argument in (arguments.vararg, arguments.kwarg) if argument is not None]
    annotations = [argument.annotation for argument in every if argument.annotation] + [
        function.returns
    ]
    written = [ast.unparse(annotation) for annotation in annotations if annotation is not None]
    return any(ARRAYS.search(text) and "Callable" not in text for text in written)


def raised_names(function: Function) -> set[str]:
    """Classes that the function raises in its own body and does not catch there, by name."""
    found: set[str] = set()
    for node in own_nodes(function):
        if isinstance(node, ast.Raise) and node.exc is not None:
            raised = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
            name = ast.unparse(raised).split(".")[-1]
            if name[:1].isupper() and name != "NotImplementedError":
                found.add(name)
    return found


def is_shown_to_users(function: Function) -> bool:
    """Whether the docstring is the text of a route or a command, which has no section of errors."""
    shown = re.compile(r"\.(get|post|delete|command)\(")
    return any(shown.search(ast.unparse(decorator)) for decorator in function.decorator_list)


def own_nodes(function: Function) -> Iterator[ast.AST]:
    """All nodes of the body of a function but those of functions in it."""
    waiting: list[ast.AST] = list(function.body)
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, Function | ast.Lambda | ast.ClassDef):
            waiting.extend(ast.iter_child_nodes(node))


def faults(path: Path) -> Iterator[str]:
    """Each public function of a file that lacks the shape of an array or an error it raises."""
    tree = ast.parse(path.read_text())
    package = str(path.relative_to(ROOT)).removesuffix(".py").replace("/", ".")
    for name, function, context in public_functions(tree, package):
        doc = ast.get_docstring(function) or ""
        overridden = any(
            "override" in ast.unparse(decorator) for decorator in function.decorator_list
        )
        if takes_or_gives_arrays(function) and not overridden and not SHAPE.search(doc + context):
            yield f"{name} takes or gives arrays, but its docstring names no shape"
        _, _, section = doc.partition("Raises:")
        for error in [] if is_shown_to_users(function) else sorted(raised_names(function)):
            if f"{error}:" not in section:
                yield f"{name} raises {error}, but its docstring does not say so"


@pytest.mark.parametrize("package", PACKAGES)
def test_public_functions_name_shapes_and_errors(package: str) -> None:
    files = sorted((ROOT / package).rglob("*.py"))
    found = [fault for file in files for fault in faults(file)]
    assert not found, "\n".join(["", *found])


DOCUMENTED = """
def f(x: int) -> int:
    \"\"\"Count.

    Raises:
        ValueError: No.
    \"\"\"
    raise ValueError("no")
"""
IN_CLASS = """
class C:
    \"\"\"Of fields (y, x).\"\"\"
    def f(self, x: Tensor) -> None:
        \"\"\"Do.\"\"\"
"""


@pytest.mark.parametrize(
    ("source", "count"),
    [
        ('def f(x: Tensor) -> int:\n    """Count."""', 1),
        ('def f(x: Tensor) -> int:\n    """Count `x` (time, y, x)."""', 0),
        ('def f(x: int) -> "NDArray[float]":\n    """Make."""', 1),
        ('def _f(x: Tensor) -> int:\n    """Count."""', 0),
        ('def f(x: int) -> int:\n    """Count."""\n    raise ValueError("no")', 1),
        ('@app.command()\ndef f() -> int:\n    """Count."""\n    raise ValueError("no")', 0),
        (DOCUMENTED, 0),
        (IN_CLASS, 0),
    ],
)
def test_faults_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, count: int
) -> None:
    (tmp_path / "made_up.py").write_text(source)
    monkeypatch.setattr("tests.unit.test_docstrings.ROOT", tmp_path, raising=False)
    monkeypatch.setitem(globals(), "ROOT", tmp_path)
    assert len(list(faults(tmp_path / "made_up.py"))) == count
