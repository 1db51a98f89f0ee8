"""Text from outside: it is seen as what it is, and does nothing to a terminal, a log or a page."""

import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from service.monitoring.printable import PrintableFormatter, printable
from service.report.markup import element

ROOT = Path(__file__).parents[4]
HOSTILE = {
    "a line break": "a\nraa01-ry_10000-2009071400-dwd---bin: accepted.gz",
    "an escape sequence": "\x1b]0;owned\x07\x1b[2J.bz2",
    "a carriage return": "evil\rgood.gz",
    "a sequence of eight bits": "\x9b31m.gz",
    "text from right to left": "gz.\u202eevil",
    "a line separator": "a\u2028b.gz",
    "markup of the console": "[red]x[/blue].gz",
    "markup of a page": "<img src=x onerror=alert(1)>.gz",
    "bytes that are no text": "\udcff.gz",
    "an option": "-rf.gz",
}


@pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE)
def test_hostile_text_prints_and_can_be_told(name: str) -> None:
    assert printable(name).isprintable()
    assert printable("Köln-Süd 14:00.gz") == "Köln-Süd 14:00.gz"


@pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE)
def test_a_record_of_the_log_is_one_line(name: str) -> None:
    record = logging.LogRecord("x", logging.WARNING, "x.py", 1, "%s: accepted", (name,), None)
    line = PrintableFormatter("%(levelname)s %(message)s").format(record)
    assert line.isprintable()
    assert line.startswith("WARNING ")


def test_lines_of_a_traceback_do_not_look_like_records() -> None:
    try:
        raise ValueError("x\n2026-06-21 12:00:00 INFO all is well\x1b[2J")
    except ValueError as error:
        problem = (type(error), error, error.__traceback__)
    record = logging.LogRecord("x", logging.ERROR, "x.py", 1, "failed", (), problem)
    first, *others = PrintableFormatter("%(levelname)s %(message)s").format(record).split("\n")
    assert first == "ERROR failed"
    assert all(line.startswith("  ") and line.isprintable() for line in others)


@pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE)
def test_text_in_a_page_is_only_text(name: str) -> None:
    written = element("p", name, title=name)
    assert "<img" not in written
    assert "\x1b" not in written
    assert "\u202e" not in written


def test_files_with_hostile_names_are_quarantined_and_told(tmp_path: Path) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    for name in HOSTILE.values():
        (folder / name.replace("/", "_")).write_bytes(b"junk " + os.fsencode(name))
    words = ["ingest", str(folder), "--data", str(tmp_path / "data"), "--quiet"]
    command = [sys.executable, "-m", "service.cli", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 1, done.stderr
    assert f"{len(HOSTILE)} quarantined" in done.stdout
    printed = done.stdout + done.stderr
    assert printable(printed, keep="\n") == printed
    lines = done.stderr.splitlines()
    assert all(line.startswith("quarantined: ") for line in lines), "no name begins a line"
