"""gzip and bzip2 of one stream or many, whole or not."""

import bz2
import gzip
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest import BadField
from ingest.formats import compression
from ingest.formats.compression import Unpacker, unpack

PACKERS: dict[str, Callable[[bytes], bytes]] = {"gzip": gzip.compress, "bzip2": bz2.compress}
DATA = np.random.default_rng(1).integers(0, 9, 300_000, np.uint8).tobytes()


def streams(pack: Callable[[bytes], bytes], size: int) -> bytes:
    return b"".join(pack(DATA[start : start + size]) for start in range(0, len(DATA), size))


@pytest.mark.parametrize("pack", PACKERS.values(), ids=PACKERS)
@settings(max_examples=25, deadline=None)
@given(size=st.integers(3000, 400_000))
def test_streams_of_any_size_are_read_one_after_the_other(
    pack: Callable[[bytes], bytes], size: int
) -> None:
    assert unpack(streams(pack, size)) == DATA


@pytest.mark.parametrize("pack", PACKERS.values(), ids=PACKERS)
def test_an_empty_stream_at_the_end_as_of_bgzip_is_nothing(pack: Callable[[bytes], bytes]) -> None:
    assert unpack(streams(pack, 65_280) + pack(b"")) == DATA


def test_zeros_that_pad_a_tape_are_nothing() -> None:
    assert unpack(gzip.compress(DATA) + bytes(200_000)) == DATA


@pytest.mark.parametrize("pack", PACKERS.values(), ids=PACKERS)
def test_what_follows_and_is_no_stream_is_refused(pack: Callable[[bytes], bytes]) -> None:
    with pytest.raises(BadField, match="followed by 9 bytes that begin with b'<html>503'"):
        unpack(pack(DATA) + b"<html>503")


@pytest.mark.parametrize("pack", PACKERS.values(), ids=PACKERS)
@pytest.mark.parametrize("share", [0.2, 0.5, 0.99])
def test_a_cut_among_the_streams_is_seen(pack: Callable[[bytes], bytes], share: float) -> None:
    packed = streams(pack, 50_000)
    with pytest.raises(BadField, match="is truncated"):
        unpack(packed[: int(share * len(packed))])


@pytest.mark.parametrize("pack", PACKERS.values(), ids=PACKERS)
def test_all_streams_together_stay_below_the_limit(
    pack: Callable[[bytes], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compression, "LARGEST", 200_000)
    with pytest.raises(BadField, match="unpacks to over 200000 bytes"):
        unpack(streams(pack, 50_000))
    monkeypatch.setattr(compression, "LARGEST", len(DATA))
    assert unpack(streams(pack, 50_000)) == DATA


def test_of_a_million_empty_streams_only_the_first_are_unpacked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    unpack_stream, begun = compression.unpack_stream, list[int]()

    def counted(data: bytes, begin: int, unpacker: Unpacker, room: int) -> tuple[bytes, int]:
        begun.append(begin)
        return unpack_stream(data, begin, unpacker, room)

    monkeypatch.setattr(compression, "unpack_stream", counted)
    with pytest.raises(BadField, match="over 10000 packed streams"):
        unpack(gzip.compress(b"") * 1_000_000)
    assert len(begun) == 10_000
