"""Experiments: those we ship, and the errors of a wrong one."""

from pathlib import Path

import pytest

from model_zoo import build
from model_zoo.training import paper_tables
from model_zoo.training.data.settings import KTH, Corpus, Germany, MovingMNIST, Rain, TaxiBJ
from model_zoo.training.errors import BadExperiment
from model_zoo.training.experiment import SHIPPED, Experiment, read_experiment

PAPER = {
    "moving-mnist": (paper_tables.MOVING_MNIST, 40, (10, 10)),
    "taxibj": (paper_tables.TAXIBJ, 15, (4, 4)),
    "kth": (paper_tables.KTH, 20, (10, 10)),
    "germany": (paper_tables.GERMANY, 20, (4, 4)),
}
FILES = sorted(SHIPPED.glob("*.toml"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_shipped_experiment_can_be_read_and_built(path: Path) -> None:
    experiment = read_experiment(path)
    assert experiment.name == path.stem
    # a first guess is of any network
    assert path.stem.endswith(f"-{experiment.model}") or experiment.learns == "guess"
    assert read_experiment(path.stem) == experiment, "by its name"
    network = build(
        experiment.model,
        channels=experiment.channels,
        exceedances=len(experiment.thresholds),
        guidance=experiment.guidance,
    )
    multiple = network.stack.multiple
    side = {TaxiBJ: 32, KTH: 128, Germany: 180}.get(type(experiment.data))
    if isinstance(experiment.data, MovingMNIST):
        side = experiment.data.side
    if isinstance(experiment.data, Rain):
        assert experiment.data.multiple % multiple == 0
        side = experiment.data.crop or side
    assert side is not None
    assert side % multiple == 0
    assert Experiment.model_validate(experiment.model_dump(mode="json")) == experiment


@pytest.mark.parametrize("source", PAPER)
def test_there_is_an_experiment_for_every_row_of_the_papers_tables(source: str) -> None:
    rows, epochs, length = PAPER[source]
    there = {path.stem for path in FILES if path.stem.startswith(f"{source}-")}
    assert there == {f"{source}-{row}" for row in rows}
    for row in rows:
        experiment = read_experiment(f"{source}-{row}")
        assert (experiment.model, experiment.epochs) == (row, epochs)
        assert (experiment.data.given, experiment.data.horizon) == length
        assert (experiment.channels, experiment.batch, experiment.seed) == (32, 4, 2022)
        optimiser = experiment.optimiser
        assert (optimiser.kind, optimiser.rate, optimiser.schedule) == ("adam", 3e-4, "constant")
        assert (experiment.loss.kind, experiment.loss.history) == ("l1+l2", True)
        assert experiment.sampling == ("reverse" if row == "predrnn-v2" else "scheduled")


def test_the_corpus_is_split_by_event_as_planned() -> None:
    data = read_experiment("corpus-ms-lstm").data
    assert isinstance(data, Corpus)
    assert data.validation == ("knmi_20100826_5km",)
    assert not set(data.train) & set(data.validation)


MINIMAL = 'name = "x"\nmodel = "ms-lstm"\n[data]\nsource = "kth"\n'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name = ", "is not TOML"),
        ("\x00", "is not TOML"),
        ('name = "x"', "model: Field required; data: Field required"),
        (MINIMAL.replace("ms-lstm", "lstm"), "no model 'lstm' in the zoo"),
        (MINIMAL.replace("kth", "kht"), "'moving-mnist', 'taxibj', 'kth', 'germany', 'corpus'"),
        ("batch = 0\n" + MINIMAL, "batch: Input should be greater than 0"),
        ("steps_ = 3\n" + MINIMAL, "steps_: Extra inputs are not permitted"),
        ('scale = "none"\n' + MINIMAL, "no intensity scale 'none'"),
        ('name = "../x"\n' + MINIMAL.partition("\n")[2], "name: String should match"),
        (MINIMAL + "given = 0", "data.kth.given: Input should be greater"),
        ('loss.kind = "exceedance"\n' + MINIMAL, "these data have none"),
        ("machine = { kernels = true, bf16 = true }\n" + MINIMAL, "unset bf16"),
        (
            MINIMAL.replace("kth", "corpus") + 'train = ["x"]\nspare = 5',
            "spare is 5, should be at most 4",
        ),
        (
            MINIMAL.replace("kth", "corpus") + 'train = ["x"]\nguidance = "s-prog"',
            'lies in a moving view; set view = "moving"',
        ),
        ("guidance = 4\n" + MINIMAL, "guidance and data.guidance go together"),
        ('learns = "guess"\n' + MINIMAL, "only a network with guidance has a first guess"),
        (
            "guidance = 4\n"
            + MINIMAL.replace("kth", "corpus")
            + 'train = ["x"]\nview = "moving"\nguidance = "s-prog"',
            "guidance needs loss.kind exceedance, and sampling none",
        ),
    ],
)
def test_a_wrong_experiment_is_told(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "wrong.toml"
    path.write_text(text)
    with pytest.raises(BadExperiment, match="wrong") as caught:
        read_experiment(path)
    assert message in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_missing_experiment_is_told_with_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(BadExperiment, match="germany-ms-lstm"):
        read_experiment(tmp_path / "missing.toml")
    with pytest.raises(BadExperiment, match="name a TOML file, or one of"):
        read_experiment("missing")
