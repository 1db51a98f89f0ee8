"""A forecast on a GPU recorded once and played again, so that no kernel waits to be launched."""

from collections.abc import Callable

import torch
from torch import Tensor

WARM_UP = 3
"""Runs before the recording, in which torch looks for its fastest kernels."""


class Recorded:
    """A forecast as a CUDA graph, one for each horizon."""

    def __init__(self, forecast: Callable[[Tensor, int], Tensor]) -> None:
        """Take a forecast that does the same for all frames of a shape."""
        self.forecast = forecast
        self._played: dict[tuple[int, ...], tuple[torch.cuda.CUDAGraph, Tensor, Tensor]] = {}

    def __call__(self, frames: Tensor, horizon: int) -> Tensor:
        """What the forecast says of these frames."""
        key = (*frames.shape, horizon)
        if key not in self._played:
            self._played[key] = self.record(frames.clone(), horizon)
        graph, given, said = self._played[key]
        given.copy_(frames)
        graph.replay()
        return said.clone()

    @torch.inference_mode()
    def record(self, given: Tensor, horizon: int) -> tuple[torch.cuda.CUDAGraph, Tensor, Tensor]:
        """The graph, where it finds its frames, and where it leaves what it says."""
        stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(WARM_UP):
                self.forecast(given, horizon)
        torch.cuda.current_stream().wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            said = self.forecast(given, horizon)
        return graph, given, said
