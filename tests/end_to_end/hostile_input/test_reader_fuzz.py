"""Twenty thousand spoilt files, and some made with malice: each is read or refused as a BadField,
soon and in bounded memory; and what takes its reader down takes down no service."""

import bz2
import gzip
import io
import os
import resource
import subprocess
import sys
import tarfile
import time
import zlib
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np
import pytest

from ingest import BadField, parse
from ingest.formats import netcdf, sandbox
from ingest.formats.sandbox_worker import CPU_SECONDS, MEMORY_BYTES
from service.pipeline import upload
from tests.end_to_end.hostile_input.hostile import (
    FLIPPED,
    SEALED,
    SEEDS,
    bits_of,
    case,
    flipped,
    frames,
    read_flipped,
)
from tests.unit.ingest.formats.test_radar_file import odim

ROOT = Path(__file__).parents[3]
MODULE = "tests.end_to_end.hostile_input.hostile"
CASES = {"radolan": 5000, "odim": 5000, "rv": 3000, "netcdf": 6000, "json": 1000}
FLIPS = 5000 if os.environ.get("NOWCAST_LONG") else 60
"""Of each kind, or all there are: those of the long run are over 20,000."""
MOST_SECONDS = 20.0
"""Of the processor, for one file: ten times what the slowest takes on a loaded machine."""
MOST_MEGABYTES = 800
"""Of a process that reads one file after the other; it has 250 before the first."""
MEDIA = {"netcdf": "application/x-netcdf", "json": upload.JSON}


class Outcome(NamedTuple):
    """What came of a case: of the reader's process too, where it was taken down."""

    word: str
    seconds: float = 0.0
    megabytes: int = 0


LOST = Outcome("lost")


