"""Radar files of a served domain other than Germany as frames on its grid.

Files are read by the readers of `nowcast data import`, one frame per file. GeoTIFF and netCDF are
read in this process: unlike the files of Germany, those of a domain are trusted.
"""

from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock

import numpy as np
from xarray import DataArray

from ingest.composites.found import Options
from ingest.composites.quantities import to_rate
from ingest.composites.regrid import on_grid
from ingest.composites.series import frames_of
from ingest.domain import Domain
from ingest.errors import BadField
from ingest.precipitation import INTERVAL, check, make

LOCK = Lock()
"""The netCDF library is not thread-safe."""
MINUTES = INTERVAL / np.timedelta64(1, "m")


def parse_frame(data: bytes, name: str, domain: Domain) -> DataArray:
    """Read the frame in a radar file of a domain.

    Args:
        data: Bytes of the file.
        name: Its name.
        domain: Its grid, product and credits.

    Returns:
        (time of 1, y, x) in mm/h on the grid of the domain, NaN for no data.

    Raises:
        BadField: The file is damaged, lacks something, or is of no frame of the domain.
    """
    options = Options(**{**domain.files, "zr": tuple(domain.files.get("zr", Options().zr))})
    try:
        with TemporaryDirectory() as folder, LOCK:
            path = Path(folder) / Path(name).name
            path.write_bytes(data)
            found = frames_of(path, options)
            if len(found) != 1:
                raise BadField(f"holds {len(found)} frames, should hold one")
            (frame,) = found
            minutes = options.minutes or frame.minutes or MINUTES
            rate = to_rate(frame.read(), frame.units, minutes, options.zr)
        if (frame.time - np.datetime64(0, "s")) % INTERVAL:
            raise BadField(f"is of {frame.time}, should be of a multiple of 5 minutes")
        placed = on_grid(rate, frame.layout, domain.grid)
        source = f"radar composite {domain.product} of {domain.provider}"
        field = make(
            placed, frame.time.astype("datetime64[ns]"), domain.grid, domain.product, source
        )
        return check(field.assign_attrs(attribution=domain.attribution, licence=domain.licence))
    except BadField as error:
        raise BadField(f"{name}: {str(error).removeprefix(f'{path}: ')}") from error
