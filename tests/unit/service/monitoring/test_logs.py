"""All processes log in one form: lines for people, or an object of JSON per line."""

import json
import logging
import re
import subprocess
import sys
from typing import Any

import pytest
from structlog.contextvars import bound_contextvars

from service.monitoring import logs
from service.settings import LogForm, Settings
from tests.unit.service.monitoring.test_printable import HOSTILE

LINE = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z \[warning\] "
PROGRAM = """
import logging, sys, threading, warnings
from service.monitoring import logs
logs.configure("tester", sys.argv[1], "info")
logging.getLogger("alembic.runtime.migration").info("Running upgrade 0001 -> 0002")
logging.getLogger("celery.worker").info("is not told")
logging.getLogger("service").debug("is not told")
warnings.warn("deprecated")
thread = threading.Thread(target=lambda: 1 / 0)
thread.start()
thread.join()
raise ValueError("two\\nlines")
"""


def formatted(form: LogForm, message: str, *args: object, **extra: Any) -> str:
    record = logging.LogRecord("x.y", logging.WARNING, "x.py", 1, message, args, None)
    for name, value in extra.items():
        setattr(record, name, value)
    return logs.formatter("tester", form).format(record)


@pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE)
def test_a_record_is_one_printable_line_in_each_form(name: str) -> None:
    people = formatted("console", "%s: accepted", name, file=name)
    assert people.isprintable()
    assert re.match(LINE, people)
    machines = formatted("json", "%s: accepted", name, file=name)
    assert machines.isprintable()
    assert json.loads(machines)["event"].isprintable()


def test_json_has_the_process_the_level_the_logger_and_given_values() -> None:
    record = json.loads(formatted("json", "frame of %s", "12:00", seconds=0.25, job=None))
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", record.pop("timestamp"))
    assert record == {
        "process": "tester",
        "event": "frame of 12:00",
        "level": "warning",
        "logger": "x.y",
        "seconds": 0.25,
        "job": None,
    }


@pytest.mark.parametrize("form", ["console", "json"])
def test_a_message_has_no_copy_for_terminals(form: LogForm) -> None:
    line = formatted(form, "Started server process [%d]", 7, color_message="\x1b[36m%d\x1b[0m")
    assert "Started server process [7]" in line
    assert "color_message" not in line


def test_values_of_any_kind_are_logged() -> None:
    record = json.loads(formatted("json", "saved", path=Settings().data, cause=ValueError("x")))
    assert record["path"] == "nowcast-data"
    assert record["cause"] == "x"


def test_bound_ids_are_part_of_each_record_meanwhile() -> None:
    with bound_contextvars(request_id="r-1", job="j-1"):
        assert {"request_id=r-1", "job=j-1"} <= set(formatted("console", "hello").split())
        assert json.loads(formatted("json", "hello"))["request_id"] == "r-1"
    assert "request_id" not in formatted("console", "hello")


def run(form: str) -> list[str]:
    command = [sys.executable, "-c", PROGRAM, form]
    return subprocess.run(command, capture_output=True, text=True, check=False).stderr.splitlines()


def test_libraries_warnings_and_uncaught_errors_are_json_too() -> None:
    records = [json.loads(line) for line in run("json")]
    assert [(record["level"], record["logger"]) for record in records] == [
        ("info", "alembic.runtime.migration"),
        ("warning", "py.warnings"),
        ("critical", "service.monitoring.logs"),
        ("critical", "service.monitoring.logs"),
    ]
    assert "ZeroDivisionError" in records[2]["exception"]
    assert records[3]["exception"].endswith("ValueError: two\nlines")


def test_in_lines_for_people_a_traceback_is_indented() -> None:
    lines = run("console")
    heads = [line for line in lines if not line.startswith("  ")]
    assert [re.findall(r"\[(\w+)\]", head)[0] for head in heads] == [
        "info",
        "warning",
        "critical",
        "critical",
    ]


def test_a_line_of_another_program_becomes_json() -> None:
    record = json.loads(logs.json_line("redis", "info", "# Ready\x1b[2J"))
    assert record["process"] == "redis"
    assert record["event"] == "# Ready\\x1b[2J"
