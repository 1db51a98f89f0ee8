"""Costs of the networks as published, to be shown beside our own.

Ma, Zhang and Liu (2023), MS-LSTM, arXiv 2304.07724, tables of cost, for six layers of 32 channels.
Multiply-adds of one forecast in 10^9, memory in GB of four GPUs at a batch of four in all.
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
    """Published cost of a network on a data set."""

    multiply_adds: float
    memory: float


PUBLISHED: Mapping[str, Mapping[str, Figures]] = MappingProxyType(
    {
        "kth": {
            "convlstm": Figures(137.7, 8.3),
            "trajgru": Figures(154.2, 18.1),
            "predrnn": Figures(279.3, 18.4),
            "predrnn++": Figures(378.7, 27.7),
            "mim": Figures(571.9, 35.7),
            "motionrnn": Figures(584.8, 38.7),
            "ms-lstm": Figures(257.9, 14.5),
        },
        "germany": {
            "convlstm": Figures(100.3, 6.8),
            "trajgru": Figures(112.4, 14.0),
            "predrnn": Figures(203.5, 14.3),
            "predrnn++": Figures(275.9, 21.1),
            "mim": Figures(416.7, 27.1),
            "motionrnn": Figures(426.1, 29.4),
            "preciplstm": Figures(398.5, 38.3),
            "ms-lstm": Figures(260.6, 14.8),
        },
    }
)
