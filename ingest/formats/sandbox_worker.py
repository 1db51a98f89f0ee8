"""Unfolds files of formats that only C libraries read, as a process of its own that may die of it.

These libraries were not made for hostile or damaged files: such may crash them, keep them busy,
fill the memory or have other files opened. So this process has little time and memory, opens no
file once it has begun, and answers in a form that takes no library to read. It imports nothing of
the project, that it may begin at once. `ingest.formats.sandbox` runs it.

    python sealed_reader.py odim|netcdf|json < files > answers

Files: a line with their lengths, then one after the other. Answers: for each a line of JSON, what
it says of itself, or its `problem`; then its numbers as they are.
"""

import codecs
import gc
import importlib
import io
import json
import resource
import sys
import warnings
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import netCDF4

Unfolded = tuple[dict[str, Any], NDArray[Any]]

MEMORY_BYTES = 2**30
CPU_SECONDS = 10
LIMITS = {
    resource.RLIMIT_AS: (MEMORY_BYTES, MEMORY_BYTES),
    # At the first it ends by SIGXCPU, which tells that it was the file's fault; then by SIGKILL.
    resource.RLIMIT_CPU: (CPU_SECONDS, CPU_SECONDS + 1),
    resource.RLIMIT_FSIZE: (0, 0),
    resource.RLIMIT_CORE: (0, 0),
    resource.RLIMIT_NOFILE: (0, 0),
}
TEXT = 2000
"""Characters that are told of anything."""
LARGEST = 1200
"""Cells along one side."""
DATA = "dataset1/data1/data"
GROUPS = ("what", "where", "how", "dataset1/what", "dataset1/data1/what")
"""Of an ODIM file: where its attributes are."""
RATE = "rainfall_rate"
DIMS = ("time", "y", "x")
FEWEST, MOST = 2, 24
"""Frames of one netCDF or JSON."""


class Refused(Exception):
    """The file is not what it should be."""


def main(kind: str) -> None:
    lengths = map(int, sys.stdin.buffer.readline().split())
    files = [sys.stdin.buffer.read(length) for length in lengths]
    importlib.import_module(LIBRARIES[kind])
    for codec in CODECS:
        codecs.lookup(codec)
    for limit, most in LIMITS.items():
        resource.setrlimit(limit, most)
    warnings.simplefilter("ignore")
    gc.disable()  # this ends soon, and millions of lists would be looked through again and again
    for file in files:
        try:
            about, numbers = unfolded(kind, file)
        except Refused as error:
            about, numbers = {"problem": str(error)[:TEXT]}, np.empty(0)
        about |= {"dtype": numbers.dtype.str, "shape": numbers.shape}
        said = json.dumps(about, allow_nan=False, ensure_ascii=False)
        sys.stdout.buffer.write(said.encode(errors="replace") + b"\n" + numbers.tobytes())


def unfolded(kind: str, data: bytes) -> Unfolded:
    """What a file says of itself, and its numbers.

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
    raise Refused(problem)


# ODIM HDF5


def of_odim(data: bytes) -> Unfolded:
    """Numbers (y, x) as they are packed, and attributes by the name of their group."""
    import h5py

    with h5py.File(io.BytesIO(data), "r") as file:
        stored = file[DATA]
        if len(stored.shape) != 2 or max(stored.shape) > LARGEST or stored.dtype.kind not in "iuf":
            refuse(f"holds {stored.dtype} of shape {stored.shape}, should hold a field of numbers")
        about = {group: plain(file[group].attrs) for group in GROUPS if group in file}
        return {"attributes": about}, stored[...]


def plain(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Texts and single numbers among attributes."""
    found = {}
    for name in list(attributes)[:50]:
        value = attributes[name]
        if isinstance(value, np.ndarray | np.generic) and value.size == 1:
            value = value.item()
        if isinstance(value, bytes):
            value = value.decode(errors="replace")
        if isinstance(value, str) or (isinstance(value, int | float) and np.isfinite(value)):
            found[name] = value[:TEXT] if isinstance(value, str) else value
    return found


# frames in netCDF


