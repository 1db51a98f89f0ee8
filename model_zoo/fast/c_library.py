"""Compilation of the C kernels for this CPU, on first use.

The library is cached in the user's cache folder (~/.cache/nowcast, or below XDG_CACHE_HOME), under
a name that changes with source, compiler and CPU. Without GCC those compiled in advance are loaded
(`prebuilt`), which images and wheels contain; without these, forecasts run by torch.
"""

import ctypes
import hashlib
import logging
import os
import platform
import shutil
import subprocess
import tempfile
from contextlib import suppress
from functools import cache
from pathlib import Path

from model_zoo.fast import prebuilt

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
"""Without it GCC uses half of the vector width of AVX-512."""
COMPILERS = ("gcc", "cc")
COMPILE_TIMEOUT_SECONDS = 120.0


def folder() -> Path:
    """Return the cache folder of compiled kernels and tuning results; safe to delete at any time.

    Raises:
        RuntimeError: The user has no home folder.
    """
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "nowcast"


def processor() -> str:
    """Return the model name and the instruction-set flags of the CPU."""
    file = Path("/proc/cpuinfo")  # Linux
    lines = file.read_text().splitlines() if file.exists() else []
    lines = [line for line in lines if line.startswith(("model name", "flags", "Features"))]
    return "\n".join(dict.fromkeys(lines)) or f"{platform.machine()} {platform.processor()}"


def source_hash() -> str:
    """Return a SHA-256 of the sources of the kernels."""
    files = sorted([*SOURCE.glob("*.c"), *SOURCE.glob("*.h")])
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


@cache
def load() -> ctypes.CDLL | None:
    """Return the compiled library, or that compiled in advance where it cannot be compiled.

    None, with a warning, where there is neither.
    """
    try:
        return ctypes.CDLL(str(compiled()))
    except (OSError, RuntimeError, subprocess.SubprocessError) as error:
        path = prebuilt.find(processor())
        if path is not None:
            with suppress(OSError):  # such as a missing libgomp
                library = ctypes.CDLL(str(path))
                logger.info("forecasts run by C kernels compiled in advance, %s", path.name)
                return library
        logger.warning("forecasts run without C kernels, slower: %s", error)
        return None


def compiled() -> Path:
    """Return the path of the library, compiling it if it is not cached.

    Raises:
        OSError: The cache folder cannot be written.
        RuntimeError: There is no compiler, or it fails.
        subprocess.TimeoutExpired: The compiler takes too long.
    """
    compiler = next(filter(None, map(shutil.which, COMPILERS)), None)
    if compiler is None:
        raise RuntimeError(f"found none of {', '.join(COMPILERS)}; install gcc")
    flags = [*FLAGS, WIDEST] if platform.machine() in {"x86_64", "AMD64"} else [*FLAGS]
    identity = "\n".join([source_hash(), run([compiler, "--version"]), *flags, processor()])
    path = folder() / f"kernels-{hashlib.sha256(identity.encode()).hexdigest()[:16]}.so"
    if path.exists():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent) as temporary:
        library = Path(temporary) / path.name
        run([compiler, *flags, *map(str, sorted(SOURCE.glob("*.c"))), "-o", str(library), "-lm"])
        library.replace(path)  # atomic, also when several processes compile at once
    return path


def run(command: list[str]) -> str:
    """Run a compiler and return what it prints.

    Raises:
        RuntimeError: It fails.
    """
    done = subprocess.run(  # noqa: S603  a compiler of this machine
        command, capture_output=True, text=True, timeout=COMPILE_TIMEOUT_SECONDS, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{command[0]} failed: {done.stderr.strip()[-500:]}")
    return done.stdout
