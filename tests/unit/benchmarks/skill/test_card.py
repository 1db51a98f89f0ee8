"""The card of weights: what it says, and what it refuses to claim."""

import hashlib
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.skill.card import lineage, main
from model_zoo.calibration import Calibration
from model_zoo.checkpoints import checkpoint
from model_zoo.errors import BadCheckpoint

Weights = Callable[..., Path]
CORPUS = {"source": "corpus", "train": ["one", "sim-1-*"], "validation": ["early"]}
EXPERIMENT = {"name": "corpus-ms", "seed": 7, "data": CORPUS}
PROVENANCE = {"data": "corpus", "step": 900, "seconds": 5400, "revision": "0123abc", "samples": 64}


def card(
    monkeypatch: pytest.MonkeyPatch, corpus: Path, path: Path, *options: str, test: str = "late"
) -> str:
    """What the command writes beside the weights."""
    common = ["--shared", str(corpus), "--every", "60", "--pictures", str(path.parent / "docs")]
    chosen = ["--validation", "early", "--test", test, *options]
    monkeypatch.setattr(sys, "argv", ["card", str(path), *common, *chosen])
    main()
    return path.with_suffix(".md").read_text()


def test_a_card_says_what_weights_are_where_they_come_from_and_how_good_they_are(
    corpus: Path, weights: Weights, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "docs").mkdir()
    parent = weights("parent", seed=1, experiment=EXPERIMENT | {"name": "simulated-ms"})
    start = hashlib.sha256(parent.read_bytes()).hexdigest()
    path = weights(
        experiment=EXPERIMENT,
        provenance=PROVENANCE | {"start": start},
        calibration=Calibration(growth=((1.25,) * 9, (0.9,) * 9)),
    )
    text = card(monkeypatch, corpus, path, "--parents", str(parent))
    assert text.startswith("# ms-convlstm\n")
    assert hashlib.sha256(path.read_bytes()).hexdigest() in text
    assert "| 30 min | 1.25 | 1.25 |" in text
    assert "| 60 min | 0.90 | 0.90 |" in text
    for row in (
        "| experiment | simulated-ms | corpus-ms |",
        f"| initial weights | random weights | {start} |",
        "| training events | one, sim-1-\\* | one, sim-1-\\* |",
        "| steps | not recorded | 900 |",
        "| hours | not recorded | 1.50 |",
        "| revision | not recorded | 0123abc |",
        "| samples | not recorded | 64 |",
    ):
        assert row in text
    assert "Quelle: Deutscher Wetterdienst" in text
    assert "It is trained on 1 events of real radar" in text
    validation, test = text.index("### early\n\nValidation"), text.index("### late\n\nTest")
    assert validation < test
    assert "| CSI | 0.5 | ms-convlstm - advection |" in text[validation:test]
    for event in ("early", "late"):
        assert f"(docs/reliability-ms-convlstm-{event}.png)" in text
        assert (tmp_path / "docs" / f"reliability-ms-convlstm-{event}.png").is_file()


def test_a_card_claims_no_test_on_what_a_parent_has_learnt_from(
    corpus: Path, weights: Weights, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = {"source": "corpus", "train": ["la*"]}
    parent = weights("parent", seed=1, experiment={"data": data})
    start = hashlib.sha256(parent.read_bytes()).hexdigest()
    path = weights(experiment=EXPERIMENT, provenance={"start": start})
    with pytest.raises(SystemExit, match="late should be for 'test: nothing was chosen on it'"):
        card(monkeypatch, corpus, path, "--parents", str(parent))
    assert not path.with_suffix(".md").exists()


def test_weights_that_it_did_not_begin_with_are_no_parents(weights: Weights) -> None:
    trained = checkpoint.load(weights(provenance={"start": "ff" * 32}))
    stranger = checkpoint.load(weights("stranger", seed=1))
    assert lineage(trained, []) == [trained]
    with pytest.raises(BadCheckpoint, match=r"began with ffff.*not with"):
        lineage(trained, [stranger])
