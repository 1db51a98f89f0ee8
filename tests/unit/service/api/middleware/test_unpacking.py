"""Packed request bodies are taken, bounded by what they unpack to."""

import gzip
import json
from collections.abc import Callable

import brotli
import pytest
from backports import zstd
from fastapi.testclient import TestClient
from httpx import Response

from tests.served import iso, problem

PACK: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "br": brotli.compress,
    "zstd": zstd.compress,
}
BODY = json.dumps({"model": "advection", "issue": iso(6)}).encode()
HUGE = 64 * 2**20


def send(client: TestClient, body: bytes, coding: str) -> Response:
    headers = {b"content-type": b"application/json", b"content-encoding": coding.encode("latin-1")}
    answer: Response = client.post("/nowcast", content=body, headers=headers)
    return answer


@pytest.mark.parametrize("coding", [*PACK, "identity", " GZIP "])
def test_a_packed_body_is_the_same_request(reader: TestClient, coding: str) -> None:
    pack = PACK.get(coding.strip().lower(), bytes)
    answer = send(reader, pack(BODY), coding)
    assert answer.status_code == 200
    assert answer.json()["issue_time"] == iso(6)


@pytest.mark.parametrize("coding", ["deflate", "compress", "gzip, br", "x", "\xff"])
def test_an_unknown_coding_is_415_and_told_what_is_taken(reader: TestClient, coding: str) -> None:
    answer = send(reader, BODY, coding)
    assert "gzip" in problem(answer, 415)["detail"]
    assert answer.headers["accept-encoding"] == "gzip, x-gzip, br, zstd"


@pytest.mark.parametrize("coding", PACK)
@pytest.mark.parametrize("change", ["plain", "cut", "damaged"])
def test_a_body_that_is_not_in_its_coding_is_400(
    reader: TestClient, coding: str, change: str
) -> None:
    packed = PACK[coding](BODY * 20)
    damaged = {"plain": BODY, "cut": packed[:-9], "damaged": b"\0\1" + packed[2:]}[change]
    assert "body" in problem(send(reader, damaged, coding), 400)["detail"]


@pytest.mark.parametrize("coding", PACK)
def test_a_small_body_that_unpacks_to_a_huge_one_is_413(reader: TestClient, coding: str) -> None:
    packed = PACK[coding](bytes(HUGE))
    assert len(packed) < 100_000
    problem(send(reader, packed, coding), 413)


@pytest.mark.parametrize("coding", ["gzip", "zstd"])
def test_a_body_of_several_members_is_one_body(reader: TestClient, coding: str) -> None:
    body = PACK[coding](BODY[:9]) + PACK[coding](BODY[9:])
    assert send(reader, body, coding).status_code == 200
