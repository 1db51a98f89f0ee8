"""Scoring forecasters on events: the starts, the tables and the document."""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from xarray import DataArray, Dataset

from benchmarks.skill import events, field_tables, probability_tables, tables
from benchmarks.skill.events import EventRole
from benchmarks.skill.forecasters import NamedForecaster, open_forecasters
from benchmarks.skill.opponents.simple_probabilities import LABELS, REGRESSION
from benchmarks.skill.scoring import (
    SPECTRUM_LEADS,
    WAVELENGTHS,
    NoStarts,
    Scored,
    power,
    score,
)
from benchmarks.skill.skill import main
from benchmarks.skill.tables import EventSums
from model_zoo.forecasters.baselines import Persistence
from model_zoo.training.errors import BadData
from tests import showers as german_showers
from tests.unit.benchmarks.conftest import NOON, showers, write_event
from verification import brier, csi

Weights = Callable[..., Path]
QUARTER = np.timedelta64(15, "m")


class Counting(Persistence):
    """Persistence that notes what it was asked."""

    def __init__(self) -> None:
        self.issues: list[np.datetime64] = []

    def __call__(self, frames: DataArray, horizon: int = 4, step_minutes: int = 30) -> DataArray:
        self.issues.append(frames["time"].to_numpy()[-1])
        return super().__call__(frames, horizon, step_minutes)


def scored(corpus: Path, event: str, *names: str) -> Scored:
    return score(event, events.read(event, corpus), open_forecasters(names), QUARTER)


def drawn(counts: Dataset, block: int = 1) -> list[EventSums]:
    return [EventSums(counts, block)]


def counts(hits: list[list[int]], models: list[str]) -> Dataset:
    """Counts by model and start, of 50 events each, none forecast that did not come."""
    number = np.array(hits)[:, :, None, None]
    dims = ("model", "start", "threshold", "lead_time")
    cells = {"hits": number, "misses": 50 - number, "false_alarms": 0 * number}
    cells["correct_negatives"] = 0 * number + 900
    lead = np.array([30], "timedelta64[m]").astype("timedelta64[ns]")
    coords = {"model": models, "threshold": [0.5], "lead_time": lead}
    return Dataset({name: (dims, cell) for name, cell in cells.items()}, coords)


def test_an_event_of_the_corpus_is_read_with_its_holes(corpus: Path) -> None:
    frames = events.read("late", corpus)
    assert frames.dims == ("time", "y", "x")
    assert frames.isel(y=slice(0, 6)).isnull().all()
    np.testing.assert_allclose(
        frames.isel(y=slice(6, None)), showers(29, seed=2)[:, 6:], atol=0.0051
    )
    assert frames["time"].values[0] == NOON
    assert (np.diff(frames["y"]) < 0).all()  # row 0 in the north
    assert events.cell_km(frames) == 5


def test_a_folder_of_composites_is_read_at_5_km(tmp_path: Path) -> None:
    folder = tmp_path / "data" / "dwd" / "day"
    folder.mkdir(parents=True)
    for number in range(2):
        german_showers.write_file(folder, number)
    frames = events.read("day", tmp_path)
    assert frames.shape == (2, 180, 180)
    assert events.cell_km(frames) == pytest.approx(5)


def test_an_unknown_event_is_answered_with_those_there_are(corpus: Path) -> None:
    with pytest.raises(events.UnknownEvent, match=r"no event 'soon'.*early, late, short"):
        events.read("soon", corpus)


def test_an_event_says_how_wide_its_cells_are(tmp_path: Path) -> None:
    write_event(tmp_path, "narrow", showers(2, seed=1))
    path = events.find("narrow", tmp_path)
    with np.load(path) as file:
        kept = {name: file[name] for name in ("rate_x100", "time")}
    np.savez(path, **kept)
    with pytest.raises(BadData, match="add `km`"):
        events.read("narrow", tmp_path)


