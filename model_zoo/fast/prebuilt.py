"""C kernels compiled in advance, for machines without a compiler, such as containers.

One library for each level of instruction sets (https://gitlab.com/x86-psABIs/x86-64-ABI, levels v3
and v4), of which the processor's highest is loaded. They are made when an image or a wheel is
built: `python -m model_zoo.fast.build_kernels`.
"""

import platform
from pathlib import Path
from typing import NamedTuple

FOLDER = Path(__file__).parent / "native"
"""Beside the sources, from which packages take them along."""
MACHINES = {"AMD64": "x86_64", "arm64": "aarch64"}
"""Other names of machines."""


class Level(NamedTuple):
    """A set of instruction sets.

    Attributes:
        name: In the name of the library.
        machine: Kind of processor, as `platform.machine` names it.
        flags: Of the compiler.
        needed: Flags that the processor must have, as /proc/cpuinfo names them.
    """

    name: str
    machine: str
    flags: tuple[str, ...]
    needed: frozenset[str]


V3 = frozenset({"avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "abm", "movbe"})
V4 = V3 | {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"}
AMX = V4 | {"avx512_bf16", "amx_tile", "amx_bf16"}
WIDE = ("-march=x86-64-v4", "-mprefer-vector-width=512")
LEVELS = (
    Level("amx", "x86_64", (*WIDE, "-mavx512bf16", "-mamx-tile", "-mamx-bf16"), AMX),
    Level("v4", "x86_64", WIDE, V4),
    Level("v3", "x86_64", ("-march=x86-64-v3",), V3),
    Level("armv8", "aarch64", ("-march=armv8-a",), frozenset({"asimd"})),
)
"""The highest first."""


def machine() -> str:
    """Return the kind of processor of this machine."""
    return MACHINES.get(platform.machine(), platform.machine())


def path_of(level: Level, folder: Path) -> Path:
    """Return where the library of a level lies."""
    return folder / f"kernels-{level.machine}-{level.name}.so"


def find(processor: str, folder: Path | None = None) -> Path | None:
    """Return the library of the highest level that a processor has; None if there is none.

    Args:
        processor: Lines of /proc/cpuinfo with its flags, as `c_library.processor` gives them.
        folder: Where the libraries lie; None for the package.
    """
    flags = set(processor.replace(":", " ").split())
    for level in LEVELS:
        if level.machine == machine() and level.needed <= flags:
            path = path_of(level, folder or FOLDER)
            if path.is_file():
                return path
    return None
