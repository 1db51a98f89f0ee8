"""What training keeps: our networks against the published ones, pyramids against plain stacks.

    python -m benchmarks.speed.memory
    python -m benchmarks.speed.memory --data-sets germany kth --write docs/memory.md

Counted are the bytes that the forward pass of one sequence in float32 leaves in place for the
backward pass, see `benchmarks.speed.saved_activations`. The published networks are those of
`benchmarks.published`.
"""

import argparse
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import torch

from benchmarks.conclusions import conclude
from benchmarks.speed.saved_activations import (
    COUNTERPARTS,
    kept_by_lean,
    kept_by_ours,
    plain_of,
    theirs_of,
    traced,
)
from model_zoo.checkpoints.arrays import blank
from model_zoo.profiling.papers import DATA_SETS, DataSet
from model_zoo.profiling.table import padded
from model_zoo.zoo import CHANNELS, MODELS, PLAIN

MEGABYTE = 1e6


class Row(NamedTuple):
    """Bytes kept by one network of ours and one of theirs."""

    name: str
    note: str
    data: DataSet
    shape: DataSet
    """As run: the grid is padded where the network cannot halve it as it is."""
    ours: int
    lean: int
    """By ours where all gates are worked out again."""
    theirs: int
    ours_plain: int
    """By the plain stack of the same cells."""
    theirs_plain: int

    @property
    def is_padded(self) -> bool:
        """Whether the grid is larger than that of the data set."""
        return self.shape != self.data

    @property
    def is_plain(self) -> bool:
        """Whether the network is no pyramid."""
        return MODELS[self.name].shape == PLAIN


def rows(names: Iterable[str], data: DataSet, channels: int) -> Iterator[Row]:
    """What each network keeps; PrecipLSTM's against three ways of attention."""
    for name in names:
        shape = padded(data, blank(name, channels).stack.multiple)
        plain = plain_of(name)
        ours = traced(kept_by_ours, name, channels, shape)
        lean = traced(kept_by_lean, name, channels, shape)
        ours_plain = traced(kept_by_ours, plain, channels, shape)
        theirs_plain = theirs_of(plain, channels, shape)
        for note, theirs in theirs_of(name, channels, shape).items():
            yield Row(name, note, data, shape, ours, lean, theirs, ours_plain, theirs_plain[note])


def in_families() -> list[str]:
    """All networks, each plain stack before its pyramids."""
    order = list(MODELS)
    return sorted(COUNTERPARTS, key=lambda name: (order.index(plain_of(name)), order.index(name)))


HEADINGS = (
    "network",
    "ours, MB",
    "ours, lean, MB",
    "published, MB",
    "ours / published",
    "lean / published",
    "ours, pyramid / plain",
    "published, pyramid / plain",
)


def table(found: Sequence[Row]) -> str:
    """Rows as Markdown."""
    lines = [HEADINGS, ["---", *["---:"] * (len(HEADINGS) - 1)], *map(cells, found)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def cells(row: Row) -> list[str]:
    """A row as it is printed, in the order of `HEADINGS`."""
    name = f"{row.name}, {row.note}" if row.note else row.name
    return [
        name + "*" * row.is_padded,
        f"{row.ours / MEGABYTE:,.0f}",
        f"{row.lean / MEGABYTE:,.0f}",
        f"{row.theirs / MEGABYTE:,.0f}",
        f"{row.ours / row.theirs:.3f}",
        f"{row.lean / row.theirs:.3f}",
        "" if row.is_plain else f"{row.ours / row.ours_plain:.3f}",
        "" if row.is_plain else f"{row.theirs / row.theirs_plain:.3f}",
    ]


def main() -> None:
    """Print a table for each data set, and write them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--names", nargs="+", default=in_families(), choices=COUNTERPARTS)
    parser.add_argument("--data-sets", nargs="+", default=["germany"], choices=DATA_SETS)
    parser.add_argument("--channels", type=int, default=CHANNELS)
    parser.add_argument("--write", type=Path, help="a Markdown file")
    options = parser.parse_args()
    parts = []
    for data in map(DATA_SETS.__getitem__, options.data_sets):
        title = f"{data.title}: {data.given} frames of {data.height}x{data.width} to {data.horizon}"
        found = list(rows(options.names, data, options.channels))
        parts.append(f"## {title}\n\n{table(found)}\n")
        print(parts[-1])
    if options.write:
        about = ABOUT.format(channels=options.channels, torch=torch.__version__)
        options.write.write_text(conclude("\n".join([about, *parts]) + NOTES))


ABOUT = """# What training keeps

Written by `python -m benchmarks.speed.memory --write docs/memory.md`; no figure by hand.

Bytes that the forward pass of one sequence stores for the backward pass, besides weights and
frames: six layers of {channels} channels, float32, batch of one, history and forecast unrolled.
They are most of the memory of a training step and proportional to the batch. "Published" are the
networks of the MS-RNN and MS-LSTM papers, rebuilt gate by gate from their description
(`benchmarks/published`), with the published outputs and gradients.

All figures are computed, none is scaled: both networks run on tensors with shapes, types and
storages but without values, and the storages that autograd (torch {torch}) keeps are added up, each
once. `tests/unit/model_zoo/profiling/test_memory.py` finds the same in real runs on small fields.
"""

NOTES = """
`*` on a padded grid, since the sides of the field are not divisible by the pyramid's factor. The
plain stack it is compared with has the same grid.

Reasons for the differences:

- All of ours store fields without concatenated copies (`model_zoo/layers/lean_convolution.py`),
  no indices of max pooling, no zero states, and not the factor of a cell's output gate
  (`model_zoo/cells/lean_gates.py`): these are recomputed in the backward pass.
- **mk-lstm**: the gates of 3x3 kernels are recomputed as well, for 5 % more work.
- *Lean* is `machine = { lean = true }` in an experiment: the gates of all memories except those of
  PredRNN and PredRNN++ are recomputed. On a processor `kernels = true` saves more time than this
  costs ([performance.md](performance.md)).
- **mim, motionrnn**: results that the published networks compute and discard (the bottom layer's N
  and S, the motion above the top layer) are not counted, since autograd frees them at the end.
- **predrnn-v2**: the published code normalises directions before it compares them, and stores the
  unit vectors.
- **modernn, cms-lstm**: ours store no doubled gates.
- **preciplstm**: it depends on how the published attention is run. *Windows copied*: keys and
  values unfolded to 900 copies, more than a GPU holds. *Tiles copied*: unfolded for tiles of 12x12,
  12 copies. *Scores alone*: the first without its copies, that is 900 scores for each pixel, which
  a dedicated kernel would store; the MS-LSTM paper reports 38.3 GB on four GPUs with a sequence
  each, which is of that size, so this is the one to compare with. Ours store query, key and value,
  and recompute scores.
- **cms-lstm**: the published attention also stores a score for each pair of pixels; ours does not.
"""

if __name__ == "__main__":
    main()
