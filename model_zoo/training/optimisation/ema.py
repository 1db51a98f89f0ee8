"""Exponential moving average (EMA) of the weights."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn


class ExponentialMovingAverage:
    """Exponential moving average of the parameters of a network.

    The decay rises over the first steps, min(decay, (1 + step) / (10 + step)), so that the random
    initial weights are soon forgotten.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        """Start from the current parameters of `network`."""
        self.decay = decay
        self.weights = {
            name: parameter.detach().clone() for name, parameter in network.named_parameters()
        }

    @torch.no_grad()
    def update(self, network: nn.Module, step: int) -> None:
        """Update the average with the weights after a step, counted from 0."""
        share = 1 - min(self.decay, (1 + step) / (10 + step))
        new = [parameter.detach() for _, parameter in network.named_parameters()]
        torch._foreach_lerp_(list(self.weights.values()), new, share)

    @torch.no_grad()
    def swap(self, network: nn.Module) -> None:
        """Exchange the weights of the network and their average."""
        for name, parameter in network.named_parameters():
            current = parameter.detach().clone()
            parameter.copy_(self.weights[name])
            self.weights[name].copy_(current)

    @torch.no_grad()
    def load(self, weights: Mapping[str, Tensor]) -> None:
        """Restore a saved average; arrays by parameter name, shaped as the parameters."""
        for name, weight in self.weights.items():
            weight.copy_(weights[name])
