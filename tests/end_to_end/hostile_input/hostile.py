"""Reads files that were made to break their readers, in a process that may break.

    python -m tests.end_to_end.hostile_input.hostile KIND FIRST LAST

makes the cases FIRST to LAST - 1 of a kind, the same in every run, and tells of each when it is
through: what came of it, "read" or "refused" if all is well, the seconds of the processor it took,
and the highest memory so far in megabytes. A case that hangs ends the process.
"""

import bz2
import gzip
import io
import json
import random
import re
import resource
import signal
import sys
import tarfile
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import xarray as xr

from ingest import BadField, parse
from ingest.formats import netcdf, odim, sandbox_worker
from ingest.precipitation import check
from ingest.simulation.simulate import encode
from service.pipeline import upload
from tests.showers import frame
from tests.unit.ingest.formats.test_radar_file import odim as odim_file

TIME = np.datetime64("2025-06-21T12:35", "ns")
EXTREMES = (
    0,
    1,
    2,
    0x7F,
    0x80,
    0xFF,
    0x7FFF,
    0xFFFF,
    2**31 - 1,
    2**31,
    2**32 - 1,
    2**62,
    2**64 - 1,
)
NUMBER = re.compile(rb"\d+")
NUMBERS = (b"0", b"-1", b"00000", b"99999", b"4294967296", b"1e9", b"nan", b"9" * 400, b"", b" ")
MEMORY = 2 * 2**30
PATIENCE_SECONDS = 20
SEALED: dict[str, Callable[..., object]] = {
    "odim": lambda about, packed: odim.composite(about["attributes"], packed),
    "netcdf": upload.field_of,
    "json": upload.field_of,
}
"""Of files that the service has read by a process of its own: what becomes of what that says."""


# what is right, to begin with


@cache
def radolan() -> bytes:
    rain = np.zeros((900, 900), np.float32)
    rain[300:340, 300:340] = np.random.default_rng(1).gamma(0.5, 4, (40, 40))
    rain[:100] = np.nan
    return encode(rain, TIME)


def rv(pack: Callable[[bytes], bytes] = bytes) -> bytes:
    """An archive of three leads."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for lead in (0, 30, 60):
            part = radolan().replace(b"RY", b"RV", 1).replace(b"MS", b"VV%3dMS" % lead, 1)
            size = int(part[part.index(b"BY") + 2 : part.index(b"VS")]) + 5
            part = re.sub(rb"BY *\d+", b"BY%7d" % size, part, count=1)
            member = tarfile.TarInfo(f"DE1200_RV2506211235_{lead:03d}")
            member.size = len(part)
            archive.addfile(member, io.BytesIO(part))
    return pack(file.getvalue())


def frames() -> xr.DataArray:
    """Two frames on a small grid."""
    both = xr.concat([frame(0), frame(1)], "time", coords="minimal", compat="override")
    return both.isel(y=slice(50, 90), x=slice(50, 90))


def body() -> bytes:
    rates = frames().values.round(1).tolist()
    said = {"times": ["2026-06-21T22:30Z", "2026-06-21T22:35Z"], "rainfall_rate": rates}
    grid = {"x": (5e3 * np.arange(40)).tolist(), "y": (-5e3 * np.arange(40)).tolist()}
    said |= {"grid": {**grid, "projection": "EPSG:3035"}}
    return json.dumps({"frames": said}).replace("NaN", "null").encode()


SEEDS: dict[str, Callable[[], list[bytes]]] = {
    "radolan": lambda: [radolan(), gzip.compress(radolan()), bz2.compress(radolan())],
    "odim": lambda: [odim_file()],
    "rv": lambda: [rv(), rv(gzip.compress)],
    "netcdf": lambda: [netcdf.encode(frames(), packed=packed) for packed in (True, False)],
    "json": lambda: [body()],
}


# and how it goes wrong


def flip(chance: random.Random, data: bytearray) -> None:
    for _ in range(2 ** chance.randrange(8)):
        data[place(chance, data)] ^= 1 << chance.randrange(8)


def overwrite(chance: random.Random, data: bytearray) -> None:
    size = chance.choice((1, 2, 4, 8))
    order = chance.choice(("little", "big"))
    at = place(chance, data)
    value = chance.choice(EXTREMES) % 2 ** (8 * size)
    data[at : at + size] = value.to_bytes(size, order)


def cut(chance: random.Random, data: bytearray) -> None:
    del data[place(chance, data) :]


def drop(chance: random.Random, data: bytearray) -> None:
    at = place(chance, data)
    del data[at : at + 2 ** chance.randrange(14)]


def splice(chance: random.Random, data: bytearray) -> None:
    start, at = place(chance, data), place(chance, data)
    part = data[start : start + 2 ** chance.randrange(14)]
    if chance.random() < 0.5:
        data[at : at + len(part)] = part
    else:
        data[at:at] = part


def renumber(chance: random.Random, data: bytearray) -> None:
    """Another number where the text of a header has one."""
    found = list(NUMBER.finditer(bytes(data[:400]))) or list(NUMBER.finditer(bytes(data[:20000])))
    if found:
        at = chance.choice(found)
        number = chance.choice(NUMBERS)
        data[slice(*at.span())] = number.rjust(len(at[0])) if chance.random() < 0.5 else number


def place(chance: random.Random, data: bytearray) -> int:
    """Mostly near the beginning, where headers are."""
    reach = len(data) if chance.random() < 0.4 else min(len(data), 2 ** chance.randrange(4, 15))
    return chance.randrange(max(reach, 1)) if data else 0


CHANGES = (flip, flip, overwrite, overwrite, cut, drop, splice, renumber)


def case(kind: str, number: int, seeds: list[bytes]) -> bytes:
    chance = random.Random(f"{kind} {number}")
    data = bytearray(chance.choice(seeds))
    for _ in range(chance.choice((1, 1, 2, 4))):
        if data:
            chance.choice(CHANGES)(chance, data)
    return bytes(data)


# reading it


def read(kind: str, data: bytes) -> str:
    """What comes of a file; anything else than BadField escapes."""
    try:
        if kind in SEALED:
            SEALED[kind](*sandbox_worker.unfolded(kind, data))
        else:
            assert check(parse(data, "hostile", factor=5)).shape[-2:] == (180, 180)
    except (BadField, sandbox_worker.Refused):
        return "refused"
    return "read"


def main(kind: str, first: int, last: int) -> None:
    seeds = SEEDS[kind]()
    assert all(read(kind, seed) == "read" for seed in seeds), "the seeds are good"
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    for number in range(first, last):
        data = case(kind, number, seeds)
        signal.alarm(PATIENCE_SECONDS)
        begin = time.process_time()
        try:
            outcome = read(kind, data)
        except Exception as error:  # noqa: BLE001  what must not happen
            outcome = f"{type(error).__name__}:{error}".replace(" ", "_").replace("\n", "_")[:200]
        seconds = time.process_time() - begin
        most = highest_megabytes()
        print(outcome, f"{seconds:.3f}", most, flush=True)


def highest_megabytes() -> int:
    """Of this process alone: what `getrusage` says is inherited from the one that started it."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("VmHWM"))) // 1024


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
