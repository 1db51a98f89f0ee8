"""Arrows of the motion of rain for the map page."""

import numpy as np
import pytest
from fastapi.testclient import TestClient

from service.api.page.motion_arrows import SPACING, arrow_cells
from tests.served import NEWEST, iso, problem


def test_arrows_lie_in_the_grid_and_have_a_motion_each(reader: TestClient) -> None:
    found = reader.get(f"/grids/motion/{iso(NEWEST)}").json()
    assert len(found["columns"]) > 0
    assert {len(values) for values in found.values()} == {len(found["columns"])}
    assert all(0 < position < 180 for position in found["columns"] + found["rows"])
    assert np.isfinite(found["right"] + found["down"]).all()


def test_arrows_are_near_rain_alone() -> None:
    rate = np.zeros((60, 60), np.float32)
    rate[15, 15] = 3
    rate[40:, :] = np.nan
    rows, columns = arrow_cells(rate, 5.0)
    assert len(rows) > 0
    assert (np.hypot(rows - 15, columns - 15) <= 6).all()
    assert set((rows % SPACING).tolist()) == {SPACING // 2}


def test_a_field_without_rain_has_no_arrow() -> None:
    assert all(len(cells) == 0 for cells in arrow_cells(np.zeros((60, 60), np.float32), 5.0))


@pytest.mark.parametrize(("time", "status"), [("2001-01-01T00:00:00Z", 404), ("soon", 422)])
def test_there_is_no_motion_without_a_frame(reader: TestClient, time: str, status: int) -> None:
    problem(reader.get(f"/grids/motion/{time}"), status)
