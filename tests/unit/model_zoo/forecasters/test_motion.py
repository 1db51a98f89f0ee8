"""The motion of rain: found where there is some, and nothing made up where there is no data."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, shift

from model_zoo.forecasters.advect import advect
from model_zoo.forecasters.motion import FASTEST, coarsening_factor, estimate

Array = NDArray[np.float32]

MARGIN = 100
MINUTES = [0.0, 5.0, 10.0, 15.0, 20.0, 25.0, 30.0]


def rain(side: int = 96, cell: float = 5, seed: int = 0) -> Array:
    """A field of showers in mm/h, about a third of it wet, wider than `side` by the margins."""
    noise = np.random.default_rng(seed).standard_normal((side + 2 * MARGIN,) * 2)
    height = gaussian_filter(noise, cell)
    return np.where(height > 0.4 * height.std(), np.exp(1.5 * height / height.std()), 0).astype(
        "f4"
    )


def moving(
    east: float, south: float, *, side: int = 96, cell: float = 5, wet: slice = slice(None)
) -> Array:
    """Seven frames of rain, in some columns at first, that moves on by so many cells each time."""
    everywhere = rain(side, cell)
    field = np.zeros_like(everywhere)
    field[:, MARGIN:-MARGIN][:, wet] = everywhere[:, MARGIN:-MARGIN][:, wet]
    if wet == slice(None):
        field = everywhere
    inner = (slice(MARGIN, -MARGIN),) * 2
    frames = [shift(field, (south * k, east * k), order=1)[inner] for k in range(len(MINUTES))]
    return np.stack(frames).astype(np.float32)


def steady(east: float, south: float, shape: tuple[int, int] = (20, 30)) -> Array:
    """The same motion everywhere, in cells per minute."""
    return np.full((*shape, 2), (east, south), dtype=np.float32)


@pytest.mark.parametrize("velocity", [(1, -1), (-2, 1), (0.4, 0.7), (-1.3, -0.5), (0, 0)])
def test_finds_how_rain_moves(velocity: tuple[float, float]) -> None:
    found = 5 * estimate(moving(*velocity), MINUTES)
    inner = found[20:-20, 20:-20]
    np.testing.assert_allclose(np.median(found, (0, 1)), velocity, atol=0.03)
    np.testing.assert_allclose(inner, np.broadcast_to(velocity, inner.shape), atol=0.3)


@pytest.mark.parametrize("speed", [0.3, 0.6, 1.0, 1.5, 2.5])
@pytest.mark.parametrize("width", [3, 8, 30])
@pytest.mark.parametrize("along", [0, 1])
def test_a_straight_band_without_ends_moves_across(speed: float, width: int, along: int) -> None:
    """Along it nothing can be seen, and the search for the flow finds no motion at all."""
    cells = np.arange(120)
    profile = [
        20 * np.clip((width / 2 + 2 - np.abs(cells - 45 - speed * step)) / 2, 0, 1)
        for step in range(len(MINUTES))
    ]
    frames = np.repeat(np.stack(profile)[:, None], 120, axis=1).astype(np.float32)
    found = 5 * estimate(frames if along == 0 else frames.swapaxes(1, 2), MINUTES)
    np.testing.assert_allclose(found[..., along], speed, atol=0.06)
    np.testing.assert_allclose(found[..., 1 - along], 0, atol=0.01)


def test_rain_that_comes_far_from_where_other_rain_ends_has_not_moved_there() -> None:
    frames = np.zeros((len(MINUTES), 120, 120), np.float32)
    for step, frame in enumerate(frames):
        row = 10 if step < 4 else 90
        frame[row : row + 4, 50:54] = 8.0
    found = estimate(frames, MINUTES)
    assert np.abs(found).max() < FASTEST


def test_tells_dry_places_the_motion_of_the_rain_there_is() -> None:
    found = 5 * estimate(moving(1, -1, wet=slice(10, 50)), MINUTES)
    np.testing.assert_allclose(np.median(found[:, 70:], (0, 1)), (1, -1), atol=0.15)


def test_neighbouring_winds_stay_apart() -> None:
    frames = np.concatenate([moving(1, 0), moving(-1, 0)], axis=1)
    found = 5 * estimate(frames, MINUTES)
    np.testing.assert_allclose(np.median(found[20:70, 20:-20, 0]), 1, atol=0.1)
    np.testing.assert_allclose(np.median(found[-70:-20, 20:-20, 0]), -1, atol=0.1)


def test_an_edge_of_coverage_does_not_hold_the_rain_back() -> None:
    frames = moving(1.5, 0, side=128)
    rows, columns = np.mgrid[:128, :128]
    frames[:, np.hypot(rows - 64, columns - 64) > 50] = np.nan
    found = 5 * estimate(frames, MINUTES)[40:88, 40:88]
    np.testing.assert_allclose(np.median(found, (0, 1)), (1.5, 0), atol=0.1)


def test_a_radar_that_drops_out_does_not_look_like_motion() -> None:
    frames = moving(0, 0)
    for k in range(len(MINUTES)):
        frames[k, :, : 6 * k] = np.nan
    np.testing.assert_allclose(estimate(frames, MINUTES), 0, atol=0.02)


@pytest.mark.parametrize("wet_cells", [0, 1, 4])
def test_too_little_rain_has_no_motion(wet_cells: int) -> None:
    frames = np.zeros((7, 40, 50), np.float32)
    for k in range(7):
        frames[k, 20, 10 + k : 10 + k + wet_cells] = 5
    assert np.array_equal(estimate(frames, MINUTES), np.zeros((40, 50, 2)))


def test_frames_without_data_have_no_motion() -> None:
    frames = np.full((7, 40, 50), np.nan, dtype=np.float32)
    assert np.array_equal(estimate(frames, MINUTES, 1000), np.zeros((40, 50, 2)))


def test_fine_grids_move_as_coarse_ones_do() -> None:
    found = 5 * estimate(moving(4, -3, side=403, cell=20), MINUTES, 1000)
    assert found.shape == (403, 403, 2)
    np.testing.assert_allclose(np.median(found[50:-50, 50:-50], (0, 1)), (4, -3), atol=0.1)


@pytest.mark.parametrize(
    ("metres", "cells"), [(1000, 5), (2000, 2), (4000, 1), (5000, 1), (20000, 1), (1, 1), (None, 1)]
)
def test_motion_is_looked_for_at_about_five_kilometres(metres: float | None, cells: int) -> None:
    assert coarsening_factor(metres) == cells


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (7, 5), (33, 9)])
def test_takes_fields_of_any_size(shape: tuple[int, int]) -> None:
    found = estimate(np.stack([rain()[k : k + shape[0], : shape[1]] for k in range(7)]), MINUTES)
    assert found.shape == (*shape, 2)
    assert np.isfinite(found).all()


def test_threads_change_nothing_and_stay_as_they_were() -> None:
    before, found = cv2.getNumThreads(), []
    try:
        for threads in (1, 2):
            cv2.setNumThreads(threads)
            found.append(estimate(moving(1, 1), MINUTES))
            assert cv2.getNumThreads() == threads
    finally:
        cv2.setNumThreads(before)
    assert np.array_equal(found[0], found[1])


def test_carries_by_whole_cells_exactly() -> None:
    field = rain()[:20, :30]
    advected = advect(field, steady(0.1, -0.05), [20, 60])
    np.testing.assert_array_equal(advected[0][:-1, 2:], field[1:, :-2])
    np.testing.assert_array_equal(advected[1][:-3, 6:], field[3:, :-6])


def test_carries_by_parts_of_cells_in_between() -> None:
    slope = np.tile(np.arange(30, dtype=np.float32), (20, 1))
    advected = advect(slope, steady(0.125, 0), [30])[0]
    np.testing.assert_allclose(advected[:, 4:], slope[:, 4:] - 3.75, atol=1e-5)


def test_follows_a_bend() -> None:
    """Clockwise around a vortex, from the east to the south and on to the west."""
    rows, columns = (np.mgrid[:61, :61] - 30).astype(np.float32)
    spin = np.float32(2 * np.pi / 360) * np.stack([-rows, columns], axis=-1)
    blob = np.exp(-(rows**2 + (columns - 15) ** 2) / 18)
    quarter, half = advect(blob, spin, [90, 180])
    for field, place in ((quarter, (45, 30)), (half, (30, 15))):
        found = np.unravel_index(np.nanargmax(field), field.shape)
        np.testing.assert_allclose(found, place, atol=2)


def test_no_data_moves_with_the_rain_and_never_turns_into_less_of_it() -> None:
    field = np.full((20, 30), 5, dtype=np.float32)
    field[8:12, 10:14] = np.nan
    advected = advect(field, steady(0.11, 0.03), [30, 60])
    np.testing.assert_allclose(advected[~np.isnan(advected)], 5, rtol=1e-5)
    for lead, (east, south) in zip(advected, [(3, 1), (7, 2)], strict=True):
        gap = np.isnan(lead)
        assert gap[8 + south : 12 + south, 10 + east : 14 + east].sum() >= 14
        assert gap[south + 1 :, east + 1 :].sum() <= 18


def test_nothing_is_known_of_what_comes_from_outside() -> None:
    advected = advect(np.zeros((20, 30), np.float32), steady(0.1, 0), [30, 60])
    for lead, east in zip(advected, (3, 6), strict=True):
        assert np.isnan(lead[:, :east]).all()
        assert (lead[:, east:] == 0).all()