def test_an_event_shows_less_if_a_network_has_seen_it() -> None:
    data = {"source": "corpus", "train": ["sim-1-*", "one"], "validation": ["other"]}
    experiments = [{"data": data}]
    assert events.role_of("one", experiments) is EventRole.TRAINING
    assert events.role_of("sim-1-07", experiments) is EventRole.TRAINING
    assert events.role_of("other", experiments) is EventRole.VALIDATION
    assert events.role_of("third", experiments) is EventRole.TEST
    assert events.role_of(events.VALIDATION) is EventRole.VALIDATION
    assert events.role_of(events.GERMAN) is EventRole.TEST
    assert events.role_of("one", [{"data": {"source": "kth", "train": 3}}]) is EventRole.TEST


def test_all_start_where_the_most_demanding_can(corpus: Path, weights: Weights) -> None:
    """A network looks back 90 minutes, and a forecast reaches 120 ahead, of 420."""
    frames = events.read("early", corpus)
    alone, beside = Counting(), Counting()
    network = open_forecasters([str(weights())])
    score("early", frames, [NamedForecaster("a", alone, [])], QUARTER)
    score("early", frames, [NamedForecaster("a", beside, []), *network], QUARTER)
    minutes = [
        [int((issue - NOON) / np.timedelta64(1, "m")) for issue in entry.issues]
        for entry in (alone, beside)
    ]
    assert minutes == [list(range(0, 301, 15)), list(range(90, 301, 15))]


def test_a_start_that_lacks_frames_is_left_out_for_all(corpus: Path, weights: Weights) -> None:
    frames = events.read("early", corpus)
    forecasters = open_forecasters(["persistence", str(weights())])
    gap = frames.drop_sel(time=frames["time"].values[10])  # 150 minutes after noon
    found = score("early", gap, forecasters, QUARTER)
    # at 150 there is nothing to start from, and 180, 210 and 240 lack a frame of before
    assert found.left_out == 3
    assert found.counts.sizes["start"] == 11
    assert found.hour == 3  # of four, where none lacks


def test_an_event_that_is_too_short_is_no_event(corpus: Path) -> None:
    with pytest.raises(NoStarts, match="no start leaves the frames of 30 minutes"):
        scored(corpus, "short", "advection")


def test_all_count_on_the_same_cells(corpus: Path, weights: Weights) -> None:
    found = scored(corpus, "late", "persistence", "advection", "s-prog", str(weights()))
    cells = found.counts.to_dataarray().sum("variable")
    np.testing.assert_array_equal(cells.max("model"), cells.min("model"))
    assert found.probabilities is not None
    numbers = found.probabilities["number"].sum("bin")
    assert numbers["model"].values.tolist() == [*LABELS, "ms-convlstm"]
    for label in numbers["model"].values:
        np.testing.assert_array_equal(numbers.sel(model=label), cells.sel(model="advection"))


def test_forecasts_that_tell_no_probabilities_have_no_brier_score(corpus: Path) -> None:
    assert scored(corpus, "early", "persistence", "advection", "s-prog").probabilities is None


def test_a_field_that_stays_is_forecast_without_fault_and_without_blur(tmp_path: Path) -> None:
    write_event(tmp_path, "still", showers(29, seed=1, drift=0.0))
    found = scored(tmp_path, "still", "persistence")
    assert (csi(found.counts.sum("start")) == 1).all()
    line = field_tables.smoothness([found.sums.power]).splitlines()[-1]
    assert line == "| 120 min | persistence | 1.00 | 1.00 | 1.00 | 1.00 | 1.00 |"


@pytest.mark.parametrize("length", WAVELENGTHS)
def test_the_variance_of_a_wave_lies_in_its_octave(length: float) -> None:
    wave = np.cos(2 * np.pi * 5 * np.arange(64) / length)
    dims = ("model", "lead_time", "y", "x")
    fields = DataArray(np.tile(wave, (1, 2, 64, 1)), {"lead_time": SPECTRUM_LEADS}, dims)
    found = power(fields, km=5)
    assert found.sum() > 0
    np.testing.assert_allclose(found.sel(wavelength=length), found.sum("wavelength"))
    assert power(fields.isel(y=slice(8), x=slice(8)), km=5).sel(wavelength=160.0).isnull().all()


