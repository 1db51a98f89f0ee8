"""Parses files of formats that only C libraries read, in a process of its own that may crash.

These libraries were not made for hostile or damaged files: such may crash them, keep them busy,
fill the memory or have other files opened. So this process has little time and memory, opens no
file once it has begun, and answers in a form that takes no library to read. It imports nothing of
the project, that it may begin at once. `ingest.formats.sandbox` runs it.

    python sandbox_worker.py odim|netcdf|json < files > answers

Files: a line with their lengths, then one after the other. Answers: for each a line of JSON, its
attributes or its `problem`; then its numbers as they are.
"""

import codecs
import gc
import importlib
import io
import itertools
import json
import math
import resource
import sys
import warnings
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import h5py
    import netCDF4

Parsed = tuple[dict[str, Any], NDArray[Any]]

MEMORY_BYTES = 2**30
CPU_SECONDS = 10
LIMITS = {
    resource.RLIMIT_AS: (MEMORY_BYTES, MEMORY_BYTES),
    # The first ends it by SIGXCPU, which marks the file as the cause, the second by SIGKILL.
    resource.RLIMIT_CPU: (CPU_SECONDS, CPU_SECONDS + 1),
    resource.RLIMIT_FSIZE: (0, 0),
    resource.RLIMIT_CORE: (0, 0),
    resource.RLIMIT_NOFILE: (0, 0),
}
TEXT = 2000
"""Characters of a text that are passed on."""
LARGEST = 1200
"""Cells along one side of a frame that is uploaded."""
LARGEST_COMPOSITE, MOST_CELLS = 5000, 20_000_000
"""Cells along one side of a composite, and in all: OPERA has 4400 x 3800."""
MOST_PIECES = 100_000
"""Of a field in HDF5; what is more is an invalid size of the field or of its pieces."""
QUANTITIES = ("ACRR", "RATE", "DBZH")
"""Of which the first in an ODIM file is read."""
EDGES = ("start", "end")
"""Of the interval of a data set: how the names of its attributes begin."""
MOST_GROUPS = 50
"""Data sets of an ODIM file, and data of each, that are looked through for one."""
LEAST_STEP, MOST_STEP, HIGHEST_OFFSET = 1e-5, 1.0, 500.0
"""mm/h that packed rates may be in steps of, and begin at."""
RATE = "rainfall_rate"
DIMS = ("time", "y", "x")
FEWEST, MOST = 2, 24
"""Frames of one netCDF or JSON."""


class Refused(Exception):
    """The file is not what it should be."""


def main(kind: str) -> None:
    """Parse the files on standard input within the limits and write attributes and numbers."""
    lengths = map(int, sys.stdin.buffer.readline().split())
    files = [sys.stdin.buffer.read(length) for length in lengths]
    for library in LIBRARIES[kind]:
        importlib.import_module(library)
    for codec in CODECS:
        codecs.lookup(codec)
    for limit, most in LIMITS.items():
        resource.setrlimit(limit, most)
    warnings.simplefilter("ignore")
    gc.disable()  # this ends soon, and millions of lists would be looked through again and again
    for file in files:
        try:
            about, numbers = parsed(kind, file)
        except Refused as error:
            about, numbers = {"problem": str(error)[:TEXT]}, np.empty(0)
        about |= {"dtype": numbers.dtype.str, "shape": numbers.shape}
        line = json.dumps(about, allow_nan=False, ensure_ascii=False)
        sys.stdout.buffer.write(line.encode(errors="replace") + b"\n" + numbers.tobytes())


def parsed(kind: str, data: bytes) -> Parsed:
    """Return attributes and numbers of a file.

    Raises:
        Refused: It is not what it should be, or there is no end to it.
    """
    try:
        return READERS[kind](data)
    except Refused:
        raise
    except MemoryError:
        problem = f"takes more than {MEMORY_BYTES} bytes to unfold, should take less"
        raise Refused(problem) from None
    except Exception as error:  # a decoder may raise anything on hostile bytes
        problem = f"cannot be read to its end ({type(error).__name__}: {error})"
        raise Refused(problem) from error


def refuse(problem: str) -> NoReturn:
    """Refuse the file.

    Raises:
        Refused: Always.
    """
    raise Refused(problem)


# ODIM HDF5


