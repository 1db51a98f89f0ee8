"""Figures of the tests of faults, in the tables of docs/reliability.md that name these tests.

    python -m benchmarks.reliability.fault_figures --write docs/reliability.md
    python -m benchmarks.reliability.fault_figures --junit tests.xml --write docs/reliability.md

The first runs the tests that the tables name, `--long` with all of their cases. The second takes
the output of tests that have run (`pytest --junitxml=tests.xml`; several files are taken together).
A row is a fault, what is promised, its tests, and their figures: the number of tests, and what they
have measured (the fixture `tell`). A row of which no test has run stays as it is.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree as ET

NAME = "fault figures"
HEADINGS = "| fault | promise | test | figures |"
NAMED = re.compile(r"`((?:[a-z_]+/)*test_[a-z_]+\.py)(?:::(test_\w+))?`")
"""In a table: the last parts of the path of a test file, and how the names of its tests begin."""
MEASURED = "measured"
"""Property of a test in which it says what it has measured."""


class Result(NamedTuple):
    """A test that has run.

    Attributes:
        path: Its file, relative to the root.
        name: Its name, with parameters.
        outcome: "passed", "failed" or "skipped".
        measured: What it has measured.
    """

    path: str
    name: str
    outcome: str
    measured: tuple[str, ...]


def results_in(junit: str) -> Iterator[Result]:
    """The tests in the output of pytest as JUnit XML.

    Raises:
        ParseError: It is no XML.
    """
    for case in ET.fromstring(junit).iter("testcase"):
        kinds = {child.tag for child in case}
        outcome = "failed" if kinds & {"failure", "error"} else "passed"
        properties = case.iterfind("properties/property")
        measured = tuple(p.get("value", "") for p in properties if p.get("name") == MEASURED)
        path = case.get("classname", "").replace(".", "/") + ".py"
        yield Result(
            path, case.get("name", ""), "skipped" if "skipped" in kinds else outcome, measured
        )


def is_named(test: Result, cell: str) -> bool:
    """Whether a cell of a table names a test."""
    return any(
        f"/{test.path}".endswith(f"/{path}") and test.name.startswith(begin)
        for path, begin in NAMED.findall(cell)
    )


def figures(tests: Sequence[Result]) -> str:
    """The figures of a row: the number of tests by outcome, and what they have measured."""
    counts = {
        outcome: sum(test.outcome == outcome for test in tests)
        for outcome in ("passed", "failed", "skipped")
    }
    words = [f"{n:,} {outcome}" for outcome, n in counts.items() if n]
    first, _, outcome = words[0].partition(" ")
    words[0] = f"{first} test{'' if first == '1' else 's'} {outcome}"
    measured = (value for test in tests for value in test.measured)
    return "<br>".join([", ".join(words), *measured]).replace("|", r"\|")


def with_figures(row: str, tests: Iterable[Result]) -> str:
    """A row with the figures of the tests that it names, as it was if none of them is there."""
    fault, promise, names, _ = (row.strip("| ").split(" | ") + [""] * 4)[:4]
    named = [test for test in tests if is_named(test, names)]
    return f"| {fault} | {promise} | {names} | {figures(named)} |" if named else row


def filled(document: str, tests: Iterable[Result]) -> str:
    """A document whose tables of faults have the figures of the tests that they name.

    Args:
        document: Markdown, with tables under `HEADINGS`.
        tests: Those that have run; of those that ran twice the last counts.
    """
    found = list({(test.path, test.name): test for test in tests}.values())
    lines, inside = [], False
    for line in document.splitlines():
        inside = line == HEADINGS or (inside and line.startswith("|"))
        lines.append(with_figures(line, found) if inside else line)
    return "\n".join(lines) + "\n"


def files_named_in(document: str) -> list[str]:
    """Paths of the test files that a document names, relative to the root.

    Raises:
        ValueError: A name fits none, or several.
    """
    files = [str(path) for path in Path("tests").rglob("test_*.py")]
    names = {path for path, _ in NAMED.findall(document)}
    found = {name: [file for file in files if f"/{file}".endswith(f"/{name}")] for name in names}
    for name, paths in found.items():
        if len(paths) != 1:
            raise ValueError(f"{name} should name one file of tests, names {paths or 'none'}")
    return sorted(path for (path,) in found.values())


def run(paths: Sequence[str], *, long: bool) -> str:
    """The output of tests as JUnit XML, whether they pass or not."""
    with tempfile.TemporaryDirectory() as folder:
        junit = Path(folder) / "tests.xml"
        command = [sys.executable, "-m", "pytest", "-q", f"--junitxml={junit}", *paths]
        environment = os.environ | ({"NOWCAST_LONG": "1"} if long else {})
        subprocess.run(command, env=environment, check=False)
        return junit.read_text()


def main() -> None:
    """Run the tests or take their output, and fill the tables."""
    from benchmarks.report import measured, put

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--junit", type=Path, nargs="+", help="output of tests that have run")
    parser.add_argument("--long", action="store_true", help="all cases of each test")
    parser.add_argument("--write", type=Path, help="a Markdown file with the tables")
    options = parser.parse_args()
    path = options.write or Path("docs/reliability.md")
    document = path.read_text()
    junit = [file.read_text() for file in options.junit or ()]
    output = junit or [run(files_named_in(document), long=options.long)]
    text = filled(document, [test for each in output for test in results_in(each)])
    how = "--junit OUTPUT " if junit else "--long " if options.long else ""
    command = f"benchmarks.reliability.fault_figures {how}--write docs/reliability.md"
    load = os.getloadavg()[-1]
    note = (
        f"{load:.0f} processes wanted a processor at a time: on a quiet machine times are shorter."
    )
    text = put(text, f"{measured(command, 'pytest')}\n{note}\n", NAME)
    if options.write:
        options.write.write_text(text)
    else:
        print(text)


if __name__ == "__main__":
    main()
