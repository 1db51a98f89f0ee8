"""The page of all commands, from what `nowcast COMMAND --help` is made of."""

import inspect
from collections.abc import Iterator
from typing import Any

from typer.main import get_command

from reference_docs.markdown import table
from service.cli import app

HEAD = """# Commands

`nowcast COMMAND --help` prints the same. Data lie in the folder `nowcast-data`, or where `--data`
or `NOWCAST_DATA` says. An error that the user can correct ends with one line on stderr and exit
code 2. Written by `python -m reference_docs --write` from `service/cli`.

"""


def page() -> str:
    """The page as Markdown."""
    return HEAD + "\n".join(sections("nowcast", get_command(app)))


def sections(name: str, command: Any) -> Iterator[str]:
    """A section for each command below a group, sorted by name."""
    for part, found in sorted(command.commands.items()):
        full = f"{name} {part}"
        if found.hidden:
            continue
        if hasattr(found, "commands"):
            yield from sections(full, found)
        else:
            yield section(full, found)


def section(name: str, command: Any) -> str:
    """Usage, help text, arguments and options of one command."""
    arguments = [p for p in command.params if p.param_type_name == "argument"]
    usage = " ".join([name, "[OPTIONS]", *(argument_usage(a) for a in arguments)])
    parts = [f"## {name}\n", f"```\n{usage}\n```\n", f"{inspect.cleandoc(command.help or '')}\n"]
    rows = [row(parameter) for parameter in command.params if not parameter.hidden]
    if rows:
        parts.append(table(("parameter", "meaning", "default"), rows) + "\n")
    return "\n".join(parts)


def argument_usage(argument: Any) -> str:
    """An argument as it stands in a usage line."""
    name = argument.name.upper() + "..." * (argument.nargs == -1)
    return name if argument.required else f"[{name}]"


def row(parameter: Any) -> tuple[str, str, str]:
    """An argument or option with its meaning and default."""
    is_argument = parameter.param_type_name == "argument"
    name = parameter.name.upper() if is_argument else ", ".join(parameter.opts)
    variable = f" Environment: `{parameter.envvar}`." if parameter.envvar else ""
    return f"`{name}`", f"{parameter.help or ''}{variable}", default(parameter)


def default(parameter: Any) -> str:
    """The default of a parameter; "required" where it has to be given."""
    if parameter.required:
        return "required"
    value = parameter.default
    if value in (None, False, "", ()) or callable(value):
        return ""
    return f"`{' '.join(map(str, value)) if isinstance(value, tuple | list) else value}`"