def of_netcdf(data: bytes) -> Unfolded:
    """Rates (time, y, x), times, centres of rows and columns, and attributes of the grid."""
    import netCDF4

    with netCDF4.Dataset("upload", memory=data) as file:
        rate = variable(file, RATE, DIMS)
        check_shape(rate.shape)
        rates = np.empty(rate.shape, np.float32)
        for number in range(len(rates)):
            rates[number] = np.ma.filled(np.ma.asarray(rate[number], np.float32), np.nan)
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


def variable(file: "netCDF4.Dataset", name: str, dims: tuple[str, ...]) -> "netCDF4.Variable[Any]":
    """A variable of numbers that has these dimensions."""
    if name not in file.variables:
        held = ", ".join(list(file.variables)[:20])
        refuse(f"holds {held or 'nothing'}, should hold a variable {name!r} {dims}")
    found = file.variables[name]
    if found.dimensions != dims:
        refuse(f"{name!r} has dimensions {found.dimensions}, should have {dims}")
    if getattr(found.dtype, "kind", "") not in "iuf":
        refuse(f"{name!r} holds {found.dtype}, should hold numbers")
    return found


def numbers(found: "netCDF4.Variable[Any]") -> NDArray[np.float64]:
    if found.size > max(MOST, LARGEST):
        refuse(f"{found.name!r} has {found.size} values, should have at most {LARGEST}")
    values = np.ma.filled(np.ma.asarray(found[...], np.float64), np.nan)
    if not np.isfinite(values).all():
        refuse(f"{found.name!r} lacks a value")
    return values


# frames in JSON


def of_json(data: bytes) -> Unfolded:
    """The same from JSON; see `service.pipeline.upload`."""
    import orjson

    body = orjson.loads(data)
    said = body.get("frames") if isinstance(body, dict) else None
    if not isinstance(said, dict) or not {"times", RATE} <= said.keys():
        refuse(f"should hold 'frames', an object with 'times', {RATE!r} and perhaps 'grid'")
    model = body.get("model") or ""
    if not isinstance(model, str):
        refuse("'model' should be a text")
    times = said["times"]
    if not isinstance(times, list) or not all(isinstance(time, str) for time in times):
        refuse("'times' should be a list of texts such as '2026-06-21T22:30:00Z'")
    grid = grid_of(said.get("grid", {}))
    rates = rates_of(said[RATE])
    told = [time[:TEXT] for time in times[: MOST + 1]]
    return {"times": told, "grid": grid, "model": model[:TEXT]}, rates


def rates_of(frames: object) -> NDArray[np.float32]:
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
    if not isinstance(found, list) or len(found) != length:
        there = len(found) if isinstance(found, list) else repr(found)[:50]
        refuse(f"{RATE!r} has {there} where it should have {length} as before")
    return found


def grid_of(said: object) -> dict[str, Any]:
    if not isinstance(said, dict):
        refuse("'grid' should be an object with a 'name', or with 'x', 'y' and 'projection'")
    for axis in {"x", "y"} & said.keys():
        if not isinstance(said[axis], list) or not 1 < len(said[axis]) <= LARGEST:
            refuse(f"{axis!r} of the grid should be a list of 2 to {LARGEST} numbers")
        if not {int, float}.issuperset(map(type, said[axis])):
            refuse(f"{axis!r} of the grid should hold numbers")
    for word in {"name", "projection"} & said.keys():
        if not isinstance(said[word], str) or len(said[word]) > TEXT:
            refuse(f"{word!r} of the grid should be a text")
    return {part: said[part] for part in ("x", "y", "name", "projection") if part in said}


def check_shape(shape: tuple[int, ...]) -> None:
    if not FEWEST <= shape[0] <= MOST:
        refuse(f"holds {shape[0]} frames, should hold {FEWEST} to {MOST}")
    if max(shape[1:]) > LARGEST:
        refuse(f"frames have {shape[1]} x {shape[2]} cells, should have at most {LARGEST} a side")


LIBRARIES = {"odim": "h5py", "netcdf": "netCDF4", "json": "orjson"}
CODECS = ("ascii", "latin-1", "utf-8")
"""What they read texts with, which Python would else look up in its files when it is late."""
READERS: dict[str, Callable[[bytes], Unfolded]] = {
    "odim": of_odim,
    "netcdf": of_netcdf,
    "json": of_json,
}

if __name__ == "__main__":
    main(sys.argv[1])
