"""The table of shipped choices: reading, looking up and writing."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from model_zoo.fast import prebuilt

FILE = Path(__file__).with_name("choices.json")
THREAD_CLASSES = ((1, "1 thread"), (4, "2 to 4 threads"), (16, "5 to 16 threads"))
"""Most threads of each class, and its name."""
MORE_THREADS = "17 threads or more"
ALL_THREADS = "all threads"
"""In place of the number of threads in the name of a candidate."""
BF16_FLAGS = frozenset({"avx512_bf16", "bf16"})
"""Flags of /proc/cpuinfo of processors that multiply in bfloat16."""

Table = dict[str, dict[str, dict[str, str]]]
"""Candidate by kind of processor, class of threads and precision."""


class ShippedChoice(NamedTuple):
    """A candidate that was not measured on this machine.

    Attributes:
        name: Of the candidate.
        reason: Why it was chosen, for the log.
    """

    name: str
    reason: str


def processor_kind(processor: str) -> str:
    """Return the kind of a processor: machine, level of instruction sets, bfloat16.

    Args:
        processor: Lines of /proc/cpuinfo with its flags, as `c_library.processor` gives them.

    Returns:
        Such as `x86_64-v4-bf16`, `x86_64-v3`, `x86_64-amx` or `aarch64-armv8`; the machine alone
        where the processor has no level.
    """
    flags, machine = set(processor.replace(":", " ").split()), prebuilt.machine()
    for level in prebuilt.LEVELS:
        if level.machine == machine and level.needed <= flags:
            bf16 = "-bf16" if BF16_FLAGS & flags and level.name != "amx" else ""
            return f"{machine}-{level.name}{bf16}"
    return machine


def thread_class(threads: int) -> str:
    """Return the class of a number of threads."""
    return next((name for most, name in THREAD_CLASSES if threads <= most), MORE_THREADS)


def precision_of(*, bf16: bool) -> str:
    """Return the key of what is allowed: float32 alone, or bfloat16 as well."""
    return "bfloat16 allowed" if bf16 else "float32"


def read(file: Path = FILE) -> Table:
    """Read the table.

    Raises:
        OSError: The file is not there.
        ValueError: It is not JSON.
    """
    table: Table = json.loads(file.read_text())
    return table


def look_up(
    table: Table, kind: str, threads: int, available: Sequence[str], *, bf16: bool
) -> ShippedChoice:
    """Return the candidate that was the fastest on processors of this kind.

    Args:
        table: As `read` returns it.
        kind: As `processor_kind` returns it, or "cuda".
        threads: Number of torch threads.
        available: Names of the candidates, in float32 and the probably fastest first.
        bf16: Whether bfloat16 is allowed.

    Returns:
        The first candidate where the table has none for this kind and class of threads, or one that
        is not available here.
    """
    threads_here = thread_class(threads)
    name = table.get(kind, {}).get(threads_here, {}).get(precision_of(bf16=bf16), "")
    name = name.replace(ALL_THREADS, f"{threads} threads")
    if name in available:
        return ShippedChoice(name, f"shipped default for {kind}, {threads_here}; not measured here")
    return ShippedChoice(
        available[0], f"general default, as none is shipped for {kind}, {threads_here}"
    )


def with_choice(table: Table, kind: str, threads: int, name: str, *, bf16: bool) -> Table:
    """Return the table with another candidate for a kind of processor; arguments as `look_up`."""
    added = {precision_of(bf16=bf16): name.replace(f"{threads} threads", ALL_THREADS)}
    threads_here, of_kind = thread_class(threads), table.get(kind, {})
    return {**table, kind: {**of_kind, threads_here: {**of_kind.get(threads_here, {}), **added}}}
