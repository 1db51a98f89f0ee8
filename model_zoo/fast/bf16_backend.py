"""Backends of fast cells with convolutions in bfloat16 on the CPU, for a batch of one.

By the matrix unit (AMX) where the CPU has one, else by torch. Fields are float32
(1, channels, height, width).
"""

from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor

from model_zoo.fast.backend import Convolution, Field, Warped
from model_zoo.fast.c_backend import CBackend, CBase, CConvolution, ConvolutionCall
from model_zoo.fast.c_structures import empty
from model_zoo.fast.c_weights import amx_tiles
from model_zoo.fast.fused_convolution import Kernel
from model_zoo.fast.pointwise import Activation, Formula
from model_zoo.fast.torch_backend import TorchBackend


class AmxBackend(CBackend):
    """C kernels with convolutions in bfloat16 by the matrix unit of the CPU (AMX)."""

    def convolution(self, kernel: Kernel, groups: int = 1) -> Convolution:
        """Prepare a convolution: weights (outputs, inputs, size, size) to bfloat16 tiles."""
        return AmxConvolution(self, kernel, groups)


class AmxConvolution(CBase):
    """A bfloat16 convolution by the matrix unit; convolutions of warped fields run in float32."""

    def __init__(self, backend: AmxBackend, kernel: Kernel, groups: int) -> None:
        super().__init__(backend, kernel, groups)
        self.kernel, self.groups = kernel, groups
        self._tiles: dict[tuple[bool, ...], Tensor] = {}
        self._along_flows: CConvolution | None = None

    def __call__(self, fields: Sequence[Field | Warped], *formulas: Formula) -> list[Tensor]:
        """Convolve fields and evaluate formulas as in `Convolution`."""
        pairs = zip(self.widths, fields, strict=True)
        present = [(width, field) for width, field in pairs if field is not None]
        widths, inputs = zip(*present, strict=True)
        if isinstance(inputs[0], Warped):
            if self._along_flows is None:
                self._along_flows = CConvolution(self.backend, self.kernel, self.groups)
            return self._along_flows(fields, *formulas)
        call = ConvolutionCall(inputs, widths, widths, formulas, self)
        call.arguments.weights = self._weights_of(fields).data_ptr()
        self.backend.convolve_bf16(call.arguments)
        return call.results

    def _weights_of(self, fields: Sequence[Field | Warped]) -> Tensor:
        """Return the weight tiles of the given fields, those that are not None."""
        present = tuple(field is not None for field in fields)
        if present not in self._tiles:
            pairs = zip(self.kernel.split_inputs(), present, strict=True)
            self._tiles[present] = amx_tiles([part.weight for part, is_there in pairs if is_there])
        return self._tiles[present]


class Bf16Backend(TorchBackend):
    """Convolutions by torch in bfloat16, all else by the C kernels; channels last in memory."""

    def __init__(self, backend: CBackend) -> None:
        super().__init__(torch.device("cpu"), torch.bfloat16)
        self.backend = backend

    def mix(self, formula: Formula) -> Tensor:
        """Evaluate a formula without output groups, (batch, channels, height, width)."""
        channels_last = formula.map_fields(
            partial(Tensor.contiguous, memory_format=torch.channels_last)
        )
        operands = (*channels_last.first, *channels_last.second)
        fields = [operand.field for operand in operands if operand.field is not None]
        if len(operands) == 1 and operands[0].activation is Activation.IDENTITY:
            return fields[0]
        batch, channels, height, width = fields[0].shape
        result = empty(batch, height, width, channels).permute(0, 3, 1, 2)
        return self.backend.mix_into(result, channels_last)

    def attend(self, query: Tensor, key: Tensor, value: Tensor, window: int) -> Tensor:
        """Local attention, of fields as in `Backend.attend`."""
        contiguous = (query.contiguous(), key.contiguous(), value.contiguous())
        return self.backend.attend(*contiguous, window)
