"""Model card of trained weights: architecture, training data and skill.

    python -m benchmarks.skill.card model_zoo/weights/ms-lstm.safetensors
    python -m benchmarks.skill.card ms-lstm.safetensors --parents runs/simulated/best.safetensors

Writes ms-lstm.md beside them, and pictures of their reliability to docs. Everything comes from the
checkpoint itself, from those it began with where they are given, and from forecasting two events:
one that choices were made on, and one on which nothing was chosen.
"""

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import torch

from benchmarks.skill import events
from benchmarks.skill.events import EventRole
from benchmarks.skill.forecasters import open_forecasters
from benchmarks.skill.provenance import description
from benchmarks.skill.scoring import Scored, score
from benchmarks.skill.sections import draw_reliability, section
from benchmarks.skill.skill import add_common, exit_on_bad_events
from model_zoo.checkpoints import checkpoint
from model_zoo.checkpoints.checkpoint import Checkpoint
from model_zoo.errors import BadCheckpoint

ROOT = Path(__file__).parents[2]
BESIDE = ("persistence", "advection", "s-prog")


def main() -> None:
    """Write a card."""
    options = arguments()
    cv2.setNumThreads(options.threads)
    torch.set_num_threads(options.threads)
    with exit_on_bad_events():
        print(f"wrote {write(options)}")


def arguments() -> argparse.Namespace:
    """Which weights, and what to judge them on."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("weights", type=Path, help="a checkpoint, .safetensors")
    parser.add_argument(
        "--parents", type=Path, nargs="+", default=[], help="checkpoints it began with"
    )
    parser.add_argument("--validation", default=events.VALIDATION, metavar="EVENT")
    parser.add_argument("--test", default=events.GERMAN, metavar="EVENT")
    parser.add_argument("--pictures", type=Path, default=ROOT / "docs", help="where they go")
    add_common(parser)
    return parser.parse_args()


def write(options: argparse.Namespace) -> Path:
    """Score the weights, and write what is known of them. Returns the file.

    Raises:
        NoWeights, BadCheckpoint: There are no such weights, or not of what they began with.
        UnknownEvent, BadData, NoStarts: An event is not there, damaged or too short.
        BadCheckpoint: They have seen what they should be tested on.
    """
    trained = checkpoint.load(options.weights)
    line = lineage(trained, [checkpoint.load(path) for path in options.parents])
    experiments = [checkpoint.experiment for checkpoint in line]
    wanted = {options.validation: EventRole.VALIDATION, options.test: EventRole.TEST}
    for event, role in wanted.items():
        found = events.role_of(event, experiments)
        if found is not role:
            raise BadCheckpoint(
                f"{event} should be for {role.value!r} of {options.weights}, but is for "
                f"{found.value!r}; name another event"
            )
        events.find(event, options.shared)
    forecasters = [
        forecaster._replace(experiments=experiments) if forecaster.experiments else forecaster
        for forecaster in open_forecasters([*BESIDE, str(options.weights)])
    ]
    every = np.timedelta64(options.every, "m")
    judged = [
        score(event, events.read(event, options.shared), forecasters, every) for event in wanted
    ]
    file: Path = options.weights.with_suffix(".md")
    sections = [linked(found, options.pictures, file.parent) for found in judged]
    file.write_text("\n".join([*description(trained, line, options.weights.name), *sections]))
    return file


def lineage(trained: Checkpoint, parents: Sequence[Checkpoint]) -> list[Checkpoint]:
    """The parts of a training, the first one first.

    Raises:
        BadCheckpoint: It did not begin with one of the parents, nor did those.
    """
    known = {parent.sha256: parent for parent in parents}
    line = [trained]
    for part in line:  # grows meanwhile: a training may begin with the weights of several
        starts = str(part.provenance.get("start")).split()
        line.extend(known.pop(start) for start in starts if start in known)
    if known:
        raise BadCheckpoint(
            f"the training began with {line[-1].provenance.get('start')}, not with the weights "
            f"{', '.join(known)}; give the checkpoints it began with"
        )
    return line[::-1]


def linked(found: Scored, folder: Path, from_folder: Path) -> str:
    """The section of an event, its pictures drawn into a folder."""
    files = draw_reliability(found, folder)
    links = {label: Path(os.path.relpath(p, from_folder)).as_posix() for label, p in files.items()}
    return section(found, links, "###", short=True)


if __name__ == "__main__":
    main()
