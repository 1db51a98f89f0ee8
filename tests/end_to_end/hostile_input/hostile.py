"""Reads files that were made to break their readers, in a process that may break.

    python -m tests.end_to_end.hostile_input.hostile KIND FIRST LAST

makes the cases FIRST to LAST - 1 of a kind, the same in every run, and tells of each when it is
through: what came of it, the seconds of the processor it took, and the highest memory so far in
megabytes. "read", "refused", and of spoilt files "another_shape" (such as one lead less) are well;
so are "changed_cells", whose own bytes were spoilt in a file that has no checksum. "drier" is not:
it rains less than it did. A case that hangs ends the process.
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
import tempfile
import time
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np
import xarray as xr

from ingest import BadField, parse
from ingest.formats import netcdf, netcdf_classic, odim, sandbox_worker
from ingest.grid import MODEL_FACTOR
from ingest.precipitation import check
from ingest.simulation.simulate import encode
from service.pipeline import upload
from tests.showers import frame
from tests.unit.ingest.formats.test_odim import german
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
PATIENCE_SECONDS = 2 * sandbox_worker.CPU_SECONDS
"""Of the processor, after which a case that hangs ends the process."""
LIGHT = 0.1
"""mm/h from which it rains."""
TOLERANCE = 0.01
"""Share by which a rate may be lower, and be called the same."""
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
    content = {"times": ["2026-06-21T22:30Z", "2026-06-21T22:35Z"], "rainfall_rate": rates}
    grid = {"x": (5e3 * np.arange(40)).tolist(), "y": (-5e3 * np.arange(40)).tolist()}
    content |= {"grid": {**grid, "projection": "EPSG:3035"}}
    return json.dumps({"frames": content}).replace("NaN", "null").encode()


SEEDS: dict[str, Callable[[], list[bytes]]] = {
    "radolan": lambda: [radolan(), gzip.compress(radolan()), bz2.compress(radolan())],
    "odim": lambda: [odim_file(), german("RATE", gain=0.12), echoes()],
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
    begin = place(chance, data)
    value = chance.choice(EXTREMES) % 2 ** (8 * size)
    data[begin : begin + size] = value.to_bytes(size, order)


def cut(chance: random.Random, data: bytearray) -> None:
    del data[place(chance, data) :]


def drop(chance: random.Random, data: bytearray) -> None:
    begin = place(chance, data)
    del data[begin : begin + 2 ** chance.randrange(14)]


def splice(chance: random.Random, data: bytearray) -> None:
    start, target = place(chance, data), place(chance, data)
    part = data[start : start + 2 ** chance.randrange(14)]
    if chance.random() < 0.5:
        data[target : target + len(part)] = part
    else:
        data[target:target] = part


def renumber(chance: random.Random, data: bytearray) -> None:
    """Another number where the text of a header has one."""
    found = list(NUMBER.finditer(bytes(data[:400]))) or list(NUMBER.finditer(bytes(data[:20000])))
    if found:
        match = chance.choice(found)
        number = chance.choice(NUMBERS)
        data[slice(*match.span())] = (
            number.rjust(len(match[0])) if chance.random() < 0.5 else number
        )


def place(chance: random.Random, data: bytearray) -> int:
    """Mostly near the beginning, where headers are."""
    reach = len(data) if chance.random() < 0.4 else min(len(data), 2 ** chance.randrange(4, 15))
    return chance.randrange(max(reach, 1)) if data else 0


CHANGES = (flip, flip, overwrite, overwrite, cut, drop, splice, renumber)


class Spoilt(NamedTuple):
    """A file that was spoilt, what it was before, and in how many places it was spoilt."""

    data: bytes
    seed: bytes
    changes: int = 0


def case(kind: str, number: int, seeds: list[bytes]) -> Spoilt:
    chance = random.Random(f"{kind} {number}")
    seed = chance.choice(seeds)
    data = bytearray(seed)
    changes = chance.choice((1, 1, 2, 4))
    for _ in range(changes):
        if data:
            chance.choice(CHANGES)(chance, data)
    return Spoilt(bytes(data), seed, changes)


# one bit of a header


def reflectivity() -> bytes:
    """A composite of one byte a cell."""
    cells = np.zeros((900, 900), "u1")
    cells[300:340, 300:340] = np.random.default_rng(1).integers(60, 150, (40, 40))
    cells[800:] = 250
    header = (
        b"RX211235100000625BY%7dVS 3SW   2.13.1PR E+00INT   5GP 900x 900MS 14<boo,ros,emd> \x03"
    )
    return header % (len(header % 0) + cells.size) + cells.tobytes()


def lead() -> bytes:
    """A lead of a forecast."""
    with tarfile.open(fileobj=io.BytesIO(rv())) as archive:
        part = archive.extractfile(archive.getmembers()[1])
        assert part is not None
        return part.read()


def header_of_radolan(data: bytes) -> list[tuple[int, int]]:
    return [(0, data.index(b"\x03") + 1)]


def header_of_hdf5(data: bytes) -> list[tuple[int, int]]:
    """Everything but the pieces of the field, which have checksums of their own."""
    edges = [0]
    with h5py.File(io.BytesIO(data)) as file:
        name = next(name for name in ("dataset1/data1/data", "rainfall_rate") if name in file)
        field = file[name].id
        pieces = [field.get_chunk_info(index) for index in range(field.get_num_chunks())]
        for piece in sorted(pieces, key=lambda piece: piece.byte_offset):
            edges += [piece.byte_offset, piece.byte_offset + piece.size]
    edges.append(len(data))
    return list(zip(edges[::2], edges[1::2], strict=True))


def echoes() -> bytes:
    """A composite of reflectivities, up to 32.5 dBZ."""

    def stronger(file: h5py.File) -> None:
        file["dataset1/data1/data"][500:600, 500:600] = 130

    return german("DBZH", change=stronger, gain=0.5, offset=-32.5)


def packed_frames() -> bytes:
    """Frames of whole numbers and a scale."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "packed.nc"
        field = frames().drop_vars(["lat", "lon"], errors="ignore")
        how = {"dtype": "i4", "scale_factor": 0.01, "_FillValue": -1, "zlib": True}
        field.to_dataset(name="rainfall_rate").to_netcdf(path, encoding={"rainfall_rate": how})
        return path.read_bytes()


