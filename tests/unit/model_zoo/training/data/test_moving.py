"""A moving view: what only drifts stands still, and nothing of later is seen in what is given."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from pydantic import ValidationError
from scipy.ndimage import gaussian_filter
from xarray import DataArray

from model_zoo import intensity
from model_zoo.forecasters.advect import advect, advect_backward
from model_zoo.forecasters.network import sprog_guidance
from model_zoo.training.data.data_sets.corpus import Event
from model_zoo.training.data.moving import guidance, motion_until, moving
from model_zoo.training.data.opening import open_data
from model_zoo.training.data.record import from_hundredths, read, to_hundredths
from model_zoo.training.data.sample import Draw, Sequences, Split
from model_zoo.training.data.settings import Corpus
from model_zoo.training.data.sliding_windows import MISSING
from tests.unit.model_zoo.training.conftest import tiny

Array = NDArray[np.float32]

WHEN, FIVE_MINUTES = np.datetime64("2020-01-01T00:00:00", "s"), np.timedelta64(5, "m")
SIDE, MARGIN, FRAMES = 64, 40, 19
SCALE = intensity.scale("rate")
WINDOW = np.array([6, 9, 12, 15])
"""Frames 15 minutes apart, of which two are given."""


def showers(side: int, seed: int = 0) -> Array:
    """A field of showers in mm/h, about a third of it wet."""
    height = gaussian_filter(np.random.default_rng(seed).standard_normal((side, side)), 4)
    wet = height > 0.4 * height.std()
    return np.where(wet, np.exp(1.5 * height / height.std()), 0).astype(np.float32)


def drifting(east: int, south: int, name: str = "drift") -> Event:
    """Frames every 5 minutes of rain that moves on by so many cells each time, and else stays."""
    everywhere = showers(SIDE + 2 * MARGIN)
    frames = [
        everywhere[MARGIN - south * k :, MARGIN - east * k :][:SIDE, :SIDE] for k in range(FRAMES)
    ]
    times = WHEN + np.arange(FRAMES) * FIVE_MINUTES
    return Event(name, times, to_hundredths(np.stack(frames)))


def changed(event: Event, numbers: slice) -> Event:
    """The same event with other rain in some of its frames."""
    hundredths = event.hundredths.copy()
    hundredths[numbers] = to_hundredths(showers(SIDE, seed=1))
    return Event(event.name, event.times, hundredths)


def steady(east: float, south: float, shape: tuple[int, int] = (20, 30)) -> Array:
    """The same motion everywhere, in cells per minute."""
    return np.full((*shape, 2), (east, south), dtype=np.float32)


def test_follows_by_whole_cells_exactly() -> None:
    field = showers(30)[:20]
    advected = advect_backward(field, steady(0.1, -0.05), 20)
    np.testing.assert_array_equal(advected[1:, :-2], field[:-1, 2:])
    assert np.isnan(advected[0]).all()
    assert np.isnan(advected[:, -2:]).all()


def test_following_undoes_carrying() -> None:
    field = showers(30)[:20]
    advected = advect(field, steady(-0.1, 0.1), [30])[0]
    back = advect_backward(advected, steady(-0.1, 0.1), 30)
    np.testing.assert_array_equal(back[:-3, 3:], field[:-3, 3:])


def test_follows_each_cell_into_one_and_mixes_none() -> None:
    field = showers(30)[:20]
    advected = advect_backward(field, steady(0.125, 0), 30)  # by 3.75 cells
    np.testing.assert_array_equal(advected[:, :-4], field[:, 4:])


def test_follows_a_bend() -> None:
    """Half around a vortex, clockwise from the east to the west."""
    rows, columns = (np.mgrid[:61, :61] - 30).astype(np.float32)
    spin = np.float32(2 * np.pi / 360) * np.stack([-rows, columns], axis=-1)
    later = np.exp(-(rows**2 + (columns + 15) ** 2) / 18)
    found = np.unravel_index(np.nanargmax(advect_backward(later, spin, 180)), later.shape)
    np.testing.assert_allclose(found, (30, 45), atol=2)


def test_no_data_is_followed_as_rain_is() -> None:
    field = showers(30)[:20]
    field[8:12, 10:14] = np.nan
    advected = advect_backward(field, steady(0.1, 0.1), 20)
    np.testing.assert_array_equal(advected[:-2, :-2], field[2:, 2:])


@pytest.mark.parametrize(("east", "south"), [(1, 0), (-1, 1), (0, -1)])
def test_rain_that_drifts_stands_still(east: int, south: int) -> None:
    event = drifting(east, south)
    before, newest, *later = moving(event, WINDOW, 2)
    np.testing.assert_array_equal(newest, event.rates(WINDOW[1:2])[0])
    inner = (slice(12, -12),) * 2
    assert np.abs(before - newest)[inner].mean() < 0.05 * newest[inner].mean()
    for rates in later:
        np.testing.assert_array_equal(rates[inner], newest[inner])


def test_nothing_is_known_of_what_comes_from_outside() -> None:
    before, newest, *later = moving(drifting(1, 0), WINDOW, 2)
    assert not np.isnan(newest).any()
    np.testing.assert_array_equal(np.isnan(before), np.arange(SIDE) < 3 * np.ones((SIDE, 1)))
    for rates, gone in zip(later, (3, 6), strict=True):
        kept = SIDE - gone * np.ones((SIDE, 1))
        np.testing.assert_array_equal(np.isnan(rates), np.arange(SIDE) >= kept)


def test_no_data_moves_with_the_rain() -> None:
    event = drifting(1, 0)
    event.hundredths[:, 20:30, 20:30] = 65535  # a radar that is out, and stays where it is
    before, newest, *later = np.isnan(moving(event, WINDOW, 2))[:, 20:30, 5:-10]
    columns = np.arange(5, SIDE - 10)
    for gone, moved in zip((before, newest, *later), (3, 0, -3, -6), strict=True):
        expected = (columns >= 20 + moved) & (columns < 30 + moved)
        np.testing.assert_array_equal(gone, np.broadcast_to(expected, gone.shape))


def test_nothing_of_later_is_seen_in_what_is_given() -> None:
    event = drifting(1, -1)
    other = changed(event, slice(10, None))
    given, same = (moving(record, WINDOW, 2)[:2] for record in (event, other))
    np.testing.assert_array_equal(given, same)
    motion = motion_until(event, 9)
    assert np.abs(motion).max() > 0.1
    np.testing.assert_array_equal(motion_until(other, 9), motion)
    assert not np.array_equal(motion_until(changed(event, slice(9, None)), 9), motion)


def test_motion_is_that_of_the_last_half_hour() -> None:
    event = drifting(1, -1)
    motion = motion_until(event, 9)
    np.testing.assert_array_equal(motion_until(changed(event, slice(0, 3)), 9), motion)
    np.testing.assert_allclose(np.median(motion, (0, 1)), (0.2, -0.2), atol=0.01)


def test_without_a_frame_before_nothing_moves() -> None:
    event, numbers = drifting(1, 0), np.array([0, 3, 6])
    assert np.array_equal(motion_until(event, 0), np.zeros((SIDE, SIDE, 2)))
    np.testing.assert_array_equal(moving(event, numbers, 1), event.rates(numbers))


def test_a_lacking_frame_has_no_data_and_changes_no_other() -> None:
    event = drifting(1, 0)
    whole, lacking = (moving(event, np.array([6, 9, 12, last]), 2) for last in (15, MISSING))
    assert np.isnan(lacking[-1]).all()
    np.testing.assert_array_equal(lacking[:-1], whole[:-1])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A corpus of an event that drifts east."""
    event = drifting(1, 0)
    for name in ("one", "two"):
        np.savez(tmp_path / f"{name}.npz", rate_x100=event.hundredths, time=event.times, km=5.0)
    return tmp_path


