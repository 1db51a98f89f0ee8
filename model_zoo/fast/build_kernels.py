"""Compiles the C kernels in advance, for images and wheels; see `model_zoo.fast.prebuilt`.

Usage: `python -m model_zoo.fast.build_kernels`
"""

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from model_zoo.fast import c_library
from model_zoo.fast.prebuilt import FOLDER, LEVELS, Level, machine, path_of


def build(folder: Path = FOLDER, levels: Sequence[Level] = LEVELS) -> list[Path]:
    """Compile the libraries of those levels that this kind of machine can have.

    Raises:
        RuntimeError: There is no compiler, or it fails.
        OSError: The folder cannot be written.
    """
    compiler = next(filter(None, map(shutil.which, c_library.COMPILERS)), None)
    if compiler is None:
        raise RuntimeError(f"found none of {', '.join(c_library.COMPILERS)}; install gcc")
    general = [flag for flag in c_library.FLAGS if not flag.startswith("-march")]
    sources = list(map(str, sorted(c_library.SOURCE.glob("*.c"))))
    libraries = {level: path_of(level, folder) for level in levels if level.machine == machine()}
    for level, path in libraries.items():
        c_library.run([compiler, *general, *level.flags, *sources, "-o", str(path), "-lm"])
    return list(libraries.values())


if __name__ == "__main__":
    for library in build():
        sys.stdout.write(f"{library.name}: {library.stat().st_size:,} bytes\n")
