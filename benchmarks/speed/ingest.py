"""Ingest of RY files against what decompressing and decoding them costs alone.

    python -m benchmarks.speed.ingest
    python -m benchmarks.speed.ingest --day FOLDER --write docs/performance.md

Ours is all of `service.pipeline.tasks.ingest`: fingerprint, decompression, decoding, every check
of the contract, resampling to 180x180, netCDF brought to disk, and the row in the ledger. The
anchor is `wradlib.io.read_radolan_composite` on the same file, which decompresses and decodes and
no more. Both are timed in turns in one process, and the ratio of the medians is printed, by the
clock and by processor time, which other work on the machine disturbs less. Without a file, frames
are simulated.

A day is what `nowcast ingest FOLDER` does, against as many processes that only decode.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from functools import partial
from itertools import repeat
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from benchmarks.report import at_least_one, measured, table, write_section
from ingest.precipitation import INTERVAL
from ingest.simulation.simulate import encode, simulate, write

if TYPE_CHECKING:
    from service.archive.archive import Archive
    from service.ledger.ledger import Ledger

ROUNDS = 60
TARGET = 1.3
DAY = 288
START = np.datetime64("2025-06-21T00:00")


class Seconds(NamedTuple):
    """How long something took."""

    clock: float
    processor: float

    def over(self, anchor: "Seconds") -> tuple[float, float]:
        """How many times as long as the anchor, by the clock and by processor time."""
        return self.clock / anchor.clock, self.processor / anchor.processor


# one frame


def compare(path: Path, folder: Path, rounds: int) -> tuple[Seconds, Seconds]:
    """Medians of our ingest and of decoding alone, timed in turns."""
    from wradlib.io import read_radolan_composite

    from service.pipeline.ingest import ingest_file

    archive, ledger = empty(folder)
    ours: list[Seconds] = []
    anchor: list[Seconds] = []
    outcomes: list[str] = []

    def taken_in() -> None:
        outcomes.append(ingest_file(archive, ledger, path, datetime.now(UTC)).outcome)

    for _ in range(rounds + 1):
        anchor.append(seconds(lambda: read_radolan_composite(str(path))))
        ours.append(seconds(taken_in))
        forget(archive, ledger)
    assert set(outcomes) == {"accepted"}
    return medians(ours[1:]), medians(anchor[1:])


def empty(folder: Path) -> "tuple[Archive, Ledger]":
    """Open an empty archive and ledger in a folder."""
    from service.archive.archive import Archive
    from service.ledger.ledger import Ledger

    return Archive(folder / "archive"), Ledger(f"sqlite:///{folder / 'ledger.sqlite'}")


def medians(times: list[Seconds]) -> Seconds:
    """Return the medians of clock and processor time."""
    return Seconds(*(statistics.median(column) for column in zip(*times, strict=True)))


def forget(archive: "Archive", ledger: "Ledger") -> None:
    """Undo the arrival, so that the next is the first again; its folders stay, as in a long run."""
    for path in archive.root.rglob("*.nc"):
        path.unlink()
    with ledger.engine.begin() as connection:
        for table in ("arrivals", "tallies"):  # rows, and their running totals
            connection.exec_driver_sql(f"DELETE FROM {table}")


def seconds(work: Callable[[], object]) -> Seconds:
    """Measure clock and processor time of some work."""
    clock, processor = time.perf_counter(), time.process_time()
    work()
    return Seconds(time.perf_counter() - clock, time.process_time() - processor)


# a day


def compare_days(paths: Sequence[Path], folder: Path, workers: int) -> tuple[Seconds, Seconds]:
    """Our ingest of all files with so many threads, and decoding alone in so many processes."""
    from service.pipeline.ingest_batch import ingest_all

    archive, ledger = empty(folder)
    outcomes: list[str] = []

    def ours() -> None:
        found = ingest_all(archive, ledger, paths, partial(datetime.now, UTC), workers)
        outcomes.extend(arrival.outcome for arrival in found)

    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        list(pool.map(decoded, repeat(paths[0], 4 * workers)))  # all have begun and imported
        clock = time.perf_counter()
        spent = sum(pool.map(decoded, paths, chunksize=4))
        anchor = Seconds(time.perf_counter() - clock, spent)
    taken = seconds(ours)
    assert outcomes == ["accepted"] * len(paths)
    return taken, anchor


def decoded(path: Path) -> float:
    """Decompress and decode a file by wradlib. Returns the processor time."""
    from wradlib.io import read_radolan_composite

    return seconds(lambda: read_radolan_composite(str(path))).processor


def simulated(folder: Path) -> Path:
    """Write one simulated RY file."""
    return next(write(folder, np.datetime64("2025-06-21T12:35"), 1, seed=1))


def simulated_day(folder: Path, frames: int) -> list[Path]:
    """Write files of a day, in their order.

    One simulated frame that drifts east, as to simulate each would take minutes.
    """
    import gzip

    folder.mkdir(parents=True, exist_ok=True)
    _, rate = next(simulate(START, 1, seed=1))
    paths = []
    for number in range(frames):
        when = START + number * INTERVAL
        stamp = when.astype("datetime64[s]").item()
        path = folder / f"raa01-ry_10000-{stamp:%y%m%d%H%M}-dwd---bin.gz"
        rain = np.where(np.isnan(rate), np.nan, np.roll(np.nan_to_num(rate), number, axis=1))
        path.write_bytes(gzip.compress(encode(rain, when), compresslevel=1, mtime=0))
        paths.append(path)
    return paths


# output

HEADINGS = ("", "frames", "ms by the clock", "ms of processors", "frames/s")


def row(label: str, frames: int, taken: Seconds) -> list[str]:
    """A line of the table, for each frame."""
    clock, processor = (1e3 * part / frames for part in taken)
    return [label, str(frames), f"{clock:.1f}", f"{processor:.1f}", f"{1e3 / clock:,.0f}"]


def ratio(label: str, ours: Seconds, anchor: Seconds) -> list[str]:
    """Return a row of ratios of our times to those of an anchor."""
    clock, processor = ours.over(anchor)
    return [label, "", f"{clock:.2f}", f"{processor:.2f}", f"{1 / clock:.2f}"]


def section(found: Sequence[Sequence[str]]) -> str:
    """What was found, as Markdown."""
    about = measured(
        "benchmarks.speed.ingest --write docs/performance.md", "numpy", "wradlib", "netCDF4"
    )
    return f"""\
