"""Gates and memories that keep less for the backward pass than autograd would, at the same numbers.

What a memory becomes depends on what it was, on its gates, and so on the fields that these are
convolutions of. Memory and fields are kept anyway, as other convolutions start from them; gates are
used nowhere else. A lean update keeps no gates and works them out again.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from model_zoo.cell import ConvSum, remember
from model_zoo.layers.lean_convolution import Convolver, JoinedConv, convolved, joined_gradients

aten = torch.ops.aten


class Gates(ConvSum):
    """The raw gates of an LSTM's memory: input, forget, what is written, and others after these.

    Attributes:
        lean: Whether gates are worked out again in the backward pass, for a third of the work of
            the convolutions more, rather than kept.
    """

    def __init__(
        self, inputs: int, channels: int, gates: int, kernel_size: int = 3, *, lean: bool = False
    ) -> None:
        super().__init__(inputs, channels, gates * channels, kernel_size)
        self.gates, self.lean = gates, lean

    def remember(self, memory: Tensor, *inputs: Tensor) -> tuple[Tensor, ...]:
        """The memory updated by gates of the inputs, and whatever gates come after the first three,
        raw."""
        if self.lean:
            bias, *tensors = self.terms(inputs)
            updated: tuple[Tensor, ...] = Remembering.apply(  # type: ignore[no-untyped-call]
                memory, bias, self.by, self.gates, len(tensors) // 2, *tensors
            )
            return updated
        i, f, g, *others = self(*inputs).chunk(self.gates, dim=1)
        return remember(i, f, g, memory), *others


def make_lean(network: nn.Module) -> None:
    """Let all memories of a network work out their gates again rather than keep them."""
    for module in network.modules():
        if isinstance(module, Gates):
            module.lean = True


class Remembering(torch.autograd.Function):
    """The LSTM update from a convolution, which keeps what it starts from alone."""

    @staticmethod
    def forward(
        ctx: Any,  # noqa: ANN401  (torch's own type has none of what it is used for)
        memory: Tensor,
        bias: Tensor,
        by: Convolver | None,
        gates: int,
        kernels: int,
        *tensors: Tensor,
    ) -> tuple[Tensor, ...]:
        """Kernels, then fields; see `Gates.remember`."""
        ctx.save_for_backward(memory, bias, *tensors)
        ctx.by, ctx.kernels = by, kernels
        if by is not None:
            ctx.dtype = memory.dtype
            return tuple(by.remember(memory, tensors[kernels:], tensors[:kernels], bias, gates))
        raw = convolved(tensors[kernels:], tensors[:kernels], bias, by)
        ctx.dtype = raw.dtype
        i, f, g, *others = raw.chunk(gates, dim=1)
        return remember(i, f, g, memory), *others

    @staticmethod
    @once_differentiable
    def backward(
        ctx: Any,  # noqa: ANN401
        upstream: Tensor,
        *others: Tensor,
    ) -> tuple[Tensor | None, ...]:
        """Gradients of memory, bias, kernels and fields."""
        memory, bias, *tensors = ctx.saved_tensors
        kernels, fields = tensors[: ctx.kernels], tensors[ctx.kernels :]
        three = 3 * memory.shape[1]  # the others are not needed
        # under autocast the convolution was of narrower numbers
        seen = [field.to(ctx.dtype) for field in fields]
        parts = [kernel[:three].to(ctx.dtype) for kernel in kernels]
        raw = convolved(seen, parts, bias[:three].to(ctx.dtype), ctx.by)
        i, f, g = raw.chunk(3, dim=1)
        i, f, g = i.sigmoid_(), f.sigmoid_(), g.tanh_()
        of_memory = upstream * f
        of_gates = [
            aten.sigmoid_backward(upstream * g, i),
            aten.sigmoid_backward(upstream * memory, f),
            aten.tanh_backward(upstream * i, g),
            *others,
        ]
        del raw, i, f, g
        of_raw = torch.cat([of_gate.to(ctx.dtype) for of_gate in of_gates], dim=1)
        del of_gates
        needed = ctx.needs_input_grad[5 + ctx.kernels :]
        of_bias, *rest = joined_gradients(of_raw, fields, kernels, needed, ctx.by)
        return of_memory, of_bias, None, None, None, *rest


class Fuse(JoinedConv):
    """What a cell gives out: a gate times the tanh of a convolution, cheap enough to do twice."""

    def forward(self, *fields: Tensor) -> Tensor:
        """The first of `fields`, the gate, times the tanh of the convolution of the others."""
        gate, *others = fields
        shown: Tensor = Showing.apply(gate, self.bias, self.by, self.weight, *others)  # type: ignore[no-untyped-call]
        return shown


class Showing(torch.autograd.Function):
    """A gated tanh of a convolution that keeps the gate and the fields alone."""

    @staticmethod
    def forward(
        ctx: Any,  # noqa: ANN401
        gate: Tensor,
        bias: Tensor,
        by: Convolver | None,
        kernel: Tensor,
        *fields: Tensor,
    ) -> Tensor:
        """See `Fuse`."""
        shown = convolved(fields, [kernel], bias, by)
        ctx.by, ctx.dtype = by, shown.dtype
        ctx.save_for_backward(gate, bias, kernel, *fields)
        return gate * shown.tanh()

    @staticmethod
    @once_differentiable
    def backward(
        ctx: Any,  # noqa: ANN401
        upstream: Tensor,
    ) -> tuple[Tensor | None, ...]:
        """Gradients of gate, bias, kernel and fields."""
        gate, bias, kernel, *fields = ctx.saved_tensors
        narrow = [field.to(ctx.dtype) for field in fields]
        raw = convolved(narrow, [kernel.to(ctx.dtype)], bias.to(ctx.dtype), ctx.by)
        shown = raw.tanh()
        of_raw = aten.tanh_backward(upstream * gate, shown).to(ctx.dtype)
        needed = ctx.needs_input_grad[4:]
        of_bias, *rest = joined_gradients(of_raw, fields, [kernel], needed, ctx.by)
        return upstream * shown, of_bias, None, *rest
