"""Training logs as CSV, and for TensorBoard where it is installed."""

import csv
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any


class Log:
    """A log of rows with a column `step`."""

    def __init__(self, folder: Path, name: str, step: int) -> None:
        """Continue the log after a step; later rows, of a run that was killed, are dropped."""
        self.path = folder / f"{name}.csv"
        self.name = name
        kept = [row for row in read_log(self.path) if int(row["step"]) <= step]
        self._columns = list(kept[0]) if kept else None
        if self.path.exists():
            temporary = self.path.with_suffix(".tmp")
            with temporary.open("w", newline="") as file:
                if self._columns:
                    writer = csv.DictWriter(file, self._columns)
                    writer.writeheader()
                    writer.writerows(kept)
            temporary.replace(self.path)
        self._board = open_board(folder / "tensorboard", step)

    def write(self, step: int, values: Mapping[str, float]) -> None:
        """Add a row."""
        row = {"step": step, **values}
        with self.path.open("a", newline="") as file:
            if self._columns is None:
                self._columns = list(row)
                csv.writer(file).writerow(self._columns)
            csv.DictWriter(file, self._columns).writerow(row)
        if self._board is not None:
            for column, value in values.items():
                self._board.add_scalar(f"{self.name}/{column}", value, step)
            self._board.flush()

    def close(self) -> None:
        """Flush the rows to disk."""
        if self.path.exists():
            with self.path.open() as file:
                os.fsync(file.fileno())
        if self._board is not None:
            self._board.close()


def read_log(path: Path) -> list[dict[str, str]]:
    """Read the complete rows of a CSV file; none if there is no file."""
    if not path.exists():
        return []
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    # the last row of a run that was killed may be incomplete
    return [row for row in rows if None not in row and None not in row.values()]


def open_board(folder: Path, step: int) -> Any:  # noqa: ANN401  TensorBoard's type, if there is one
    """Open a TensorBoard writer; None where TensorBoard is not installed."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter(str(folder), purge_step=step + 1)
