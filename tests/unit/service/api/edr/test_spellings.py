"""Geometries, reference systems, formats and times in the spellings of many clients."""

from pathlib import Path
from typing import Any

import netCDF4
import pytest
import shapely
from fastapi.testclient import TestClient

from service.api.edr.cells import parse_wkt
from service.api.edr.crs import reference_system
from service.api.edr.extracts import parse_box
from service.api.edr.formats import ALL
from service.errors import BadPlace, BadQuery
from tests.served import LATEST, NEWEST, iso, problem

POINT, AREA, PATH = ("Point", "MultiPoint"), ("Polygon", "MultiPolygon"), ("LineString",)
SQUARE = "(13 52,14 52,14 53,13 53,13 52)"
BESIDE = "(14 52,15 52,15 53,14 53,14 52)"


@pytest.mark.parametrize(
    ("text", "types", "points"),
    [
        ("point(13 52)", POINT, 1), (" POINT ( 13   52 ) ", POINT, 1),
        ("POINT(.13e2 5200e-2)", POINT, 1), ("POINT(+13 +52)", POINT, 1),
        ("POINT M(13 52 5)", POINT, 1), ("POINTZM(13 52 1 2)", POINT, 1),
        ("POINT(13 52 1)", POINT, 1), ("POINT(\n13\t52)", POINT, 1),
        ("MULTIPOINT((13 52),(14 53))", POINT, 2), ("MULTIPOINT(13 52,14 53)", POINT, 2),
        ("MULTIPOINT Z((13 52 0),(14 53 1))", POINT, 2),
        (f"POLYGON({SQUARE})", AREA, 5), ("POLYGON((13 52,13 53,14 53,14 52,13 52))", AREA, 5),
        (f"POLYGON({SQUARE},(13.2 52.2,13.4 52.2,13.4 52.4,13.2 52.2))", AREA, 9),
        ("POLYGON ZM((13 52 0 1,14 52 0 1,14 53 0 1,13 52 0 1))", AREA, 4),
        (f"MULTIPOLYGON(({SQUARE}),EMPTY)", AREA, 5),
        ("LINESTRINGZM(13 52 1 1,14 53 2 2)", PATH, 2), ("LINESTRING(13 52,13 52)", PATH, 2),
    ],
)  # fmt: skip
def test_a_geometry_is_read_as_any_writer_writes_it(
    text: str, types: tuple[str, ...], points: int
) -> None:
    assert len(shapely.get_coordinates(parse_wkt(text, *types))) == points


@pytest.mark.parametrize(
    ("polygons", "degrees"),
    [(f"({SQUARE}),({BESIDE})", 2), (f"({SQUARE}),({SQUARE})", 1)],
)
def test_polygons_that_touch_or_overlap_are_one_area(polygons: str, degrees: float) -> None:
    area = parse_wkt(f"MULTIPOLYGON({polygons})", *AREA)
    assert area.is_valid
    assert area.area == degrees


@pytest.mark.parametrize("types", [POINT, AREA, PATH])
@pytest.mark.parametrize(
    "text",
    ["CIRCULARSTRING(13 52,13.3 52.3,13.6 52.6)", f"CURVEPOLYGON({SQUARE})",
     f"MULTISURFACE({SQUARE})", "COMPOUNDCURVE((13 52,14 53))", "TIN(((13 52,14 52,14 53,13 52)))",
     "POINT EMPTY", "POLYGON EMPTY", "LINESTRING EMPTY", "MULTIPOINT(13 52, EMPTY)",
     "POINT(inf 52)", "POINT(1e400 52)", "POINT(nan nan)", "GEOMETRYCOLLECTION(POINT(13 52))",
     "POINT(13,52)", "SRID=4326;POINT(13 52)", "POINT(13 52);", '{"type":"Point"}', ""],
)  # fmt: skip
def test_what_is_none_is_refused_with_an_example_of_what_is_wanted(
    text: str, types: tuple[str, ...]
) -> None:
    with pytest.raises(BadPlace, match=rf"such as {types[0].upper()}\(") as caught:
        parse_wkt(text, *types)
    assert parse_wkt(str(caught.value).rpartition("such as ")[2], *types)


@pytest.mark.parametrize("kind", ["position", "area", "radius", "trajectory"])
def test_a_curve_is_a_bad_request(reader: TestClient, kind: str) -> None:
    asked = {"coords": "CIRCULARSTRING(13 52,13.3 52.3,13.6 52.6)"}
    asked |= {"within": "20", "within-units": "km"} if kind == "radius" else {}
    detail = problem(reader.get(f"/collections/radar/{kind}", params=asked), 400)["detail"]
    assert "CIRCULARSTRING" in detail


