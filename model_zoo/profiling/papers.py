"""Costs of the networks as published, to be shown beside our own.

Ma, Zhang and Liu (2023), MS-LSTM, arXiv 2304.07724, tables 1, 2, 4, 6 and 7, for six layers of 32
channels.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple


class DataSet(NamedTuple):
    """Shape of the sequences a network is run on."""

    title: str
    height: int
    width: int
    given: int
    horizon: int


DATA_SETS: Mapping[str, DataSet] = MappingProxyType(
    {
        "moving-mnist": DataSet("Moving MNIST", 64, 64, 10, 10),
        "taxibj": DataSet("TaxiBJ", 32, 32, 4, 4),
        "kth": DataSet("KTH", 128, 128, 10, 10),
        "germany": DataSet("Germany", 180, 180, 4, 4),
    }
)


class Figures(NamedTuple):
    """Published cost of a network on a data set.

    Attributes:
        parameters: In millions.
        memory: GB per card, of four that share a batch of four.
        multiply_adds: Of one forecast, in 10^9; the paper calls them FLOPs.
        hours: Of the training, on four A100.
    """

    parameters: float
    memory: float
    multiply_adds: float
    hours: float


PUBLISHED: Mapping[str, Mapping[str, Figures]] = MappingProxyType(
    {
        "moving-mnist": {
            "convlstm": Figures(0.4, 3.6, 34.4, 1.9),
            "sms-lstm": Figures(0.4, 2.7, 15.1, 2.0),
            "tms-lstm": Figures(1.9, 9.5, 147.3, 5.0),
            "ms-lstm": Figures(1.9, 5.2, 64.5, 5.0),
            "predrnn": Figures(0.9, 6.3, 69.8, 4.9),
            "predrnn++": Figures(1.4, 8.8, 94.7, 4.5),
            "predrnn-v2": Figures(0.9, 7.3, 70.8, 7.9),
            "mim": Figures(1.8, 11.0, 143.0, 9.5),
            "motionrnn": Figures(1.9, 11.8, 146.2, 32.7),
        },
        "taxibj": {
            "convlstm": Figures(0.4, 2.1, 3.2, 0.8),
            "trajgru": Figures(0.5, 2.3, 3.6, 8.1),
            "predrnn": Figures(0.9, 2.4, 6.4, 1.9),
            "predrnn++": Figures(1.4, 2.7, 8.7, 1.8),
            "mim": Figures(1.8, 2.8, 13.2, 3.7),
            "motionrnn": Figures(1.9, 2.9, 13.5, 11.8),
            "cms-lstm": Figures(1.1, 5.6, 11.5, 9.4),
            "ms-lstm": Figures(1.9, 2.3, 5.9, 2.0),
        },
        "kth": {
            "convlstm": Figures(0.4, 8.3, 137.7, 1.0),
            "trajgru": Figures(0.5, 18.1, 154.2, 9.4),
            "predrnn": Figures(0.9, 18.4, 279.3, 2.2),
            "predrnn++": Figures(1.4, 27.7, 378.7, 2.8),
            "mim": Figures(1.8, 35.7, 571.9, 4.3),
            "motionrnn": Figures(1.9, 38.7, 584.8, 12.1),
            "ms-lstm": Figures(1.9, 14.5, 257.9, 2.1),
        },
        "germany": {
            "convlstm": Figures(0.4, 6.8, 100.3, 0.8),
            "trajgru": Figures(0.5, 14.0, 112.4, 7.7),
            "predrnn": Figures(0.9, 14.3, 203.5, 1.9),
            "predrnn++": Figures(1.4, 21.1, 275.9, 2.3),
            "mim": Figures(1.8, 27.1, 416.7, 3.8),
            "motionrnn": Figures(1.9, 29.4, 426.1, 10.4),
            "preciplstm": Figures(1.8, 38.3, 398.5, 14.8),
            "ms-lstm": Figures(1.9, 14.8, 260.6, 1.8),
        },
    }
)

WITHOUT_EFFECT = (
    "ours leaves out what has no effect: N and S of the bottom layer, and the forget gate that is "
    "computed and thrown away"
)
ATTENTION = "the paper leaves out the products of attention, which ours counts"
REASONS: Mapping[tuple[str, str], str] = MappingProxyType(
    {
        ("predrnn++", ""): "five of the six published layers hold a gradient highway that never "
        "runs; ours has the one that does",
        ("mim", ""): WITHOUT_EFFECT,
        ("motionrnn", ""): f"{WITHOUT_EFFECT}, and the motion of the top layer; the paper also "
        "counts a transposed convolution too high",
        ("predrnn-v2", ""): "the adapter serves the loss of training alone, and runs in no "
        "forecast of ours",
        ("preciplstm", ""): ATTENTION,
        ("cms-lstm", ""): f"{ATTENTION}, but for a part; without any it is 10.8",
        ("ms-lstm", "germany"): "the paper's figure is that of a frame of 212x212; the published "
        "network on 180x180 has ours",
    }
)
"""Why figures differ, by network and data set; an empty data set stands for all."""
