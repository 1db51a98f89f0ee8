"""Fields and scores as pictures, in colours that all eyes can tell apart."""

from service.plots.animation import play
from service.plots.colours import COLOURS, LEVELS
from service.plots.curves import of_skill
from service.plots.fields import (
    case_sheet,
    difference_series,
    difference_sheet,
    forecast_series,
    forecast_sheet,
    frames_series,
    frames_sheet,
    of_forecast,
)
from service.plots.sheet import Sheet, png

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