@pytest.mark.parametrize(
    ("name", "texts"),
    [
        ("CRS84", ["crs84", "OGC:CRS84", "CRS:84", "[OGC:CRS84]", "urn:ogc:def:crs:OGC::CRS84",
                   "urn:ogc:def:crs:OGC:1.3:CRS84", "http://www.opengis.net/def/crs/OGC/0/CRS84",
                   "https://www.opengis.net/def/crs/OGC/1.3/CRS84",
                   "<http://www.opengis.net/def/crs/OGC/1.3/CRS84>"]),
        ("EPSG:4326", ["epsg:4326", "4326", "[EPSG:4326]", "urn:ogc:def:crs:EPSG::4326",
                       "urn:ogc:def:crs:EPSG:9.9.1:4326", "urn:x-ogc:def:crs:EPSG:4326",
                       "http://www.opengis.net/def/crs/EPSG/0/4326",
                       "https://www.opengis.net/def/crs/EPSG/9.9.1/4326"]),
        ("EPSG:3857", ["3857", "https://www.opengis.net/def/crs/EPSG/0/3857"]),
        ("EPSG:25832", ["25832", "urn:ogc:def:crs:EPSG::25832"]),
        ("radar", ["RADAR", " radar "]),
    ],
)  # fmt: skip
def test_a_reference_system_is_known_by_uri_urn_curie_and_code(name: str, texts: list[str]) -> None:
    for text in texts:
        assert reference_system(text).name == name, text


@pytest.mark.parametrize(
    "text",
    ["bogus", "EPSG:4258", "EPSG:25833", "OGC:4326", "EPSG:CRS84", "CRS84:EPSG", "[EPSG:4326",
     "EPSG:", ":4326", "EPSG:radar", "urn:ogc:def:crs:EPSG::", 'GEOGCS["WGS 84"]', "EPSG:४३२६"],
)  # fmt: skip
def test_another_reference_system_is_refused(text: str) -> None:
    with pytest.raises(BadQuery, match="should be one of CRS84, EPSG:4326"):
        reference_system(text)


def test_a_format_is_known_by_name_and_media_type_in_any_case() -> None:
    for form in ALL:
        media = [name for name in (form.media, *form.accepted) if name != "text/html"]
        for text in (form.name, *form.aliases, *media):
            for spelling in (text, text.upper(), text.lower(), text.partition(";")[0]):
                assert [other.name for other in ALL if other.is_named(spelling)] == [form.name]
    assert not any(form.is_named(text) for form in ALL for text in ("text/html", "", "xml", "jso"))


def test_the_format_of_a_document_is_in_any_case(reader: TestClient) -> None:
    for path, f, media in (
        ("/", "JSON", "application/json"),
        ("/", "HTML", "text/html"),
        ("/collections", "Json", "application/json"),
        ("/collections/radar/items", "geojson", "application/geo+json"),
    ):
        answer = reader.get(path, params={"f": f})
        assert answer.status_code == 200, (path, f)
        assert answer.headers["content-type"].partition(";")[0] == media


def test_a_box_may_have_heights_between_its_sides() -> None:
    assert parse_box("13,52,0,14,53,100") == parse_box("13, 52, 14, 53") == (13, 52, 14, 53)
    for text in ("13,52,100,14,53,0", "13,52,0,14,53", "14,53,0,13,52,1", "13 52 14 53"):
        with pytest.raises(BadPlace, match="bbox is"):
            parse_box(text)


@pytest.mark.parametrize(
    "datetime", [f"../{iso(NEWEST)}", f"/{iso(NEWEST)}", iso(NEWEST)[:10], f"{iso(0)[:10]}/..",
                 f"1990-01-01 / {iso(NEWEST)}"],
)  # fmt: skip
def test_a_wide_interval_has_the_radar_frames_that_there_are(
    reader: TestClient, datetime: str
) -> None:
    asked = {"coords": "POINT(10 51)", "datetime": datetime}
    answer = reader.get("/collections/radar/position", params=asked)
    assert answer.status_code == 200, answer.text
    times = answer.json()["domain"]["axes"]["t"]["values"]
    assert times == [iso(number) for number in range(NEWEST + 1) if iso(number) >= times[0]]
    assert times[-1] == iso(NEWEST)


def test_times_without_a_frame_are_not_found_and_the_newest_is_named(reader: TestClient) -> None:
    for datetime in (iso(LATEST).replace("Z", ".5Z"), "1999-01-01T00:00:00Z/1999-01-02"):
        asked = {"coords": "POINT(10 51)", "datetime": datetime}
        body = problem(reader.get("/collections/radar/position", params=asked), 404)
        assert "there is no radar frame" in body["detail"]


def test_the_collection_of_probabilities_has_netcdf_as_it_says(
    probable: TestClient, tmp_path: Path
) -> None:
    listed: Any = probable.get("/collections/probability").json()["data_queries"]["cube"]
    assert "netCDF" in listed["link"]["variables"]["output_formats"]
    names = "exceedance_probability_0.5,exceedance_probability_2"
    for more, number in (({}, None), ({"parameter-name": names}, 2)):
        asked = {"bbox": "9,50,11,52", "f": "netCDF", "model": "persistence", **more}
        answer = probable.get("/collections/probability/cube", params=asked)
        assert answer.status_code == 200, answer.text
        with netCDF4.Dataset("probability", memory=answer.content) as file:
            found = file["exceedance_probability"]
            assert found.dimensions == ("time", "threshold", "y", "x")
            assert "rainfall_rate" not in file.variables
            assert number in (None, found.shape[1])
            assert 0 <= float(found[:].min()) <= float(found[:].max()) <= 1
