"""Millimetres per hour in the spellings that people have, and no other unit."""

import pytest

from ingest.units import is_mm_per_hour


@pytest.mark.parametrize(
    "text",
    [
        *("mm h-1", "mm/h", "mm hr-1", "mm/hr", "mm/hour", "mm h^-1", " mm h-1 ", "mm.h-1"),
        *("mm h**-1", "mm*h-1", "mm per hour", "millimeters/hour", "millimetre hours-1", "h-1 mm"),
        *("mm h⁻¹", "mm·h⁻¹", "kg m-2 h-1", "kg/m2/h", "kg m^-2 hr^-1", "kg/m²/h", "l m-2 h-1"),
    ],
)
def test_millimetres_per_hour_are_known_in_any_spelling(text: str) -> None:
    assert is_mm_per_hour(text)


@pytest.mark.parametrize(
    "text",
    [
        *("", "mm", "mm h", "mm/h-1", "mm s-1", "m h-1", "cm/h", "mm/day", "mm/5min", "in/h"),
        *("kg m-2 s-1", "kg m-1 h-1", "kg h-1", "MM/H", "mm h-1 mm", "mm h-2", "1", "%", "dBZ"),
        *("mm h-1" * 20, "0.1 mm h-1", "mm h-1.5", "/"),
    ],
)
def test_what_is_no_millimetre_per_hour_is_not_taken_for_one(text: str) -> None:
    assert not is_mm_per_hour(text)
