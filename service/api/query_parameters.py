"""Parameters that are refused on every route alike: undeclared ones, and misleading numbers."""

import re
from difflib import get_close_matches
from typing import Any

from fastapi import Request
from fastapi.dependencies.models import Dependant
from fastapi.dependencies.utils import get_validation_alias

from service.errors import BadQuery, NoItem

READ_BY_THEMSELVES: set[Any] = set()
"""Endpoints that refuse unknown parameters themselves: those of WMS may be in any case."""
QUOTED = 60
"""Characters quoted of a parameter."""
TEXTS = frozenset({"q"})
"""Query parameters that people type, in any script."""
MISREAD_NUMBER = re.compile(r"(?![0-9])\d|[0-9]_[0-9]")
"""What the language reads as a number and other programs do not: digits of other scripts, and
underscores between digits."""
PLAIN_NUMBERS = "numbers are of the digits 0 to 9"


def is_misread(value: str) -> bool:
    """Whether a text has a number that most programs would not read as the same one."""
    return MISREAD_NUMBER.search(value) is not None


async def only_declared_parameters(request: Request) -> None:
    """Refuse query parameters that the route does not have, that are repeated or empty.

    Raises:
        BadQuery: There is such a parameter, or a number in other digits; the message names it.
        NoItem: A number of the path is in other digits.
    """
    check_path_numbers(request)
    given = request.query_params.multi_items()
    route = request.scope["route"]
    if not given or route.endpoint in READ_BY_THEMSELVES:
        return
    declared = declared_parameters(route)
    names = [name for name, _ in given]
    for name, value in given:
        if name not in declared:
            raise BadQuery(unknown(name, declared))
        if names.count(name) > 1:
            raise BadQuery(
                f"the query parameter {name!r} is given {names.count(name)} times, should be "
                f"given once"
            )
        if not value.strip():
            raise BadQuery(
                f"the query parameter {name!r} is empty; give it a value or leave it out"
            )
        if name not in TEXTS and is_misread(value):
            raise BadQuery(f"{name} is {value[:QUOTED]!r}; {PLAIN_NUMBERS}")


def check_path_numbers(request: Request) -> None:
    """Refuse numbers in other digits in the path.

    Raises:
        NoItem: There is one.
    """
    numbers = path_numbers(request.scope["route"].dependant)
    for name, text in request.path_params.items():
        value = str(text)
        if is_misread(value) and (name in numbers or not value.isascii()):
            raise NoItem(f"there is no {name} {value[:QUOTED]!r}; {PLAIN_NUMBERS}")


def path_numbers(dependant: Dependant) -> set[str]:
    """Names of the path parameters of a dependency, and of all it depends on, that are numbers."""
    own = {
        field.alias
        for field in dependant.path_params
        if field.field_info.annotation in (int, float)
    }
    return own.union(*map(path_numbers, dependant.dependencies))


def declared_parameters(route: Any) -> tuple[str, ...]:  # noqa: ANN401  a class of the framework
    """Names of the query parameters of a route and of all it depends on."""
    return tuple(sorted(parameter_names(route.dependant)))


def parameter_names(dependant: Dependant) -> set[str]:
    """Names of the query parameters of a dependency and of all it depends on."""
    own = {get_validation_alias(field) for field in dependant.query_params}
    return own.union(*map(parameter_names, dependant.dependencies))


def unknown(name: str, declared: tuple[str, ...]) -> str:
    """What is wrong with an unknown parameter, and what was probably meant."""
    shown = name[:QUOTED]
    if not declared:
        return f"there is no query parameter {shown!r}; this address takes none"
    close = get_close_matches(shown, declared, n=1)
    meant = f"; did you mean {close[0]!r}?" if close else ""
    return f"there is no query parameter {shown!r}, only {', '.join(declared)}{meant}"
