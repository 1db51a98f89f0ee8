"""HTML and SVG as text in which whatever comes from outside is only ever text."""

from html import escape


class Html(str):
    """Text that is HTML already; all other text is escaped when it is put into an element."""

    __slots__ = ()


def element(tag: str, /, *inside: str | None, **attributes: str | float | None) -> Html:
    """An element; what is None is left out. `class_` is class, and `font_size` is font-size."""
    return Html(f"{void(tag, **attributes)}{joined(*inside)}</{tag}>")


def void(tag: str, /, **attributes: str | float | None) -> Html:
    """An element that has no inside and no end, such as img."""
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(str(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    return Html(f"<{tag}{written}>")


def joined(*parts: str | None) -> Html:
    """Parts one after the other."""
    return Html("".join(part if isinstance(part, Html) else escape(part) for part in parts if part))