## Ingest

{about}

{table(HEADINGS, found)}
{NOTES}"""


NOTES = f"""
Decoding is `wradlib.io.read_radolan_composite`, including decompression. Ingest is decoding plus
fingerprint, checks, 5 km means, a netCDF file synced to disk and a row in the ledger. For single
frames both are timed in turns in one process; the target is a ratio of processor times below
{TARGET:g}. A day is `nowcast ingest FOLDER` with threads, compared with decoding in the same number
of processes. In elapsed time ingest waits for two disk syncs per file.
"""


def main() -> None:
    """Print what a frame and a day take, and write it as a section."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path, nargs="?", help="a RADOLAN RY file")
    parser.add_argument("--rounds", type=at_least_one, default=ROUNDS)
    parser.add_argument("--day", type=Path, help="a folder of RADOLAN RY files")
    parser.add_argument("--frames", type=at_least_one, default=DAY, help="of a simulated day")
    parser.add_argument("--workers", type=at_least_one, default=None)
    parser.add_argument("--write", type=Path, help="a Markdown file; changes its section only")
    options = parser.parse_args()
    from service.pipeline.ingest_batch import processors

    workers = options.workers or processors()
    with tempfile.TemporaryDirectory(prefix="nowcast-bench-") as name:
        folder = Path(name)
        single = compare(options.file or simulated(folder), folder / "one", options.rounds)
        days = options.day and sorted(options.day.iterdir())
        paths = days or simulated_day(folder / "day", options.frames)
        day = compare_days(paths, folder / "all", workers)
    found = [
        row("decode one", 1, single[1]),
        row("ingest one", 1, single[0]),
        ratio(f"ratio, target under {TARGET:g}", *single),
        row(f"decode a day, {workers} processes", len(paths), day[1]),
        row(f"ingest a day, {workers} threads", len(paths), day[0]),
        ratio("ratio", *day),
    ]
    print(table(HEADINGS, found))
    if options.write:
        write_section(options.write, section(found), "ingest")


if __name__ == "__main__":
    main()
