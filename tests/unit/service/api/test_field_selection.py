"""Parts of a forecast: lead times, parameters, a box."""

import json
import struct
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from tests.served import LATEST, iso, problem

PATH = f"/nowcasts/{iso(LATEST)}"


def part(reader: TestClient, **query: str) -> dict[str, Any]:
    answer = reader.get(PATH, params={"model": "advection", **query})
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def test_a_part_is_cut_from_the_whole(reader: TestClient) -> None:
    whole, every = part(reader), part(reader, leads="all")
    assert whole["lead_minutes"] == [30, 60, 90, 120]
    assert every["lead_minutes"] == list(range(5, 121, 5))
    assert [every["rainfall_rate"][lead] for lead in (5, 11, 17, 23)] == whole["rainfall_rate"]
    some = part(reader, leads="10,5", bbox="9,50,10,51")
    assert some["lead_minutes"] == [5, 10]
    x, y = (np.array(every["grid"][axis]) for axis in "xy")
    columns, rows = (np.isin(axis, some["grid"][name]) for axis, name in ((x, "x"), (y, "y")))
    assert 10 < columns.sum() < 30
    assert some["grid"]["shape"] == [rows.sum(), columns.sum()]
    wanted = np.array(every["rainfall_rate"][:2], float)[:, rows][:, :, columns]
    np.testing.assert_array_equal(np.array(some["rainfall_rate"], float), wanted)


def test_parts_have_entity_tags_of_their_own(reader: TestClient) -> None:
    queries: list[dict[str, str]] = [{}, {"leads": "5"}, {"leads": "all"}, {"bbox": "9,50,10,51"}]
    tags = [
        reader.get(PATH, params={"model": "advection", **query}).headers["etag"]
        for query in queries
    ]
    assert len(set(tags)) == len(tags)


@pytest.mark.parametrize(
    ("query", "status", "reason"),
    [
        ({"leads": "7"}, 422, "leads has 7, should be all or some of 5,10,15"),
        ({"leads": "5;10"}, 422, ""),
        ({"parameter": "temperature"}, 422, ""),
        ({"bbox": "10,50,9,51"}, 422, "west < east and south < north"),
        ({"bbox": "10,50"}, 422, ""),
        ({"bbox": "100,50,101,51"}, 400, "holds no cell of the grid"),
        ({"leads": "5", "f": "netcdf"}, 422, "leave them out for application/x-netcdf"),
    ],
)
def test_a_part_that_is_not_there_is_refused(
    reader: TestClient, query: dict[str, str], status: int, reason: str
) -> None:
    answer = reader.get(PATH, params={"model": "advection", **query})
    assert reason in problem(answer, status)["detail"]


def test_grids_have_all_lead_times_for_who_asks(reader: TestClient) -> None:
    query = {"model": "advection", "leads": "all", "parameter": "rainfall_rate"}
    data = reader.get(f"/grids/forecasts/{iso(LATEST)}", params=query).content
    (length,) = struct.unpack_from("<I", data)
    header = json.loads(data[4 : 4 + length])
    assert header["lead_minutes"] == list(range(5, 121, 5))
    assert header["planes"] == ["rainfall_rate"]
    assert len(data) == 4 + length + 24 * 180 * 180 * 2
