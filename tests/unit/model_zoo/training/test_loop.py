"""The loop: it learns, keeps the best, stops in time, and goes on where it was."""

from pathlib import Path

import numpy as np
import pytest
import torch

from model_zoo import load_forecaster
from model_zoo.checkpoints import checkpoint
from model_zoo.training.data.sample import known
from model_zoo.training.distributed import Ranks
from model_zoo.training.errors import BadExperiment, BadRun
from model_zoo.training.learner import Trainer
from model_zoo.training.log import Log, read_log
from model_zoo.training.loop import train
from model_zoo.training.run import Run, TrainingStatus
from model_zoo.zoo import MODELS, build
from tests.unit.model_zoo.training.conftest import tiny

HERE = Ranks(0, 1, torch.device("cpu"))
STEADY = {"ema": 0.9, "optimiser": {"schedule": "cosine", "warm_up": 2, "clip": 5.0}}


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def same_weights(*paths: Path) -> bool:
    first, second = (checkpoint.load(path).network.state_dict() for path in paths)
    assert first.keys() == second.keys()
    return all(torch.equal(first[name], second[name]) for name in first)


def columns(path: Path) -> list[dict[str, str]]:
    """Rows of a log without how fast they came."""
    return [{k: v for k, v in r.items() if k != "samples_per_second"} for r in read_log(path)]


def test_one_sequence_is_learnt_by_heart() -> None:
    experiment = tiny(optimiser={"rate": 2e-2}, sampling="none")
    torch.manual_seed(0)
    learner = Trainer(build("ms-convlstm", channels=4), experiment, 60, HERE)
    position = np.arange(16)
    frames = np.exp(
        -((position[:, None] - 8) ** 2 + (position - 4 - 2 * np.arange(5)[:, None, None]) ** 2) / 8
    )
    sample = known(frames.astype(np.float32))
    batch = type(sample)(sample.frames[None], sample.mask[None])
    losses = [learner.step(batch, step).loss.item() for step in range(60)]
    assert losses[-1] < losses[0] / 4


def test_every_weight_of_every_network_learns() -> None:
    # two processes wait for the gradient of every weight
    torch.manual_seed(0)
    sample = known(np.random.default_rng(0).random((3, 16, 16), np.float32))
    batch = type(sample)(sample.frames[None], sample.mask[None])
    for name in MODELS:
        data = {"source": "moving-mnist", "given": 2, "horizon": 1, "side": 16}
        learner = Trainer(build(name, channels=4), tiny(model=name, data=data), 1, HERE)
        learner.loss(batch, 0).backward()  # type: ignore[no-untyped-call]
        idle = [n for n, weight in learner.network.named_parameters() if weight.grad is None]
        assert not idle, name


def test_a_run_leaves_weights_logs_and_says_where_it_is(digits: Path, tmp_path: Path) -> None:
    moments: list[TrainingStatus] = []
    folder = tmp_path / "run"
    run = Run(folder, digits, log_every=4, about={"why": "a test"}, report=moments.append)
    best = train(tiny(**STEADY), run)
    assert [moment.step for moment in moments] == [1, 4, 8, 12], "the first without waiting"
    assert moments[-1].seconds_left == 0
    assert all(moment.steps_per_second > 0 < moment.rate for moment in moments)
    assert moments[0].validation is None
    rows = read_log(folder / "training.csv")
    assert [row["step"] for row in rows] == ["4", "8", "12"]
    assert [row["epoch"] for row in rows] == ["1", "2", "2"]
    assert [float(row["shown_future"]) for row in rows] == pytest.approx([0.75, 5 / 12, 1 / 12])
    judged = read_log(folder / "validation.csv")
    assert [row["step"] for row in judged] == ["6", "12"]
    kept = checkpoint.load(best)
    assert kept.model == "ms-convlstm"
    assert kept.experiment == tiny(**STEADY).model_dump(mode="json")
    assert kept.provenance["why"] == "a test"
    losses = {row["step"]: float(row["loss"]) for row in judged}
    assert kept.provenance["validation"]["loss"] == min(losses.values())
    assert str(kept.provenance["step"]) == min(losses, key=lambda step: losses[step])
    assert load_forecaster(best).weights == kept.sha256


def test_while_a_run_lasts_its_weights_are_saved_by_the_clock(digits: Path, tmp_path: Path) -> None:
    found: list[set[str]] = []

    def report(moment: TrainingStatus) -> None:
        found.append({path.stem for path in tmp_path.glob("*.safetensors")})
        if moment.step == 3:
            assert load_forecaster(tmp_path / "current.safetensors").name == "ms-convlstm"

    run = Run(tmp_path, digits, log_every=1, save_every=99, save_minutes=0, report=report)
    train(tiny(validate_every=12), run)
    assert found[:2] == [set(), {"state", "current"}]
    assert {path.stem for path in tmp_path.glob("*.safetensors")} == {"state", "best", "last"}


