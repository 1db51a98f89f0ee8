"""HTML and SVG elements as text; other text is escaped, so untrusted text is safe."""

from html import escape

from service.monitoring.printable import printable


class Html(str):
    """Text that is HTML already; all other text is escaped when it becomes part of an element."""

    __slots__ = ()


def element(tag: str, /, *inside: str | None, **attributes: str | float | None) -> Html:
    """Return an element; None is left out. `class_` becomes class, `font_size` font-size."""
    return Html(f"{void(tag, **attributes)}{joined(*inside)}</{tag}>")


def void(tag: str, /, **attributes: str | float | None) -> Html:
    """Return a void element, without content and end tag, such as img."""
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{text(str(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    return Html(f"<{tag}{written}>")


def joined(*parts: str | None) -> Html:
    """Concatenate parts; None is left out."""
    return Html("".join(part if isinstance(part, Html) else text(part) for part in parts if part))


def text(part: str) -> str:
    """Text from outside as HTML, without characters that would not print or reverse the rest."""
    return escape(printable(part, keep="\n\t\xad"))
