"""Results of the MS-LSTM paper, arXiv 2304.07724, from its tables.

Means over all predicted frames, including those of given frames; TaxiBJ by future frame.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

NAN = float("nan")


class MovingMNISTRow(NamedTuple):
    """Sums of errors are over 64 x 64 pixels."""

    ssim: float
    mse: float
    mae: float


class TaxiBJRow(NamedTuple):
    """Squared errors of the frames 1 to 4 ahead, summed over 32 x 32 cells."""

    mse_1: float
    mse_2: float
    mse_3: float
    mse_4: float


class GermanyRow(NamedTuple):
    """Scores at thresholds in mm/h."""

    csi_05: float
    csi_2: float
    csi_5: float
    hss_05: float
    hss_2: float
    hss_5: float


MOVING_MNIST: Mapping[str, MovingMNISTRow] = MappingProxyType(
    {
        "convlstm": MovingMNISTRow(0.810, 90.36, 142.5),
        "predrnn": MovingMNISTRow(0.845, 66.17, 118.0),
        "predrnn++": MovingMNISTRow(0.846, 65.63, 119.0),
        "predrnn-v2": MovingMNISTRow(0.855, 61.57, 112.9),
        "mim": MovingMNISTRow(0.855, 63.76, 113.4),
        "motionrnn": MovingMNISTRow(0.862, 59.62, 108.9),
        "ms-lstm": MovingMNISTRow(0.879, 52.63, 97.9),
        # of the ablation, which gives nothing but MSE
        "sms-lstm": MovingMNISTRow(NAN, 63.90, NAN),
        "tms-lstm": MovingMNISTRow(NAN, 67.70, NAN),
    }
)

TAXIBJ: Mapping[str, TaxiBJRow] = MappingProxyType(
    {
        "convlstm": TaxiBJRow(0.199, 0.268, 0.315, 0.356),
        "trajgru": TaxiBJRow(0.193, 0.264, 0.305, 0.352),
        "predrnn": TaxiBJRow(0.170, 0.222, 0.257, 0.287),
        "predrnn++": TaxiBJRow(0.162, 0.200, 0.234, 0.268),
        "mim": TaxiBJRow(0.164, 0.208, 0.251, 0.288),
        "motionrnn": TaxiBJRow(0.147, 0.188, 0.228, 0.263),
        "cms-lstm": TaxiBJRow(0.169, 0.210, 0.249, 0.289),
        "ms-lstm": TaxiBJRow(0.141, 0.173, 0.199, 0.230),
    }
)

KTH: tuple[str, ...] = (
    "convlstm",
    "trajgru",
    "predrnn",
    "predrnn++",
    "mim",
    "motionrnn",
    "ms-lstm",
)
"""Networks of the table; of its scores we have no numbers to compare with."""

GERMANY: Mapping[str, GermanyRow] = MappingProxyType(
    {
        "convlstm": GermanyRow(0.341, 0.199, 0.079, 0.490, 0.315, 0.138),
        "trajgru": GermanyRow(0.378, 0.210, 0.082, 0.531, 0.331, 0.144),
        "predrnn": GermanyRow(0.380, 0.231, 0.092, 0.533, 0.358, 0.158),
        "predrnn++": GermanyRow(0.382, 0.234, 0.091, 0.536, 0.364, 0.158),
        "mim": GermanyRow(0.380, 0.225, 0.087, 0.534, 0.352, 0.153),
        "motionrnn": GermanyRow(0.387, 0.229, 0.085, 0.541, 0.357, 0.149),
        "preciplstm": GermanyRow(0.392, 0.234, 0.088, 0.556, 0.364, 0.152),
        "ms-lstm": GermanyRow(0.405, 0.243, 0.096, 0.562, 0.378, 0.164),
    }
)

TABLES: Mapping[str, Mapping[str, tuple[float, ...]]] = MappingProxyType(
    {"moving-mnist": MOVING_MNIST, "taxibj": TAXIBJ, "germany": GERMANY}
)
"""Tables of scores by data set."""
HEADINGS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "moving-mnist": ("SSIM", "MSE", "MAE"),
        "taxibj": tuple(f"MSE {ahead}" for ahead in range(1, 5)),
        "germany": tuple(f"{name} {rate:g}" for name in ("CSI", "HSS") for rate in (0.5, 2, 5)),
    }
)
"""Of the columns of these tables."""
