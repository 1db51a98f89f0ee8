"""Logs of all processes in one form: lines for people, or JSON for machines, on stderr.

Modules log with the standard library and give values as `extra`; structlog renders what they, the
libraries and the Python interpreter log. Values that hold for a while, such as the id of a request
or of a job, are bound with `structlog.contextvars` and are part of each record meanwhile.
"""

import logging
import sys
import threading
from datetime import UTC, datetime
from functools import partial
from types import TracebackType
from typing import Any

import orjson
import structlog
from structlog.dev import ConsoleRenderer, plain_traceback
from structlog.stdlib import ExtraAdder, ProcessorFormatter
from structlog.typing import EventDict, Processor, WrappedLogger

from service.monitoring.printable import printable
from service.settings import LogForm, LogLevel

log = logging.getLogger(__name__)

QUIET_LIBRARIES = ("httpx", "celery", "kombu", "amqp", "asyncio", "PIL", "matplotlib", "botocore")
"""Libraries that log warnings and errors only."""
ACCESS, IN_MESSAGE = "nowcast.access", ("method", "path", "status")
"""Name of the access log, and values of its records that their message has already."""
TRACEBACK = "exception"
"""Key of the traceback of a record."""


def configure(process: str, form: LogForm = "console", level: LogLevel = "info") -> None:
    """Log to stderr in one form, including warnings of Python and errors that end the process.

    Does nothing where logging has been configured before.

    Args:
        process: Name of the process, which is in each line of JSON.
        form: Lines for people, or JSON.
        level: The lowest level that is logged.
    """
    if logging.getLogger().handlers:
        return
    handler = logging.StreamHandler()
    handler.setFormatter(formatter(process, form, colours=sys.stderr.isatty()))
    logging.basicConfig(level=level.upper(), handlers=[handler])
    for library in QUIET_LIBRARIES:
        logging.getLogger(library).setLevel(max(logging.WARNING, logging.getLogger().level))
    logging.captureWarnings(True)  # noqa: FBT003  of the standard library
    sys.excepthook = log_uncaught
    threading.excepthook = log_uncaught_in_thread


def formatter(process: str, form: LogForm, *, colours: bool = False) -> ProcessorFormatter:
    """The formatter of all log records.

    Args:
        process: Name of the process.
        form: Lines for people, or JSON.
        colours: Whether the lines for people have colours.
    """
    before: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        ExtraAdder(),
        without_coloured_message,
        structlog.processors.TimeStamper("iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    lines = ConsoleRenderer(
        colors=colours,
        pad_event_to=0,
        pad_level=False,
        sort_keys=False,
        exception_formatter=plain_traceback,
    )
    ends: dict[LogForm, list[Processor]] = {
        "console": [for_people, escape, lines],
        "json": [partial(add_process, process=process), escape, to_json],
    }
    return ProcessorFormatter(
        foreign_pre_chain=before,
        processors=[ProcessorFormatter.remove_processors_meta, *ends[form]],
    )


def without_coloured_message(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """Leave out the copy of a message that uvicorn adds for terminals."""
    del logger, method
    event.pop("color_message", None)
    return event


def add_process(logger: WrappedLogger, method: str, event: EventDict, *, process: str) -> EventDict:
    """Add the name of the process to a record."""
    del logger, method
    return {"process": process, **event}


def escape(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """Escape what does not print in all texts of a record but its traceback."""
    del logger, method
    return {
        key: printable(value.rstrip()) if isinstance(value, str) and key != TRACEBACK else value
        for key, value in event.items()
    }


def for_people(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """Shorten numbers and times, leave out what the message has, and indent the traceback.

    So no line of a traceback looks like a record.
    """
    del logger, method
    event["timestamp"] = f"{event['timestamp'][:23]}Z"
    if event.pop("logger") == ACCESS:  # they are in its message
        event = {key: value for key, value in event.items() if key not in IN_MESSAGE}
    if TRACEBACK in event:
        lines = event[TRACEBACK].split("\n")
        event[TRACEBACK] = "\n".join(f"  {printable(line, keep=chr(9))}" for line in lines)
    return {
        key: f"{value:.4g}" if isinstance(value, float) else value for key, value in event.items()
    }


def to_json(logger: WrappedLogger, method: str, event: EventDict) -> str:
    """Render a record as a line of JSON."""
    del logger, method
    if TRACEBACK in event:
        event[TRACEBACK] = printable(event[TRACEBACK], keep="\n\t")
    return orjson.dumps(event, default=str).decode()


def json_line(process: str, level: LogLevel, message: str, **values: Any) -> str:  # noqa: ANN401
    """Render a line of another program, or a message of a command, as JSON.

    Args:
        process: Name of the program.
        level: Level of the message.
        message: The message.
        **values: Further values.
    """
    now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    record = {"process": process, "event": message, **values, "level": level, "timestamp": now}
    return to_json(None, level, escape(None, level, record))


def log_uncaught(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """Log an error that ends the process."""
    if issubclass(kind, KeyboardInterrupt):
        return
    log.critical("the process ends with an error", exc_info=(kind, error, trace))


def log_uncaught_in_thread(arguments: threading.ExceptHookArgs) -> None:
    """Log an error that ends a thread."""
    if arguments.exc_value is not None and not issubclass(arguments.exc_type, SystemExit):
        raised = (arguments.exc_type, arguments.exc_value, arguments.exc_traceback)
        name = arguments.thread.name if arguments.thread else "a thread"
        log.critical("%s ends with an error", name, exc_info=raised)
