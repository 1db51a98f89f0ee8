"""A radar file of any kind we know to a field: unpacked, decoded, and checked against its name."""

import re
import tarfile
from datetime import datetime
from io import BytesIO
from itertools import islice
from pathlib import Path

import numpy as np
from xarray import DataArray

from ingest.errors import BadField
from ingest.formats import odim, radolan
from ingest.formats.compression import unpack
from ingest.formats.radolan import Composite
from ingest.grid import block_mean
from ingest.precipitation import SIMULATED, check, check_range, make, make_forecast

MOST_MEMBERS = 100
"""Files in an archive: RV has 25."""

SIMULATED_VERSION = ".sim"
"""End of the software version in the files of `ingest.simulation.simulate`."""

NAMES = (
    (re.compile(r"raa01-(?P<product>[a-z]{2}).*_10000-(?P<stamp>\d{10})-dwd"), "%y%m%d%H%M"),
    (re.compile(r"composite_(?P<product>[a-z]{2})_(?P<stamp>\d{8}_\d{4})"), "%Y%m%d_%H%M"),
    (re.compile(r"DE1200_(?P<product>[A-Z]{2})(?P<stamp>\d{10})"), "%y%m%d%H%M"),
)


def read(path: str | Path) -> DataArray:
    """The precipitation field in a radar file.

    Takes RADOLAN binary (RY, YW, RX, WX), plain or packed by gzip or bzip2, ODIM HDF5 (the twin of
    RY), and the archives of DWD's nowcast RV, RADOLAN or ODIM. What it is, is told by the content,
    then checked against the name.

    Returns:
        A frame (time, y, x) of one time, or for RV a forecast (lead_time, y, x): mm/h, float32,
        900 x 900 cells of 1 km with row 0 in the north, NaN for no data, CF coordinates. See
        `ingest.precipitation`.

    Raises:
        BadField: The file breaks the contract; the message says in what.
        OSError: The file cannot be read at all.
    """
    path = Path(path)
    return parse(path.read_bytes(), path.name)


def parse(data: bytes, name: str, *, factor: int = 1) -> DataArray:
    """The field in the bytes of a radar file of this name; see `read`.

    Args:
        factor: Bring it to blocks of `factor` x `factor` cells by their masked mean, as
            `to_model_grid` does, without making the large field first.
    """
    try:
        field = assemble(composites(unpack(data)), factor)
        check_name(field, name)
        return check(field)
    except BadField as error:
        raise BadField(f"{name}: {error}") from error


def composites(data: bytes) -> list[Composite]:
    """All composites in the unpacked bytes of a file."""
    parts = members(data) if data[257:262] == b"ustar" else [data]
    hdf5 = [part for part in parts if part.startswith(odim.MAGIC)]
    found = odim.decode(*hdf5) if hdf5 else []
    return found + [radolan.decode(part) for part in parts if not part.startswith(odim.MAGIC)]


def members(data: bytes) -> list[bytes]:
    """The files in a tar archive."""
    try:
        with tarfile.open(fileobj=BytesIO(data), mode="r:") as archive:
            listed = list(islice(archive, MOST_MEMBERS + 1))
            # What is said to be sparse may be of any size, whatever the size of the archive.
            files = [member for member in listed if member.isreg() and not member.issparse()]
            opened = [archive.extractfile(member) for member in files]
            found = [file.read() for file in opened if file is not None]
    except Exception as error:  # a decoder may raise anything on hostile bytes
        raise BadField(f"is no whole tar archive ({error}); fetch it again") from error
    if not 0 < len(listed) <= MOST_MEMBERS or not found:
        raise BadField(
            f"the archive holds {len(found)} files and {len(listed)} entries, should hold 1 to "
            f"{MOST_MEMBERS}; fetch it again"
        )
    return found


def assemble(found: list[Composite], factor: int) -> DataArray:
    """A frame of one composite, or a forecast of several leads of one issue."""
    ordered = sorted(found, key=lambda composite: composite.lead)
    first, leads = ordered[0], [composite.lead for composite in ordered]
    if len({(c.product, c.issue, c.grid) for c in ordered}) > 1 or len(set(leads)) < len(leads):
        raise BadField(
            "the members are not the different leads of one forecast: "
            + ", ".join(f"{c.product} {c.issue} +{c.lead}" for c in ordered[:5])
        )
    for composite in ordered:
        check_range(composite.rate)
    rates, grid = [composite.rate for composite in ordered], first.grid
    if factor > 1:
        rates, grid = [block_mean(rate, factor) for rate in rates], grid.coarser(factor)
    if len(ordered) > 1 or first.lead or first.product == "RV":
        return make_forecast(
            np.stack(rates), first.issue, leads, grid, first.product, source(first)
        )
    return make(rates[0], first.issue, grid, first.product, source(first))


def source(composite: Composite) -> str:
    """How the field came about, in words for its users."""
    if composite.software.endswith(SIMULATED_VERSION):
        return SIMULATED
    made = f"radar composite {composite.product} of {composite.provider}, {composite.software}"
    return made.removesuffix(", ")


def check_name(field: DataArray, name: str) -> None:
    """Hold what a field says of itself against what the name of its file says."""
    stamp = "forecast_reference_time" if "lead_time" in field.dims else "time"
    content = np.datetime64(field[stamp].values.reshape(-1)[0], "m")
    for pattern, layout in NAMES:
        if match := pattern.match(name):
            named, product = time_of(match["stamp"], layout), match["product"].upper()
            if named != content:
                raise BadField(f"content is of {content} UTC, should be of {named} by its name")
            if field.attrs["product"] != product:
                raise BadField(f"content is {field.attrs['product']}, should be {product}")


def stamp_in(name: str) -> np.datetime64 | None:
    """The time that the name of a radar file says, UTC; None where it says none."""
    for pattern, layout in NAMES:
        if match := pattern.match(name):
            try:
                return time_of(match["stamp"], layout)
            except BadField:
                return None
    return None


def time_of(stamp: str, layout: str) -> np.datetime64:
    """The time a stamp in a name says, UTC."""
    try:
        return np.datetime64(datetime.strptime(stamp, layout), "m")  # noqa: DTZ007  UTC by convention
    except ValueError as error:
        raise BadField(f"the name says {stamp!r}, which is no time") from error
