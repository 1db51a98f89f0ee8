"""A German place, with its postcodes and where it lies."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

EARTH_KM = 6371.0
ENGLISH = {
    "Munich": "München",
    "Cologne": "Köln",
    "Nuremberg": "Nürnberg",
    "Hanover": "Hannover",
    "Brunswick": "Braunschweig",
    "Heligoland": "Helgoland",
}
"""English names that differ from the German ones."""
GERMAN_TO_ENGLISH = {german: english for english, german in ENGLISH.items()}


class Place(NamedTuple):
    """A place.

    Attributes:
        name: German name.
        state: Name of the state it lies in.
        postcode: The postcode that was searched for, or the only one; empty if there are several,
            or none is known.
        latitude, longitude: Degrees north and east, of the postcode if it was searched for.
        postcodes: Number of postcodes that it has, which grows with its size.
    """

    name: str
    state: str
    postcode: str
    latitude: float
    longitude: float
    postcodes: int

    @property
    def english(self) -> str:
        """English name."""
        return GERMAN_TO_ENGLISH.get(self.name, self.name)


class Entry(NamedTuple):
    """A place of the table with all its postcodes, and their own degrees where they have some."""

    town: Place
    postcodes: dict[str, tuple[float, float]]

    def with_postcode(self, postcode: str) -> Place:
        """The place as the part of it that has a postcode."""
        latitude, longitude = self.postcodes[postcode]
        return self.town._replace(postcode=postcode, latitude=latitude, longitude=longitude)


def distance_km(
    latitude: ArrayLike, longitude: ArrayLike, other_latitude: ArrayLike, other_longitude: ArrayLike
) -> NDArray[np.float64]:
    """Distances (positions,) in km on the sphere between positions in degrees, or pairs of them."""
    north, east, north2, east2 = map(
        np.radians, (latitude, longitude, other_latitude, other_longitude)
    )
    half = (
        np.sin((north2 - north) / 2) ** 2
        + np.cos(north) * np.cos(north2) * np.sin((east2 - east) / 2) ** 2
    )
    return np.asarray(2 * EARTH_KM * np.arcsin(np.sqrt(half)))
