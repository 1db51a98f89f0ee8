"""Answers are packed as the client prefers, with a tag of their own, and once for all clients."""

import gzip
from collections.abc import Callable

import brotli
import pytest
from backports import zstd
from fastapi.testclient import TestClient

from service.api.app import create_app
from service.api.middleware import codings, compression
from service.api.middleware.codings import preferred_coding
from tests.served import LATEST, api_context, iso

UNPACK: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.decompress,
    "br": brotli.decompress,
    "zstd": zstd.decompress,
}
READS = ["/nowcasts/latest", "/grids/latest", "/verification", "/openapi.json",
         f"/grids/radar/{iso(LATEST)}"]  # fmt: skip


def raw(client: TestClient, path: str, **headers: str) -> tuple[dict[str, str], bytes]:
    """Headers and body of a response as it is sent."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    with client.stream("GET", path, headers=named) as response:
        return dict(response.headers), b"".join(response.iter_raw())


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        ("", None),
        ("identity", None),
        ("gzip", "gzip"),
        ("x-gzip", "gzip"),
        ("GZIP", "gzip"),
        ("deflate", None),
        ("gzip, deflate, br, zstd", "zstd"),
        ("gzip, deflate, br", "br"),
        ("gzip, br;q=0", "gzip"),
        ("gzip;q=0.5, br;q=0.2", "gzip"),
        ("*", "zstd"),
        ("*, zstd;q=0", "br"),
        ("*;q=0", None),
        ("identity, gzip;q=0.5", None),
        ("gzip;q=nonsense", None),
    ],
)
def test_the_coding_is_the_one_that_the_client_prefers(accepted: str, coding: str | None) -> None:
    assert preferred_coding(accepted) == coding


@pytest.mark.parametrize("coding", UNPACK)
@pytest.mark.parametrize("media", ["application/json", "text/plain"])
def test_packed_content_unpacks_to_the_same(reader: TestClient, coding: str, media: str) -> None:
    path = {"application/json": "/nowcasts/latest", "text/plain": "/metrics"}[media]
    _, plain = raw(reader, path, accept_encoding="identity")
    headers, packed = raw(reader, path, accept_encoding=coding)
    assert headers["content-encoding"] == coding
    assert headers["content-type"].startswith(media)
    assert int(headers["content-length"]) == len(packed) < len(plain) / 3
    assert "accept-encoding" in headers["vary"].lower()
    if media == "application/json":  # metrics count this very request
        assert UNPACK[coding](packed) == plain


@pytest.mark.parametrize("path", READS)
def test_each_coding_has_a_tag_of_its_own_and_is_not_sent_twice(
    reader: TestClient, path: str
) -> None:
    tags = set()
    for coding in ("identity", "gzip", "br"):
        headers, _ = raw(reader, path, accept_encoding=coding)
        assert headers["cache-control"]
        tags.add(headers["etag"])
        if path == "/grids/latest":  # it has the time of day
            continue
        for known in (headers["etag"], f"W/{headers['etag']}", f'"x", {headers["etag"]}', "*"):
            again = reader.get(path, headers={"Accept-Encoding": coding, "If-None-Match": known})
            assert (again.status_code, again.content) == (304, b""), known
            assert again.headers["etag"] == headers["etag"], known
            assert not {"content-encoding", "content-type"} & set(again.headers)
    assert len(tags) == 3


def test_pictures_and_netcdf_are_packed_already(reader: TestClient) -> None:
    headers, _ = raw(reader, "/nowcasts/latest?f=netcdf", accept_encoding="gzip, br, zstd")
    assert "content-encoding" not in headers


def test_a_forecast_is_packed_once_for_many_clients(
    filled: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    packed: list[str] = []

    def count(content: bytes, coding: codings.Coding, *, cached: bool) -> bytes:
        packed.append(coding)
        return codings.pack(content, coding, cached=cached)

    monkeypatch.setattr(compression, "pack", count)
    context = api_context(filled, requests_per_minute=1000)  # type: ignore[arg-type]
    with TestClient(create_app(context)) as client:
        for _ in range(3):
            for coding in UNPACK:
                raw(client, f"/nowcasts/{iso(LATEST)}?model=advection", accept_encoding=coding)
    assert sorted(packed) == sorted(UNPACK)
