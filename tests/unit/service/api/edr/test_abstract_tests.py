"""Assertions of the abstract test suite of OGC API - EDR 1.1, each by its name.

Of the classes that `/conformance` claims. Source: OGC 19-086r6, annex A.
"""

from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
from covjson_pydantic.coverage import Coverage, CoverageCollection
from edr_pydantic.capabilities import ConformanceModel, LandingPageModel
from edr_pydantic.collections import Collection, Collections, Instances
from fastapi.testclient import TestClient

from tests.served import LATEST, iso, problem

BERLIN = "POINT(13.41 52.52)"
AREA = "POLYGON((13 52,13.6 52,13.6 52.6,13 52.6,13 52))"
QUERIES: dict[str, dict[str, str]] = {
    "position": {"coords": BERLIN},
    "area": {"coords": AREA},
    "cube": {"bbox": "13,52,13.6,52.6"},
    "radius": {"coords": BERLIN, "within": "20", "within-units": "km"},
    "trajectory": {"coords": "LINESTRING(13 52,13.6 52.6)"},
    "locations/Berlin": {},
}
COLLECTIONS = ("nowcast", "radar")
Document = dict[str, Any]


def read(client: TestClient, path: str, **query: str) -> Document:
    answer = client.get(f"{path}?{urlencode(query)}" if query else path)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].partition(";")[0] in {
        "application/json", "application/prs.coverage+json", "application/geo+json"
    }  # fmt: skip
    document: Document = answer.json()
    return document


def path_of(href: str) -> str:
    parts = urlsplit(href)
    assert parts.scheme == "http", href
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def rels(document: Document) -> set[str]:
    return {link["rel"] for link in document["links"]}


def test_conf_core_root_op_and_success(reader: TestClient) -> None:
    page = LandingPageModel.model_validate(read(reader, "/"))
    assert {"service-desc", "service-doc", "conformance", "data"} <= {
        link.rel for link in page.links
    }
    for link in page.links:
        accept = {"Accept": link.type or "*/*"}
        assert reader.get(path_of(link.href), headers=accept).status_code == 200, link.href


def test_conf_core_api_definition(reader: TestClient) -> None:
    headers = reader.get("/").headers["link"]
    assert 'rel="service-desc"' in headers
    assert reader.get("/openapi.json").json()["openapi"].startswith("3.1")


def test_a_browser_gets_the_map_at_the_landing_page(reader: TestClient) -> None:
    browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
    answer = reader.get("/", headers={"Accept": browser})
    assert answer.headers["content-type"].startswith("text/html")
    assert reader.get("/?f=html").headers["content-type"].startswith("text/html")
    assert reader.get("/", headers={"Accept": "*/*"}).json()["title"]
    problem(reader.get("/?f=xml"), 400)


def test_conf_core_conformance_op_and_success(reader: TestClient) -> None:
    claimed = ConformanceModel.model_validate(read(reader, "/conformance")).conformsTo
    assert "http://www.opengis.net/spec/ogcapi-edr-1/1.1/conf/core" in claimed
    assert len(claimed) == len(set(claimed))


def test_conf_collections_rc_md_op_and_success(reader: TestClient) -> None:
    document = read(reader, "/collections")
    collections = Collections.model_validate_json(reader.get("/collections").content)
    assert [listed.id for listed in collections.collections] == [
        "nowcast",
        "radar",
        "probability",
        "sums",
    ]
    assert "self" in rels(document)
    for collection in document["collections"]:
        assert "self" in rels(collection)
        assert read(reader, f"/collections/{collection['id']}") == collection


@pytest.mark.parametrize("collection", [*COLLECTIONS, "probability"])
def test_conf_collections_src_md_op_and_success(reader: TestClient, collection: str) -> None:
    document = read(reader, f"/collections/{collection}")
    Collection.model_validate_json(reader.get(f"/collections/{collection}").content)
    west, south, east, north = document["extent"]["spatial"]["bbox"][0]
    assert (2 < west < 4, 46 < south < 48, 14 < east < 17, 54 < north < 56) == (True,) * 4
    for query in QUERIES:
        kind = query.partition("/")[0]
        link = document["data_queries"][kind]["link"]
        assert link["rel"] == "data"
        assert link["variables"]["query_type"] == kind
        assert link["variables"]["output_formats"]
    assert {"CRS84", "EPSG:4326", "EPSG:3857", "EPSG:25832", "radar"} == set(document["crs"])


def test_parameters_have_units_and_standard_names(reader: TestClient) -> None:
    rate = read(reader, "/collections/radar")["parameter_names"]["rainfall_rate"]
    assert rate["unit"]["symbol"]["value"] == "mm/h"
    assert rate["observedProperty"]["id"].endswith("standard_name/rainfall_rate/")
    assert rate["measurementType"] == {"method": "mean", "duration": "-PT5M"}


