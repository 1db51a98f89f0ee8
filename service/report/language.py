"""Languages of the report: English as in the code, and translations from a catalogue."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Literal

from service.report.german import GERMAN

Language = Literal["en", "de"]

current: ContextVar[Language] = ContextVar("current", default="en")
"""Language of the report that is being written."""
SWAPPED = str.maketrans(",.", ".,")


@contextmanager
def written_in(language: Language) -> Iterator[None]:
    """Write what follows in a language."""
    token = current.set(language)
    try:
        yield
    finally:
        current.reset(token)


def translate(text: str, **values: object) -> str:
    """Return a text in the current language, with values in place of its names in braces.

    A text without a translation, such as that of a score of an installed package, stays English.
    """
    template = GERMAN.get(text, text) if current.get() == "de" else text
    return template.format(**values) if values else template


def number(value: float, form: str = ",") -> str:
    """Format a number, in German with a decimal comma and points between thousands."""
    written = format(value, form)
    return written.translate(SWAPPED) if current.get() == "de" else written


def day_format() -> str:
    """The format of a day of the year."""
    return "%d.%m." if current.get() == "de" else "%d %b"