def opened(folder: Path, view: str, split: Split = Split.TRAIN, **settings: Any) -> Sequences:
    required = {"train": ["one"], "validation": ["two"], "minutes": [15], "given": 2, "horizon": 2}
    corpus = Corpus.model_validate(required | settings | {"view": view})
    return open_data(corpus, folder, split, seed=1, scale="rate")


@pytest.mark.parametrize("split", [Split.TRAIN, Split.VALIDATION])
def test_a_corpus_opens_in_a_moving_view(folder: Path, split: Split) -> None:
    sequences, fixed = (opened(folder, view, split) for view in ("moving", "fixed"))
    draw = Draw(0, 6)
    frames, mask, *_ = sequences[draw]
    assert len(sequences) == len(fixed) == FRAMES - 9
    assert torch.equal(frames[1], fixed[draw].frames[1]), "the newest given frame is as it was"
    assert torch.equal(frames[2:, 0, 12:-12, 12:-12], frames[[1, 1], 0, 12:-12, 12:-12])
    assert fixed[draw].mask.all()
    assert mask[..., 3:-6].all()
    assert not mask[0, ..., :3].any()
    assert not mask[3, ..., -6:].any()
    assert (frames[~mask] == 0).all()


def test_a_window_is_the_same_when_it_is_seen_again(folder: Path) -> None:
    sequences = opened(folder, "moving")
    first, _, again = (sequences[Draw(0, index)] for index in (3, 4, 3))
    assert torch.equal(first.frames, again.frames)
    assert torch.equal(first.mask, again.mask)


def fading(seed: int = 2) -> Event:
    """Rain that drifts east by a cell in 5 minutes while its details come and go."""
    event = drifting(1, 0)
    rates = event.rates(np.arange(FRAMES))
    random = np.random.default_rng(seed)
    noise = np.stack([gaussian_filter(random.standard_normal((SIDE, SIDE)), 1) for _ in rates])
    return Event(event.name, event.times, to_hundredths(rates * np.exp(3 * noise)))


