"""Clients that were written elsewhere open the service: OWSLib and ogc-client."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.served import serving

edr = pytest.importorskip("owslib.ogcapi.edr", reason="OWSLib is not installed (extra `dev`)")


def test_owslib_lists_the_collections_and_queries_position_area_and_cube(filled: Path) -> None:
    with serving(filled) as url:
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


ROOT = Path(__file__).parents[5]
SCRIPT = """
import { OgcApiEndpoint } from "@camptocamp/ogc-client";
const endpoint = new OgcApiEndpoint(process.argv[1]);
const info = await endpoint.info;
const collections = await endpoint.allCollections;
const radar = await endpoint.getCollectionInfo("radar");
const items = await endpoint.getCollectionItems("nowcast", 2);
console.log(JSON.stringify({
  title: info.title,
  classes: await endpoint.conformanceClasses,
  collections: collections.map(({ name }) => name),
  radar: [radar.id, radar.crs],
  items: items.map(({ type, geometry }) => [type, geometry.type]),
}));
"""


@pytest.mark.skipif(
    shutil.which("node") is None
    or not (ROOT / "node_modules" / "@camptocamp" / "ogc-client").is_dir(),
    reason="ogc-client is not installed (npm ci)",
)
def test_ogc_client_opens_the_service_and_lists_collections_and_items(filled: Path) -> None:
    with serving(filled) as url:
        done = subprocess.run(
            ["node", "--input-type=module", "-e", SCRIPT, url],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert any("ogcapi-edr" in name for name in found["classes"])
    assert {"nowcast", "radar"} <= set(found["collections"])
    assert found["radar"][0] == "radar"
    assert found["items"] == [["Feature", "Polygon"]] * 2
