"""The summary of a place in words, in English and German."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Literal
from zoneinfo import ZoneInfo

import numpy as np

from service.archive.key import to_datetime
from service.pipeline.place_summary import PlaceSummary, Window

Language = Literal["en", "de"]
Clock = Callable[[np.datetime64], str]
LANGUAGES: tuple[Language, ...] = ("en", "de")

TEXTS: Mapping[Language, Mapping[str, str]] = MappingProxyType(
    {
        "en": {
            "nothing": "Unknown: there are no radar data here. That does not mean it is dry.",
            "unknown": "No rain is forecast until {after}; what comes later is unknown, because no "
            "radar sees where the weather comes from.",
            "unknown_now": "Unknown: there are no radar data here now.",
            "dry": "It stays dry until at least {until}.",
            "probably_dry": "It probably stays dry until {until}.",
            "probably_dry_chance": "It probably stays dry until {until}; the chance of a shower is "
            "{chance} %.",
            "rain_possible": "Rain is possible until {until}; the chance is {chance} %.",
            "raining": "It is raining.",
            "starts": "Rain starts between {first} and {last}.",
            "ends": "The rain ends between {first} and {last}.",
            "goes_on": "The rain continues beyond {until}.",
            "end_unknown": "When the rain ends is unknown, because no radar sees where the weather "
            "comes from.",
            "interruptions": "With interruptions.",
            "peak": "Up to {peak} mm/h.",
        },
        "de": {
            "nothing": "Unbekannt: Hier gibt es keine Radardaten. Das heißt nicht, dass es trocken "
            "ist.",
            "unknown": "Bis {after} ist kein Regen vorhergesagt; was danach kommt, ist unbekannt, "
            "weil kein Radar sieht, woher das Wetter kommt.",
            "unknown_now": "Unbekannt: Hier gibt es zurzeit keine Radardaten.",
            "dry": "Es bleibt mindestens bis {until} trocken.",
            "probably_dry": "Es bleibt wahrscheinlich bis {until} trocken.",
            "probably_dry_chance": "Es bleibt wahrscheinlich bis {until} trocken; die "
            "Wahrscheinlichkeit für einen Schauer beträgt {chance} %.",
            "rain_possible": "Bis {until} ist Regen möglich; die Wahrscheinlichkeit beträgt "
            "{chance} %.",
            "raining": "Es regnet.",
            "starts": "Zwischen {first} und {last} beginnt es zu regnen.",
            "ends": "Der Regen endet zwischen {first} und {last}.",
            "goes_on": "Der Regen dauert über {until} hinaus an.",
            "end_unknown": "Wann der Regen aufhört, ist unbekannt, weil kein Radar sieht, woher "
            "das Wetter kommt.",
            "interruptions": "Mit Unterbrechungen.",
            "peak": "Bis zu {peak} mm/h.",
        },
    }
)


def in_utc(time: np.datetime64) -> str:
    """A time as hours and minutes in UTC."""
    return f"{to_datetime(time):%H:%M} UTC"


def clock_in(zone: str, language: Language) -> Clock:
    """Return what words times in a zone ("UTC" or an IANA name) as a language does."""
    if zone == "UTC":
        return in_utc
    suffix = " Uhr" if language == "de" else ""
    return lambda time: f"{to_datetime(time).astimezone(ZoneInfo(zone)):%H:%M}{suffix}"


def wording(summary: PlaceSummary, language: Language, clock: Clock = in_utc) -> str:
    """Word the summary of a place in a few sentences.

    Args:
        summary: The summary.
        language: "en" or "de".
        clock: Words a time.
    """
    texts = TEXTS[language]
    sentences = rain(summary, clock) if summary.state == "rain" else [no_rain(summary, clock)]
    return " ".join(
        texts[key].format_map({name: localised(value, language) for name, value in values.items()})
        for key, values in sentences
    )


Sentence = tuple[str, dict[str, str]]


def no_rain(summary: PlaceSummary, clock: Clock) -> Sentence:
    """The sentence where no rain is forecast."""
    values = {"until": clock(summary.until)}
    if summary.probability is not None:
        values["chance"] = f"{100 * summary.probability:.0f}"
    if summary.state != "unknown":
        has_chance = summary.state == "probably_dry" and summary.probability is not None
        return f"{summary.state}_chance" if has_chance else summary.state, values
    if summary.peak is None:
        return "nothing", {}
    if summary.unknown_after is None or summary.unknown_after == summary.issue:
        return "unknown_now", {}
    return "unknown", {"after": clock(summary.unknown_after)}


def rain(summary: PlaceSummary, clock: Clock) -> list[Sentence]:
    """Sentences where it rains now or later."""
    if summary.starts_between is None:
        sentences: list[Sentence] = [("raining", {})]
    else:
        sentences = [("starts", between(summary.starts_between, clock))]
    if summary.ends_between is not None:
        sentences.append(("ends", between(summary.ends_between, clock)))
    elif summary.unknown_after is not None:
        sentences.append(("end_unknown", {}))
    else:
        sentences.append(("goes_on", {"until": clock(summary.until)}))
    if summary.with_interruptions:
        sentences.append(("interruptions", {}))
    return [*sentences, ("peak", {"peak": f"{summary.peak:.1f}"})]


def between(window: Window, clock: Clock) -> dict[str, str]:
    """The times of a window; what follows both of them, such as UTC, stands once."""
    (first, unit), (last, unit_of_last) = (clock(time).partition(" ")[::2] for time in window)
    until = f"{last} {unit_of_last}".rstrip()
    return {"first": first if unit == unit_of_last else f"{first} {unit}".rstrip(), "last": until}


def localised(value: str, language: Language) -> str:
    """A number with the decimal mark of a language; other text as it is."""
    return value.replace(".", ",") if language == "de" else value
