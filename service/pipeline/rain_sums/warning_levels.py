"""Rain sums from which Deutscher Wetterdienst warns of heavy rain.

Its criteria for Starkregen, https://www.dwd.de/warnkriterien: 15 to 25, 25 to 40 and above 40 mm in
an hour; 20 to 35, 35 to 60 and above 60 mm in six hours.
"""

from typing import NamedTuple


class WarningLevel(NamedTuple):
    """A warning level.

    Attributes:
        level: 2 (markantes Wetter), 3 (Unwetter) or 4 (extremes Unwetter).
        name: Its name in German, as in the warnings.
        minutes: Length of the period of the sum.
        from_mm: Sum from which on it holds.
        to_mm: Sum from which on the next level holds; None for the highest.
    """

    level: int
    name: str
    minutes: int
    from_mm: float
    to_mm: float | None


NAMES = {2: "Starkregen", 3: "heftiger Starkregen", 4: "extrem heftiger Starkregen"}
FROM_MM = {60: (15.0, 25.0, 40.0), 360: (20.0, 35.0, 60.0)}
"""Sum in mm from which on each level holds, by the length of the period in minutes."""


def levels(minutes: int, from_mm: tuple[float, ...]) -> list[WarningLevel]:
    """Return the levels of a period of a length in minutes, lowest first."""
    ends = (*from_mm[1:], None)
    return [
        WarningLevel(level, name, minutes, begin, end)
        for (level, name), begin, end in zip(NAMES.items(), from_mm, ends, strict=True)
    ]


WARNING_LEVELS = tuple(
    level for minutes, from_mm in FROM_MM.items() for level in levels(minutes, from_mm)
)
DEFAULT_THRESHOLDS = FROM_MM[60]
"""mm; thresholds of the sums of a forecast unless others are chosen."""
