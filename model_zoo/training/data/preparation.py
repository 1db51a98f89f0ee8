"""Parallel preparation of years of radar data into a Zarr store.

Dask's distributed scheduler runs the work: on this machine by default, or on the workers of a
scheduler at an address, which need access to the same files.
"""

from collections.abc import Callable
from contextlib import nullcontext
from functools import cache
from importlib import import_module
from pathlib import Path

import numpy as np

from model_zoo.training.data import store
from model_zoo.training.data.record import Record
from model_zoo.training.errors import BadData, MissingPackage


def prepare(
    source: Path,
    destination: Path,
    *,
    workers: int | None = None,
    scheduler: str | None = None,
    report: Callable[[int, int, list[str]], None] | None = None,
) -> list[str]:
    """Write all frames of a source on the model grid to a store; resumes after an interruption.

    Args:
        source: RYDL.hdf5, a folder of radar files, or an archive of the service.
        destination: The store.
        workers: Processes on this machine; as many as it has cores by default.
        scheduler: Address of a Dask scheduler instead, such as tcp://host:8786.
        report: Called after each block with the numbers of blocks done and in all, and faults.

    Returns:
        Frames that could not be read, and why; windows do not contain these frames.

    Raises:
        BadData: The source has no frames, or the store has other ones.
        MissingPackage: Dask's distributed scheduler or Zarr is not installed.
    """
    from model_zoo.training.data.opening import open_record

    try:
        distributed = import_module("distributed")
    except ImportError as error:
        raise MissingPackage(
            "preparing needs dask and distributed; install the extra: nowcast[train]"
        ) from error
    source, destination = source.resolve(), destination.resolve()
    record = open_record(source)
    times = np.asarray(record.times)
    todo = store.create(destination, times, record.shape)
    if not todo:
        return []
    blocks, faults = -(-len(times) // store.BLOCK), list[str]()
    here = {"n_workers": workers, "threads_per_worker": 1, "dashboard_address": None}
    with (
        distributed.LocalCluster(**here)
        if scheduler is None
        else nullcontext(scheduler) as cluster,
        distributed.Client(cluster) as client,
    ):
        work = [
            client.submit(write, source, destination, block, len(times), pure=False)
            for block in todo
        ]
        before = blocks - len(todo)
        for number, finished in enumerate(distributed.as_completed(work), start=before + 1):
            found = finished.result()
            faults += found
            if report is not None:
                report(number, blocks, found)
    return faults


@cache
def source_of(path: Path) -> Record:
    """Open a source once in each worker: it may list a million frames."""
    from model_zoo.training.data.opening import open_record

    return open_record(path)


def write(source: Path, destination: Path, block: int, length: int) -> list[str]:
    """Write a block in a worker; see `store.write_block`.

    Raises:
        BadData: The source has another number of frames than before.
    """
    record = source_of(source)
    if len(record.times) != length:
        raise BadData(f"{source} has {len(record.times)} frames, had {length} before; start again")
    return store.write_block(
        destination, block, length, lambda number: record.rates(np.array([number]))[0]
    )
