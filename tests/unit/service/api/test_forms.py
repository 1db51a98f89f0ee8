"""The forms of a forecast, and how long they may be kept."""

from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient

from ingest.formats import netcdf
from service.api.app import create_app
from service.archive.archive import Archive
from service.archive.key import Key, stamp
from service.ledger.ledger import Ledger
from service.pipeline.verify import verify
from tests.served import LATEST, NEWEST, api_context, iso, problem
from tests.showers import frame, moment, time

JSON, NETCDF, PNG = "application/json", "application/x-netcdf", "image/png"
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"


def test_the_netcdf_is_the_file_of_the_archive(reader: TestClient, filled: Path) -> None:
    answer = reader.get("/nowcasts/latest", headers={"Accept": NETCDF})
    assert answer.headers["content-type"] == NETCDF
    assert f"{stamp(time(LATEST))}-advection-none.nc" in answer.headers["content-disposition"]
    archive, key = Archive(filled / "archive"), Key(time(LATEST), "advection", "none")
    assert answer.content == archive.forecast_bytes(key)
    assert netcdf.decode(answer.content).shape == (24, 180, 180)


def test_the_numbers_of_json_and_netcdf_are_the_same(reader: TestClient) -> None:
    forecast = reader.get("/nowcasts/latest").json()
    file = reader.get("/nowcasts/latest", headers={"Accept": NETCDF}).content
    every = netcdf.decode(file)
    minutes = (every["lead_time"].values / np.timedelta64(1, "m")).astype(int).tolist()
    field = every.isel(lead_time=[minutes.index(lead) for lead in forecast["lead_minutes"]])
    rates = np.array(forecast["rainfall_rate"], dtype=float)
    np.testing.assert_allclose(rates, field, atol=0.01)
    np.testing.assert_allclose(forecast["grid"]["x"], field.x)
    np.testing.assert_allclose(forecast["grid"]["y"], field.y)


def test_the_picture_is_a_png(reader: TestClient) -> None:
    answer = reader.get("/nowcasts/latest", headers={"Accept": PNG})
    assert answer.headers["content-type"] == PNG
    assert answer.content.startswith(b"\x89PNG\r\n\x1a\n")
    assert answer.content.endswith(b"IEND\xaeB`\x82")


@pytest.mark.parametrize(
    ("accept", "media"),
    [
        (None, JSON),
        ("", JSON),
        ("*/*", JSON),
        ("application/*", JSON),
        ("application/json; charset=utf-8", JSON),
        ("APPLICATION/JSON", JSON),
        ("application/netcdf", NETCDF),
        ("application/x-netcdf, application/json;q=0.5", NETCDF),
        ("application/x-netcdf;q=0.4, application/json;q=0.5", JSON),
        ("application/json;q=0, */*", NETCDF),
        ("*/*;q=0.1, application/x-netcdf", NETCDF),
        ("text/csv, application/x-netcdf;q=0.1", NETCDF),
        ("image/*", PNG),
        (BROWSER, PNG),
    ],
)
def test_the_form_is_what_the_client_likes_best(
    reader: TestClient, accept: str | None, media: str
) -> None:
    if accept is None:
        reader.headers.pop("accept", None)
    answer = reader.head("/nowcasts/latest", headers={} if accept is None else {"Accept": accept})
    assert (answer.status_code, answer.headers["content-type"]) == (200, media)


@pytest.mark.parametrize(
    "accept", ["text/csv", "application/json;q=0", "application/json;q=nan", "*/*;q=0", "x", ";;,"]
)
def test_a_form_that_there_is_not_is_406(reader: TestClient, accept: str) -> None:
    body = problem(reader.get("/nowcasts/latest", headers={"Accept": accept}), 406)
    assert JSON in body["detail"]


@pytest.mark.parametrize(("form", "media"), [("json", JSON), ("netcdf", NETCDF), ("png", PNG)])
def test_the_form_can_be_named_in_the_address(reader: TestClient, form: str, media: str) -> None:
    answer = reader.head(f"/nowcasts/latest?f={form}", headers={"Accept": "text/csv"})
    assert (answer.status_code, answer.headers["content-type"]) == (200, media)


