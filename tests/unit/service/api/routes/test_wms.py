"""WMS 1.3.0: capabilities, maps, values and legends, as the clients of WMS ask for them."""

from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import cv2
import numpy as np
import pytest
from fastapi.testclient import TestClient
from httpx import Response

from ingest.grid import at as series_at
from service.archive.archive import Archive
from tests.served import LATEST, MODELS, NEWEST, iso, layer_names, serving
from tests.showers import time

WMS = "{http://www.opengis.net/wms}"
MAP = {
    "SERVICE": "WMS",
    "REQUEST": "GetMap",
    "VERSION": "1.3.0",
    "LAYERS": "radar",
    "STYLES": "",
    "CRS": "CRS:84",
    "BBOX": "9,50,11,52",
    "WIDTH": "64",
    "HEIGHT": "64",
    "FORMAT": "image/png",
    "TRANSPARENT": "TRUE",
}


def ask(client: TestClient, **query: str) -> Response:
    answer: Response = client.get("/wms", params=query)
    return answer


def image(answer: Response) -> np.ndarray[Any, Any]:
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "image/png"
    return decode(answer.content)


def decode(content: bytes) -> np.ndarray[Any, Any]:
    """A PNG as (row, column, BGRA)."""
    image: Any = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    return np.asarray(image)


def code(answer: Response) -> str:
    """Code of a service exception."""
    assert answer.status_code == 400
    (error,) = ET.fromstring(answer.content)
    return error.attrib["code"]


def test_the_capabilities_list_layers_with_their_times(reader: TestClient) -> None:
    root = ET.fromstring(ask(reader, SERVICE="WMS", REQUEST="GetCapabilities").content)
    assert root.attrib["version"] == "1.3.0"
    listed = {
        layer.findtext(f"{WMS}Name"): layer for layer in root.iter(f"{WMS}Layer") if
        layer.find(f"{WMS}Name") is not None
    }  # fmt: skip
    assert list(listed) == layer_names("radar", *MODELS)
    times = listed["radar"].find(f"{WMS}Dimension")
    assert times is not None
    assert times.attrib["default"] == iso(NEWEST)
    assert (times.text or "").split(",") == [iso(number) for number in range(NEWEST + 1)]
    first = listed["advection"].find(f"{WMS}Dimension")
    assert first is not None
    assert first.attrib["default"] == iso(LATEST + 6)


def test_axes_are_in_the_order_of_the_version_and_system(reader: TestClient) -> None:
    plain = image(ask(reader, **MAP))
    latitude_first = MAP | {"CRS": "EPSG:4326", "BBOX": "50,9,52,11"}
    np.testing.assert_array_equal(image(ask(reader, **latitude_first)), plain)
    old = MAP | {"VERSION": "1.1.1", "SRS": "EPSG:4326"}
    del old["CRS"]
    np.testing.assert_array_equal(image(ask(reader, **old)), plain)


def test_parameters_may_be_in_any_case_and_clients_may_add_their_own(reader: TestClient) -> None:
    plain = image(ask(reader, **MAP))
    lower = {name.lower(): value for name, value in MAP.items()}
    lower |= {"dpi": "96", "map_resolution": "96", "format_options": "dpi:96"}
    np.testing.assert_array_equal(image(ask(reader, **lower)), plain)


def test_a_map_shows_the_time_and_style_that_are_asked_for(reader: TestClient) -> None:
    plain = image(ask(reader, **MAP))
    for change in ({"TIME": iso(3)}, {"STYLES": "grey"}, {"LAYERS": "advection"}):
        assert (image(ask(reader, **MAP | change)) != plain).any(), change
    dated = ask(reader, **MAP | {"TIME": iso(3)})
    assert "immutable" in dated.headers["cache-control"]
    assert "immutable" not in ask(reader, **MAP).headers["cache-control"]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"LAYERS": "nope"}, "LayerNotDefined"),
        ({"LAYERS": "radar,advection"}, "OperationNotSupported"),
        ({"LAYERS": ""}, "MissingParameterValue"),
        ({"STYLES": "pink"}, "StyleNotDefined"),
        ({"CRS": "EPSG:9999"}, "InvalidCRS"),
        ({"FORMAT": "image/gif"}, "InvalidFormat"),
        ({"BBOX": "11,50,9,52"}, "InvalidParameterValue"),
        ({"BBOX": "x"}, "InvalidParameterValue"),
        ({"WIDTH": "100000"}, "InvalidParameterValue"),
        ({"WIDTH": "0"}, "InvalidParameterValue"),
        ({"TIME": "yesterday"}, "InvalidDimensionValue"),
        ({"TIME": "1999-01-01T00:00:00Z"}, "InvalidDimensionValue"),
        ({"REQUEST": "GetNothing"}, "OperationNotSupported"),
        ({"SERVICE": "WFS"}, "InvalidParameterValue"),
        ({"VERSION": "2.0"}, "InvalidParameterValue"),
        ({"TIEM": iso(3)}, "InvalidParameterValue"),
        ({"TRANSPARENT": "maybe"}, "InvalidParameterValue"),
        ({"BGCOLOR": "white"}, "InvalidParameterValue"),
        ({"BGCOLOR": "0xFFF"}, "InvalidParameterValue"),
    ],
)
def test_what_cannot_be_is_a_service_exception(
    reader: TestClient, change: dict[str, str], expected: str
) -> None:
    assert code(ask(reader, **MAP | change)) == expected