def outcomes(kind: str, number: int) -> list[Outcome]:
    """What came of the cases of a kind, read one after the other by processes that may die."""
    found: list[Outcome] = []
    while len(found) < number:
        command = [sys.executable, "-W", "ignore", "-m", MODULE, kind]
        command += [str(len(found)), str(number)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode <= 0, done.stderr
        for line in done.stdout.splitlines():
            word, seconds, megabytes = line.split()
            found.append(Outcome(word, float(seconds), int(megabytes)))
        if done.returncode:
            found.append(LOST)
    return found


def summary(kind: str, found: list[Outcome]) -> str:
    """How many cases of a kind came to what."""
    words = Counter(outcome.word for outcome in found)
    counts = {word: words.pop(word, 0) for word in ("read", "refused", "drier", "lost")}
    return ", ".join(
        [f"{kind}: {len(found)} cases", *(f"{n} {word}" for word, n in (counts | words).items())]
    )


@pytest.mark.parametrize("kind", CASES)
def test_spoilt_files_are_read_or_refused_and_never_drier(
    kind: str, tell: Callable[[str], None]
) -> None:
    """Where a file has no checksum, a spoilt byte may change its own cell, and no other."""
    found = outcomes(kind, CASES[kind])
    tell(summary(kind, found))
    lost = [number for number, outcome in enumerate(found) if outcome == LOST]
    words = {outcome.word for outcome in found}
    assert words >= {"read", "refused"}
    assert words <= {"read", "refused", "changed_cells", "another_shape", "lost"}
    assert max(outcome.seconds for outcome in found) < MOST_SECONDS
    assert max(outcome.megabytes for outcome in found) < MOST_MEGABYTES
    assert lost == [] or kind in SEALED, "which would have taken the service down"
    seeds = SEEDS[kind]()
    for number in lost:
        with suppress(BadField):
            whole(kind, case(kind, number, seeds).data)


@pytest.mark.parametrize("kind", FLIPPED)
def test_one_flipped_bit_of_a_header_never_makes_it_drier(
    kind: str, tell: Callable[[str], None]
) -> None:
    """What is read is the same, or is refused: of a header that says another scale, too."""
    number = min(FLIPS, len(bits_of(kind)[1]))
    found = outcomes(kind, number)
    tell(summary(kind, found))
    drier = [
        index for index, outcome in enumerate(found) if outcome.word not in ("read", "refused")
    ]
    lost = [index for index in drier if found[index] == LOST]
    assert drier == lost, [(found[index].word, bits_of(kind)[1][index]) for index in drier[:20]]
    assert lost == [] or FLIPPED[kind][0] in SEALED, "which would have taken the service down"
    assert max(outcome.seconds for outcome in found) < MOST_SECONDS


@pytest.mark.parametrize("number", [101, 303])
def test_a_flipped_bit_in_the_index_of_pieces_is_refused(number: int) -> None:
    """These two of 317 made 3,900 cells of 6 mm/h dry."""
    assert read_flipped("flip of RATE", flipped("flip of RATE", number)) == "refused"


def whole(kind: str, data: bytes) -> object:
    """The field in a file as the service reads it."""
    return upload.read(data, MEDIA[kind]) if kind in MEDIA else parse(data, "hostile")


def test_cases_are_twenty_thousand_and_no_two_runs_differ() -> None:
    assert sum(CASES.values()) >= 20_000
    for kind in CASES:
        seeds = SEEDS[kind]()
        assert [case(kind, n, seeds) for n in range(9)] == [case(kind, n, seeds) for n in range(9)]


# malice


def tar(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for member, data in members:
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return file.getvalue()


def sparse() -> bytes:
    """An archive of 10 kB with a file of a terabyte, all hole."""
    data = bytearray(tar((tarfile.TarInfo("hole"), b"x" * 512)))
    data[156:157] = tarfile.GNUTYPE_SPARSE
    data[386:410] = b"00000000000\0" * 2  # one piece of no bytes
    data[483:495] = b"\x80" + (2**40).to_bytes(11, "big")
    data[148:156] = b"        "
    data[148:156] = b"%06o\0 " % sum(data[:512])
    return bytes(data)


def nested(depth: int) -> bytes:
    """An archive whose names have names that have names."""
    name = tarfile.TarInfo("././@LongLink")
    name.type, name.size = tarfile.GNUTYPE_LONGNAME, 1
    return (name.tobuf(tarfile.GNU_FORMAT) + b"x".ljust(512, b"\0")) * depth


def zeros(packer: object, size: int) -> bytes:
    """So many zeros, packed."""
    part = bytes(2**20)
    compress, flush = packer.compress, packer.flush  # type: ignore[attr-defined]
    packed = [compress(part) for _ in range(size // len(part))]
    return b"".join([*packed, flush()])


def changed(change: Callable[[h5py.File], object], data: bytes) -> bytes:
    file = io.BytesIO(data)
    with h5py.File(file, "r+") as h5:
        change(h5)
    return file.getvalue()


def swollen(path: str, size: int) -> Callable[[h5py.File], object]:
    """Has the first piece of a data set unpack to so many bytes."""
    return lambda h5: h5[path].id.write_direct_chunk(
        (0,) * h5[path].ndim, zeros(zlib.compressobj(1), size)
    )


def replaced(path: str, **how: object) -> Callable[[h5py.File], object]:
    """Has another data set under a name."""

    def replace(h5: h5py.File) -> None:
        del h5[path]
        h5.create_dataset(path, **how)

    return replace


DATA = "dataset1/data1/data"
GIGABYTE = 2**30
FILES: dict[str, Callable[[], bytes]] = {
    "gzip": lambda: zeros(zlib.compressobj(1, wbits=31), GIGABYTE),
    "bzip2": lambda: zeros(bz2.BZ2Compressor(1), GIGABYTE // 4),
    "gzip in gzip": lambda: gzip.compress(zeros(zlib.compressobj(1, wbits=31), GIGABYTE)),
    "header without end": lambda: gzip.compress(b"RY" * 60_000_000, 1),
    "ascii without end": lambda: b"n" * 50_000_000,
    "run lengths": lambda: b"PG" + SEEDS["radolan"]()[0][2:300] + bytes(range(1, 11)) * 4_000_000,
    "sparse tar": sparse,
    "nested tar": lambda: nested(100_000),
    "tar of many": lambda: tarfile.TarInfo("x").tobuf(tarfile.GNU_FORMAT) * 200_000,
    "gzip in tar": lambda: tar((tarfile.TarInfo("x"), FILES["gzip"]())),
    "wide": lambda: changed(
        replaced(DATA, shape=(10**6, 10**6), chunks=(10, 10), dtype="u1"), odim()
    ),
    "swollen": lambda: changed(swollen(DATA, GIGABYTE), odim()),
    "elsewhere": lambda: changed(
        replaced(DATA, shape=(1200, 1100), dtype="u1", external=[("/dev/zero", 0, 1_320_000)]),
        odim(),
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_malice_in_files_is_refused_before_it_unfolds(name: str) -> None:
    data = FILES[name]()
    before, begin = peak(), time.process_time()
    with pytest.raises(BadField):
        parse(data, "hostile")
    assert time.process_time() - begin < MOST_SECONDS
    assert peak() - before < MOST_MEGABYTES


def peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def largest_child() -> int:
    """Bytes of the largest that this process ever had."""
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024


def seconds_of_children() -> float:
    """Of the processor, of all that this process ever had."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def json_with(rates: bytes) -> bytes:
    times = b'"2026-06-21T22:30Z", "2026-06-21T22:35Z"'
    return b'{"frames": {"times": [%b], "rainfall_rate": %b}}' % (times, rates)


BODIES: dict[str, Callable[[], tuple[str, bytes]]] = {
    "swollen": lambda: (
        "netcdf", changed(swollen("rainfall_rate", GIGABYTE), netcdf.encode(frames()))
    ),
    "deep": lambda: ("json", json_with(b"[" * 10**6 + b"]" * 10**6)),
    "lists": lambda: ("json", json_with(b"[%b[]]" % (b"[]," * 10**7))),
    "digits": lambda: ("json", json_with(b"[[[%b]]]" % (b"9" * 30_000_000))),
    "ragged": lambda: ("json", json_with(b"[[[%b1]],[[1]]]" % (b"1," * 1100))),
    "names": lambda: (
        "json", b'{"frames": {%b"x": 1}}' % b"".join(b'"%d": 1,' % n for n in range(10**6))
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BODIES)
def test_malice_in_uploads_is_refused_within_limits(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind, data = BODIES[name]()
    monkeypatch.setattr(sandbox, "READ_SECONDS", 500)  # however busy the machine is
    others, begin = largest_child(), seconds_of_children()
    with pytest.raises(BadField):
        upload.read(data, MEDIA[kind])
    assert seconds_of_children() - begin < CPU_SECONDS + 5
    # A child begins as a copy of this process, which may be larger by itself, and other tests had
    # children before.
    assert largest_child() <= max(MEMORY_BYTES, (peak() + 1) * 2**20, others)


def test_an_upload_opens_no_other_file(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    given = frames()
    secret.write_bytes(np.ones(given.shape, "<f4").tobytes())

    def steal(h5: h5py.File) -> None:
        rate = h5["rainfall_rate"]
        scales = [rate.dims[axis][0] for axis in range(3)]
        kept = dict(rate.attrs)
        del h5["rainfall_rate"]
        place = [(str(secret), 0, h5py.h5f.UNLIMITED)]
        stolen = h5.create_dataset("rainfall_rate", given.shape, "<f4", external=place)
        for axis, scale in enumerate(scales):
            stolen.dims[axis].attach_scale(scale)
        for name in ("units", "grid_mapping"):
            stolen.attrs[name] = kept[name]

    body = changed(steal, netcdf.encode(given))
    assert (netcdf.decode(body) == 1).all(), "without limits it is read"
    with pytest.raises(BadField, match=r"cannot be read to its end|nothing is stored"):
        upload.read(body, MEDIA["netcdf"])