def of_odim(data: bytes) -> Parsed:
    """Read packed numbers (y, x) and attributes by group of an ODIM file.

    Of the first data set that holds rain, whatever its number, under "dataset1" and "data1".
    """
    import h5py

    with h5py.File(io.BytesIO(data), "r") as file:
        outer, inner = rain_in(file)
        stored = file[f"{inner}/data"]
        shape, kind = stored.shape, stored.dtype.kind
        if len(shape) != 2 or max(shape) > LARGEST_COMPOSITE or kind not in "iuf":
            refuse(f"holds {stored.dtype} of shape {shape}, should hold a field of numbers")
        if shape[0] * shape[1] > MOST_CELLS:
            refuse(f"holds {shape[0]} x {shape[1]} cells, should hold at most {MOST_CELLS}")
        check_stored(stored)
        about = {group: attributes(file, group) for group in ("what", "how")}
        about["where"] = attributes(file, "where", f"{outer}/where")
        about["dataset1/what"] = attributes(file, f"{outer}/what")
        about["dataset1/data1/what"] = attributes(file, f"{outer}/what", f"{inner}/what")
        return {"attributes": about}, stored[...]


def rain_in(file: "h5py.File") -> tuple[str, str]:
    """Return the groups of the first data that are rain, such as dataset1 and dataset1/data1.

    Where there are none, the first of all.

    Raises:
        Refused: There are several times of the same, of which one would be taken for the other.
    """
    found: dict[object, tuple[str, str]] = {}
    times: dict[object, set[tuple[object, ...]]] = {}
    for number in range(1, MOST_GROUPS):
        if (outer := f"dataset{number}") not in file:
            break
        for part in range(1, MOST_GROUPS):
            if (inner := f"{outer}/data{part}") not in file:
                break
            about = attributes(file, f"{outer}/what", f"{inner}/what")
            quantity = about.get("quantity")
            found.setdefault(quantity, (outer, inner))
            edges = tuple(about.get(f"{edge}{part}") for edge in EDGES for part in ("date", "time"))
            times.setdefault(quantity, set()).add(edges)
    name = next((name for name in QUANTITIES if name in found), None)
    if name is None:
        return "dataset1", "dataset1/data1"
    if len(times[name]) > 1:
        refuse(f"holds {name} of {len(times[name])} times, should hold that of one")
    return found[name]


def attributes(file: "h5py.File", *groups: str) -> dict[str, Any]:
    """Attributes of groups, those of later ones before those of earlier."""
    found: dict[str, Any] = {}
    for group in groups:
        if group in file:
            found |= plain(file[group].attrs)
    return found


def check_stored(stored: "h5py.Dataset", what: str = "the field") -> None:
    """Refuse numbers of which parts are not in the file.

    HDF5 fills them with its fill value, mostly 0, without an error. A piece that is there may still
    not be found by the index of pieces, where a bit of that is damaged.
    """
    import h5py

    kind = stored.id.get_type()
    if kind.get_precision() != 8 * kind.get_size() or kind.get_offset():
        refuse("holds numbers of other bits than those of their bytes")
    if stored.chunks is None:
        is_inside = stored.id.get_create_plist().get_layout() == h5py.h5d.COMPACT
        has_place = is_inside or stored.id.get_offset() is not None
        if not has_place or stored.id.get_storage_size() != stored.nbytes:
            refuse(f"holds {what}, of which nothing is stored")
        return
    sides = zip(stored.shape, stored.chunks, strict=True)
    starts = [range(0, side, step) for side, step in sides]
    if math.prod(map(len, starts)) > MOST_PIECES:
        refuse(f"holds {what} in over {MOST_PIECES} pieces, should have fewer")
    filters = stored.id.get_create_plist().get_nfilters()
    whole = math.prod(stored.chunks) * stored.dtype.itemsize
    ends = []
    for corner in itertools.product(*starts):
        piece = stored.id.get_chunk_info_by_coord(corner)
        if piece.byte_offset is None or not piece.size or piece.filter_mask:
            refuse(f"lacks the piece of {what} at {', '.join(map(str, corner))}")
        if not filters and piece.size != whole:
            refuse(f"says that {what} is not packed, but its pieces are smaller than their numbers")
        stored.id.read_direct_chunk(corner)  # by the index, as its numbers are read
        ends.append((piece.byte_offset, piece.byte_offset + piece.size))
    check_apart(ends, what)


def check_apart(pieces: list[tuple[int, int]], what: str) -> None:
    """Refuse pieces, from where to where they are in the file, of which one lies in another."""
    for (_, end), (begin, _) in itertools.pairwise(sorted(pieces)):
        if begin < end:
            refuse(f"holds pieces of {what} that lie in each other")