def test_an_opaque_map_has_its_background_where_it_would_be_transparent(
    reader: TestClient,
) -> None:
    plain = image(ask(reader, **MAP)).astype(float)
    del (default := dict(MAP))["TRANSPARENT"]
    np.testing.assert_array_equal(image(ask(reader, **default)), plain)
    for colour, red_green_blue in (("", (255, 255, 255)), ("0x102030", (16, 32, 48))):
        asked = MAP | {"TRANSPARENT": "false"} | ({"BGCOLOR": colour} if colour else {})
        opaque = image(ask(reader, **asked))
        opacity = plain[..., 3:] / 255
        behind = np.array(red_green_blue[::-1])
        expected = plain[..., :3] * opacity + behind * (1 - opacity)
        np.testing.assert_allclose(opaque[..., :3], expected, atol=0.51)
        assert (opaque[..., 3] == 255).all()
    assert (plain[..., 3] == 0).any()


def test_the_value_at_a_pixel_is_that_of_its_cell(reader: TestClient, filled: Path) -> None:
    frame = Archive(filled / "archive").frame(time(3)).isel(time=0)
    asked = MAP | {"REQUEST": "GetFeatureInfo", "QUERY_LAYERS": "radar", "TIME": iso(3)}
    for column, row in ((10, 20), (63, 0)):
        answer = ask(reader, **asked, I=str(column), J=str(row)).json()
        place = 9 + 2 * (column + 0.5) / 64, 52 - 2 * (row + 0.5) / 64
        value = float(series_at(frame, *place))
        assert answer["value"] == (None if np.isnan(value) else pytest.approx(value, abs=1e-3))
        assert (answer["unit"], answer["time"]) == ("mm/h", iso(3))
    text = ask(reader, **asked, I="1", J="1", INFO_FORMAT="text/plain").text
    assert "mm/h" in text
    assert code(ask(reader, **asked, I="64", J="0")) == "InvalidPoint"


def test_a_legend_is_a_picture(reader: TestClient) -> None:
    asked = {"SERVICE": "WMS", "REQUEST": "GetLegendGraphic", "LAYER": "radar"}
    legend = image(ask(reader, **asked))
    assert legend.shape[:2] == (260, 130)
    assert (image(ask(reader, **asked, STYLE="grey")) != legend).any()


def test_a_sum_has_a_map_a_value_in_mm_and_a_legend(reader: TestClient, filled: Path) -> None:
    archive = Archive(filled / "archive")
    last = NEWEST
    frames = archive.frames(time(last - number) for number in range(6)).values.astype(float)
    expected = archive.frame(time(last)).isel(time=0).copy(data=frames.sum(axis=0) / 12)
    asked = MAP | {"REQUEST": "GetFeatureInfo", "LAYERS": "radar_sum_30", "TIME": iso(last)}
    asked |= {"QUERY_LAYERS": "radar_sum_30"}
    for column, row in ((10, 20), (40, 50), (63, 0)):
        answer = ask(reader, **asked, I=str(column), J=str(row)).json()
        place = 9 + 2 * (column + 0.5) / 64, 52 - 2 * (row + 0.5) / 64
        assert answer["value"] == pytest.approx(float(series_at(expected, *place)), abs=2e-3)
        assert answer["unit"] == "mm"
    for name in ("radar_sum_30", "advection_sum_60"):
        assert image(ask(reader, **MAP | {"LAYERS": name})).shape == (64, 64, 4)
    legend = {"SERVICE": "WMS", "REQUEST": "GetLegendGraphic"}
    of_sum, of_rate = (image(ask(reader, **legend, LAYER=n)) for n in ("radar_sum_30", "radar"))
    assert (of_sum != of_rate).any()
    assert code(ask(reader, **MAP | {"LAYERS": "radar_sum_7"})) == "LayerNotDefined"


def test_owslib_reads_the_capabilities_and_a_map(filled: Path) -> None:
    wms = pytest.importorskip("owslib.wms", reason="OWSLib is not installed (extra `dev`)")
    with serving(filled) as url:
        service = wms.WebMapService(f"{url}/wms", version="1.3.0")
        assert list(service.contents) == layer_names("radar", *MODELS)
        assert service["radar"].timepositions
        content = service.getmap(
            layers=["radar"],
            styles=["default"],
            srs="EPSG:3857",
            bbox=(1001875, 6446275, 1224514, 6800125),
            size=(64, 64),
            format="image/png",
            transparent=True,
            time=iso(3),
        ).read()
    assert decode(content).shape == (64, 64, 4)