def test_blur_takes_variance_from_the_short_waves(corpus: Path) -> None:
    found = scored(corpus, "early", "persistence")
    radar = found.sums.power.sel(model=["radar"])
    half = (radar * [1.0, 0.5, 0.5, 0.5, 0.25][::-1]).assign_coords(model=["blurred"])
    lines = field_tables.smoothness([xr.concat([radar, half], "model")]).splitlines()
    assert lines[0] == "| lead | forecaster | 10 km | 20 km | 40 km | 80 km | 160 km |"
    assert lines[2] == "| 30 min | blurred | 0.25 | 0.50 | 0.50 | 0.50 | 1.00 |"


def test_scores_stand_with_their_bounds() -> None:
    hits = [[25, 25, 25, 25, 25, 25]]
    found = counts(hits, ["persistence"])
    line = tables.scores(drawn(found, 2)).splitlines()[2]
    assert line == "| CSI | 0.5 | persistence | 0.500 [0.500, 0.500] |"
    few = tables.scores(drawn(found.isel(start=slice(5)), 2)).splitlines()[2]
    assert few == "| CSI | 0.5 | persistence | 0.500 |"


def test_several_events_count_the_same_in_their_mean() -> None:
    entry, other = counts([[50] * 9], ["persistence"]), counts([[20] * 3], ["persistence"])
    line = tables.scores([*drawn(entry), *drawn(other)]).splitlines()[2]
    assert line.startswith("| CSI | 0.5 | persistence | 0.700 [0.400, 1.000]")


def test_amounts_are_rain_forecast_over_rain_observed(tmp_path: Path) -> None:
    write_event(tmp_path, "still", showers(29, seed=1, drift=0.0))
    found = scored(tmp_path, "still", "persistence", "advection")
    half = found.sums.amounts.assign(forecast=found.sums.amounts["forecast"] / 2)
    lines = field_tables.amounts(drawn(half, 4)).splitlines()
    assert lines[2].startswith("| rain, forecast over observed | persistence | 0.50 [0.50, 0.50]")
    scores = field_tables.neighbourhoods(drawn(found.sums.fractions, 4)).splitlines()
    assert scores[2].startswith("| 0.5 | 5 km | persistence | 1.00 [1.00, 1.00]")
    errors = field_tables.ranked_probability(drawn(found.sums.crps, 4)).splitlines()
    assert errors[2].startswith("| CRPS, mm/h | persistence | 0.0000 [0.0000, 0.0000]")


def test_a_network_is_held_against_the_best_simple_probability(
    corpus: Path, weights: Weights
) -> None:
    found = scored(corpus, "early", "advection", "s-prog", str(weights(lively=True)))
    assert found.probabilities is not None
    several = drawn(found.probabilities, found.hour)
    table = [line.split(" | ") for line in probability_tables.ratios(several).splitlines()]
    assert table[2][1] == "ms-convlstm / best simple probability"
    score = tables.value_of(several, brier)
    wet = score.sel(threshold=0.5).isel(lead_time=0)
    ratio = float(wet.sel(model="ms-convlstm") / wet.sel(model=list(LABELS)).min())
    row = next(cells for cells in table if cells[0] == "| 0.5")
    assert row[2] == f"{ratio:.3f}"
    seldom = next(cells for cells in table if cells[0] == "| 20")
    assert set(seldom[2:]) <= {"-", "- |"}  # fewer than 500 cells
    parts = probability_tables.decomposition(several).splitlines()[2].split(" | ")
    reliability, resolution, uncertainty = map(float, parts[2].split("; "))
    total = float(score.sel(model=LABELS[0], threshold=0.1).isel(lead_time=0))
    assert reliability - resolution + uncertainty == pytest.approx(1000 * total, abs=5)


def test_a_start_without_rain_is_left_out(corpus: Path) -> None:
    frames = events.read("early", corpus)
    dry = frames.where(frames["time"] > frames["time"].values[10], 0.0)
    forecasters = open_forecasters(["persistence"])
    every, least = (score("early", dry, forecasters, QUARTER, wet) for wet in (0.0, 0.01))
    assert every.counts.sizes["start"] - least.counts.sizes["start"] == 11
    with pytest.raises(NoStarts, match="with rain on 1% of the cells"):
        score("early", 0 * frames, forecasters, QUARTER, 0.01)