def plain(given: Mapping[str, Any]) -> dict[str, Any]:
    """Texts and single numbers among attributes."""
    found = {}
    for name in list(given)[:MOST_GROUPS]:
        value = given[name]
        if isinstance(value, np.ndarray | np.generic) and value.size == 1:
            value = value.item()
        if isinstance(value, bytes):
            value = value.decode(errors="replace")
        if isinstance(value, str) or (isinstance(value, int | float) and np.isfinite(value)):
            found[name] = value[:TEXT] if isinstance(value, str) else value
    return found


# frames in netCDF


def of_netcdf(data: bytes) -> Parsed:
    """Rates (time, y, x), times, centres of rows and columns, and attributes of the grid."""
    import netCDF4

    with netCDF4.Dataset("upload", memory=data) as file:
        rate = variable(file, RATE, DIMS)
        if "forecast_reference_time" in file.variables:
            refuse("is a forecast (it has a forecast_reference_time), should hold radar frames")
        check_shape(rate.shape)
        if file.disk_format == "HDF5":
            check_pieces(data, RATE, *DIMS)
        noise = packing_noise(rate)
        rates = np.empty(rate.shape, np.float32)
        for number in range(len(rates)):
            rates[number] = np.ma.filled(np.ma.asarray(rate[number], np.float32), np.nan)
        rates[(rates < 0) & (rates >= -noise)] = 0
        times = variable(file, "time", ("time",))
        moments = netCDF4.num2date(
            numbers(times),
            times.units,
            getattr(times, "calendar", "standard"),
            only_use_cftime_datetimes=False,
            only_use_python_datetimes=True,
        )
        grid = {axis: variable(file, axis, (axis,)) for axis in ("y", "x")}
        mapping = file.variables.get(str(getattr(rate, "grid_mapping", "crs")))
        return {
            "times": [moment.isoformat() for moment in np.asarray(moments).ravel()],
            "units": str(rate.units)[:TEXT],
            "source": str(getattr(rate, "source", getattr(file, "source", "")))[:TEXT],
            "grid": {axis: numbers(centres).tolist() for axis, centres in grid.items()},
            "metres": all(getattr(centres, "units", "m") in ("m", "metre", "meter")
                          for centres in grid.values()),
            "mapping": {} if mapping is None else plain(mapping.__dict__),
        }, rates  # fmt: skip


def check_pieces(data: bytes, *names: str) -> None:
    """Refuse netCDF-4 of which parts of some variables are not in the file; see `check_stored`."""
    import h5py

    with h5py.File(io.BytesIO(data), "r") as file:
        for name in names:
            if name in file:
                check_stored(file[name], repr(name))


def variable(file: "netCDF4.Dataset", name: str, dims: tuple[str, ...]) -> "netCDF4.Variable[Any]":
    """A variable of numbers that has these dimensions."""
    if name not in file.variables:
        variables = ", ".join(list(file.variables)[:20])
        refuse(f"holds {variables or 'nothing'}, should hold a variable {name!r} {dims}")
    found = file.variables[name]
    if found.dimensions != dims:
        refuse(f"{name!r} has dimensions {found.dimensions}, should have {dims}")
    if getattr(found.dtype, "kind", "") not in "iuf":
        refuse(f"{name!r} holds {found.dtype}, should hold numbers")
    return found


def packing_noise(rate: "netCDF4.Variable[Any]") -> float:
    """How far below 0 packing may bring a rate: one step of whole numbers.

    Raises:
        Refused: The scale makes nothing of the numbers, or is none.
    """
    scale, offset = single(rate, "scale_factor", 1.0), single(rate, "add_offset", 0.0)
    if rate.dtype.kind == "f":
        if (scale, offset) != (1, 0):
            refuse(f"scale_factor is {scale:g} and add_offset {offset:g}, should be 1 and 0 beside "
                   f"{rate.dtype}: give rates as they are")  # fmt: skip
        return 0.0
    if not LEAST_STEP <= scale <= MOST_STEP:
        refuse(f"scale_factor is {scale:g}, should be {LEAST_STEP:g} to {MOST_STEP:g} mm/h")
    if not abs(offset) <= HIGHEST_OFFSET:
        refuse(f"add_offset is {offset:g}, should be within {HIGHEST_OFFSET:g} mm/h")
    return scale


def single(found: "netCDF4.Variable[Any]", name: str, otherwise: float) -> float:
    """A number among the attributes of a variable."""
    value = np.asarray(getattr(found, name, otherwise))
    if value.size != 1 or value.dtype.kind not in "iuf" or not np.isfinite(value).all():
        refuse(f"{name} of {found.name!r} is {str(value)[:50]!r}, should be a number")
    return float(value.item())


