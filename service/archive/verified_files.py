"""Reading of archived fields whose checksum is verified; damaged files go to quarantine."""

import numpy as np
from xarray import DataArray

from ingest.errors import BadField
from service.archive import checksum, field_file
from service.archive.quarantine import Damaged, Quarantine
from service.archive.rounding import HALF_HOUR
from service.archive.store import Store


class VerifiedFiles:
    """The files of frames and forecasts.

    Args:
        store: Where they are.
        quarantine: Where damaged ones go.
    """

    def __init__(self, store: Store, quarantine: Quarantine) -> None:
        self._store, self._quarantine = store, quarantine

    def read(self, path: str, every: np.timedelta64 | None = None) -> DataArray:
        """Return the field in a file; of a forecast only multiples of a lead time if given.

        Returns:
            (time, y, x) or (lead_time, y, x) in mm/h, NaN for no data.

        Raises:
            FileNotFoundError: There is no file, or it is damaged and now in quarantine.
            OSError: The file cannot be read.
        """
        return self.decoded(path, self._store.get(path), every)

    def read_half_hours(self, path: str) -> DataArray:
        """Return the forecast (lead_time, y, x) in a file at the half hours, as `read` does."""
        return self.read(path, HALF_HOUR)

    def content(self, path: str, data: bytes) -> bytes:
        """Return the content of a file without its checksum.

        Raises:
            Damaged: It is not what was stored; it is now in quarantine.
        """
        try:
            return checksum.verified(data)
        except BadField as error:
            self._quarantine.take_out(path, data, str(error))
            raise Damaged(path) from error

    def decoded(self, path: str, data: bytes, every: np.timedelta64 | None = None) -> DataArray:
        """Return the field (time or lead_time, y, x) in mm/h that bytes of a file hold, as `read`.

        Raises:
            Damaged: It is not what was stored, or no field; it is now in quarantine.
        """
        content = self.content(path, data)
        try:
            return field_file.decode(content, path, every)
        except BadField as error:
            self._quarantine.take_out(path, data, str(error))
            raise Damaged(path) from error