def test_a_difference_is_sure_where_one_is_better_at_every_start() -> None:
    """However much the scores themselves go up and down."""
    base = [5, 35, 10, 40, 20, 30, 5, 40]
    better = [number + 5 for number in base]
    mixed = [number + 5 * (-1) ** k for k, number in enumerate(base)]
    models = ["persistence", "advection", "good", "mixed"]
    table = tables.differences(drawn(counts([base, base, better, mixed], models)))
    assert "persistence" not in table
    good, alike = (line for line in table.splitlines() if line.startswith("| CSI"))
    assert good == "| CSI | 0.5 | good - advection | **+0.100 [+0.100, +0.100]** |"
    assert "mixed - advection" in alike
    assert "**" not in alike


def test_differences_are_to_s_prog_and_to_advection() -> None:
    models = ["advection", "s-prog", "net"]
    table = tables.differences(drawn(counts([[9] * 6, [8] * 6, [7] * 6], models)))
    pairs = [line.split(" | ")[2] for line in table.splitlines()[2:]]
    assert pairs == ["net - s-prog"] * 2 + ["s-prog - advection", "net - advection"] * 2
    assert tables.differences(drawn(counts([[9] * 6], ["persistence"]))) == ""


def test_two_networks_of_one_kind_are_told_apart(weights: Weights) -> None:
    entry, other = weights("one", seed=1), weights("other", seed=2)

    def labels(*paths: Path) -> list[str]:
        return [each.label for each in open_forecasters(["advection", *map(str, paths)])]

    assert labels(entry, entry) == ["advection", "ms-convlstm"]
    assert labels(entry, other) == ["advection", "one", "other"]
    (other.parent / "run").mkdir()
    again = other.rename(other.parent / "run" / "one.safetensors")
    assert labels(entry, again) == ["advection", str(entry), str(again)]


def test_the_command_writes_what_it_prints(
    corpus: Path,
    weights: Weights,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setitem(sys.modules, "pysteps", None)
    monkeypatch.setitem(sys.modules, "pysteps.nowcasts.sprog", None)
    file = tmp_path / "skill.md"
    options = ["--shared", str(corpus), "--every", "30", "--write", str(file)]
    options += ["--events", "short", "early", "late", "--cache", str(tmp_path / "cache")]
    options += ["--forecasters", "persistence", "advection", "s-prog", "pysteps-s-prog"]
    options += [str(weights())]
    monkeypatch.setattr(sys, "argv", ["skill", *options])
    main()
    printed, written = capsys.readouterr().out, file.read_text()
    assert "left out: 'pysteps-s-prog' needs the package pysteps" in printed
    assert "| CSI | 0.5 | s-prog - advection | " in written
    assert "left out: short: no start leaves the frames of 90 minutes" in printed
    assert written[written.index("## early") :].strip() in printed
    assert "Test: nothing was chosen on it. 2020-05-01 12:00 to 2020-05-01 19:00 UTC" in written
    assert "## 2 events together" in written
    assert str(tmp_path) not in written
    assert "| CSI | 0.5 | ms-convlstm - advection | " in written
    assert f"| 2 | {REGRESSION} | " in written
    assert written.index("## 2 events together") < written.index("## early")
    assert "| 0.5 | 40 km | ms-convlstm | " in written
    assert "Median time" not in written  # forecasts of a cache may be of another run
    assert len(list((tmp_path / "cache" / "early").iterdir())) == 4
    picture = "reliability-ms-convlstm-early.png"
    assert f"![Reliability of ms-convlstm on early]({picture})" in written
    assert (tmp_path / picture).read_bytes().startswith(b"\x89PNG")


def test_the_command_names_what_it_does_not_find(
    corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for options in (["--events", "soon"], ["--events", "early", "--forecasters", "advektion"]):
        monkeypatch.setattr(sys, "argv", ["skill", "--shared", str(corpus), *options])
        with pytest.raises(SystemExit, match=r"no event 'soon'|did you mean 'advection'"):
            main()


def test_advection_beats_persistence_on_the_german_event(shared: Path) -> None:
    frames = events.read(events.GERMAN, shared)
    forecasters = open_forecasters(["persistence", "advection"])
    found = score(events.GERMAN, frames, forecasters, np.timedelta64(60, "m"))
    skill = csi(found.counts.sum("start")).sel(threshold=0.5)
    assert (skill.sel(model="advection") > skill.sel(model="persistence")).all()
