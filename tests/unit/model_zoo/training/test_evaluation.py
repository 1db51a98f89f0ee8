"""Evaluation: the papers' rows beside ours, and what data sets hold."""

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from model_zoo import build
from model_zoo.checkpoints import checkpoint
from model_zoo.training.comparison.beside import compare
from model_zoo.training.data.opening import open_data
from model_zoo.training.data.sample import Draw, Split
from model_zoo.training.data.settings import MovingMNIST, data_settings
from model_zoo.training.data.survey import survey, survey_event, survey_record
from model_zoo.training.errors import BadData, BadExperiment
from model_zoo.training.evaluation import beside_paper, evaluate, paper_table
from model_zoo.training.loop import train
from model_zoo.training.metrics import Scores, ScoreSums
from model_zoo.training.run import Run
from tests.unit.model_zoo.training.conftest import tiny
from tests.unit.model_zoo.training.data.test_germany import write_rydl
from tests.unit.model_zoo.training.data.test_rain import write_event


def scores(thresholds: tuple[float, ...] = ()) -> Scores:
    """Of one sample of 4 predicted frames, of which the last 2 are future."""
    frames = torch.zeros(1, 4, 1, 12, 12)
    sums = ScoreSums.zeros(4, 2, thresholds, torch.tensor(thresholds) / 10, torch.device("cpu"))
    wrong = torch.tensor([0.1, 0.2, 0.3, 0.4])[None, :, None, None, None]
    sums.add(frames + wrong, frames, torch.ones_like(frames, dtype=torch.bool))
    return sums.scores()


def test_moving_mnist_has_the_row_of_the_paper_first() -> None:
    headings, lines = beside_paper(scores(), "moving-mnist", "ms-lstm")
    assert headings == ["", "SSIM", "MSE", "MAE"]
    assert lines[0] == ["paper", "0.879", "52.63", "97.90"]
    assert [line[0] for line in lines[1:]] == [
        "ours, all frames, as the paper",
        "ours, future frames alone",
    ]
    # 144 cells; means of the squares .01 .04 .09 .16 and of .1 to .4
    assert [line[2:] for line in lines[1:]] == [["10.80", "36.00"], ["18.00", "50.40"]]


def test_taxibj_is_by_future_frame_and_germany_by_threshold() -> None:
    headings, lines = beside_paper(scores(), "taxibj", "mim")
    assert headings == ["", "MSE 1", "MSE 2"]
    assert lines == [
        ["paper", "0.164", "0.208", "0.251", "0.288"],
        ["ours", "12.96", "23.04"],
    ]
    headings, lines = beside_paper(scores((0.5, 2.0, 5.0)), "germany", "preciplstm")
    assert headings[1:] == ["CSI 0.5", "CSI 2", "CSI 5", "HSS 0.5", "HSS 2", "HSS 5"]
    assert lines[0] == ["paper", "0.392", "0.234", "0.088", "0.556", "0.364", "0.152"]
    assert lines[2][1:] == ["0.000", "0.000", "-", "0.000", "0.000", "-"]
    _, lines = beside_paper(scores((0.5, 2.0, 5.0)), "corpus", "preciplstm")
    assert [line[0][:4] for line in lines] == ["ours", "ours"]


def test_the_whole_table_of_the_paper_is_there_with_a_mark() -> None:
    for source, number in (("moving-mnist", 9), ("taxibj", 8), ("germany", 8)):
        table = paper_table(source, "ms-lstm")
        assert table is not None
        assert len(table.lines) == number
        assert {len(line) for line in table.lines} == {len(table.headings)}
        (marked,) = [line for line in table.lines if line[0].endswith("*")]
        assert marked[0] == "ms-lstm *"
    assert marked[1:] == ["0.405", "0.243", "0.096", "0.562", "0.378", "0.164"]
    assert paper_table("kth", "ms-lstm") is None


def test_a_network_is_judged_on_data_cut_as_for_its_training(digits: Path, tmp_path: Path) -> None:
    best = train(tiny(), Run(tmp_path / "run", digits))
    seen: list[tuple[int, int]] = []
    found = evaluate(
        best, "moving-mnist", digits, batch=3, report=lambda *now: seen.append(now), device="cpu"
    )
    assert found.samples == 4
    assert seen == [(3, 4), (4, 4)]
    network = checkpoint.load(best).network
    data = open_data(tiny().data, digits, Split.TEST, seed=2022, scale="reflectivity")
    frames = torch.stack([data[Draw(0, number)].frames for number in range(4)])
    with torch.no_grad():
        predicted = network(frames[:, :3], horizon=2).frames.clamp(0, 1)
    squared = (predicted - frames[:, 1:]).square().sum((2, 3, 4)).mean(0)
    assert found.scores.steps["mse"].values == pytest.approx(squared.numpy(), rel=1e-5)
    assert [line[0] for line in found.by_frame.lines] == ["2, given", "3, given", "4, +1", "5, +2"]