@pytest.mark.parametrize("form", ["csv", "", "JSON", "\0"])
def test_an_unknown_form_in_the_address_is_400(reader: TestClient, form: str) -> None:
    assert "f" in problem(reader.get("/nowcasts/latest", params={"f": form}), 400)["detail"]


def test_the_entity_tag_names_issue_model_and_weights(reader: TestClient) -> None:
    name = f"{stamp(time(LATEST))}-advection-none"
    for coding, tag in {"identity": name, "gzip": f"{name}-gzip", "br": f"{name}-br"}.items():
        answer = reader.head("/nowcasts/latest", headers={"Accept-Encoding": coding})
        assert answer.headers["etag"] == f'"{tag}"'


def test_each_form_has_its_own_entity_tag(reader: TestClient) -> None:
    forms = (JSON, NETCDF, PNG)
    tags = {reader.head("/nowcasts/latest", headers={"Accept": f}).headers["etag"] for f in forms}
    assert len(tags) == 3


@pytest.mark.parametrize("wrap", ["{}", "W/{}", '"x", {}', "{} , W/{}", "*"])
def test_who_has_it_already_gets_304_and_no_body(reader: TestClient, wrap: str) -> None:
    first = reader.get("/nowcasts/latest")
    tag = first.headers["etag"]
    again = reader.get("/nowcasts/latest", headers={"If-None-Match": wrap.format(tag, tag)})
    assert again.status_code == 304
    assert again.content == b""
    for name in ("etag", "cache-control", "vary"):
        assert again.headers[name] == first.headers[name]


@pytest.mark.parametrize("tag", ['"x"', "", "20260621T2325Z-advection-none", '"'])
def test_who_has_another_gets_the_whole(reader: TestClient, tag: str) -> None:
    answer = reader.head("/nowcasts/latest", headers={"If-None-Match": tag})
    assert answer.status_code == 200


def test_who_has_the_picture_does_not_get_304_for_the_numbers(reader: TestClient) -> None:
    tag = reader.head("/nowcasts/latest", headers={"Accept": PNG}).headers["etag"]
    assert reader.head("/nowcasts/latest", headers={"If-None-Match": tag}).status_code == 200


def test_the_latest_is_short_lived_and_one_of_an_issue_stays(reader: TestClient) -> None:
    of_issue = f"{iso(LATEST)}?model=advection"
    latest, issue = (reader.head(f"/nowcasts/{which}") for which in ("latest", of_issue))
    named = reader.head(issue.headers["content-location"])
    assert "max-age=30" in latest.headers["cache-control"]
    assert "max-age=300" in issue.headers["cache-control"]
    for depends_on_settings in (latest, issue):
        assert "immutable" not in depends_on_settings.headers["cache-control"]
    assert "immutable" in named.headers["cache-control"]
    assert "max-age=31536000" in named.headers["cache-control"]
    for answer in (latest, issue, named):
        assert answer.headers["vary"] == "Accept, Accept-Encoding"


def test_what_is_immutable_does_not_change_when_more_is_verified(data: Path) -> None:
    """Those of half an hour before are verified with the very frame that this one starts from."""
    archive, ledger = Archive(data / "archive"), Ledger(f"sqlite:///{data / 'ledger.sqlite'}")
    number = LATEST + 6
    for newer in range(NEWEST + 1, number + 7):
        archive.put_frame(frame(newer))
    with TestClient(create_app(api_context(data, moment(number)))) as client:
        wanted = {"issue": iso(number)}
        response = client.post("/nowcast", json=wanted, headers={"Prefer": "wait=30"})
        assert response.status_code == 200
        for now in (moment(number), moment(number + 6)):
            assert verify(archive, ledger, now) > 0
            assert client.get(f"/nowcasts/{iso(number)}").content == response.content
