"""German places are found by what is typed of their names and postcodes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.errors import NoItem
from service.pipeline.places.folding import folded, plain
from service.pipeline.places.index import PlaceIndex, german_places
from service.pipeline.places.place import Entry, Place, distance_km


def entry(name: str, size: int, *codes: str) -> Entry:
    town = Place(name, "Bayern", codes[0] if len(codes) == 1 else "", 48.0, 11.0, size)
    return Entry(town, dict.fromkeys(codes, (48.0, 11.0)))


@pytest.mark.parametrize("typed", ["München", "muenchen", "MUNCHEN", "Münch", "munich", " münch"])
def test_umlauts_case_and_english_names_do_not_matter(typed: str) -> None:
    assert german_places().search(typed)[0].name == "München"


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("St. Ingbert", "Sankt Ingbert"),
        ("Frankfurt Main", "Frankfurt am Main"),
        ("frankfurt oder", "Frankfurt (Oder)"),
        ("Halle (Saale)", "Halle"),
        ("Weisswasser", "Weißwasser"),
        ("Koeln", "Köln"),
        ("Wittenberg Lutherstadt", "Wittenberg"),
    ],
)
def test_spellings_of_a_name_find_the_place(typed: str, name: str) -> None:
    assert german_places().search(typed)[0].name.startswith(name)


def test_a_postcode_finds_its_part_of_a_city() -> None:
    (found, *_) = german_places().search("13581")
    assert (found.name, found.postcode) == ("Berlin", "13581")
    assert found.longitude < 13.25
    assert german_places().search("13581 Berlin")[0] == found
    assert german_places().search("13581 Leipzig") == []


def test_the_start_of_a_postcode_finds_places_in_the_order_of_postcodes() -> None:
    codes = [found.postcode for found in german_places().search("8033")]
    assert codes
    assert all(code.startswith("8033") for code in codes)
    assert codes == sorted(codes)


def test_a_word_within_a_name_finds_it_after_names_that_start_with_it() -> None:
    index = PlaceIndex([entry("Bad Homburg", 9), entry("Homburg", 1), entry("Homburger Land", 5)])
    names = [found.name for found in index.search("homburg")]
    assert names == ["Homburg", "Homburger Land", "Bad Homburg"]


def test_larger_places_of_a_name_come_first() -> None:
    index = PlaceIndex([entry("Neustadt", 700), entry("Neustadt", 9000), entry("Neustadt", 80)])
    sizes = [found.postcodes for found in index.search("neustadt")]
    assert sizes == [9000, 700, 80]


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=60))
def test_any_text_is_answered_by_at_most_so_many_places(text: str) -> None:
    found = german_places().search(text, most=5)
    assert len(found) <= 5
    if not folded(text):
        assert found == []


@given(st.text(alphabet="äöüßÄÖÜabc -/()", max_size=20))
def test_folding_again_changes_nothing(text: str) -> None:
    for fold in (folded, plain):
        assert fold(fold(text)) == fold(text)


def test_every_place_is_found_by_its_whole_name_and_each_of_its_postcodes() -> None:
    index = german_places()
    for known in index.entries[::97]:
        assert known.town.name in {found.name for found in index.search(known.town.name)}
        for code in known.postcodes:
            expected = {(found.name, found.postcode) for found in index.search(code, most=200)}
            assert (known.town.name, code) in expected


def test_there_are_the_places_and_postcodes_of_germany() -> None:
    index = german_places()
    positions = np.array([known.town[3:5] for known in index.entries])
    assert len(index.entries) > 14_000
    assert len({code for known in index.entries for code in known.postcodes}) > 8_100
    assert positions.min(axis=0) == pytest.approx([47.3, 5.9], abs=0.4)
    assert positions.max(axis=0) == pytest.approx([54.9, 15.0], abs=0.4)
    states = {known.town.state for known in index.entries}
    assert len(states) == 16


def test_the_nearest_place_to_a_position_has_the_postcode_there() -> None:
    found, km = german_places().nearest(52.53, 13.2)
    assert (found.name, found.postcode[:2]) == ("Berlin", "13")
    assert km < 3


def test_the_name_of_no_place_is_an_error_with_similar_names() -> None:
    with pytest.raises(NoItem, match="did you mean"):
        german_places().named("Mnchen")
    assert german_places().named("80331").name == "München"


def test_distances_are_those_on_the_sphere() -> None:
    assert distance_km(0, 0, 0, 90) == pytest.approx(6371 * np.pi / 2)
    assert distance_km(52.52, 13.41, 48.14, 11.58) == pytest.approx(504, abs=2)
