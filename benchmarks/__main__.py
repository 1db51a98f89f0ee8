"""All benchmarks of speed, one after the other, in under a quarter of an hour on two cores.

    python -m benchmarks

Each writes its own section of docs/performance.md, or a document of its own; see its module. What
is kept in memory for training is worked out and not measured, by
`python -m benchmarks.speed.memory`. What fails stops none of the others. How long each took is
printed, and whether all took too long.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

from benchmarks.report import table

MOST_MINUTES = 15
PERFORMANCE, SCALE = "performance.md", "scale.md"
EXACT, ROUGH = "float32-kernels-lean", "bf16-channels-last"
"""Ways to train that are measured."""
ATTENDING = ("--names", "ms-preciplstm", "--rounds", "1")


class Command(NamedTuple):
    """A benchmark, with what is measured in a short run."""

    module: str
    arguments: tuple[str, ...] = ()
    document: str = PERFORMANCE

    def line(self, folder: Path) -> list[str]:
        """As it is run."""
        written = ("--write", str(folder / self.document))
        return [sys.executable, "-m", f"benchmarks.{self.module}", *self.arguments, *written]


COMMANDS = (
    Command(
        "speed.inference",
        ("--all", "--threads", "1", "2", "--precisions", "float32", "bf16", "--rounds", "1"),
    ),
    Command("skill.precision", ("--every", "30")),
    Command("speed.throughput", ("--names", "ms-lstm", "--modes", EXACT, ROUGH, "--rounds", "2")),
    Command("speed.throughput", (*ATTENDING, "--modes", EXACT, ROUGH, "--side", "64")),
    Command("speed.throughput", (*ATTENDING, "--modes", EXACT, "--side", "32", "--unfolded")),
    Command("speed.ingest"),
    Command("speed.verification"),
    Command("speed.sprog"),
    Command("speed.served.cycle"),
    Command("speed.serving"),
    Command("speed.served.answers", ("--seconds", "0.7", "--rate-seconds", "3")),
    Command("speed.startup", ("--rounds", "2")),
    Command("speed.scale", document=SCALE),
)
"""In the order in which sections come where the document is new."""

HEADINGS = ("benchmark", "minutes", "")


class Run(NamedTuple):
    """What became of one."""

    module: str
    seconds: float
    status: int

    def cells(self) -> list[str]:
        """Return the row of the summary table."""
        remark = "" if self.status == 0 else f"failed, status {self.status}"
        return [self.module, f"{self.seconds / 60:.1f}", remark]


def run(command: Command, folder: Path) -> Run:
    """Run one; what it prints is seen."""
    print(f"\n{command.module}", flush=True)
    begun = perf_counter()
    done = subprocess.run(command.line(folder), check=False, env=environment())
    return Run(command.module, perf_counter() - begun, done.returncode)


def environment() -> dict[str, str]:
    """That of this process; modules are found from the same folder."""
    root = str(Path(__file__).parents[1])
    paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
    return dict(os.environ, PYTHONPATH=os.pathsep.join(paths))


def summary(found: Sequence[Run]) -> str:
    """How long each took, and all."""
    minutes = sum(run.seconds for run in found) / 60
    over = f", should be under {MOST_MINUTES}" if minutes > MOST_MINUTES else ""
    rows = [run.cells() for run in found]
    return f"{table(HEADINGS, rows)}\n\nall took {minutes:.1f} minutes{over}"


def main() -> None:
    """Run them, and fail where one failed."""
    names = [command.module for command in COMMANDS]
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", default=names, choices=names)
    parser.add_argument("--docs", type=Path, default=Path("docs"), help="where to write")
    options = parser.parse_args()
    chosen = [command for command in COMMANDS if command.module in options.only]
    found = [run(command, options.docs) for command in chosen]
    print(f"\n{summary(found)}")
    sys.exit(any(run.status for run in found))


if __name__ == "__main__":
    main()
