"""Parses files in a process of its own, which they may crash: see `sandbox_worker`."""

import json
import signal
import subprocess
import sys
from io import BytesIO
from math import prod
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ingest.errors import BadField, NotRead
from ingest.formats.sandbox_worker import CPU_SECONDS

READER = Path(__file__).with_name("sandbox_worker.py")
READ_SECONDS = 30
"""By the clock. What takes long by itself ends by the processor time it may use, which is less: a
file that is not read by then is not at fault, but the machine is busy."""

Kind = Literal["odim", "netcdf", "json"]
Parsed = tuple[dict[str, Any], NDArray[Any]]


def parse_untrusted(kind: Kind, *files: bytes) -> list[Parsed]:
    """Return attributes and numbers of each file. Takes some tenths of a second.

    Raises:
        BadField: One of them cannot be read, or takes its reader down.
        NotRead: The machine is too busy, or has no memory for it.
    """
    size = sum(map(len, files))
    lengths = " ".join(str(len(file)) for file in files).encode()
    try:
        done = subprocess.run(  # noqa: S603  our own program
            [sys.executable, "-I", READER, kind],
            input=b"".join([lengths, b"\n", *files]),
            capture_output=True,
            timeout=READ_SECONDS,
            check=False,
            env={"OPENBLAS_NUM_THREADS": "1"},
            start_new_session=True,  # Ctrl-C ends this process, not the reader of a file
        )
    except subprocess.TimeoutExpired:
        raise NotRead(
            f"{kind} of {size} bytes was not read within {READ_SECONDS} s, though it had not used "
            f"up its processor time: the machine is busy; try again"
        ) from None
    if done.returncode in (-signal.SIGINT, -signal.SIGTERM, -signal.SIGHUP):
        raise NotRead(f"the reader of {kind} of {size} bytes was ended; read it again")
    if done.returncode == -signal.SIGKILL:  # by which no limit of its own ends it
        raise NotRead(f"the reader of {kind} of {size} bytes was killed; see to the memory")
    if done.returncode == -signal.SIGXCPU:
        raise BadField(f"{kind} of {size} bytes takes over {CPU_SECONDS} s of processor to read")
    if done.returncode:
        raise BadField(
            f"{kind} of {size} bytes takes its reader down (status {done.returncode}); "
            f"check how it was written"
        )
    answers = BytesIO(done.stdout)
    return [answer(answers, f"{kind} of {len(file)} bytes") for file in files]


def answer(answers: BytesIO, what: str) -> Parsed:
    """Return the next answer of the reader.

    Raises:
        BadField: The reader refused the file.
    """
    about = json.loads(answers.readline())
    if problem := about.get("problem"):
        raise BadField(f"{what} {problem}")
    shape, kept = about["shape"], np.dtype(about["dtype"])
    numbers = answers.read(prod(shape) * kept.itemsize)
    return about, np.frombuffer(numbers, kept).reshape(shape)
