"""Search of places by name or postcode, and the place nearest to a position.

They are those of Germany, or of the domain that is served.

A search finds names that start with what is typed, at any of their words, in any case and with or
without umlauts: "muench", "munch" and "Münch" find München. Whole names come first, then names that
start with it, then larger places.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from functools import lru_cache
from threading import Condition

import numpy as np
from cachetools import cached

from ingest.domain import Domain, NamedPlace
from service.errors import NoItem
from service.pipeline.places.folding import folded, plain
from service.pipeline.places.geonames import german_entries
from service.pipeline.places.place import Entry, Place, distance_km

MOST = 20
"""Most results of a search."""
POSTCODE_DIGITS = 5
QUOTED = 60
"""Characters quoted of a text."""


class PlaceIndex:
    """Places, sorted for searches.

    Args:
        entries: The places, each with one position or more.
        area: Where they lie, for messages.
    """

    def __init__(self, entries: Iterable[Entry], area: str = "Germany") -> None:
        self.entries, self.area = list(entries), area
        self.names = [names_of(entry.town) for entry in self.entries]
        self.starts = sorted(
            (rest, number)
            for number, names in enumerate(self.names)
            for rest in {rest for name in names for rest in starts_of_words(name)}
        )
        self.codes = sorted(
            (code, number) for number, entry in enumerate(self.entries) for code in entry.postcodes
        )
        self.areas = [
            (number, code) for number, entry in enumerate(self.entries) for code in entry.postcodes
        ]
        self.positions = np.array(
            [self.entries[number].postcodes[code] for number, code in self.areas]
        ).reshape(-1, 2)

    def search(self, text: str, most: int = MOST) -> list[Place]:
        """Places whose name or postcode starts with a text, the best match first.

        Args:
            text: Start of a name or postcode, or both.
            most: Most results.
        """
        parts = folded(text).split()
        digits = "".join(part for part in parts if part.isdigit())
        name = " ".join(part for part in parts if not part.isdigit())
        if digits and len(digits) <= POSTCODE_DIGITS:
            found = self.with_code(digits, name)
        else:
            found = self.with_name(name) if name else []
        return found[:most]

    def with_code(self, digits: str, name: str) -> list[Place]:
        """Places with a postcode that starts with digits; with a whole one, larger ones first."""
        found = [
            self.entries[number].with_postcode(code)
            for code, number in starting_with(self.codes, digits)
            if not name or self.rank(number, name) is not None
        ]
        return sorted(found, key=lambda town: (town.postcode, -town.postcodes, town.name))

    def with_name(self, name: str) -> list[Place]:
        """Places with a name that starts with words in folded form, at any of its words.

        Words between may be left out (Frankfurt Main). Where no place has all words, those with the
        first ones are found (Halle Saale).
        """
        parts = name.split()
        numbers = {number for _, number in starting_with(self.starts, parts[0])}
        while parts:
            ranked = [
                (rank, -self.entries[number].town.postcodes, self.entries[number].town)
                for number in numbers
                if (rank := self.rank(number, " ".join(parts))) is not None
            ]
            if ranked:
                return [town for _, _, town in sorted(ranked)]
            parts.pop()
        return []

    def rank(self, number: int, name: str) -> int | None:
        """0 for a whole name, 1 for the start of a name, 2 for starts of its words, else None."""
        ranks = [rank_of(known, name) for known in self.names[number]]
        return min((rank for rank in ranks if rank is not None), default=None)

    def nearest(self, latitude: float, longitude: float) -> tuple[Place, float]:
        """The place with the postcode nearest to a position in degrees, and its distance in km.

        Raises:
            NoItem: There are no places.
        """
        if not self.areas:
            raise NoItem(f"no places are known in {self.area}")
        away = distance_km(latitude, longitude, self.positions[:, 0], self.positions[:, 1])
        nearest = int(np.argmin(away))
        number, code = self.areas[nearest]
        return self.entries[number].with_postcode(code), float(away[nearest])

    def named(self, text: str) -> Place:
        """The place that best matches a text.

        Raises:
            NoItem: There is none; the message has similar names.
        """
        if found := self.search(text, most=1):
            return found[0]
        similar = get_close_matches(folded(text), {names[0] for names in self.names}, n=3)
        known = [self.entries[self.number_of(name)].town.name for name in similar]
        meant = f"; did you mean {' or '.join(known)}?" if known else ""
        raise NoItem(
            f"there is no place {text[:QUOTED]!r} in {self.area}, should be a name or a postcode"
            f"{meant}"
        )

    def number_of(self, name: str) -> int:
        """Number of the entry with a name in folded form."""
        return next(number for number, names in enumerate(self.names) if names[0] == name)


def names_of(town: Place) -> tuple[str, ...]:
    """All forms of the names of a place, the folded German one first."""
    names = dict.fromkeys((folded(town.name), plain(town.name), folded(town.english)))
    return tuple(names)


def starts_of_words(name: str) -> Iterator[str]:
    """A name from each of its words on: "bad homburg" and "homburg"."""
    parts = name.split()
    return (" ".join(parts[first:]) for first in range(len(parts)))


def rank_of(known: str, name: str) -> int | None:
    """How well a known name matches words, as in `PlaceIndex.rank`."""
    if known == name:
        return 0
    if known.startswith(name):
        return 1
    remaining = iter(known.split())
    in_order = all(any(word.startswith(part) for word in remaining) for part in name.split())
    return 2 if in_order else None


def starting_with(pairs: list[tuple[str, int]], start: str) -> Iterator[tuple[str, int]]:
    """Those of sorted pairs whose text starts with a text."""
    for number in range(bisect_left(pairs, (start,)), len(pairs)):
        if not pairs[number][0].startswith(start):
            return
        yield pairs[number]


@cached({}, condition=Condition())
def german_places() -> PlaceIndex:
    """All German places; the first call reads them, which takes seconds, and others wait for it."""
    return PlaceIndex(german_entries())


def places_of(domain: Domain | None) -> PlaceIndex:
    """The places of a domain; of Germany without one."""
    return german_places() if domain is None else own_places(domain.places, domain.title)


@lru_cache(maxsize=4)
def own_places(places: tuple[NamedPlace, ...], area: str) -> PlaceIndex:
    """The places of a list, which have no postcodes."""
    return PlaceIndex(map(entry_without_postcode, places), area)


def entry_without_postcode(named: NamedPlace) -> Entry:
    """A place that is known by its name alone."""
    town = Place(named.name, "", "", named.latitude, named.longitude, 0)
    return Entry(town, {"": (named.latitude, named.longitude)})
