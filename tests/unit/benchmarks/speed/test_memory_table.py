"""The table of what training keeps, as it is printed and written."""

import sys
from pathlib import Path

import pytest

from benchmarks.speed.memory import in_families, main, rows, table
from benchmarks.speed.saved_activations import COUNTERPARTS, plain_of
from model_zoo.profiling.papers import DataSet


def test_a_pyramid_is_set_beside_the_plain_stack_of_its_cells() -> None:
    assert plain_of("ms-lstm") == "mk-lstm"
    assert plain_of("ms-convlstm-unet3+") == "convlstm"
    assert plain_of("mim") == "mim"


def test_every_network_has_its_place_after_its_plain_stack() -> None:
    names = in_families()
    assert sorted(names) == sorted(COUNTERPARTS)
    assert all(names.index(plain_of(name)) <= names.index(name) for name in names)


def test_rows_have_ratios_to_the_published_network_and_to_the_plain_stack() -> None:
    plain, pyramid = rows(["convlstm", "ms-convlstm"], DataSet("small", 16, 16, 2, 1), 4)
    assert pyramid.ours_plain == plain.ours
    assert pyramid.theirs_plain == plain.theirs
    lines = table([plain, pyramid]).splitlines()
    ratios = f"| {plain.ours / plain.theirs:.3f} | {plain.lean / plain.theirs:.3f} |  |  |"
    assert lines[-2].endswith(ratios)
    ratios = f"| {pyramid.lean / pyramid.theirs:.3f} | {pyramid.ours / plain.ours:.3f} |"
    assert ratios in lines[-1]


def test_lean_networks_keep_less_and_never_more() -> None:
    (lean,) = rows(["ms-lstm"], DataSet("small", 16, 16, 2, 1), 4)
    assert lean.lean < lean.ours < lean.theirs


def test_attention_is_set_against_three_ways_of_running_it_and_padding_is_marked() -> None:
    found = list(rows(["ms-preciplstm"], DataSet("odd", 14, 16, 2, 1), 4))
    assert [row.note for row in found] == ["windows copied", "tiles copied", "scores alone"]
    assert (found[0].shape.height, found[0].shape.width) == (16, 16)
    assert "| ms-preciplstm, windows copied* |" in table(found)
    assert found[0].theirs > found[1].theirs > found[2].theirs


def test_the_command_writes_what_it_prints(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "memory.md"
    options = ["--names", "convlstm", "--data-sets", "taxibj", "--channels", "4", "--write"]
    monkeypatch.setattr(sys, "argv", ["memory", *options, str(file)])
    main()
    printed = capsys.readouterr().out.strip()
    assert printed.startswith("## TaxiBJ: 4 frames of 32x32 to 4\n")
    assert printed in file.read_text()
