"""Text from outside as it can be printed: in a terminal, in a log, in a page.

Names of files and messages of libraries may hold line breaks that fake a line of a log, escape
sequences that write to a terminal, and marks that reverse the direction of what follows.
"""

import logging
import unicodedata

UNPRINTABLE = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
"""Unicode categories: control, format, surrogate, private, unassigned, and breaks."""


def printable(text: str, keep: str = "") -> str:
    r"""Return a text with an escape such as \x1b for each character that does not print.

    Args:
        text: Any text.
        keep: Characters to keep as they are, such as line breaks.
    """
    if text.isprintable():
        return text
    return "".join(
        character
        if character in keep or unicodedata.category(character) not in UNPRINTABLE
        else character.encode("unicode_escape", "surrogatepass").decode()
        for character in text
    )


class PrintableFormatter(logging.Formatter):
    """Formats log records on one line each, however many lines are in a message.

    A traceback follows on lines of its own, which begin with a space.
    """

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  of the base class
        """Return the line of a record."""
        return printable(super().formatMessage(record))

    def formatException(self, ei: object) -> str:  # noqa: N802  of the base class
        """Return a traceback."""
        text = super().formatException(ei)  # type: ignore[arg-type]
        return "\n".join(f"  {printable(line, keep=chr(9))}" for line in text.split("\n"))
