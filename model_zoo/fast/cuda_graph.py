"""Forecasts on a GPU as CUDA graphs: captured once and replayed, without launch overhead."""

from collections.abc import Callable

import torch
from torch import Tensor

WARM_UP_RUNS = 3
"""Runs before the capture, in which torch chooses its kernels."""


class CudaGraph:
    """A forecast as CUDA graphs, one for each shape of frames and horizon."""

    def __init__(self, forecast: Callable[[Tensor, int], Tensor]) -> None:
        """Wrap a forecast whose operations depend on the shape of its frames only."""
        self.forecast = forecast
        self._graphs: dict[tuple[int, ...], tuple[torch.cuda.CUDAGraph, Tensor, Tensor]] = {}

    def __call__(self, frames: Tensor, horizon: int) -> Tensor:
        """Forecast `horizon` frames.

        Args:
            frames: (batch, time, channels, height, width).
            horizon: Number of frames to predict.

        Returns:
            (batch, horizon, channels, height, width).
        """
        key = (*frames.shape, horizon)
        if key not in self._graphs:
            self._graphs[key] = self.capture(frames.clone(), horizon)
        graph, input_frames, output = self._graphs[key]
        input_frames.copy_(frames)
        graph.replay()
        return output.clone()

    @torch.inference_mode()
    def capture(
        self, input_frames: Tensor, horizon: int
    ) -> tuple[torch.cuda.CUDAGraph, Tensor, Tensor]:
        """Capture the forecast of frames (batch, time, channels, height, width).

        Returns:
            The graph, its input tensor and its output tensor (batch, horizon, channels, height,
            width).
        """
        stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(WARM_UP_RUNS):
                self.forecast(input_frames, horizon)
        torch.cuda.current_stream().wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            output = self.forecast(input_frames, horizon)
        return graph, input_frames, output
