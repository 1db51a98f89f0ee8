"""Files of composites as one series: recognised, in the order of time, on one grid, in mm/h."""

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ingest.composites import geotiff_series, netcdf_series, odim_series, pysteps_series
from ingest.composites.found import Found, Options, Rates
from ingest.composites.quantities import to_rate
from ingest.composites.regrid import centre, on_grid, target_grid
from ingest.errors import BadField, SourceUnavailable
from ingest.grid import Grid
from ingest.precipitation import HIGHEST

TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
CLASSIC_NETCDF, HDF5 = b"CDF", b"\x89HDF"
SMALLEST = 2
"""Fewest rows and columns of an event."""
BREAK = np.timedelta64(3, "h")
"""Frames further apart are of different events; between them none is missing."""
MOST_NAMED = 5
"""Files or times that a message names."""


class Series(NamedTuple):
    """Frames of one product on one grid.

    Attributes:
        frames: In the order of time, not read yet.
        grid: Onto which they are brought.
        cadence: Most frequent time between frames, in s.
        missing: Times at this cadence, within an event, of which there is no frame.
        options: What the user says of the files.
    """

    frames: tuple[Found, ...]
    grid: Grid
    cadence: int
    missing: NDArray[np.datetime64]
    options: Options

    @property
    def times(self) -> NDArray[np.datetime64]:
        """Times of the frames (time,), rising."""
        return np.array([frame.time for frame in self.frames], "datetime64[s]")

    def rates(self) -> Iterator[Rates]:
        """Yield the frames (y, x) of `grid` in mm/h, NaN for no data, in the order of time.

        Raises:
            BadField: A file is damaged, or its numbers are no rain.
        """
        for frame in self.frames:
            minutes = self.options.minutes or frame.minutes or self.cadence / 60
            try:
                rate = to_rate(frame.read(), frame.units, minutes, self.options.zr)
                highest = np.nanmax(rate, initial=0)
                if highest > HIGHEST:
                    raise BadField(
                        f"rates reach {highest:.4g} mm/h, should be at most {HIGHEST:g}; check the "
                        f"units, {frame.units}"
                    )
            except BadField as error:
                raise BadField(f"{frame.path} of {frame.time}: {error}") from error
            yield on_grid(rate, frame.layout, self.grid)


def open_series(paths: Iterable[Path], options: Options, cell_km: float | None = None) -> Series:
    """Find the frames of files and of all files in folders.

    Args:
        paths: Files and folders.
        options: What the user says of them.
        cell_km: Side of the cells to bring them to; None to leave them as they are.

    Raises:
        BadField: A file is no composite, lacks something, or they do not go together.
        SourceUnavailable: A path does not exist, or there is no file.
    """
    frames = sorted(
        (frame for path in files_of(paths) for frame in frames_of(path, options)),
        key=lambda frame: frame.time,
    )
    check_together(frames)
    times = np.array([frame.time for frame in frames], "datetime64[s]")
    cadence = cadence_of(times)
    layout = frames[0].layout
    grid = layout.grid() if cell_km is None else target_grid(layout, 1000 * cell_km)
    if min(grid.shape) < SMALLEST:
        raise BadField(
            f"cells of {grid.cell / 1000:g} km make {grid.shape[0]} rows and {grid.shape[1]} "
            f"columns, should be at least {SMALLEST} each; choose a smaller --cell-km"
        )
    longitude, latitude = centre(grid)
    if not (np.isfinite([longitude, latitude]).all() and abs(latitude) <= 90):
        raise BadField("the projection puts the cells nowhere on Earth; check --projection")
    return Series(tuple(frames), grid, cadence, missing_times(times, cadence), options)


def files_of(paths: Iterable[Path]) -> list[Path]:
    """Return files, and all files in folders, sorted by name.

    Raises:
        SourceUnavailable: A path does not exist, or there is no file.
    """
    found: list[Path] = []
    for path in paths:
        if not path.exists():
            raise SourceUnavailable(f"{path} does not exist; name files of radar composites")
        inside = sorted(path.rglob("*")) if path.is_dir() else [path]
        found += [p for p in inside if p.is_file() and not p.name.startswith(".")]
    if not found:
        raise SourceUnavailable("there are no files; name files of radar composites or folders")
    return found


