"""Skill of forecasts on real radar: scores with intervals, probabilities, amounts and smoothness.

    python -m benchmarks.skill --write docs/skill.md
    python -m benchmarks.skill --every 60 --cache FOLDER --write docs/skill.md
    python -m benchmarks.skill --events ry_20200907 --every 10 --forecasters advection s-prog
    python -m benchmarks.skill --forecasters s-prog ms-lstm path/to/other.safetensors

By default all that is served is scored on the three validation events and on the German event of
2020-09-07, on which nothing was chosen, beside pysteps' S-PROG where it is installed, a small U-Net
as a yardstick and three simple probabilities. Forecasts start on the clock, wherever there is rain
and as much before as the most demanding forecaster looks back, and all of them start at the same
times. A cache keeps all forecasts, by weights: the next run with new weights of a network makes
only those of that network and of what it is part of. A change of a baseline's code goes unseen.
"""

import argparse
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from xarray import DataArray

from benchmarks.conclusions import conclude
from benchmarks.skill import events
from benchmarks.skill.forecasters import NamedForecaster, open_forecasters
from benchmarks.skill.pages.related import with_related
from benchmarks.skill.remembered import remember
from benchmarks.skill.scoring import NoStarts, Scored, score
from benchmarks.skill.sections import HOW, draw_reliability, opponents, section, summary
from model_zoo.errors import ModelError
from model_zoo.training.errors import BadData

FORECASTERS = (
    "persistence",
    "advection",
    "s-prog",
    "pysteps-s-prog",
    "u-net",
    "ms-lstm",
    "ms-preciplstm",
    "blend",
)
EVENTS = (*events.TUNED_ON, events.GERMAN)
"""Those of validation, and the German one that nothing was chosen on."""
LEAST_WET = 0.01
"""Share of the cells with rain that a frame has from which a forecast starts."""


def main() -> None:
    """Print the tables of each event and of all alike together, and write them."""
    options = arguments()
    set_threads(options.threads)
    with exit_on_bad_events():
        parts = sections(options)
    if options.write:
        text = with_related("\n".join([about(sys.argv[1:]), *parts]), options.write.parent)
        options.write.write_text(conclude(text))


def arguments() -> argparse.Namespace:
    """What to run on what."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_common(parser)
    parser.add_argument("--events", nargs="+", default=list(EVENTS), metavar="EVENT")
    parser.add_argument(
        "--forecasters",
        nargs="+",
        default=list(FORECASTERS),
        help="as load_forecaster knows them, paths of checkpoints among them",
    )
    parser.add_argument("--cache", type=Path, help="a folder that keeps forecasts")
    parser.add_argument(
        "--least-wet",
        type=float,
        default=LEAST_WET,
        metavar="SHARE",
        help="of the cells, below which no forecast starts",
    )
    parser.add_argument("--write", type=Path, help="a Markdown file; pictures come beside it")
    return parser.parse_args()


def add_common(parser: argparse.ArgumentParser) -> None:
    """Add the options that all commands of skill share."""
    parser.add_argument(
        "--shared", type=Path, default=events.SHARED, help="the folder with data/ in it"
    )
    parser.add_argument("--every", type=int, default=15, help="minutes from start to start")
    parser.add_argument("--threads", type=int, default=1, help="that a forecast may take")


def event_options(
    description: str, *more: tuple[str, Mapping[str, Any]], **defaults: object
) -> argparse.Namespace:
    """Options of a command that measures something on events; threads are set.

    Args:
        description: Of the command.
        *more: Names of further options, and their arguments of `add_argument`.
        **defaults: Defaults in the place of the usual ones.
    """
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_common(parser)
    parser.add_argument("--events", nargs="+", default=list(EVENTS), metavar="EVENT")
    for name, arguments_given in more:
        parser.add_argument(name, **arguments_given)
    parser.add_argument("--write", type=Path, help="a Markdown file; figures come beside it")
    parser.set_defaults(**defaults)
    options = parser.parse_args()
    set_threads(options.threads)
    return options


@contextmanager
def exit_on_bad_events() -> Iterator[None]:
    """End the command with the reason where an event or a forecaster is missing or of no use."""
    try:
        yield
    except (events.UnknownEvent, ModelError, BadData, NoStarts) as error:
        sys.exit(f"{error}")


def each_event(
    options: argparse.Namespace, forecasters: Sequence[NamedForecaster]
) -> Iterator[tuple[str, DataArray, str]]:
    """Yield the name, the frames (time, y, x) in mm/h and the role of each event of a command.

    Args:
        options: Those of `event_options`.
        forecasters: What the role of an event depends on.

    Raises:
        UnknownEvent, BadData: An event is not there, or is damaged.
    """
    experiments = [experiment for named in forecasters for experiment in named.experiments]
    for event in options.events:
        frames = events.read(event, options.shared)
        yield event, frames, events.role_of(event, experiments).value


def set_threads(number: int) -> None:
    """Let this process compute in so many threads."""
    cv2.setNumThreads(number)
    torch.set_num_threads(number)


def sections(options: argparse.Namespace) -> list[str]:
    """One section for all events of a role, then one for each event.

    Raises:
        UnknownEvent, BadData: An event is not there, or is damaged.
        ModelError: A forecaster is not there, or is damaged.
    """
    for event in options.events:
        events.find(event, options.shared)  # before minutes are spent on others
    forecasters = remember(open_forecasters(options.forecasters), options.cache)
    parts, alike = [], dict[events.EventRole, list[Scored]]()
    for event in options.events:
        frames = events.read(event, options.shared)
        every = np.timedelta64(options.every, "m")
        try:
            found = score(event, frames, forecasters, every, options.least_wet)
        except NoStarts as error:
            print(f"left out: {error}")
            continue
        if options.cache:  # some forecasts were made in other runs, perhaps beside other work
            found = found._replace(seconds={})
        pictures = draw_reliability(found, options.write.parent) if options.write else {}
        parts.append(section(found, {label: path.name for label, path in pictures.items()}))
        print(parts[-1], flush=True)
        alike.setdefault(found.role, []).append(found)
    combined = [summary(role, several) for role, several in alike.items() if len(several) > 1]
    print("\n".join(combined))
    return [*combined, *parts]


def about(asked: Sequence[str]) -> str:
    """What stands at the head of the document; of paths of this machine only the last part."""
    words = [word if not Path(word).is_absolute() else Path(word).name for word in asked]
    command = shlex.join(["python", "-m", "benchmarks.skill", *words])
    written = f"Written by `{command}`; no figure by hand."
    return f"# Skill\n\n{written}\n\n{HOW}\n\n{opponents()}\n\n{events.CREDITS}\n"


if __name__ == "__main__":
    main()