def test_conf_collections_rc_instances(reader: TestClient) -> None:
    path = "/collections/nowcast/instances"
    Instances.model_validate_json(reader.get(path).content)
    instances = read(reader, path)["instances"]
    assert instances
    assert instances[0]["extent"]["temporal"]["interval"][0][0] == iso(LATEST + 6)
    for instance in instances:
        href = instance["data_queries"]["position"]["link"]["href"]
        series = read(reader, path_of(href), coords=BERLIN, model="persistence")
        times = instance["extent"]["temporal"]["values"]
        assert series["domain"]["axes"]["t"]["values"] == times
        assert read(reader, f"{path}/{instance['id']}") == instance
    for unknown in ("x", "20200101T0000Z"):
        problem(reader.get(f"{path}/{unknown}"), 404)


@pytest.mark.parametrize("query", QUERIES)
@pytest.mark.parametrize("collection", COLLECTIONS)
def test_conf_covjson_content(reader: TestClient, collection: str, query: str) -> None:
    answer = reader.get(f"/collections/{collection}/{query}", params=QUERIES[query])
    assert answer.headers["content-type"] == "application/prs.coverage+json"
    document = answer.json()
    if document["type"] == "CoverageCollection":
        CoverageCollection.model_validate_json(answer.content)
    else:
        Coverage.model_validate_json(answer.content)


@pytest.mark.parametrize("query", QUERIES)
def test_conf_geojson_content(reader: TestClient, query: str) -> None:
    document = read(reader, f"/collections/nowcast/{query}", f="GeoJSON", **QUERIES[query])
    assert document["type"] == "FeatureCollection"
    for feature in document["features"]:
        longitude, latitude = feature["geometry"]["coordinates"]
        assert 12.8 < longitude < 13.8
        assert 51.8 < latitude < 52.8
        values = feature["properties"]
        assert len(values["datetime"]) == len(values["rainfall_rate"])


@pytest.mark.parametrize("query", QUERIES)
@pytest.mark.parametrize(
    ("parameter", "value"),
    [("datetime", "garbage"), ("parameter-name", "bogus"), ("crs", "bogus"), ("f", "bogus"),
     ("z", "100"), ("coord", BERLIN), ("parameter-names", "rainfall_rate"), ("f", ""),
     ("datetime", "2026-06-21T23:55:00Z/2026-06-20T23:55:00Z")],
)  # fmt: skip
def test_req_core_query_param_invalid_and_unknown(
    reader: TestClient, query: str, parameter: str, value: str
) -> None:
    asked = QUERIES[query] | {parameter: value}
    answer = reader.get(f"/collections/nowcast/{query}", params=asked)
    detail = problem(answer, 400)["detail"]
    assert parameter.replace("coord", "coord") in detail or "datetime" in detail


@pytest.mark.parametrize("query", [query for query in QUERIES if QUERIES[query]])
def test_req_edr_coords_and_bbox_are_required(reader: TestClient, query: str) -> None:
    for left_out in QUERIES[query]:
        asked = {name: value for name, value in QUERIES[query].items() if name != left_out}
        answer = reader.get(f"/collections/nowcast/{query}", params=asked)
        assert left_out in problem(answer, 400)["detail"]


@pytest.mark.parametrize("query", QUERIES)
def test_req_edr_datetime_response(reader: TestClient, query: str) -> None:
    path = f"/collections/nowcast/{query}"
    first, second, last = (iso(LATEST + 6 * lead) for lead in (1, 2, 4))
    for datetime, number in (
        (first, 1),
        (f"{second}/..", 3),
        (f"../{second}", 2),
        (f"{first}/{last}", 4),
        (f"{iso(LATEST)}/{iso(LATEST + 7)}", 1),
    ):
        text = reader.get(path, params=QUERIES[query] | {"datetime": datetime, "f": "CSV"}).text
        times = {line.partition(",")[0] for line in text.splitlines()[1:]}
        assert len(times) == number, datetime
    none = reader.get(path, params=QUERIES[query] | {"datetime": "1999-01-01T00:00:00Z"})
    assert iso(LATEST + 24) in problem(none, 404)["detail"]


def test_req_edr_parameter_name_response(reader: TestClient) -> None:
    for name in ("parameter-name", "parameter_names"):
        document = read(
            reader,
            "/collections/nowcast/position",
            **{"coords": BERLIN, name: "rainfall_rate"},
        )
        assert list(document["ranges"]) == ["rainfall_rate"]


def test_the_description_of_a_position_query_has_the_parameters_of_the_standard(
    reader: TestClient,
) -> None:
    paths = reader.get("/openapi.json").json()["paths"]
    parameters = {
        parameter["name"]: parameter["required"]
        for parameter in paths["/collections/nowcast/position"]["get"]["parameters"]
    }
    assert parameters["coords"] is True
    for name in ("datetime", "parameter-name", "crs", "f", "z"):
        assert parameters[name] is False
