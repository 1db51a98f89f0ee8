"""Backend of fast cells by C kernels, for a batch of one in float32 on the CPU.

Fields are float32 (1, channels, height, width).
"""

import copy
import ctypes
import threading
from collections.abc import Callable, Sequence
from ctypes import c_int, c_size_t, c_void_p
from itertools import accumulate

from torch import Tensor

from model_zoo.fast.backend import Convolution, Field, Warped
from model_zoo.fast.c_structures import CConvolutionArguments, c_formulas, empty
from model_zoo.fast.c_weights import winograd_weights
from model_zoo.fast.fused_convolution import Kernel
from model_zoo.fast.pointwise import Formula
from model_zoo.layers import resample


class CBackend:
    """Convolutions in float32 and pointwise formulas by the C kernels, on a number of threads."""

    def __init__(self, library: ctypes.CDLL, threads: int) -> None:
        self.library, self.threads = library, threads
        self.block: int = library.block()
        library.convolve_floats.restype = library.attend_floats.restype = c_size_t
        library.bf16_floats.restype = c_size_t
        self._own = threading.local()

    def convolution(self, kernel: Kernel, groups: int = 1) -> Convolution:
        """Prepare a convolution: transform its weights (outputs, inputs, size, size)."""
        return CConvolution(self, kernel, groups)

    def convolve(self, arguments: CConvolutionArguments) -> None:
        """Run a float32 convolution."""
        floats = self.threads * self.library.convolve_floats(ctypes.byref(arguments))
        self.library.convolve(ctypes.byref(arguments), self.workspace(floats), self.threads)

    def convolve_bf16(self, arguments: CConvolutionArguments) -> None:
        """Run a bfloat16 convolution by the matrix unit."""
        floats = self.threads * self.library.bf16_floats(ctypes.byref(arguments))
        self.library.convolve_bf16(ctypes.byref(arguments), self.workspace(floats), self.threads)

    def mix(self, formula: Formula) -> Tensor:
        """Evaluate a formula without output groups, (batch, channels, height, width)."""
        operands = (*formula.first, *formula.second)
        like = next(operand.field for operand in operands if operand.field is not None)
        return self.mix_into(empty(*like.shape), formula)

    def mix_into(self, result: Tensor, formula: Formula) -> Tensor:
        """Evaluate a formula into `result`, a field with the memory layout of the operands."""
        self.library.mix_fields(c_formulas([formula], [result]), result.numel(), self.threads)
        return result

    def attend(self, query: Tensor, key: Tensor, value: Tensor, window: int) -> Tensor:
        """Local attention, of fields as in `Backend.attend`."""
        result = empty(*query.shape)
        sizes = (*query.shape[1:], window)
        workspace = self.workspace(self.library.attend_floats(*sizes, self.threads))
        fields = (c_void_p(field.data_ptr()) for field in (query, key, value, result))
        self.library.attend(*fields, *sizes, workspace, self.threads)
        return result

    def resample(self, x: Tensor, rise: int) -> Tensor:
        """Change the resolution of a field as in `Backend.resample`."""
        for _ in range(rise):
            x = self.resized(self.library.halve, x, x.shape[2] // 2, x.shape[3] // 2)
        if rise == -1:
            return self.resized(self.library.twice, x, 2 * x.shape[2], 2 * x.shape[3])
        return x if rise > 0 else resample.resample(x, rise)

    def resized(self, kernel: Callable[..., None], x: Tensor, height: int, width: int) -> Tensor:
        """Run a resampling kernel on a field (1, channels, any height and width)."""
        result = empty(1, x.shape[1], height, width)
        fields = (c_void_p(field.data_ptr()) for field in (x.contiguous(), result))
        kernel(*fields, *x.shape[1:], self.threads)
        return result

    def workspace(self, floats: int) -> c_void_p:
        """Return a buffer of at least `floats` float32 values, one for each calling thread."""
        workspace: Tensor | None = getattr(self._own, "workspace", None)
        if workspace is None or workspace.numel() < floats:
            workspace = self._own.workspace = empty(floats)
        return c_void_p(workspace.data_ptr())


class CBase:
    """Shape and bias of a convolution by the C kernels, whatever the layout of its weights."""

    def __init__(self, backend: CBackend, kernel: Kernel, groups: int) -> None:
        self.backend, self.size, self.widths = backend, kernel.size, kernel.widths
        self.outputs, self.inputs = kernel.weight.shape[:2]
        self.channels = self.outputs // groups
        self.bias = kernel.bias.float().contiguous()


class CConvolution(CBase):
    """A float32 convolution by the C kernels."""

    def __init__(self, backend: CBackend, kernel: Kernel, groups: int) -> None:
        super().__init__(backend, kernel, groups)
        self.offsets = list(accumulate(kernel.widths, initial=0))[:-1]
        self.weight = winograd_weights(kernel.weight, backend.block)

    def of_outputs(self, bias: Tensor, groups: int) -> "CConvolution":
        """Return the convolution of the first outputs with another bias.

        Args:
            bias: (outputs,), at most as many as the convolution has.
            groups: Output groups.
        """
        other = copy.copy(self)
        other.outputs, other.channels = len(bias), len(bias) // groups
        other.bias = bias.contiguous()
        return other

    def __call__(self, fields: Sequence[Field | Warped], *formulas: Formula) -> list[Tensor]:
        """Convolve fields and evaluate formulas as in `Convolution`."""
        pairs = zip(self.offsets, self.widths, fields, strict=True)
        present = [(start, width, field) for start, width, field in pairs if field is not None]
        offsets, widths, inputs = zip(*present, strict=True)
        call = ConvolutionCall(inputs, offsets, widths, formulas, self)
        call.arguments.weights = self.weight.data_ptr()
        if isinstance(inputs[0], Warped):
            flows, weights = inputs[0].flows.contiguous(), inputs[0].weights
            call.arguments.flow_count, call.arguments.shrinking = (
                flows.shape[1],
                inputs[0].shrinking,
            )
            call.arguments.flows = flows.data_ptr()
            call.arguments.flow_weights = None if weights is None else weights.data_ptr()
        self.backend.convolve(call.arguments)
        return call.results


class ConvolutionCall:
    """Arguments of a C convolution but for the weights; keeps the memory alive that they point to.

    Attributes:
        arguments: The C structure.
        results: A field (1, channels, height, width) for each formula, to be written.
    """

    def __init__(
        self,
        fields: Sequence[Tensor | Warped],
        offsets: Sequence[int],
        widths: Sequence[int],
        formulas: Sequence[Formula],
        of: CBase,
    ) -> None:
        self._parameters = [
            (field.field if isinstance(field, Warped) else field).contiguous() for field in fields
        ]
        height, width = self._parameters[0].shape[2:]
        self.results = [empty(1, of.channels, height, width) for _ in formulas]
        number = len(self._parameters)
        self._first, self._count = (c_int * number)(*offsets), (c_int * number)(*widths)
        self._pointers = (c_void_p * number)(*(field.data_ptr() for field in self._parameters))
        self._mix = c_formulas(formulas, self.results)
        self.arguments = CConvolutionArguments(
            kernel=of.size,
            height=height,
            width=width,
            parts=number,
            inputs=of.inputs,
            outputs=of.outputs,
            channels=of.channels,
            mixes=len(formulas),
            first=ctypes.addressof(self._first),
            count=ctypes.addressof(self._count),
            fields=ctypes.addressof(self._pointers),
            bias=of.bias.data_ptr(),
            mix=ctypes.addressof(self._mix),
        )
