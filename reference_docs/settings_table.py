"""The table of settings, from the fields of `service.settings.Settings` and their docstrings."""

import ast
import inspect
import textwrap
from typing import Any

from pydantic import IPvAnyNetwork

from reference_docs.markdown import table
from service.settings import Settings

HEAD = """# Settings

Environment variables that the service and the command line read when they start. Items of lists
are separated by commas, as in `NOWCAST_MODELS=ms-lstm,advection`, or written as JSON. An unknown
`NOWCAST_...` variable has no effect and gets a warning; a value outside its range is refused with
the reason. Written by `python -m reference_docs --write` from `service/settings.py`.

"""


def page() -> str:
    """The page as Markdown."""
    headings = ("variable", "type", "default", "meaning")
    return HEAD + table(headings, rows()) + "\n"


def rows() -> list[tuple[str, str, str, str]]:
    """Variable, type, default and meaning of each setting, in the order of the class."""
    prefix, meanings = Settings.model_config["env_prefix"], docstrings(Settings)
    return [
        (
            f"`{prefix}{name.upper()}`",
            type_name(field.annotation, field.metadata),
            default(field.default),
            meanings.get(name, ""),
        )
        for name, field in Settings.model_fields.items()
    ]


def docstrings(settings: type) -> dict[str, str]:
    """The string below each annotated attribute of a class, by attribute."""
    (found,) = ast.parse(textwrap.dedent(inspect.getsource(settings))).body
    assert isinstance(found, ast.ClassDef)
    meanings = {}
    for field, text in zip(found.body, found.body[1:], strict=False):
        if (
            isinstance(field, ast.AnnAssign)
            and isinstance(field.target, ast.Name)
            and isinstance(text, ast.Expr)
            and isinstance(text.value, ast.Constant)
        ):
            meanings[field.target.id] = inspect.cleandoc(str(text.value.value))
    return meanings


def type_name(annotation: Any, metadata: list[Any]) -> str:
    """A type and its limits, as in `float, > 0`."""
    if annotation == tuple[str, ...]:
        name = "list of strings"
    elif annotation == tuple[IPvAnyNetwork, ...]:
        name = "list of IP addresses and networks"
    elif isinstance(annotation, type):
        name = annotation.__name__
    else:
        name = " or ".join(getattr(part, "__name__", str(part)) for part in annotation.__args__)
    signs = {"gt": ">", "ge": ">=", "lt": "<", "le": "<="}
    limits = [
        f"{sign} {getattr(limit, key):g}"
        for limit in metadata
        for key, sign in signs.items()
        if getattr(limit, key, None) is not None
    ]
    return ", ".join([name.replace("NoneType", "none").replace("Path", "path"), *limits])


def default(value: Any) -> str:
    """A default as it is written in the environment."""
    if value is None or value in ("", ()):
        return ""
    if isinstance(value, tuple):
        return "<br>".join(f"`{item}`" for item in value)
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"
