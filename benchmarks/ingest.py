"""Ingest of one RY file against what decompressing and decoding it costs alone.

    python -m benchmarks.ingest [FILE]

Ours is all of `service.tasks.ingest`: fingerprint, decompression, decoding, every check of the
contract, resampling to 180x180, netCDF brought to disk, and the row in the ledger. The anchor is
`wradlib.io.read_radolan_composite` on the same file. Both are timed in turns in one process on one
thread, and the ratio of the medians is printed. Without a FILE a simulated frame is taken.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

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
    print(f"file                                {path.name}")
    print(
        f"decompress and decode by wradlib    {1e3 * anchor:6.1f} ms (median of {arguments.rounds})"
    )
    print(f"ingest to a stored 180x180 frame    {1e3 * ours:6.1f} ms")
    print(f"ratio                               {ours / anchor:6.2f}    (target: under {TARGET:g})")


def compare(path: Path, folder: Path, rounds: int) -> tuple[float, float]:
    """Median seconds of our ingest and of decoding alone, timed in turns."""
    from wradlib.io import read_radolan_composite

    from service import tasks
    from service.archive import Archive
    from service.ledger import Ledger

    archive, ledger = Archive(folder / "archive"), Ledger(f"sqlite:///{folder / 'ledger.sqlite'}")
    ours: list[float] = []
    anchor: list[float] = []
    for _ in range(rounds + 1):
        anchor.append(seconds(lambda: read_radolan_composite(str(path))))
        ours.append(seconds(lambda: tasks.ingest(archive, ledger, path, datetime.now(UTC))))
        assert ledger.arrivals_by_outcome() == {"accepted": 1}
        forget(archive, ledger)
    return statistics.median(ours[1:]), statistics.median(anchor[1:])


def forget(archive: "Archive", ledger: "Ledger") -> None:
    """Undo the arrival, so that the next is the first again; its folders stay, as in a long run."""
    for path in archive.root.rglob("*.nc"):
        path.unlink()
    with ledger.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM arrivals")


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def simulated(folder: Path) -> Path:
    from ingest.simulate import write

    return next(write(folder, np.datetime64("2025-06-21T12:35"), 1, seed=1))


if __name__ == "__main__":
    main()