def numbers(found: "netCDF4.Variable[Any]") -> NDArray[np.float64]:
    """Return the values of a variable, (number,), all finite."""
    if found.size > max(MOST, LARGEST):
        refuse(f"{found.name!r} has {found.size} values, should have at most {LARGEST}")
    values = np.ma.filled(np.ma.asarray(found[...], np.float64), np.nan)
    if not np.isfinite(values).all():
        refuse(f"{found.name!r} lacks a value")
    return values


# frames in JSON


def of_json(data: bytes) -> Parsed:
    """The same from JSON; see `service.pipeline.upload`."""
    import orjson

    body = orjson.loads(data)
    given = body.get("frames") if isinstance(body, dict) else None
    if not isinstance(given, dict) or not {"times", RATE} <= given.keys():
        refuse(f"should hold 'frames', an object with 'times', {RATE!r} and perhaps 'grid'")
    model = body.get("model") or ""
    if not isinstance(model, str):
        refuse("'model' should be a text")
    times = given["times"]
    if not isinstance(times, list) or not all(isinstance(time, str) for time in times):
        refuse("'times' should be a list of texts such as '2026-06-21T22:30:00Z'")
    grid = grid_of(given.get("grid", {}))
    rates = rates_of(given[RATE])
    kept_times = [time[:TEXT] for time in times[: MOST + 1]]
    return {"times": kept_times, "grid": grid, "model": model[:TEXT]}, rates


def rates_of(frames: object) -> NDArray[np.float32]:
    """Return rates (time, y, x) in mm/h of nested lists, NaN for null."""
    shape: tuple[int, ...] = ()
    level: Any = frames
    for _ in DIMS:
        if not isinstance(level, list) or not level:
            refuse(f"{RATE!r} should be frames of rows of cells from the north-west, all of a size")
        shape += (len(level),)
        level = level[0]
    check_shape(shape)
    rates = np.empty(shape, np.float32)
    for frame, out in zip(some(frames, shape[0]), rates, strict=True):
        for row, cells in zip(some(frame, shape[1]), out, strict=True):
            values = some(row, shape[2])
            if not {int, float, type(None)}.issuperset(map(type, values)):
                refuse(f"{RATE!r} should hold numbers, and null where there is no data")
            cells[:] = values
    return rates


def some(found: object, length: int) -> list[Any]:
    """Check that a JSON value is a list of a length, and return it."""
    if not isinstance(found, list) or len(found) != length:
        there = len(found) if isinstance(found, list) else repr(found)[:50]
        refuse(f"{RATE!r} has {there} where it should have {length} as before")
    return found


def grid_of(given: object) -> dict[str, Any]:
    """Check the description of a grid, and return its known parts."""
    if not isinstance(given, dict):
        refuse("'grid' should be an object with a 'name', or with 'x', 'y' and 'projection'")
    for axis in {"x", "y"} & given.keys():
        if not isinstance(given[axis], list) or not 1 < len(given[axis]) <= LARGEST:
            refuse(f"{axis!r} of the grid should be a list of 2 to {LARGEST} numbers")
        if not {int, float}.issuperset(map(type, given[axis])):
            refuse(f"{axis!r} of the grid should hold numbers")
    for word in {"name", "projection"} & given.keys():
        if not isinstance(given[word], str) or len(given[word]) > TEXT:
            refuse(f"{word!r} of the grid should be a text")
    return {part: given[part] for part in ("x", "y", "name", "projection") if part in given}


def check_shape(shape: tuple[int, ...]) -> None:
    """Refuse frames of a shape (time, y, x) that is too small or too large."""
    if not FEWEST <= shape[0] <= MOST:
        refuse(f"holds {shape[0]} frames, should hold {FEWEST} to {MOST}")
    if max(shape[1:]) > LARGEST:
        refuse(f"frames have {shape[1]} x {shape[2]} cells, should have at most {LARGEST} a side")


LIBRARIES = {"odim": ("h5py",), "netcdf": ("netCDF4", "h5py"), "json": ("orjson",)}
"""What each reader needs, loaded while files can still be opened."""
CODECS = ("ascii", "latin-1", "utf-8")
"""What they read texts with, which Python would else look up in its files when it is late."""
READERS: dict[str, Callable[[bytes], Parsed]] = {
    "odim": of_odim,
    "netcdf": of_netcdf,
    "json": of_json,
}

if __name__ == "__main__":
    main(sys.argv[1])
