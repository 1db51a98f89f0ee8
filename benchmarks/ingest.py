"""Ingest of one RY file against what decompressing and decoding it costs alone.

    python -m benchmarks.ingest [FILE]

Ours is all of `service.tasks.ingest`: fingerprint, decompression, decoding, every check of the
contract, resampling to 180x180, netCDF brought to disk, and the row in the ledger. The anchor is
`wradlib.io.read_radolan_composite` on the same file. Both are timed in turns in one process, and
the ratio of the medians is printed, by the clock and by processor time, which other work on the
machine disturbs less. Without a FILE a simulated frame is taken.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from service.archive import Archive
    from service.ledger import Ledger

ROUNDS = 60
TARGET = 2.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path, nargs="?", help="a RADOLAN RY file")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="nowcast-bench-") as folder:
        path = arguments.file or simulated(Path(folder))
        ours, anchor = compare(path, Path(folder), arguments.rounds)
    print(f"{path.name}, median of {arguments.rounds}{'clock':>14}{'processor':>12}")
    for said, times in (("decompress and decode by wradlib", anchor), ("ingest, stored", ours)):
        print(f"{said:<50}{1e3 * times.clock:9.1f} ms{1e3 * times.processor:9.1f} ms")
    clock, processor = ours.clock / anchor.clock, ours.processor / anchor.processor
    print(f"{f'ratio (target: under {TARGET:g})':<50}{clock:9.2f}   {processor:9.2f}")


class Seconds(NamedTuple):
    """How long something took."""

    clock: float
    processor: float


def compare(path: Path, folder: Path, rounds: int) -> tuple[Seconds, Seconds]:
    """Medians of our ingest and of decoding alone, timed in turns."""
    from wradlib.io import read_radolan_composite

    from service import tasks
    from service.archive import Archive
    from service.ledger import Ledger

    archive, ledger = Archive(folder / "archive"), Ledger(f"sqlite:///{folder / 'ledger.sqlite'}")
    ours: list[Seconds] = []
    anchor: list[Seconds] = []
    for _ in range(rounds + 1):
        anchor.append(seconds(lambda: read_radolan_composite(str(path))))
        came: list[Arrival] = []
        ours.append(
            seconds(lambda: came.append(tasks.ingest(archive, ledger, path, datetime.now(UTC))))
        )
        assert came[0].outcome == "accepted"
        forget(archive, ledger)
    return medians(ours[1:]), medians(anchor[1:])


def medians(times: list[Seconds]) -> Seconds:
    return Seconds(*(statistics.median(column) for column in zip(*times, strict=True)))


def forget(archive: "Archive", ledger: "Ledger") -> None:
    """Undo the arrival, so that the next is the first again; its folders stay, as in a long run."""
    for path in archive.root.rglob("*.nc"):
        path.unlink()
    with ledger.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM arrivals")


def seconds(work: Callable[[], object]) -> Seconds:
    clock, processor = time.perf_counter(), time.process_time()
    work()
    return Seconds(time.perf_counter() - clock, time.process_time() - processor)


def simulated(folder: Path) -> Path:
    from ingest.simulate import write

    return next(write(folder, np.datetime64("2025-06-21T12:35"), 1, seed=1))


if __name__ == "__main__":
    main()
