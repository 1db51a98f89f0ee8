"""Rain: the corpus, cuts and variations, masks, and simulated events."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from model_zoo import intensity
from model_zoo.training.data.augmentation import HEAVIEST, augment, crop
from model_zoo.training.data.data_sets.corpus import (
    CLIPPED,
    OVERLAP,
    Event,
    read_event,
    tiles,
    whole_fields,
)
from model_zoo.training.data.data_sets.simulated import CROPS, SimulatedRain
from model_zoo.training.data.opening import open_data
from model_zoo.training.data.rain import RainSequences, Weighted, rain_windows
from model_zoo.training.data.record import EVERY_RATE, NO_DATA
from model_zoo.training.data.sample import Draw, Sample, Sequences, Split
from model_zoo.training.data.settings import Augmentation, Corpus, Rain, Simulated
from model_zoo.training.errors import BadData

SCALE = intensity.scale("reflectivity")
EVERYTHING = Augmentation(flip=True, rotate=True, intensity=0.2)
WHEN = np.datetime64("2020-01-01T00:00:00", "s")


def write_event(folder: Path, name: str, frames: int = 30, **changes: Any) -> None:
    """An event every 5 minutes: the top row has no data, the second rains 1 mm/h x frame / 10."""
    rates = np.zeros((frames, 12, 10), np.uint16)
    rates[:, 0] = 65535
    rates[:, 1] = 100 + 10 * np.arange(frames)[:, None]
    arrays = {
        "rate_x100": rates,
        "time": WHEN + np.arange(frames) * np.timedelta64(5, "m"),
        "km": np.float64(5),
    }
    arrays |= changes
    present: dict[str, Any] = {k: v for k, v in arrays.items() if v is not None}
    np.savez(folder / f"{name}.npz", **present)


def opened(folder: Path, split: Split = Split.TRAIN, seed: int = 1, **settings: Any) -> Sequences:
    required = {
        "train": ("one",),
        "validation": ("two",),
        "minutes": (15,),
        "given": 2,
        "horizon": 2,
    }
    return open_data(
        Corpus.model_validate(required | settings), folder, split, seed=seed, scale="reflectivity"
    )


@pytest.fixture
def events(tmp_path: Path) -> Path:
    write_event(tmp_path, "one")
    write_event(tmp_path, "two")
    return tmp_path


def test_no_data_is_masked_and_dry_is_not(events: Path) -> None:
    sequences = opened(events)
    assert len(sequences) == 30 - 9
    frames, mask, *_ = sequences[Draw(0, 4)]
    assert frames.shape == mask.shape == (4, 1, 12, 12), "up to a multiple of 4"
    assert not mask[:, :, 0].any()
    assert mask[:, :, 1:12, :10].all()
    assert not mask[:, :, 12:].any()
    assert not mask[..., 10:].any()
    assert (frames[~mask] == 0).all()
    assert (frames[:, :, 2:12] == 0).all()
    expected = SCALE.encode(torch.tensor([1.4, 1.7, 2.0, 2.3]))
    assert torch.allclose(frames[:, 0, 1, 0], expected)


def test_a_gap_is_never_straddled(tmp_path: Path) -> None:
    times = WHEN + np.delete(np.arange(31), 12) * np.timedelta64(5, "m")
    write_event(tmp_path, "one", time=times)
    sequences = opened(tmp_path)
    assert isinstance(sequences, RainSequences)
    starts = [int(window.numbers[0]) for window in sequences.windows]
    for window in sequences.windows:
        found = times[window.numbers]
        assert (np.diff(found) == np.timedelta64(15, "m")).all()
    # windows of 0, 3, 6 and 9 frames ahead: those that would need frame 12 are left out
    assert starts == [s if s < 12 else s - 1 for s in range(22) if 12 - s not in (0, 3, 6, 9)]


def test_german_events_are_turned_north_up(tmp_path: Path) -> None:
    write_event(tmp_path, "dwd_one")
    write_event(tmp_path, "one")
    south, north = (
        read_event(tmp_path / f"{n}.npz").rates(np.array([0])) for n in ("dwd_one", "one")
    )
    assert np.array_equal(south, north[:, ::-1], equal_nan=True)


@pytest.mark.parametrize(
    ("name", "first_row", "turned"),
    [
        ("one", "south", True),
        ("one", "north", False),
        ("one", None, False),
        ("dwd_one", "south", True),
        ("dwd_one", "north", False),
        ("dwd_one", None, True),
    ],
)
def test_a_file_may_say_where_its_first_row_lies(
    name: str, first_row: str | None, tmp_path: Path, *, turned: bool
) -> None:
    write_event(tmp_path, "plain")
    write_event(tmp_path, name, first_row=first_row)
    plain, found = (
        read_event(tmp_path / f"{n}.npz").rates(np.array([0, 7])) for n in ("plain", name)
    )
    np.testing.assert_array_equal(found, plain[:, ::-1] if turned else plain)


def test_what_a_radar_tells_apart_is_as_its_file_says(tmp_path: Path) -> None:
    stated = {
        "plain": (None, EVERY_RATE),
        "capped": (np.array([0.3, 20.0]), (0.3, 20.0)),
        "es_clipped_2km": (None, CLIPPED),
        "fr_clipped_5km": (np.array([0.2, 100.0]), (0.2, 100.0)),
    }
    for name, (measured, expected) in stated.items():
        write_event(tmp_path, name, measured=measured)
        assert read_event(tmp_path / f"{name}.npz").measured == expected


def test_a_guided_sample_says_what_its_radar_tells_apart(tmp_path: Path) -> None:
    write_event(tmp_path, "one", measured=np.array([1.0, 40.0]))
    write_event(tmp_path, "two")
    guided: dict[str, Any] = {"view": "moving", "guidance": "s-prog"}
    span = opened(tmp_path, **guided)[Draw(0, 6)].measured
    torch.testing.assert_close(span, SCALE.encode(torch.tensor([1.0, 40.0])))
    every = opened(tmp_path, Split.VALIDATION, **guided)[Draw(0, 6)].measured
    assert every.tolist() == [0, 1]


def mosaic(rows: int, columns: int, frames: int = 3) -> Event:
    """An event whose cells all have another rate, without data in the east half."""
    hundredths = np.arange(rows * columns, dtype=np.uint16).reshape(rows, columns)
    rates = np.stack([hundredths] * frames)
    rates[:, :, columns // 2 :] = NO_DATA
    times = WHEN + np.arange(frames) * np.timedelta64(5, "m")
    return Event("mosaic", times, rates, (0.5, 30.0))


def test_tiles_cover_what_is_known_and_skip_what_is_empty() -> None:
    event = mosaic(180, 300)
    side = 50
    parts = tiles(event, side)
    assert len({part.name for part in parts}) == len(parts) > 8
    seen: set[int] = set()
    for part in parts:
        assert part.shape == (side, side)
        assert part.measured == event.measured
        assert np.array_equal(part.times, event.times)
        known = part.hundredths[0] != NO_DATA
        assert known.mean() >= 0.4
        seen |= set(part.hundredths[0][known].tolist())
    known = event.hundredths[0, :, :120]
    # all but what lies beyond the last whole tile and next to the edge of data
    step = side - OVERLAP
    last = (180 - side) // step * step + side
    assert set(known[:last].ravel().tolist()) <= seen
    corners = sorted(tuple(map(int, part.name.split("_")[1:])) for part in parts)
    assert corners[0] == (0, 0)
    assert {row for row, _ in corners} == set(range(0, last - side + 1, step))
    assert all(column + side // 2 <= 150 + 5 for _, column in corners), "none in the east"


def test_fields_that_are_not_much_larger_than_a_tile_stay_whole() -> None:
    event = mosaic(100, 60)
    assert tiles(event, None) == [event]
    assert tiles(event, 50) == [event]
    assert len(tiles(event, 49)) > 1


def test_a_corpus_opens_in_tiles_that_share_the_weight_of_their_event(tmp_path: Path) -> None:
    times = WHEN + np.arange(12) * np.timedelta64(5, "m")
    large = np.full((12, 120, 90), 100, np.uint16)
    np.savez(tmp_path / "large.npz", rate_x100=large, time=times)
    np.savez(tmp_path / "small.npz", rate_x100=large[:, :40, :40] * 2, time=times)
    settings: dict[str, Any] = {"train": ("large", "small"), "validation": (), "tile": 40}
    sequences = opened(tmp_path, **settings, samples=600)
    assert isinstance(sequences, Weighted)
    names = [record.name.split("_")[0] for record in sequences.records]
    assert names.count("small") == 1
    assert names.count("large") == 3 * 2
    assert {record.shape for record in sequences.records} == {(40, 40)}
    drawn = [sequences.window(n, np.random.default_rng(n)).record for n in range(600)]
    assert 0.42 < np.mean([names[record] == "small" for record in drawn]) < 0.58
    assert set(drawn) == set(range(len(names)))


def test_days_of_a_file_are_drawn_evenly_however_long_they_are(tmp_path: Path) -> None:
    """A day with 200 windows comes no more often than one with 20."""
    long, short = np.arange(209), np.arange(29)
    minutes = np.concatenate([5 * long, 3 * 24 * 60 + 5 * short])
    times = WHEN + minutes * np.timedelta64(1, "m")
    write_event(tmp_path, "one", frames=len(times), time=times)
    write_event(tmp_path, "two")
    sequences = opened(
        tmp_path, train=("one", "two"), validation=(), samples=900, weights={"two": 2.0}
    )
    assert isinstance(sequences, Weighted)
    drawn = [sequences.window(n, np.random.default_rng(n)) for n in range(900)]
    of = [(w.record, int((times[w.numbers[1]] - WHEN) // np.timedelta64(1, "D"))) for w in drawn]
    assert set(of) == {(0, 0), (0, 3), (1, 0)}
    for event, share in (((0, 0), 0.25), ((0, 3), 0.25), ((1, 0), 0.5)):
        assert of.count(event) / 900 == pytest.approx(share, abs=0.05)
    assert len({w.key for w in drawn}) > 150


def test_whole_fields_are_neither_cut_nor_varied_and_spread_over_the_event(events: Path) -> None:
    settings = Corpus(
        train=("one",),
        validation=("two",),
        minutes=(15, 20),
        given=2,
        horizon=2,
        crop=4,
        validation_crop=4,
        augmentation=EVERYTHING,
    )
    found = whole_fields(settings, events, [("t*", 5), ("one", 99)], "reflectivity")
    assert [sequences.records[0].name for sequences, _ in found] == ["two", "one"]
    (sequences, few), (_, every) = found
    assert len(few) == 5
    assert max(few) - min(few) > 12
    assert every == list(range(30 - 9))
    sample = sequences[Draw(0, few[1])]
    assert sample.frames.shape == (4, 1, 12, 12)
    expected = of_first_cell(events / "two.npz", few[1])
    torch.testing.assert_close(sample.frames[:, 0, 1, 0], SCALE.encode(expected))
    with pytest.raises(BadData, match="no folder was named"):
        whole_fields(settings, None, [("one", 1)], "reflectivity")


def of_first_cell(path: Path, start: int) -> Tensor:
    """Rates of the first cell with rain in four frames 15 minutes apart."""
    return torch.from_numpy(read_event(path).rates(start + 3 * np.arange(4))[:, 1, 0])


def test_only_wet_windows_are_taken(events: Path) -> None:
    event = read_event(events / "one.npz")
    assert event.wet() == pytest.approx(np.full(30, 10 / 110))
    event.hundredths[:15, 1] = 0
    wet = rain_windows([event], Rain(given=2, horizon=2, least_wet=0.09), [5], 5)
    assert [int(window.numbers[0]) for window in wet] == list(range(15, 27))
    with pytest.raises(BadData, match="none is wet"):
        rain_windows([event], Rain(least_wet=0.5), [5], 5)


def test_the_same_draw_is_the_same_sample_and_epochs_vary_it(events: Path) -> None:
    settings: dict[str, Any] = {
        "crop": 8,
        "least_wet": 0.05,
        "augmentation": EVERYTHING,
        "samples": 50,
    }
    first, again = (opened(events, **settings) for _ in range(2))
    other = opened(events, seed=2, **settings)
    differing = 0
    for number in range(20):
        drawn, drawn_again = first[Draw(3, number)], again[Draw(3, number)]
        assert torch.equal(drawn.frames, drawn_again.frames)
        assert torch.equal(drawn.mask, drawn_again.mask)
        differing += not torch.equal(drawn.frames, first[Draw(4, number)].frames)
        differing += not torch.equal(drawn.frames, other[Draw(3, number)].frames)
    assert differing > 30


def test_validation_is_never_varied(events: Path) -> None:
    plain = opened(events, Split.VALIDATION)
    varied = opened(events, Split.VALIDATION, augmentation=EVERYTHING)
    for epoch in range(3):
        assert torch.equal(plain[Draw(0, 2)].frames, varied[Draw(epoch, 2)].frames)


def test_variations_keep_motion_rain_and_masks_together() -> None:
    rng = np.random.default_rng(0)
    rates = rng.gamma(0.3, 4, (3, 8, 8)).astype(np.float32)
    rates[:, 2, 5] = np.nan
    seen = set()
    for number in range(200):
        found = augment(rates, np.random.default_rng(number), EVERYTHING)
        factor = np.nansum(found) / np.nansum(rates)
        assert 1 / 1.2 <= factor <= 1.2
        views = [
            np.rot90(view, turn, (1, 2)) for view in (rates, rates[:, :, ::-1]) for turn in range(4)
        ]
        same = [np.allclose(found, view * factor, rtol=1e-4, equal_nan=True) for view in views]
        assert sum(same) == 1, "all frames are turned alike"
        seen.add(same.index(True))
    assert len(seen) == 8
    assert np.array_equal(
        augment(rates, np.random.default_rng(1), Augmentation()), rates, equal_nan=True
    )
    oblong = augment(rates[:, :6], np.random.default_rng(1), EVERYTHING)
    assert oblong.shape == (3, 6, 8)


def test_some_sequences_are_made_heavy_and_all_others_stay_as_they_are() -> None:
    rates = np.random.default_rng(0).gamma(0.3, 4, (3, 8, 8)).astype(np.float32)
    some = Augmentation(heavy=0.25)
    factors = np.array(
        [
            np.nansum(augment(rates, np.random.default_rng(number), some)) / rates.sum()
            for number in range(400)
        ]
    )
    heavy = factors[factors > 1.001]
    np.testing.assert_allclose(factors[factors <= 1.001], 1, rtol=1e-5)
    assert 0.15 < len(heavy) / 400 < 0.35
    assert heavy.max() <= HEAVIEST
    assert 3 < np.median(heavy) < 5.5, "the logarithm is uniform"


def test_crops_look_for_rain_and_pad_small_fields() -> None:
    rates = np.zeros((2, 40, 40), np.float32)
    rates[:, 30:, 30:] = 5
    wet, any_place = (
        [crop(rates, 10, np.random.default_rng(n), least).max() > 0 for n in range(200)]
        for least in (0.3, 0.0)
    )
    assert np.mean(wet) > 0.45, "of 8 places"
    assert np.mean(any_place) < 0.2, "a tenth of all places"
    small = crop(rates, 48, np.random.default_rng(0), 0.1)
    assert small.shape == (2, 48, 48)
    assert np.isnan(small[:, 40:]).all()
    assert np.array_equal(small[:, :40, :40], rates)


def test_weights_say_how_often_an_event_is_drawn(events: Path) -> None:
    sequences = opened(
        events, train=("one", "two"), validation=(), samples=400, weights={"two": 3.0}
    )
    assert isinstance(sequences, Weighted)
    drawn = [sequences.window(n, np.random.default_rng(n)).record for n in range(400)]
    assert 0.68 < np.mean(drawn) < 0.82


def test_a_lacking_last_frame_is_masked(events: Path) -> None:
    sequences = opened(events, spare=1)
    assert len(sequences) == 30 - 6
    mask = sequences[Draw(0, len(sequences) - 1)].mask
    assert mask[:3].any()
    assert not mask[3].any()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rate_x100": None}, "should have rate_x100 and time"),
        ({"rate_x100": np.zeros((29, 4, 4), np.uint16)}, r"for \(30,\) times"),
        ({"rate_x100": np.zeros((30, 4, 4), np.float32)}, "float32"),
        ({"time": np.array([WHEN] * 30)}, "do not rise"),
        ({"time": np.arange(30)}, "are no times"),
        ({"first_row": "east"}, "has first_row 'east', should be 'north' or 'south'"),
        ({"first_row": "South"}, "has first_row 'South', should be 'north' or 'south'"),
    ],
)
def test_damaged_events_are_told(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    write_event(tmp_path, "one", **changes)
    with pytest.raises(BadData, match=message):
        opened(tmp_path)


def test_other_files_and_wrong_splits_are_told(events: Path) -> None:
    (events / "three.npz").write_bytes((events / "one.npz").read_bytes()[:300])
    for changes, message in (
        ({"train": ("three",)}, "three.npz cannot be read as npz"),
        ({"train": ("four",)}, "four.npz is not there"),
        ({"train": ("one", "two")}, "two: an event belongs to one split"),
        ({"weights": {"two": 1.0}}, "two, which is not trained on"),
    ):
        with pytest.raises(BadData, match=message):
            opened(events, **changes)
    with pytest.raises(BadData, match="names no event for test"):
        opened(events, Split.TEST)
    with pytest.raises(BadData, match="no folder was named"):
        open_data(Corpus(train=("one",)), None, Split.TRAIN, seed=1, scale="reflectivity")


def test_an_asterisk_names_all_events_that_match(events: Path) -> None:
    sequences = opened(events, train=("o*",))
    assert isinstance(sequences, RainSequences)
    assert [record.name for record in sequences.records] == ["one"]
    with pytest.raises(BadData, match="two: an event belongs to one split"):
        opened(events, train=("*",))
    with pytest.raises(BadData, match="no events like x"):
        opened(events, train=("x*",))


def test_fields_of_two_sizes_need_a_crop(events: Path) -> None:
    event = read_event(events / "one.npz")
    small = Event("small", event.times, event.hundredths[:, :8, :8])
    records, settings = [event, small], Rain(given=2, horizon=2)
    found = rain_windows(records, settings, [5], 5)
    with pytest.raises(BadData, match="set `crop`"):
        RainSequences(records, found, settings, SCALE, Split.TRAIN, 1)


def test_simulated_events_are_endless_and_reproducible() -> None:
    settings = Simulated(side=16, given=2, horizon=1, minutes=5, events=3)
    first, again = (SimulatedRain(settings, Split.TRAIN, 1, SCALE) for _ in range(2))
    assert len(first) == 3 * CROPS

    def sample(rain: SimulatedRain, epoch: int, index: int) -> Sample:
        return rain[Draw(epoch, index)]

    assert torch.equal(sample(first, 0, 0).frames, sample(again, 0, 0).frames)
    assert torch.equal(sample(first, 0, 0).frames, sample(first, 0, 1).frames), "of the same event"
    assert not torch.equal(sample(first, 0, 0).frames, sample(first, 1, 0).frames)
    assert sample(first, 0, 0).mask.all()
    validation = SimulatedRain(settings, Split.VALIDATION, 1, SCALE)
    assert torch.equal(validation[Draw(0, 0)].frames, validation[Draw(1, 0)].frames)
    assert not torch.equal(validation[Draw(0, 0)].frames, sample(first, 0, 0).frames)
    with pytest.raises(BadData, match="multiple of 5"):
        SimulatedRain(Simulated(minutes=12), Split.TRAIN, 1, SCALE)


def test_the_real_corpus_opens(shared: Path) -> None:
    settings = Corpus(
        train=("fmi_20160928_5km", "mch_20150515_5km"),
        validation=("knmi_20100826_5km",),
        minutes=(15, 20),
        crop=96,
        least_wet=0.02,
        augmentation=EVERYTHING,
    )
    train, validation = (
        open_data(settings, shared / "data" / "corpus", split, seed=1, scale="reflectivity")
        for split in (Split.TRAIN, Split.VALIDATION)
    )
    frames, mask, *_ = train[Draw(0, 0)]
    assert frames.shape == (8, 1, 96, 96)
    assert mask.float().mean() > 0.5
    assert 0.3 < frames.max() <= 1
    assert validation[Draw(0, 0)].frames.shape == (8, 1, 156, 140)
