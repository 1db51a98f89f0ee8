"""A running mean of the weights, which forecasts better than the last ones do."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn


class Average:
    """Exponential moving average of the parameters of a network.

    Its memory grows over the first steps, min(decay, (1 + step) / (10 + step)), so that the random
    beginning is soon forgotten.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.decay = decay
        self.weights = {
            name: parameter.detach().clone() for name, parameter in network.named_parameters()
        }

    @torch.no_grad()
    def update(self, network: nn.Module, step: int) -> None:
        """Take in the weights after a step, counted from 0."""
        share = 1 - min(self.decay, (1 + step) / (10 + step))
        new = [parameter.detach() for _, parameter in network.named_parameters()]
        torch._foreach_lerp_(list(self.weights.values()), new, share)

    @torch.no_grad()
    def swap(self, network: nn.Module) -> None:
        """Exchange the weights of the network and their mean."""
        for name, parameter in network.named_parameters():
            kept = parameter.detach().clone()
            parameter.copy_(self.weights[name])
            self.weights[name].copy_(kept)

    @torch.no_grad()
    def load(self, weights: Mapping[str, Tensor]) -> None:
        """Go on from a mean of before."""
        for name, weight in self.weights.items():
            weight.copy_(weights[name])