def test_what_is_validated_and_kept_is_the_mean_of_the_weights(
    digits: Path, tmp_path: Path
) -> None:
    changes = {"validate_every": 12}
    for name, ema in (("last", None), ("mean", 0.9)):
        train(tiny(ema=ema, **changes), Run(tmp_path / name, digits))
    assert not same_weights(*(tmp_path / n / "last.safetensors" for n in ("last", "mean")))
    for name in ("last", "mean"):
        both = [tmp_path / name / f"{kept}.safetensors" for kept in ("last", "best")]
        assert same_weights(*both)


@pytest.mark.parametrize("changes", [{}, STEADY, {"sampling": "reverse", "model": "predrnn-v2"}])
def test_a_run_cut_in_two_ends_where_a_whole_one_does(
    digits: Path, tmp_path: Path, changes: dict[str, object]
) -> None:
    experiment = tiny(**changes)
    train(experiment, Run(tmp_path / "whole", digits, log_every=1))

    class Cut(Exception):
        pass

    def cut(moment: TrainingStatus) -> None:
        if moment.step == 8:
            raise Cut

    run = Run(tmp_path / "parts", digits, log_every=1, save_every=5, report=cut)
    with pytest.raises(Cut):
        train(experiment, run)
    assert len(read_log(tmp_path / "parts" / "training.csv")) == 8
    train(experiment, Run(tmp_path / "parts", digits, log_every=1))
    for name in ("best", "last", "state"):
        whole, parts = (tmp_path / run / f"{name}.safetensors" for run in ("whole", "parts"))
        if name != "state":
            assert same_weights(whole, parts)
    for name in ("training.csv", "validation.csv"):
        assert columns(tmp_path / "whole" / name) == columns(tmp_path / "parts" / name)
    before = (tmp_path / "parts" / "last.safetensors").read_bytes()
    train(experiment, Run(tmp_path / "parts", digits))
    assert (tmp_path / "parts" / "last.safetensors").read_bytes() == before, "nothing is left to do"


def test_another_experiment_in_the_same_folder_is_refused(digits: Path, tmp_path: Path) -> None:
    train(tiny(), Run(tmp_path / "run", digits))
    with pytest.raises(BadRun, match=r"experiment was .* Name another folder"):
        train(tiny(seed=1), Run(tmp_path / "run", digits))
    state = tmp_path / "run" / "state.safetensors"
    state.write_bytes(state.read_bytes()[:-10])
    with pytest.raises(BadRun, match="not a state that training can resume from"):
        train(tiny(), Run(tmp_path / "run", digits))


def test_it_begins_with_the_weights_it_is_given(digits: Path, tmp_path: Path) -> None:
    best = train(tiny(), Run(tmp_path / "first", digits))
    slow = tiny(optimiser={"rate": 1e-12}, epochs=1)
    second = train(slow, Run(tmp_path / "second", digits, start=best))
    first, again = checkpoint.load(best), checkpoint.load(second)
    assert again.provenance["start"] == first.sha256
    for weight, weight_again in zip(
        first.network.parameters(), again.network.parameters(), strict=True
    ):
        assert torch.allclose(weight, weight_again, atol=1e-9)
    with pytest.raises(BadExperiment, match="ms-convlstm of 3 channels"):
        train(tiny(channels=4), Run(tmp_path / "third", digits, start=best))


def test_a_loss_that_is_no_number_ends_it(digits: Path, tmp_path: Path) -> None:
    wild = tiny(optimiser={"rate": 1e30}, epochs=3)
    with pytest.raises(BadRun, match="lower the rate"):
        train(wild, Run(tmp_path / "run", digits, log_every=1))


def test_bfloat16_and_channels_last_learn_the_same_but_for_rounding(
    digits: Path, tmp_path: Path
) -> None:
    machines = {"plain": {}, "last": {"channels_last": True}, "bf16": {"bf16": True}}
    losses = {}
    for name, machine in machines.items():
        train(tiny(machine=machine), Run(tmp_path / name, digits, log_every=1))
        rows = read_log(tmp_path / name / "training.csv")
        losses[name] = [float(row["loss"]) for row in rows]
    assert losses["last"] == pytest.approx(losses["plain"], rel=1e-4)
    assert losses["bf16"] == pytest.approx(losses["plain"], rel=0.03)
    assert losses["bf16"] != losses["plain"]


def test_processes_that_make_samples_change_nothing(digits: Path, tmp_path: Path) -> None:
    for workers in (0, 2):
        train(tiny(), Run(tmp_path / str(workers), digits, log_every=1, workers=workers))
    assert columns(tmp_path / "0" / "training.csv") == columns(tmp_path / "2" / "training.csv")


def test_rows_after_the_step_gone_on_from_are_dropped(tmp_path: Path) -> None:
    log = Log(tmp_path, "training", 0)
    for step in (1, 2, 3):
        log.write(step, {"loss": step / 2})
    log.close()
    with (tmp_path / "training.csv").open("a") as file:
        file.write("4")
    again = Log(tmp_path, "training", 2)
    again.write(3, {"loss": 9.0})
    again.close()
    assert [row["loss"] for row in read_log(tmp_path / "training.csv")] == ["0.5", "1.0", "9.0"]
