"""A client that was written elsewhere opens the service: OWSLib."""

from pathlib import Path

import pytest

from service.runtime.deployment import Deployment
from service.runtime.server import running
from service.settings import Settings
from tests.served import MODELS

edr = pytest.importorskip("owslib.ogcapi.edr", reason="OWSLib is not installed (extra `dev`)")


def test_owslib_lists_the_collections_and_queries_position_area_and_cube(filled: Path) -> None:
    with running(Deployment(Settings(data=filled, models=MODELS, port=0))) as url:
        client = edr.EnvironmentalDataRetrieval(url)
        assert any("edr" in name for name in client.conformance()["conformsTo"])
        listed = client.collections()["collections"]
        assert {"nowcast", "radar"} <= {collection["id"] for collection in listed}
        assert "nowcast" in client.data()
        names = ["rainfall_rate"]
        point = client.query_data(
            "nowcast", "position", coords="POINT(13.41 52.52)", parameter_names=names
        )
        polygon = "POLYGON((13 52,13.6 52,13.6 52.6,13 52.6,13 52))"
        area = client.query_data("nowcast", "area", coords=polygon, parameter_names=names)
        cube = client.query_data("radar", "cube", bbox=[13, 52, 13.6, 52.6])
    types = [answer["domain"]["domainType"] for answer in (point, area, cube)]
    assert types == ["PointSeries", "MultiPointSeries", "Grid"]