def test_guidance_is_s_prog_in_the_moving_view_and_empty_just_where_the_newest_is() -> None:
    event = fading()
    event.hundredths[:, 20:30, 20:30] = 65535
    found = guidance(event, WINDOW, 2)
    newest = event.rates(WINDOW[1:2])[0]
    assert found.shape == (2, SIDE, SIDE)
    np.testing.assert_array_equal(np.isnan(found), np.isnan(np.stack([newest] * 2)))
    rough = [np.nanmean(np.abs(np.diff(field))) for field in (newest, *found)]
    assert rough[2] < rough[1] < rough[0], "details fade, the later the more"
    assert np.corrcoef(*(f[~np.isnan(newest)] for f in (found[0], newest)))[0, 1] > 0.6


def test_guidance_in_training_is_that_of_a_forecast() -> None:
    event = fading()
    recent = np.arange(3, 10)
    time = event.times[recent].astype("datetime64[ns]")
    frames = DataArray(event.rates(recent), {"time": time}, ("time", "y", "x"))
    numbers = np.array([3, 9, 15, MISSING])
    trained = guidance(event, numbers, 2)
    served = sprog_guidance(frames, motion_until(event, 9), 2)
    np.testing.assert_array_equal(np.isnan(trained), np.isnan(served))
    assert np.nanmean(np.abs(trained - served)) < 0.02 * np.nanmean(served)


def test_nothing_of_later_is_seen_in_guidance() -> None:
    event = fading()
    found = guidance(event, WINDOW, 2)
    np.testing.assert_array_equal(guidance(changed(event, slice(10, None)), WINDOW, 2), found)
    assert not np.array_equal(guidance(changed(event, slice(7, 8)), WINDOW, 2), found)


def test_a_guided_sample_holds_what_s_prog_forecasts(folder: Path) -> None:
    plain, guided = (opened(folder, "moving", guidance=by)[Draw(0, 6)] for by in ("none", "s-prog"))
    assert torch.equal(guided.frames, plain.frames)
    assert torch.equal(guided.mask, plain.mask)
    assert plain.guidance.numel() == 0
    assert guided.guidance.shape == (2, 1, SIDE, SIDE)
    fields = guidance(drifting(1, 0), WINDOW, 2)
    expected = SCALE.encode(torch.from_numpy(fields).nan_to_num(0.0))[:, None]
    torch.testing.assert_close(guided.guidance, expected, atol=1e-3, rtol=0)


def test_guidance_is_cut_and_turned_with_its_frames(folder: Path) -> None:
    """Where rain only drifts, S-PROG forecasts nearly the newest frame, wherever that was cut."""
    varied = {"flip": True, "rotate": True}
    sequences = opened(folder, "moving", guidance="s-prog", crop=32, augmentation=varied)
    for epoch in range(6):
        sample = sequences[Draw(epoch, 6)]
        newest, ahead = sample.frames[1].flatten(), sample.guidance[0].flatten()
        assert sample.guidance.shape == (2, 1, 32, 32)
        assert torch.corrcoef(torch.stack([newest, ahead]))[0, 1] > 0.9


def test_guidance_needs_a_moving_view() -> None:
    with pytest.raises(ValidationError, match='set view = "moving"'):
        Corpus(train=("one",), guidance="s-prog")


def test_a_lacking_last_frame_is_masked(folder: Path) -> None:
    sequences = opened(folder, "moving", spare=1)
    assert len(sequences) == FRAMES - 6
    mask = sequences[Draw(0, len(sequences) - 1)].mask
    assert mask[:3].flatten(1).any(1).all()
    assert not mask[3].any()


def test_rain_that_is_made_as_it_is_asked_for_has_no_moving_view() -> None:
    with pytest.raises(ValidationError, match="moving view needs the frames between"):
        tiny(data={"source": "simulated", "view": "moving"})
    assert tiny(data={"source": "simulated"}).data.source == "simulated"


def test_small_numbers_keep_rates_to_a_hundredth_and_no_data() -> None:
    rates = np.array([0, 0.004, 0.1, 12.34, 655.34, 655.36, 9999, np.nan], np.float32)
    expected = np.array([0, 0, 0.1, 12.34, 655.34, 655.34, 655.34, np.nan], np.float32)
    np.testing.assert_array_equal(from_hundredths(to_hundredths(rates)), expected)


def test_frames_that_lack_are_read_as_no_data() -> None:
    event = drifting(1, 0)
    found = read(event, np.array([3, MISSING, 5]))
    np.testing.assert_array_equal(found[[0, 2]], event.rates(np.array([3, 5])))
    assert np.isnan(found[1]).all()
