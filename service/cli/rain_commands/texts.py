"""Texts of `nowcast point` and `nowcast sums`, in English and German."""

import re
from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from service.archive.key import iso, to_datetime
from service.pipeline.place_wording import Language, localised

LOCALE_VARIABLES = ("LC_ALL", "LC_MESSAGES", "LANG")
"""Variables of the environment that name the language of messages (POSIX), the first that is set
holds."""
UNKNOWN = "-"
"""Shown where there are no data."""

TEXTS: Mapping[Language, Mapping[str, str]] = MappingProxyType(
    {
        "en": {
            "heading": "{model}, radar of {time}",
            "size": "{km2} km2",
            "separator": ", ",
            "range": "{low}-{high}",
            "sums": "Rain in mm; probabilities of the mean",
            "period": "period",
            "mean": "mean",
            "maximum": "maximum",
            "median": "median",
            "quantiles": "10-90 %",
            "last": "last {length}",
            "next": "next {length}",
            "last_hour": "last 1 h",
            "next_hour": "next 1 h",
            "warnings": "Warning levels of DWD: largest sums that end in the next two hours",
            "level": "level",
            "anywhere": "probability anywhere",
            "missing": "{number} radar frames of the last 24 hours are missing; they do not count "
            "as dry",
            "one_missing": "1 radar frame of the last 24 hours is missing; it does not count as "
            "dry",
            "no_ensemble": "{model} has no ensemble, so that probabilities are unknown",
        },
        "de": {
            "heading": "{model}, Radarbild vom {time}",
            "size": "{km2}\u00a0km²",
            "separator": "; ",
            "range": "{low} bis {high}",
            "sums": "Regen in mm; Wahrscheinlichkeiten für das Mittel",
            "period": "Zeitraum",
            "mean": "Mittel",
            "maximum": "Maximum",
            "median": "Median",
            "quantiles": "10 bis 90\u00a0%",
            "last": "letzte {length}",
            "next": "nächste {length}",
            "last_hour": "letzte Stunde",
            "next_hour": "nächste Stunde",
            "warnings": "Warnstufen des DWD: größte Summen, die in den nächsten zwei Stunden enden",
            "level": "Stufe",
            "anywhere": "Wahrscheinlichkeit (irgendwo)",
            "missing": "In den letzten 24 Stunden fehlen {number} Radarbilder; sie gelten nicht "
            "als trocken.",
            "one_missing": "In den letzten 24 Stunden fehlt ein Radarbild; es gilt nicht als "
            "trocken.",
            "no_ensemble": "Zu {model} gibt es kein Ensemble; deshalb sind keine "
            "Wahrscheinlichkeiten bekannt.",
        },
    }
)


def language_of(environment: Mapping[str, str]) -> Language:
    """The language of a user: German if the locale is, else English.

    Args:
        environment: Variables such as `LANG`.
    """
    locale = next((found for name in LOCALE_VARIABLES if (found := environment.get(name))), "")
    language = locale.partition(".")[0].partition("@")[0].partition("_")[0]
    return "de" if language.lower() in {"de", "german"} else "en"


def text_of(language: Language, name: str, **values: object) -> str:
    """One of `TEXTS` with its values."""
    return TEXTS[language][name].format(**values)


def moment(time: np.datetime64, language: Language) -> str:
    """A time in UTC as the language writes date and time."""
    if language == "de":
        return f"{to_datetime(time):%d.%m.%Y, %H:%M} UTC"
    return iso(to_datetime(time))


def amount(value: float | None, language: Language, form: str = ".1f") -> str:
    """A number such as a rate in mm/h or a sum in mm; `UNKNOWN` for None or NaN."""
    if value is None or np.isnan(value):
        return UNKNOWN
    return localised(format(value, form), language)


def millimetres(value: float, language: Language) -> str:
    """A threshold in mm with its unit."""
    return f"{amount(value, language, 'g')}{space(language)}mm"


def percent(probability: float | None, language: Language) -> str:
    """A probability in percent; `UNKNOWN` for None."""
    if probability is None:
        return UNKNOWN
    return f"{100 * probability:.0f}\u00a0%" if language == "de" else f"{probability:.0%}"


def length(minutes: int, language: Language) -> str:
    """The length of a period, such as 15 min or 6 h."""
    is_hours = minutes >= 60 and minutes % 60 == 0
    number, unit = (minutes // 60, "h") if is_hours else (minutes, "min")
    return f"{number}{space(language)}{unit}"


def unbroken(text: str, language: Language) -> str:
    """Sentences whose numbers no line break parts from their units in German."""
    return re.sub(r"(?<=\d) (?=mm|%)", space(language), text)


def space(language: Language) -> str:
    """What stands between a number and its unit: German never breaks a line there."""
    return "\u00a0" if language == "de" else " "
