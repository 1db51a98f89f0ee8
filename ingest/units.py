"""Spellings of millimetres per hour.

CF takes units as UDUNITS-2 writes them: factors side by side or with `.`, `*` or `/` between them,
exponents with or without `^` or `**`. One kg or litre of rain on a square metre is one millimetre.
"""

import re
from collections import Counter

NAMES = {
    "mm": ("mm", "millimeter", "millimeters", "millimetre", "millimetres"),
    "kg": ("kg", "kilogram", "kilograms"),
    "l": ("l", "L", "liter", "liters", "litre", "litres"),
    "m": ("m", "meter", "meters", "metre", "metres"),
    "h": ("h", "hr", "hrs", "hour", "hours"),
}
UNIT_OF = {name: unit for unit, names in NAMES.items() for name in names}
PER_HOUR = ({"mm": 1, "h": -1}, {"kg": 1, "m": -2, "h": -1}, {"l": 1, "m": -2, "h": -1})
LONGEST = 60
"""Characters of a unit."""
FACTOR = re.compile(r"(?P<name>[A-Za-z]+)\s*(?:(?:\^|\*\*)?(?P<power>[+-]?\d))?")
BETWEEN = re.compile(r"\s*(?P<by>/|\bper\b|[.*·]?)\s*")
SUPERSCRIPTS = str.maketrans("⁰¹²³⁻", "0123-")


def is_mm_per_hour(text: str) -> bool:
    """Whether a text is millimetres per hour in one of its spellings.

    Such as `mm h-1`, `mm/hr`, `mm.h^-1` or `kg m-2 h-1`.
    """
    if len(text) > LONGEST:
        return False
    spelling, position, powers = text.strip().translate(SUPERSCRIPTS), 0, Counter[str]()
    while position < len(spelling):
        by = BETWEEN.match(spelling, position)
        position = by.end() if by else position
        factor = FACTOR.match(spelling, position)
        if factor is None or factor["name"] not in UNIT_OF:
            return False
        sign = -1 if by and by["by"] in ("/", "per") else 1
        powers[UNIT_OF[factor["name"]]] += sign * int(factor["power"] or 1)
        position = factor.end()
    return dict(powers) in PER_HOUR