Regions = Callable[[bytes], list[tuple[int, int]]]
FLIPPED: dict[str, tuple[str, Callable[[], bytes], Regions]] = {
    "flip of RY": ("radolan", radolan, header_of_radolan),
    "flip of RX": ("radolan", reflectivity, header_of_radolan),
    "flip of RV": ("radolan", lead, header_of_radolan),
    "flip of ACRR": ("odim", german, header_of_hdf5),
    "flip of RATE": ("odim", lambda: german("RATE", gain=0.12), header_of_hdf5),
    "flip of DBZH": ("odim", echoes, header_of_hdf5),
    "flip of packed frames": ("netcdf", packed_frames, header_of_hdf5),
}
"""Kind of file, one that is good, and where its header is."""


def flipped(kind: str, number: int) -> bytes:
    """A file with one bit of its header flipped, another one for each number."""
    data, bits = bits_of(kind)
    out, bit = bytearray(data), bits[number]
    out[bit // 8] ^= 1 << bit % 8
    return bytes(out)


@cache
def bits_of(kind: str) -> tuple[bytes, list[int]]:
    """A good file, and the bits of its header in the order in which they are flipped."""
    _, make, regions = FLIPPED[kind]
    data = make()
    bits = [bit for begin, end in regions(data) for bit in range(8 * begin, 8 * end)]
    random.Random(kind).shuffle(bits)
    return data, bits


def rates_in(kind: str, data: bytes, factor: int = 1) -> np.ndarray:
    """The rates of a file as the service reads it, but in this process."""
    if kind not in SEALED:
        return check(parse(data, "hostile", factor=factor)).values
    if kind == "netcdf":
        netcdf_classic.check_size(data)
    found: Any = SEALED[kind](*sandbox_worker.parsed(kind, data))
    return np.asarray(found.rate if kind == "odim" else found.values)


@cache
def truth(kind: str) -> np.ndarray:
    return rates_in(FLIPPED[kind][0], bits_of(kind)[0])


def read_flipped(kind: str, data: bytes) -> str:
    """What comes of a flipped bit: "drier" where it rains less, or is dry where no data are."""
    return read(FLIPPED[kind][0], data, truth(kind), factor=1)


# reading it


def read(
    kind: str, data: bytes, right: np.ndarray, factor: int = MODEL_FACTOR, allowed: int = 0
) -> str:
    """What comes of a file; anything else than BadField escapes.

    Args:
        kind: A kind of file.
        data: The file, spoilt.
        right: The rates in it before, in mm/h.
        factor: Cells along a side of which the mean is read, of a composite in RADOLAN.
        allowed: Number of cells whose own bytes may be spoilt.

    Returns:
        "read", "refused", "another_shape"; "drier" where it rains less than before, or is dry where
        no data were; "changed_cells" where this is so of no more cells than are allowed.
    """
    try:
        found = rates_in(kind, data, factor)
    except (BadField, sandbox_worker.Refused):
        return "refused"
    if found.shape != right.shape:
        return "another_shape"
    less = (right >= LIGHT) & (found < (1 - TOLERANCE) * right)
    drier = int((less | (np.isnan(right) & (found < LIGHT))).sum())
    return "drier" if drier > allowed else "changed_cells" if drier else "read"


def read_spoilt(kind: str, rates: dict[bytes, np.ndarray], files: Spoilt) -> str:
    """What comes of a spoilt file: a byte may make its own cell drier, and no other.

    Args:
        kind: A kind of file.
        rates: Those in each file before it was spoilt, in mm/h.
        files: The file, and what it was before.
    """
    allowed = differing_bytes(files.data, files.seed)
    if kind == "json":  # a number of another length moves no other
        allowed = max(allowed, files.changes)
    return read(kind, files.data, rates[files.seed], allowed=allowed)


def differing_bytes(data: bytes, seed: bytes) -> int:
    """Number of bytes that differ; 0 for files of different length, whose cells have moved."""
    if len(data) != len(seed):
        return 0
    before, after = (np.frombuffer(file, np.uint8) for file in (seed, data))
    return int((before != after).sum())


def main(kind: str, first: int, last: int) -> None:
    make, outcome_of = made_and_read(kind)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    for number in range(first, last):
        given = make(number)
        signal.setitimer(signal.ITIMER_PROF, PATIENCE_SECONDS)
        begin = time.process_time()
        try:
            outcome = outcome_of(given)
        except Exception as error:  # noqa: BLE001  what must not happen
            outcome = f"{type(error).__name__}:{error}".replace(" ", "_").replace("\n", "_")[:200]
        seconds = time.process_time() - begin
        most = highest_megabytes()
        print(outcome, f"{seconds:.3f}", most, flush=True)


def made_and_read(kind: str) -> tuple[Callable[[int], Any], Callable[[Any], str]]:
    """What makes a case of a kind by its number, and what reads it."""
    if kind in FLIPPED:
        assert read_flipped(kind, bits_of(kind)[0]) == "read", "the seed is good"
        assert (truth(kind) >= LIGHT).sum() > 100, "and wet"
        return partial(flipped, kind), partial(read_flipped, kind)
    seeds = SEEDS[kind]()
    rates = {seed: rates_in(kind, seed, MODEL_FACTOR) for seed in seeds}
    for seed in seeds:
        assert read_spoilt(kind, rates, Spoilt(seed, seed)) == "read", "the seeds are good"
    assert sum((field >= LIGHT).sum() for field in rates.values()) > 20, "and wet"
    return partial(case, kind, seeds=seeds), partial(read_spoilt, kind, rates)


def highest_megabytes() -> int:
    """Of this process alone: what `getrusage` says is inherited from the one that started it."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("VmHWM"))) // 1024


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
