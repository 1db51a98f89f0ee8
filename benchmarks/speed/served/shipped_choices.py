"""Measures the shipped networks on this machine and writes the choice of its kind of processor.

Usage: `python -m benchmarks.speed.served.shipped_choices`, on a machine that does nothing else.
"""

import json
import sys
from collections import Counter

import torch

from model_zoo.checkpoints import checkpoint
from model_zoo.fast import c_library
from model_zoo.fast.autotune import candidates, measure
from model_zoo.fast.shipped_choices import table
from model_zoo.forecasters.by_name import find_weights
from model_zoo.guided_guess import LEADS

NETWORKS = ("ms-lstm", "ms-preciplstm")
SIDE = 180
"""Height and width of the frames, those of the served grid."""
GIVEN = 4
ROUNDS = 3
"""Each candidate counts with the fastest of so many measurements."""


def fastest_for_all(threads: int, *, bf16: bool) -> str:
    """Return the candidate that takes the least time, summed over the networks."""
    torch.set_num_threads(threads)
    total: Counter[str] = Counter()
    eligible: set[str] | None = None
    for name in NETWORKS:
        network = checkpoint.load(find_weights(name, None)).network.eval()
        channels = 2 + LEADS if network.guidance else 2 if network.exceedances else 1
        torch.manual_seed(0)
        frames = torch.rand((1, GIVEN, channels, SIDE, SIDE))
        available = candidates(network, frames, bf16=bf16)
        rounds = [measure(available, frames) for _ in range(ROUNDS)]
        same = set.intersection(*map(set, rounds))
        eligible = same if eligible is None else eligible & same
        for candidate in same:
            total[candidate] += round(1e6 * min(seconds[candidate] for seconds in rounds))
    return min(eligible or set(), key=lambda candidate: total[candidate])


def main() -> None:
    """Measure with one thread and with all processors, and write the table."""
    kind, choices = table.processor_kind(c_library.processor()), table.read()
    for threads in sorted({1, torch.get_num_threads()}):
        for bf16 in (False, True):
            name = fastest_for_all(threads, bf16=bf16)
            choices = table.with_choice(choices, kind, threads, name, bf16=bf16)
            sys.stdout.write(f"{kind}, {threads} threads, bfloat16 {bf16}: {name}\n")
            table.FILE.write_text(json.dumps(choices, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
