"""The kernels in C for training: forward passes, and gradients of what was convolved."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from model_zoo.cell import ConvSum, is_nothing
from model_zoo.fast.c_backend import Native, NativeConvolution
from model_zoo.fast.fused_convolution import Kernel
from model_zoo.fast.pointwise import Formula, keep, remember
from model_zoo.layers.lean_convolution import JoinedConv
from model_zoo.nowcaster import Nowcaster


class ForTraining:
    """Convolutions of a network that changes: weights are brought to the kernels when they have
    changed."""

    def __init__(self, native: Native) -> None:
        self.native = native
        self._made: dict[tuple[object, ...], tuple[list[int], NativeConvolution]] = {}

    def convolve(self, fields: Sequence[Tensor], kernels: Sequence[Tensor], bias: Tensor) -> Tensor:
        """The convolution of fields side by side by kernels side by side."""
        convolution = self.made(kernels, bias, [field.shape[1] for field in fields])
        return each_sample(convolution, fields, lambda _: [keep(0)])[0]

    def remember(
        self,
        memory: Tensor,
        fields: Sequence[Tensor],
        kernels: Sequence[Tensor],
        bias: Tensor,
        gates: int,
    ) -> list[Tensor]:
        """The update of a memory, without its gates in between."""
        convolution = self.made(kernels, bias, [field.shape[1] for field in fields], gates)
        others = [keep(gate) for gate in range(3, gates)]

        def formulas(sample: slice) -> list[Formula]:
            before = None if is_nothing(memory) else memory[sample].contiguous()
            return [remember(0, 1, 2, before), *others]

        return each_sample(convolution, fields, formulas)

    def of_fields(self, upstream: Tensor, kernels: Sequence[Tensor]) -> Tensor:
        """The gradient of the fields, side by side, from that of the convolution."""
        none = upstream.new_zeros(sum(kernel.shape[1] for kernel in kernels))
        convolution = self.made(kernels, none, [len(kernels[0])], backwards=True)
        return each_sample(convolution, [upstream], lambda _: [keep(0)])[0]

    def made(
        self,
        kernels: Sequence[Tensor],
        bias: Tensor,
        widths: list[int],
        groups: int = 1,
        *,
        backwards: bool = False,
    ) -> NativeConvolution:
        """The convolution by these kernels, as they are now; they may be the first outputs of
        those of before."""
        key = (backwards, *((kernel.data_ptr(), kernel.shape[1:]) for kernel in kernels), *widths)
        versions = [kernel._version for kernel in kernels]  # noqa: SLF001  counted nowhere else
        if key not in self._made or self._made[key][0] != versions:
            weight = torch.cat([kernel.detach() for kernel in kernels], dim=1)
            if backwards:
                weight = weight.flip(-2, -1).transpose(0, 1)
            asked = Kernel(weight, weight.new_zeros(len(weight)), tuple(widths))
            self._made[key] = versions, NativeConvolution(self.native, asked, 1)
        return self._made[key][1].of_outputs(bias, groups)


def each_sample(
    convolution: NativeConvolution,
    fields: Sequence[Tensor],
    formulas: Callable[[slice], list[Formula]],
) -> list[Tensor]:
    """Formulas of a convolution of all samples of a batch."""
    samples = [slice(at, at + 1) for at in range(len(fields[0]))]
    found = [convolution([field[at] for field in fields], *formulas(at)) for at in samples]
    return found[0] if len(found) == 1 else [torch.cat(each) for each in zip(*found, strict=True)]


def use(network: Nowcaster, native: Native) -> None:
    """Let a network learn by the kernels in C."""
    by = ForTraining(native)
    for module in network.modules():
        if isinstance(module, ConvSum | JoinedConv):
            module.by = by
