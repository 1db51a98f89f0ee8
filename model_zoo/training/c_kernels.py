"""C kernels for training: forward convolutions, LSTM updates and input gradients."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from model_zoo.cell import ConvSum, is_lazy_zeros
from model_zoo.fast.c_backend import CBackend, CConvolution
from model_zoo.fast.fused_convolution import Kernel
from model_zoo.fast.pointwise import Formula, linear, lstm_update
from model_zoo.layers.lean_convolution import JoinedConv
from model_zoo.nowcaster import Nowcaster


class TrainingBackend:
    """Convolution backend for training: weights are transformed again after each change."""

    def __init__(self, backend: CBackend) -> None:
        self.backend = backend
        self._convolutions: dict[tuple[object, ...], tuple[list[int], CConvolution]] = {}

    def convolve(self, fields: Sequence[Tensor], kernels: Sequence[Tensor], bias: Tensor) -> Tensor:
        """Convolve fields; see `ConvolutionBackend.convolve` for the shapes."""
        convolution = self.convolution_of(kernels, bias, [field.shape[1] for field in fields])
        return each_sample(convolution, fields, lambda _: [linear(0)])[0]

    def lstm_update(
        self,
        memory: Tensor,
        fields: Sequence[Tensor],
        kernels: Sequence[Tensor],
        bias: Tensor,
        gates: int,
    ) -> list[Tensor]:
        """Update an LSTM memory; see `ConvolutionBackend.lstm_update` for the shapes."""
        convolution = self.convolution_of(
            kernels, bias, [field.shape[1] for field in fields], gates
        )
        others = [linear(gate) for gate in range(3, gates)]

        def formulas(sample: slice) -> list[Formula]:
            before = None if is_lazy_zeros(memory) else memory[sample].contiguous()
            return [lstm_update(0, 1, 2, before), *others]

        return each_sample(convolution, fields, formulas)

    def fields_gradient(self, upstream: Tensor, kernels: Sequence[Tensor]) -> Tensor:
        """Compute the gradient of fields; shapes as in `ConvolutionBackend.fields_gradient`."""
        none = upstream.new_zeros(sum(kernel.shape[1] for kernel in kernels))
        convolution = self.convolution_of(kernels, none, [len(kernels[0])], backwards=True)
        return each_sample(convolution, [upstream], lambda _: [linear(0)])[0]

    def convolution_of(
        self,
        kernels: Sequence[Tensor],
        bias: Tensor,
        widths: list[int],
        groups: int = 1,
        *,
        backwards: bool = False,
    ) -> CConvolution:
        """Return the convolution by the current weights of `kernels`.

        Args:
            kernels: One for each group of fields, (outputs, channels, size, size); they may be the
                first outputs of kernels that were given before.
            bias: (outputs,).
            widths: Channels of each field.
            groups: Output groups.
            backwards: Whether to make the transposed convolution, for the input gradient.
        """
        key = (backwards, *((kernel.data_ptr(), kernel.shape[1:]) for kernel in kernels), *widths)
        versions = [kernel._version for kernel in kernels]  # noqa: SLF001  torch has no public version counter
        if key not in self._convolutions or self._convolutions[key][0] != versions:
            weight = torch.cat([kernel.detach() for kernel in kernels], dim=1)
            if backwards:
                weight = weight.flip(-2, -1).transpose(0, 1)
            kernel = Kernel(weight, weight.new_zeros(len(weight)), tuple(widths))
            self._convolutions[key] = versions, CConvolution(self.backend, kernel, 1)
        return self._convolutions[key][1].of_outputs(bias, groups)


def each_sample(
    convolution: CConvolution,
    fields: Sequence[Tensor],
    formulas: Callable[[slice], list[Formula]],
) -> list[Tensor]:
    """Run a convolution on each sample of a batch.

    Args:
        convolution: For a batch of one.
        fields: (batch, channels, height, width) each.
        formulas: From a sample to the formulas of its output groups.

    Returns:
        A field (batch, channels, height, width) for each formula.
    """
    samples = [slice(index, index + 1) for index in range(len(fields[0]))]
    outputs = [
        convolution([field[sample] for field in fields], *formulas(sample)) for sample in samples
    ]
    return (
        outputs[0]
        if len(outputs) == 1
        else [torch.cat(each) for each in zip(*outputs, strict=True)]
    )


def use(network: Nowcaster, kernels: CBackend) -> None:
    """Let all convolutions of a network run by the C kernels, in training too."""
    backend = TrainingBackend(kernels)
    for module in network.modules():
        if isinstance(module, ConvSum | JoinedConv):
            module.backend = backend
