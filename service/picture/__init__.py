"""Fields and scores as pictures, in colours that all eyes can tell apart."""

from service.picture.animation import play
from service.picture.colours import COLOURS, LEVELS
from service.picture.curves import of_skill
from service.picture.fields import (
    case_sheet,
    difference_series,
    difference_sheet,
    forecast_series,
    forecast_sheet,
    frames_series,
    frames_sheet,
    of_forecast,
)
from service.picture.sheet import Sheet, png

__all__ = [
    "COLOURS",
    "LEVELS",
    "Sheet",
    "case_sheet",
    "difference_series",
    "difference_sheet",
    "forecast_series",
    "forecast_sheet",
    "frames_series",
    "frames_sheet",
    "of_forecast",
    "of_skill",
    "play",
    "png",
]
