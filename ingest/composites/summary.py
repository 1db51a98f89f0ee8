"""An imported event in sentences, with what looks wrong in it."""

from collections.abc import Iterator

import numpy as np

from ingest.composites.event_store import EventFile
from ingest.composites.regrid import centre

WET = 0.1
"""mm/h from which a cell is wet."""
LEAST_HIGHEST, MOST_WET, LEAST_KNOWN = 0.5, 0.9, 0.2
"""Highest rate in mm/h, share of wet cells and share of known cells beyond which an event looks
wrong."""
FINE_CELL_METRES = 3000.0
"""Cells below it are finer than those that the shipped experiments are made for."""
LEAST_CELL_METRES = 100.0
"""Cells below it are finer than radar resolves."""


def summary(event: EventFile) -> Iterator[str]:
    """Yield sentences on an event: period, grid, values, source; then what looks wrong."""
    times, grid = event.times.astype("datetime64[m]"), event.grid
    minutes = float(event.about.get("timestep_seconds", 0)) / 60
    yield (
        f"{len(times)} frames from {times[0]} to {times[-1]} UTC, {minutes:g} minutes apart; "
        f"{len(event.missing)} are missing between them"
    )
    longitude, latitude = centre(grid)
    rows, columns = grid.shape
    yield (
        f"{rows} x {columns} cells of {grid.cell / 1000:g} km around {latitude:.2f} N, "
        f"{longitude:.2f} E"
    )
    known = ~np.isnan(event.rates)
    wet = float((event.rates >= WET).sum() / max(known.sum(), 1))
    highest = float(np.nanmax(event.rates, initial=0))
    yield f"{known.mean():.0%} of cells known, of which {wet:.1%} wet; up to {highest:.1f} mm/h"
    yield f"{event.about.get('source')}; licence {event.about.get('license')}"
    if highest < LEAST_HIGHEST:
        yield f"look again: it never rains more than {highest:.2g} mm/h; are the units right?"
    if wet > MOST_WET:
        yield f"look again: {wet:.0%} of the cells are wet; are dry cells marked as no data?"
    if known.mean() < LEAST_KNOWN:
        yield f"look again: {known.mean():.0%} of the cells are known; cut files to the coverage"
    if grid.cell < LEAST_CELL_METRES:
        yield f"look again: cells are {grid.cell:g} m wide; are the units of the coordinates right?"
    elif grid.cell < FINE_CELL_METRES:
        yield "cells are finer than the 5 km of the shipped experiments; --cell-km 5 averages them"
