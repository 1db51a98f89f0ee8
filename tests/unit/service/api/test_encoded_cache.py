"""What was sent lately is made once, and no more of it is cache than there is room for."""

import json
import threading
import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import pytest

from service.api import encoded_cache
from service.api.encoded_cache import EncodedCache, json_bytes, with_members


def test_however_many_ask_at_once_it_is_made_once() -> None:
    cache, encodings, gate = EncodedCache(), [], threading.Event()

    def make() -> bytes:
        encodings.append(1)
        assert gate.wait(300)
        return b"content"

    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(cache.get, "a", make) for _ in range(8)]
        gate.set()
        assert {future.result() for future in asked} == {b"content"}
    assert cache.get("a", lambda: b"another") == b"content"
    assert len(encodings) == 1


def test_what_could_not_be_made_is_tried_again() -> None:
    def fail() -> bytes:
        raise ValueError("burnt")

    cache = EncodedCache()
    for _ in range(2):
        with pytest.raises(ValueError, match="burnt"):
            cache.get("a", fail)
    assert cache.get("a", lambda: b"done") == b"done"


def test_those_not_asked_for_the_longest_go_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoded_cache, "MOST_ENCODED", 3)
    cache = EncodedCache()
    for name in ("a", "b", "c", "a", "d"):
        cache.get(name, name.encode)
    assert cache.get("a", lambda: b"new") == b"a"
    assert cache.get("b", lambda: b"new") == b"new"


def test_json_takes_the_memory_of_its_size_and_no_more() -> None:
    document = {"values": [number / 10 for number in range(100_000)]}
    tracemalloc.start()
    content = json_bytes(document)
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert json.loads(content) == document
    assert kept < 1.1 * len(content)


def test_members_are_added_to_json_at_its_end() -> None:
    assert with_members(b'{"a":1}', {"b": [2], "c": None}) == b'{"a":1,"b":[2],"c":null}'
