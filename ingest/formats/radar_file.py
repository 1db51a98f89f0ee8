"""A radar file of any kind we know to a field: unpacked, decoded, and checked against its name."""

import re
from datetime import datetime
from io import BytesIO
from pathlib import Path

import numpy as np
from xarray import DataArray

from ingest.errors import BadField
from ingest.formats import odim, plugin_readers, radolan, tar
from ingest.formats.compression import unpack, unpacker_of
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
LEAD = re.compile(r"_(\d{3})(?!\d)")
"""What follows in the name of a lead of a forecast, in minutes."""
DATE_AND_TIME = re.compile(
    r"(?<!\d)((?:19|20)\d\d)[-_]?(\d\d)[-_]?(\d\d)[-_T]?(\d\d)[-_:]?(\d\d)(?:\d\d)?Z?(?!\d)"
)
"""Year, month, day, hour and minute in a name."""


def read(path: str | Path) -> DataArray:
    """The precipitation field in a radar file.

    Takes RADOLAN binary (RY, YW, RX, WX), plain or packed by gzip or bzip2, ODIM HDF5 (the twin of
    RY), and the archives of DWD's nowcast RV, RADOLAN or ODIM. The format is recognised by the
    content, then checked against the name. Other formats are read by installed packages
    (`ingest.formats.plugin_readers`).

    Returns:
        A frame (time, y, x) of one time, or for RV a forecast (lead_time, y, x): mm/h, float32,
        900 x 900 cells of 1 km with row 0 in the north, NaN for no data, CF coordinates. See
        `ingest.precipitation`.

    Raises:
        BadField: The file breaks the contract; the message states how.
        OSError: The file cannot be read at all.
    """
    path = Path(path)
    return parse(path.read_bytes(), path.name)


def parse(data: bytes, name: str, *, factor: int = 1) -> DataArray:
    """Read the field in the bytes of a radar file; see `read`.

    Args:
        data: Bytes of the file.
        name: Its name, which states product and time.
        factor: Bring it to blocks of `factor` x `factor` cells by their masked mean, as
            `to_model_grid` does, without making the large field first.

    Returns:
        (time, y, x) or, for a forecast of the provider, (lead_time, y, x), in mm/h; NaN is no data.

    Raises:
        BadField: The file is damaged, of no known format, or contradicts its name.
        NotRead: The machine had no time or memory to read it.
    """
    try:
        field = assemble(composites_of(unpack(data), name), factor)
        check_name(field, name)
        return check(field)
    except BadField as error:
        raise BadField(f"{name}: {error}") from error


def composites_of(data: bytes, name: str) -> list[Composite]:
    """All composites in the unpacked bytes of a file, by a reader of a package if one takes it."""
    reader = plugin_readers.reader_of(data, name)
    return composites(data) if reader is None else plugin_readers.decode(reader, data)


def composites(data: bytes) -> list[Composite]:
    """All composites in the unpacked bytes of a file."""
    named = members(data) if tar.is_tar(data) else [("", data)]
    hdf5 = [part for _, part in named if part.startswith(odim.MAGIC)]
    of_hdf5 = iter(odim.decode(*hdf5) if hdf5 else [])
    found = []
    for name, part in named:
        composite = next(of_hdf5) if part.startswith(odim.MAGIC) else radolan.decode(part)
        check_member(composite, name)
        found.append(composite)
    return found


def members(data: bytes) -> list[tuple[str, bytes]]:
    """Return names and bytes of the files in the tar archive of one forecast.

    Raises:
        BadField: It is damaged, or has too many files.
    """
    found = []
    for member in tar.members(BytesIO(data)):
        found.append((member.name.rpartition("/")[2], member.data.read(member.size)))
        if len(found) > MOST_MEMBERS:
            break
    if not 0 < len(found) <= MOST_MEMBERS:
        raise BadField(
            f"the archive holds {'no' if not found else f'over {MOST_MEMBERS}'} files, should hold "
            f"1 to {MOST_MEMBERS} leads of one forecast; fetch it again"
        )
    return found


def check_member(composite: Composite, name: str) -> None:
    """Compare a lead of a forecast with the name of its file.

    Raises:
        BadField: Product or time differ.
    """
    for pattern, layout in NAMES:
        match = pattern.match(name)
        if match is None:
            continue
        lead = LEAD.match(name, match.end())
        expected = (match["product"].upper(), time_of(match["stamp"], layout))
        if (composite.product, composite.issue) != expected:
            raise BadField(
                f"{name} holds {composite.product} of {composite.issue.astype('datetime64[m]')}"
            )
        if lead and composite.lead != np.timedelta64(int(lead[1]), "m"):
            raise BadField(f"{name} holds the lead of {composite.lead.astype('timedelta64[m]')}")


def is_forecast(name: str, head: bytes) -> bool | None:
    """Whether a member of an archive is a lead of a forecast, and not a frame or an archive.

    Decided by its name and its beginning; None where these do not suffice.
    """
    if unpacker_of(head) or tar.is_tar(head):
        return False
    for pattern, _ in NAMES:
        if match := pattern.match(name):
            return match["product"].upper() in radolan.FORECASTS
    product = head[:2].decode(errors="replace")
    if product in radolan.PRECISIONS:
        return product in radolan.FORECASTS
    return True if head.startswith(odim.MAGIC) else None


def assemble(found: list[Composite], factor: int) -> DataArray:
    """Join a frame (time, y, x) of one composite, or a forecast (lead_time, y, x) of several.

    Raises:
        BadField: They are of different products, issues or grids, or have a lead twice.
    """
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
    text = f"radar composite {composite.product} of {composite.provider}, {composite.software}"
    return text.removesuffix(", ")


def check_name(field: DataArray, name: str) -> None:
    """Compare a field (time or lead_time, y, x) with the name of its file.

    Raises:
        BadField: Product or time differ.
    """
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
    """Return the time that the name of a radar file states, UTC; None where there is none.

    Names of other providers than DWD state it by the first digits that are a date and time to the
    minute or second, such as `RAD_NL25_201008261205.h5` or `rain-2010-08-26T12:05Z.nc`.
    """
    for pattern, layout in NAMES:
        if match := pattern.match(name):
            return time_or_none(match["stamp"], layout)
    stamps = (time_or_none("".join(found), "%Y%m%d%H%M") for found in DATE_AND_TIME.findall(name))
    return next((stamp for stamp in stamps if stamp is not None), None)


def time_or_none(stamp: str, layout: str) -> np.datetime64 | None:
    """Return the time that a stamp in a name states, UTC; None where it is no time."""
    try:
        return time_of(stamp, layout)
    except BadField:
        return None


def time_of(stamp: str, layout: str) -> np.datetime64:
    """Return the time that a stamp in a name states, UTC.

    Raises:
        BadField: It is no time.
    """
    try:
        return np.datetime64(datetime.strptime(stamp, layout), "m")  # noqa: DTZ007  UTC by convention
    except ValueError as error:
        raise BadField(f"the name says {stamp!r}, which is no time") from error