def test_a_data_set_without_settings_is_told() -> None:
    assert data_settings("moving-mnist", {}) == MovingMNIST()
    assert data_settings("moving-mnist", {"data": {"source": "kth"}}) == MovingMNIST()
    for source in ("corpus", "nothing"):
        with pytest.raises(BadExperiment, match=f"no settings for the data set '{source}'"):
            data_settings(source, {})


def test_a_survey_says_what_a_data_set_holds(digits: Path, tmp_path: Path) -> None:
    lines = survey("moving-mnist", digits)
    assert [line[:3] for line in lines] == [
        ["train", "10500", "20 x 1 x 64 x 64"],
        ["validation", "1000", "20 x 1 x 64 x 64"],
        ["test", "4500", "20 x 1 x 64 x 64"],
    ]
    write_event(tmp_path, "one")
    assert survey_event(tmp_path / "one.npz") == [
        "one",
        "2020-01-01T00:00",
        "30",
        "5",
        "12 x 10",
        "0.92",
        "0.091",
        "3.9",
    ]
    write_rydl(tmp_path / "RYDL.hdf5", [0, 1, 3])
    text = survey_record(tmp_path)
    assert text[0].startswith("3 frames from 2013-05-01T00:00 to 2013-05-01T00:15 UTC, 7 minutes")


def moving_rain(frames: int = 31) -> NDArray[np.uint16]:
    """A band of rain that moves one cell to the east each five minutes, mm/h x 100."""
    rates = np.zeros((frames, 48, 64), np.uint16)
    for number in range(frames):
        rates[number, 8:40, number : number + 12] = 300
    return rates


def save_random(path: Path, test: list[str]) -> None:
    """A network with random weights that names test events."""
    torch.manual_seed(0)
    data = {"source": "corpus", "train": ["two"], "test": test, "minutes": [30]}
    checkpoint.save(
        path,
        build("ms-convlstm", channels=3),
        model="ms-convlstm",
        channels=3,
        scale="reflectivity",
        experiment={"data": data},
        provenance={},
    )


def test_a_network_is_compared_with_other_forecasters_on_the_same_cells(tmp_path: Path) -> None:
    for name in ("one", "other"):
        write_event(tmp_path, name, 31, rate_x100=moving_rain())
    path = tmp_path / "random.safetensors"
    save_random(path, ["one", "other"])
    seen: list[str] = []
    beside = ("persistence", "advection")
    scores, above = compare(
        path, "corpus", tmp_path, beside=beside, every_minutes=5, report=seen.append
    )
    assert seen == ["one", "other"]
    assert scores.title == "CSI on 2 events, 14 starts, with 90 % intervals"
    assert scores.headings == ["", "mm/h", "+30 min", "+60 min", "+90 min", "+120 min"]
    cells = {(line[0], line[1]): line[2:] for line in scores.lines}
    # After 30 minutes the band of 12 columns has moved by 6: 6 of 18 columns are hit.
    assert cells["persistence", "2"][0].startswith("0.333 [0.333, 0.333]")
    assert float(cells["advection", "2"][0].split()[0]) > 0.6
    assert [line[0] for line in above.lines[:2]] == ["persistence", "advection"]
    assert above.lines[1][2].startswith("-")
    assert above.lines[1][2].endswith("*"), "random weights are significantly worse"


def test_a_comparison_says_what_it_lacks(tmp_path: Path) -> None:
    write_event(tmp_path, "one", 5)
    save_random(tmp_path / "random.safetensors", ["one"])
    with pytest.raises(BadData, match="no forecast can start in test"):
        compare(tmp_path / "random.safetensors", "corpus", tmp_path, beside=("persistence",))
    with pytest.raises(BadData, match="no radar"):
        compare(tmp_path / "random.safetensors", "corpus", None)


def test_random_weights_are_scored_as_any_others(tmp_path: Path) -> None:
    write_event(tmp_path, "one")
    torch.manual_seed(0)
    data = {"source": "corpus", "train": ["two"], "test": ["one"], "minutes": [5]}
    checkpoint.save(
        tmp_path / "random.safetensors",
        build("ms-convlstm", channels=3),
        model="ms-convlstm",
        channels=3,
        scale="reflectivity",
        experiment={"data": data},
        provenance={},
    )
    found = evaluate(tmp_path / "random.safetensors", "corpus", tmp_path, samples=5, device="cpu")
    assert found.samples == 5
    assert found.beside_paper.headings[1] == "CSI 0.5"
    assert np.isfinite(found.scores.steps["mse"].values).all()
