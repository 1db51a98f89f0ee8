"""Compilers are compared with the kernels by what they take, and by what they change."""

import torch
from torch import Tensor

from benchmarks.speed.served.compilers import (
    KERNELS,
    ONEDNN,
    REPLACES,
    Found,
    compared,
    running_minimum,
    section,
)


def test_the_running_minimum_is_that_of_torch() -> None:
    values = torch.rand(2, 5, 3)
    assert torch.equal(running_minimum(values, -2).values, values.cummin(-2).values)


def test_each_way_is_compared_with_the_network_as_it_is_written() -> None:
    def shifted(frames: Tensor) -> Tensor:
        return frames + 0.5

    found = compared({KERNELS: shifted, ONEDNN: torch.clone}, torch.zeros(1, 4, 3, 8, 8), 3)
    assert [entry.way for entry in found] == [KERNELS, ONEDNN]
    assert [entry.difference for entry in found] == [0.5, 0.0]
    assert found[0].ratio == 1


def test_a_compiler_as_fast_as_the_kernels_would_replace_them() -> None:
    def report_of(ratio: float) -> str:
        return section([Found(KERNELS, 1.0, 1.0, 0.0), Found(ONEDNN, ratio, ratio, 0.0)])

    assert "replaces them" in report_of(REPLACES)
    assert "the kernels stay" in report_of(REPLACES + 0.1)
