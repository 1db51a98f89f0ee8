"""The kernels in C, compiled for the processor at hand the first time they are needed.

They are kept in the user's cache folder (~/.cache/nowcast, or as the XDG base directories have it),
under a name that changes with source, compiler and processor. Where there is no GCC there are none,
and forecasts run by torch.
"""

import ctypes
import hashlib
import logging
import os
import platform
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

logger = logging.getLogger(__name__)

SOURCE = Path(__file__).parent / "native"
FLAGS = (
    "-O3",
    "-march=native",
    "-fno-math-errno",
    "-fno-trapping-math",
    "-fno-signed-zeros",
    "-fopenmp",
    "-fPIC",
    "-shared",
)
WIDEST = "-mprefer-vector-width=512"
"""Else GCC takes half of the vectors that the processor has."""
COMPILERS = ("gcc", "cc")
PATIENCE_SECONDS = 120.0


def folder() -> Path:
    """Where what is found out about this machine is kept; it may be deleted at any time.

    Raises:
        RuntimeError: The user has no home.
    """
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "nowcast"


def processor() -> str:
    """The name of the processor and what it can do."""
    file = Path("/proc/cpuinfo")  # Linux
    lines = file.read_text().splitlines() if file.exists() else []
    told = [line for line in lines if line.startswith(("model name", "flags", "Features"))]
    return "\n".join(dict.fromkeys(told)) or f"{platform.machine()} {platform.processor()}"


def source_hash() -> str:
    """Other for other kernels."""
    files = sorted([*SOURCE.glob("*.c"), *SOURCE.glob("*.h")])
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


@cache
def load() -> ctypes.CDLL | None:
    """The kernels; None, with a line in the log, where they cannot be had."""
    try:
        return ctypes.CDLL(str(compiled()))
    except (OSError, RuntimeError, subprocess.SubprocessError) as error:
        logger.warning("forecasts are slower than they could be, without kernels: %s", error)
        return None


def compiled() -> Path:
    """The file of the kernels, compiled if it is not there yet.

    Raises:
        OSError, RuntimeError, SubprocessError: It cannot be made.
    """
    compiler = next(filter(None, map(shutil.which, COMPILERS)), None)
    if compiler is None:
        raise RuntimeError(f"found none of {', '.join(COMPILERS)}; install gcc")
    flags = [*FLAGS, WIDEST] if platform.machine() in {"x86_64", "AMD64"} else [*FLAGS]
    about = "\n".join([source_hash(), run([compiler, "--version"]), *flags, processor()])
    path = folder() / f"kernels-{hashlib.sha256(about.encode()).hexdigest()[:16]}.so"
    if path.exists():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent) as place:
        made = Path(place) / path.name
        run([compiler, *flags, *map(str, sorted(SOURCE.glob("*.c"))), "-o", str(made), "-lm"])
        made.replace(path)  # whole or not there, however many processes make it at once
    return path


def run(command: list[str]) -> str:
    """What a compiler says.

    Raises:
        RuntimeError: It failed.
    """
    done = subprocess.run(  # noqa: S603  a compiler of this machine
        command, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{command[0]} failed: {done.stderr.strip()[-500:]}")
    return done.stdout
