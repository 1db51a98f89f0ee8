"""Sections of docs/performance.md: where they were measured, and how they get into the file."""

import os
import platform
from collections.abc import Iterable, Sequence
from datetime import date
from importlib.metadata import version
from pathlib import Path

from benchmarks.speed.throughput import put, where
from model_zoo.checkpoints.checkpoint import write_whole


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


def write_section(path: Path, section: str, name: str) -> None:
    """Put a section into a document that has others; see `benchmarks.speed.throughput.put`."""
    text = path.read_text() if path.exists() else ""
    write_whole(path, put(text, section, name).encode())
