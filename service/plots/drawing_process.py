"""A process that draws forecasts, so that drawing delays nothing else.

Drawing keeps the interpreter lock for long, and on a busy machine a thread that has the lock can
wait for a processor.
"""

import logging
import multiprocessing
import os
import signal
import threading
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

from xarray import DataArray

from service.errors import Busy

log = logging.getLogger(__name__)

DRAW_SECONDS = 120.0
"""Time in s from which a picture is given up and its process ended."""
NICENESS = 5
"""Priority of the process below that of the service."""


class DrawingProcess:
    """Draws forecasts in a process that starts with the first one. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pool: ProcessPoolExecutor | None = None

    def draw(self, forecast: DataArray, before: DataArray | None = None) -> bytes:
        """Plot a forecast (lead_time, y, x) as PNG; see `service.plots.fields.of_forecast`.

        Raises:
            Busy: The process ended or takes too long; the next picture starts another.
        """
        with self._lock:
            if self._pool is None:
                context = multiprocessing.get_context("spawn")
                self._pool = ProcessPoolExecutor(1, context, initializer=prepare)
            pool = self._pool
        try:
            return pool.submit(draw_forecast, forecast, before).result(DRAW_SECONDS)
        except (BrokenProcessPool, TimeoutError) as error:
            log.warning("the process that draws pictures is restarted: %r", error)
            self._end(pool)
            raise Busy("the process that draws pictures is restarted; try again later") from error

    def close(self) -> None:
        """End the process."""
        with self._lock:
            pool = self._pool
        if pool is not None:
            self._end(pool)

    def _end(self, pool: ProcessPoolExecutor) -> None:
        with self._lock:
            if self._pool is pool:
                self._pool = None
        processes = list((getattr(pool, "_processes", None) or {}).values())
        pool.shutdown(wait=False, cancel_futures=True)
        for process in processes:
            process.kill()


def draw_forecast(forecast: DataArray, before: DataArray | None) -> bytes:
    """Plot a forecast (lead_time, y, x) as PNG, in the process that draws."""
    from service.plots.fields import of_forecast  # only that process needs matplotlib

    return of_forecast(forecast, before)


def prepare() -> None:
    """Prepare the process: lower priority, no Ctrl-C, and an end with the service."""
    os.nice(NICENESS)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=end_with_parent, daemon=True).start()


def end_with_parent() -> None:
    """End this process when the service has ended, however it ended."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
    os._exit(0)
