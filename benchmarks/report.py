"""Sections of docs/performance.md: where they were measured, and how they get into the file."""

import argparse
import os
import platform
from collections.abc import Iterable, Sequence
from datetime import date
from importlib.metadata import version
from pathlib import Path

import torch

from benchmarks.conclusions import conclude
from model_zoo.checkpoints.checkpoint import write_whole

TITLE = "# Performance\n"


def at_least_one(text: str) -> int:
    """Parse a positive number of the command line.

    Raises:
        ArgumentTypeError: It is none.
    """
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} should be a whole number, 1 or more")
    return int(text)


def where(device: str) -> str:
    """The name of the processor, and of a CPU which of its instructions torch uses."""
    if device == "cuda":
        return torch.cuda.get_device_name()
    file = Path("/proc/cpuinfo")  # Linux
    lines = file.read_text().splitlines() if file.exists() else []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    name = next(names, platform.processor() or platform.machine())
    return f"{name} with {torch.backends.cpu.get_cpu_capability()}"


def put(text: str, section: str, name: str, title: str = TITLE) -> str:
    """A document with a section between comments that name it, in place of the one there was.

    Args:
        text: The document; empty for a new one.
        section: What comes between the comments.
        name: In the comments.
        title: The first line of a new document.

    Raises:
        ValueError: The document has the first of the comments but not the second after it.
    """
    begin, end = f"<!-- {name}: begin -->\n", f"<!-- {name}: end -->\n"
    if begin not in text:
        return f"{text or title}\n{begin}{section}{end}"
    before, _, rest = text.partition(begin)
    _, closed, after = rest.partition(end)
    if not closed:
        raise ValueError(f"there is {begin.strip()} without {end.strip()} after it; put it back")
    return f"{before}{begin}{section}{end}{after}"


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Rows as Markdown, the first column to the left and the others to the right."""
    lines = [headings, ["---", *["---:"] * (len(headings) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def measured(command: str, *packages: str) -> str:
    """How the figures of a section came about: command, machine, date, and versions."""
    today = date.today()  # noqa: DTZ011  the day where it ran
    versions = ", ".join(f"{package} {version(package)}" for package in packages)
    return f"""\
Written by `python -m {command}`; no figure by hand.
{where("cpu")}, {len(os.sched_getaffinity(0))} processors, Python {platform.python_version()}, \
{versions}, {today}."""


def write_section(path: Path, section: str, name: str, title: str = TITLE) -> None:
    """Put a section into a document, new or with others, and renew the document's conclusion."""
    text = path.read_text() if path.exists() else ""
    write_whole(path, conclude(put(text, section, name, title)).encode())
