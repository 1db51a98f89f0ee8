"""Adding a cell to the zoo: one file, and one line that names it beside its import."""

import os
import shutil
import subprocess
import sys
from itertools import chain
from pathlib import Path

ROOT = Path(__file__).parents[3]

CELL = '''
"""A made-up cell: an LSTM that forgets as much as it takes in."""

from torch import Tensor

from model_zoo.cell import Cell, ConvSum, State, Step


class MadeUp(Cell):
    states = 2

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gates = ConvSum(2, channels, 3 * channels)

    def forward(self, x: Tensor, state: State, memory: Tensor | None) -> Step:
        h, c = state
        i, g, o = self.gates(x, h).chunk(3, dim=1)
        i = i.sigmoid()
        c = (1 - i) * c + i * g.tanh()
        h = o.sigmoid() * c.tanh()
        return Step(h, (h, c), memory)
'''


LINE = '"made-up": all_of(MadeUp),'

PROMISES = {
    "test_zoo.py": ["test_trains_every_part", "test_its_step_can_be_exported"],
    "test_stack.py": ["test_every_model_comes_deeper_and_shallower"],
    "checkpoints/test_checkpoint.py": [
        "test_every_model_forecasts_the_same_after_saving_and_loading"
    ],
    "profiling/test_cost.py": [
        "test_every_model_has_a_cost_row",
        "test_a_pyramid_keeps_at_most_half",
    ],
}


def test_a_made_up_cell_gets_its_pyramid_its_costs_and_its_tests_by_itself(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "model_zoo", tmp_path / "model_zoo")
    shutil.copytree(Path(__file__).parent, tmp_path / "tests")
    (tmp_path / "model_zoo" / "cells" / "made_up.py").write_text(CELL)
    zoo = tmp_path / "model_zoo" / "zoo.py"
    zoo.write_text(with_line(zoo.read_text()))

    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-v", "--import-mode=importlib", "-k", "made-up"]
        + [f"tests/{file}" for file in PROMISES],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    kept = [line for line in done.stdout.splitlines() if "PASSED" in line]
    for promise in chain(*PROMISES.values()):
        for name in "made-up", "ms-made-up":
            assert any(promise in line and f"{name}]" in line for line in kept) or (
                "pyramid" in promise  # compares both
            ), f"{promise} {name}"


def with_line(zoo: str) -> str:
    """The zoo with the made-up family in its table, and its import."""
    anchor, first = '        "mk-lstm": all_of(MKLSTM),\n', "from model_zoo.cells.mim import MIM\n"
    assert anchor in zoo
    assert first in zoo
    zoo = zoo.replace(anchor, f"{anchor}        {LINE}\n")
    return zoo.replace(first, f"from model_zoo.cells.made_up import MadeUp\n{first}")
