"""Windows of frames in memory that are known everywhere."""

import numpy as np
from numpy.typing import NDArray

from model_zoo.training.data.sample import Draw, Sample, Sequences, known


class Windows(Sequences):
    """Windows of one sequence of frames."""

    def __init__(
        self, frames: NDArray[np.float32] | NDArray[np.uint8], windows: NDArray[np.int64]
    ) -> None:
        """Take windows from `frames`.

        Args:
            frames: (time, height, width), in 0..1 or in bytes.
            windows: Indices of the frames of each window, (window, frame).
        """
        self.frames = frames
        self.windows = windows

    def __len__(self) -> int:
        return len(self.windows)

    def __getitem__(self, draw: Draw) -> Sample:
        found = self.frames[self.windows[draw.index]]
        scaled = found / np.float32(255) if found.dtype == np.uint8 else found
        return known(scaled.astype(np.float32))