def frames_of(path: Path, options: Options) -> list[Found]:
    """Return the frames of a file, by the reader of its format.

    Raises:
        BadField: It is of no known format, or lacks something; the message begins with its path.
    """
    try:
        if options.importer:
            return pysteps_series.frames_in(path, options)
        with path.open("rb") as file:
            head = file.read(8)
        if head.startswith(TIFF):
            return geotiff_series.frames_in(path, options)
        if head.startswith(HDF5) and is_odim(path):
            return odim_series.frames_in(path, options)
        if head.startswith((HDF5, CLASSIC_NETCDF)):
            return netcdf_series.frames_in(path, options)
    except BadField as error:
        raise BadField(f"{path}: {error}") from error
    raise BadField(
        f"{path}: is neither netCDF, ODIM HDF5 nor GeoTIFF; --importer names one of pysteps for "
        "other formats"
    )


def is_odim(path: Path) -> bool:
    """Whether an HDF5 file states the conventions of ODIM, or has its groups."""
    import h5py

    try:
        with h5py.File(path) as file:
            stated = str(file.attrs.get("Conventions", ""))
            return "ODIM" in stated or ("what" in file and "dataset1" in file)
    except OSError:
        return False


def check_together(frames: list[Found]) -> None:
    """Check that frames, in the order of time, are of one grid and unit, and of different times.

    Raises:
        BadField: They are not.
    """
    if len(frames) < 2:
        raise BadField("there is one frame only, should be two or more; name more files")
    first = frames[0]
    for frame in frames:
        if frame.layout != first.layout:
            raise BadField(
                f"{frame.path} has another grid than {first.path}: {described(frame)} instead of "
                f"{described(first)}; import them as separate events"
            )
        if frame.units != first.units:
            raise BadField(
                f"{frame.path} is in {frame.units!r}, {first.path} in {first.units!r}; import them "
                "as separate events"
            )
        if frame.variable != first.variable:
            raise BadField(
                f"the rain of {frame.path} is {frame.variable}, of {first.path} {first.variable}; "
                "name it by --variable"
            )
    counts = Counter(frame.time for frame in frames)
    if twice := [str(time) for time, number in counts.items() if number > 1]:
        raise BadField(
            f"there are {len(twice)} times of which there are several frames, such as "
            f"{', '.join(twice[:MOST_NAMED])}; name each frame once, and one product only"
        )


def described(frame: Found) -> str:
    """The grid of a frame in words."""
    layout = frame.layout
    rows, columns = layout.shape
    return (
        f"{rows} x {columns} cells of {layout.height:g} x {layout.width:g} from "
        f"({layout.west:g}, {layout.north:g})"
    )


def cadence_of(times: NDArray[np.datetime64]) -> int:
    """Return the most frequent time between frames (time,), in s.

    Raises:
        BadField: Fewer than half of the frames within events follow at it.
    """
    steps = np.diff(times)
    within = steps[steps < BREAK].astype(int)
    if not len(within):
        raise BadField(f"no two frames are less than {BREAK} apart, should be minutes apart")
    cadence, number = Counter(within.tolist()).most_common(1)[0]
    if 2 * number < len(within):
        raise BadField(
            f"frames are {within.min() / 60:g} to {within.max() / 60:g} minutes apart, should be "
            "at one interval for the most part; name frames of one cadence"
        )
    return int(cadence)


def missing_times(times: NDArray[np.datetime64], cadence: int) -> NDArray[np.datetime64]:
    """Return the times (time,) at a cadence in s, within events, that are not among the times."""
    every = np.timedelta64(cadence, "s")
    lacking = [
        np.arange(before + every, after, every)
        for before, after in pairwise(times)
        if every < after - before < BREAK
    ]
    return np.concatenate([np.array([], "datetime64[s]"), *lacking])
