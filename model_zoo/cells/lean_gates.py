"""LSTM gates that save less memory for the backward pass, with the same results.

The updated memory depends on the old memory and on gates, which are convolutions of fields. Memory
and fields are saved anyway, as inputs of other convolutions; gates are used nowhere else. With
recomputation (activation checkpointing) gates are not saved but computed again in the backward
pass. All fields are (batch, channels, height, width).
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from model_zoo.cell import ConvSum, lstm_update
from model_zoo.layers.lean_convolution import (
    ConvolutionBackend,
    JoinedConv,
    convolve_joined,
    joined_gradients,
)

aten = torch.ops.aten


class Gates(ConvSum):
    """Gates of an LSTM memory before their activations: input, forget, candidate, and any others.

    Attributes:
        recompute: Whether gates are computed again in the backward pass, a third more work in the
            convolutions, instead of saved.
    """

    def __init__(
        self,
        inputs: int,
        channels: int,
        gates: int,
        kernel_size: int = 3,
        *,
        recompute: bool = False,
    ) -> None:
        super().__init__(inputs, channels, gates * channels, kernel_size)
        self.gates, self.recompute = gates, recompute

    def update(self, memory: Tensor, *inputs: Tensor) -> tuple[Tensor, ...]:
        """Update a memory by gates that are convolutions of the inputs.

        Args:
            memory: (batch, channels, height, width).
            inputs: Likewise.

        Returns:
            The updated memory, then the gates after the first three, before their activations.
        """
        if self.recompute:
            bias, *tensors = self.terms(inputs)
            updated: tuple[Tensor, ...] = RecomputedLSTMUpdate.apply(  # type: ignore[no-untyped-call]
                memory, bias, self.backend, self.gates, len(tensors) // 2, *tensors
            )
            return updated
        i, f, g, *others = self(*inputs).chunk(self.gates, dim=1)
        return lstm_update(i, f, g, memory), *others


def recompute_gates(network: nn.Module) -> None:
    """Set all gates of a network to be recomputed in the backward pass."""
    for module in network.modules():
        if isinstance(module, Gates):
            module.recompute = True


class RecomputedLSTMUpdate(torch.autograd.Function):
    """LSTM update that saves its inputs only and recomputes the gates in the backward pass."""

    @staticmethod
    def forward(
        ctx: Any,  # noqa: ANN401  torch's type lacks the attributes used here
        memory: Tensor,
        bias: Tensor,
        backend: ConvolutionBackend | None,
        gates: int,
        kernels: int,
        *tensors: Tensor,
    ) -> tuple[Tensor, ...]:
        """Update `memory`; `tensors` are kernels, then fields; shapes as in `Gates.update`."""
        ctx.save_for_backward(memory, bias, *tensors)
        ctx.backend, ctx.kernels = backend, kernels
        if backend is not None:
            ctx.dtype = memory.dtype
            return tuple(
                backend.lstm_update(memory, tensors[kernels:], tensors[:kernels], bias, gates)
            )
        raw = convolve_joined(tensors[kernels:], tensors[:kernels], bias, backend)
        ctx.dtype = raw.dtype
        i, f, g, *others = raw.chunk(gates, dim=1)
        return lstm_update(i, f, g, memory), *others

    @staticmethod
    @once_differentiable
    def backward(
        ctx: Any,  # noqa: ANN401
        upstream: Tensor,
        *others: Tensor,
    ) -> tuple[Tensor | None, ...]:
        """Return gradients of memory, bias, kernels and fields, each shaped as its tensor."""
        memory, bias, *tensors = ctx.saved_tensors
        kernels, fields = tensors[: ctx.kernels], tensors[ctx.kernels :]
        three = 3 * memory.shape[1]  # the gradients of other gates need no values
        # under autocast the convolution ran in lower precision
        converted = [field.to(ctx.dtype) for field in fields]
        parts = [kernel[:three].to(ctx.dtype) for kernel in kernels]
        raw = convolve_joined(converted, parts, bias[:three].to(ctx.dtype), ctx.backend)
        i, f, g = raw.chunk(3, dim=1)
        i, f, g = i.sigmoid_(), f.sigmoid_(), g.tanh_()
        memory_gradient = upstream * f
        gate_gradients = [
            aten.sigmoid_backward(upstream * g, i),
            aten.sigmoid_backward(upstream * memory, f),
            aten.tanh_backward(upstream * i, g),
            *others,
        ]
        del raw, i, f, g
        raw_gradient = torch.cat(
            [gate_gradient.to(ctx.dtype) for gate_gradient in gate_gradients], dim=1
        )
        del gate_gradients
        needed = ctx.needs_input_grad[5 + ctx.kernels :]
        bias_gradient, *rest = joined_gradients(raw_gradient, fields, kernels, needed, ctx.backend)
        return memory_gradient, bias_gradient, None, None, None, *rest


class Fuse(JoinedConv):
    """Output of a cell: a gate times the tanh of a convolution, which is recomputed, not saved."""

    def forward(self, *fields: Tensor) -> Tensor:
        """Return the gate, first of `fields`, times the tanh of the convolution of the others.

        Args:
            fields: (batch, channels, height, width) each.
        """
        gate, *others = fields
        activated: Tensor = GatedTanh.apply(gate, self.bias, self.backend, self.weight, *others)  # type: ignore[no-untyped-call]
        return activated


class GatedTanh(torch.autograd.Function):
    """A gate times the tanh of a convolution, saving gate and fields only."""

    @staticmethod
    def forward(
        ctx: Any,  # noqa: ANN401
        gate: Tensor,
        bias: Tensor,
        backend: ConvolutionBackend | None,
        kernel: Tensor,
        *fields: Tensor,
    ) -> Tensor:
        """Compute the product; shapes as in `Fuse.forward`."""
        activated = convolve_joined(fields, [kernel], bias, backend)
        ctx.backend, ctx.dtype = backend, activated.dtype
        ctx.save_for_backward(gate, bias, kernel, *fields)
        return gate * activated.tanh()

    @staticmethod
    @once_differentiable
    def backward(
        ctx: Any,  # noqa: ANN401
        upstream: Tensor,
    ) -> tuple[Tensor | None, ...]:
        """Return gradients of gate, bias, kernel and fields, each shaped as its tensor."""
        gate, bias, kernel, *fields = ctx.saved_tensors
        converted = [field.to(ctx.dtype) for field in fields]
        raw = convolve_joined(converted, [kernel.to(ctx.dtype)], bias.to(ctx.dtype), ctx.backend)
        activated = raw.tanh()
        raw_gradient = aten.tanh_backward(upstream * gate, activated).to(ctx.dtype)
        needed = ctx.needs_input_grad[4:]
        bias_gradient, *rest = joined_gradients(raw_gradient, fields, [kernel], needed, ctx.backend)
        return upstream * activated, bias_gradient, None, *rest
