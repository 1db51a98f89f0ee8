"""Backend of fast cells by C kernels, for a batch of one in float32 on the CPU.

Fields are float32 (1, channels, height, width).
"""

import copy
import ctypes
import threading
from collections.abc import Callable, Sequence
from ctypes import Structure, c_int, c_size_t, c_void_p
from functools import partial
from itertools import accumulate

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from model_zoo.fast.fused_convolution import Kernel
from model_zoo.fast.pointwise import Activation, Formula, Operand
from model_zoo.fast.torch_backend import Convolution, Field, TorchBackend, Warped
from model_zoo.layers import resample

WINOGRAD_POINTS = (0.0, 1.0, -1.0, 2.0, -2.0, 0.5, -0.5)
"""Finite interpolation points of Winograd's minimal filtering, as in native/convolve.c."""
NONE = -1
"""Marks a missing operand or group in the C structures."""
AMX_OUTPUTS, AMX_INPUTS = 16, 32
"""Output and input channels of a weight tile of the matrix unit (AMX)."""


class _Operand(Structure):
    _fields_ = (("activation", c_int), ("group", c_int), ("field", c_void_p))


class _Mix(Structure):
    _fields_ = (*((name, _Operand) for name in "abcd"), ("result", c_void_p))


class _Convolution(Structure):
    _fields_ = (
        ("kernel", c_int),
        ("height", c_int),
        ("width", c_int),
        ("parts", c_int),
        ("inputs", c_int),
        ("outputs", c_int),
        ("channels", c_int),
        ("mixes", c_int),
        ("first", c_void_p),
        ("count", c_void_p),
        ("fields", c_void_p),
        ("weights", c_void_p),
        ("bias", c_void_p),
        ("mix", c_void_p),
        ("flow_count", c_int),
        ("shrinking", c_int),
        ("flows", c_void_p),
        ("flow_weights", c_void_p),
    )


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

    def convolve(self, arguments: _Convolution) -> None:
        """Run a float32 convolution."""
        floats = self.threads * self.library.convolve_floats(ctypes.byref(arguments))
        self.library.convolve(ctypes.byref(arguments), self.workspace(floats), self.threads)

    def convolve_bf16(self, arguments: _Convolution) -> None:
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
        """Local attention of every pixel; see `model_zoo.layers.local_attention.attend`.

        Args:
            query: (batch, channels, height, width).
            key: Likewise.
            value: Likewise.
            window: Height and width of the window in pixels.

        Returns:
            Likewise.
        """
        result = empty(*query.shape)
        sizes = (*query.shape[1:], window)
        workspace = self.workspace(self.library.attend_floats(*sizes, self.threads))
        fields = (c_void_p(field.data_ptr()) for field in (query, key, value, result))
        self.library.attend(*fields, *sizes, workspace, self.threads)
        return result

    def resample(self, x: Tensor, rise: int) -> Tensor:
        """Change the resolution by 2**-`rise`; see `model_zoo.layers.resample.resample`.

        Args:
            x: (batch, channels, height, width).
            rise: How many times to halve height and width, negative to double them.
        """
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
        """Convolve the fields and evaluate formulas of the outputs.

        Args:
            fields: (batch, channels, height, width) each, or None for zeros; one at least must be
                given. A `Warped` field must be the only one, and the kernel 1x1.
            formulas: Of the output groups.

        Returns:
            A field (batch, channels, height, width) for each formula.
        """
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
        self.arguments = _Convolution(
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
        """Convolve the fields and evaluate formulas of the outputs.

        Args:
            fields: (batch, channels, height, width) each, or None for zeros; one at least must be
                given. A `Warped` field must be the only one, and the kernel 1x1.
            formulas: Of the output groups.

        Returns:
            A field (batch, channels, height, width) for each formula.
        """
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
        """Local attention of every pixel; see `model_zoo.layers.local_attention.attend`.

        Args:
            query: (batch, channels, height, width).
            key: Likewise.
            value: Likewise.
            window: Height and width of the window in pixels.

        Returns:
            Likewise.
        """
        contiguous = (query.contiguous(), key.contiguous(), value.contiguous())
        return self.backend.attend(*contiguous, window)


def empty(*shape: int) -> Tensor:
    """Return an uninitialised float32 tensor of any shape.

    Allocated by NumPy: glibc before 2.38 does not reuse freed blocks of the aligned memory that
    `torch.empty` asks for, so that training took twice the memory it held.
    """
    return torch.from_numpy(np.empty(shape, np.float32))


def winograd_weights(weight: Tensor, block: int) -> Tensor:
    """Transform kernels to the Winograd domain.

    Args:
        weight: (outputs, inputs, size, size).
        block: Outputs that the C kernels sum at once.

    Returns:
        (outputs / block, points, inputs, block), float32, outputs padded with zeros.
    """
    size = weight.shape[-1]
    to_points = winograd_transform(size).to(weight) if size > 1 else weight.new_ones(1, 1)
    points = torch.einsum("iy,ocyx,jx->ijco", to_points, weight, to_points)
    whole = F.pad(points.flatten(0, 1), (0, -len(weight) % block))
    blocks = torch.unflatten(whole, 2, (-1, block))
    return blocks.permute(2, 0, 1, 3).float().contiguous()


def amx_tiles(weights: Sequence[Tensor]) -> Tensor:
    """Pack weights into tiles of the matrix unit.

    Args:
        weights: Of each field, (outputs, inputs, size, size); odd inputs are padded with a zero.

    Returns:
        (outputs / 16, size, size, inputs / 32, 16, 32), bfloat16, padded with zeros.
    """
    whole = torch.cat([F.pad(part, (0, 0, 0, 0, 0, part.shape[1] % 2)) for part in weights], dim=1)
    outputs, inputs = whole.shape[:2]
    whole = F.pad(whole, (0, 0, 0, 0, 0, -inputs % AMX_INPUTS, 0, -outputs % AMX_OUTPUTS))
    blocks = torch.unflatten(torch.unflatten(whole, 1, (-1, AMX_INPUTS)), 0, (-1, AMX_OUTPUTS))
    return blocks.permute(0, 4, 5, 2, 1, 3).to(torch.bfloat16).contiguous()


def c_formulas(formulas: Sequence[Formula], results: Sequence[Tensor]) -> ctypes.Array[_Mix]:
    """Convert formulas and the fields (1, channels, height, width) for their results to C."""
    converted = []
    for formula, result in zip(formulas, results, strict=True):
        a, b = (*formula.first, None)[:2]
        c, d = (*formula.second, None, None)[:2]
        converted.append(
            _Mix(c_operand(a), c_operand(b), c_operand(c), c_operand(d), result.data_ptr())
        )
    return (_Mix * len(converted))(*converted)


def c_operand(operand: Operand | None) -> _Operand:
    """Convert an operand to C."""
    if operand is None:
        return _Operand(NONE, NONE, None)
    field = None if operand.field is None else operand.field.data_ptr()
    return _Operand(operand.activation, NONE if operand.group is None else operand.group, field)


def winograd_transform(size: int) -> Tensor:
    """Return the Winograd kernel transform G, (8, size) float64.

    Lavin and Gray (2015), https://arxiv.org/abs/1509.09308. The row of the point 0 is negated, as
    in native/convolve.c.
    """
    rows = []
    for point in WINOGRAD_POINTS:
        others = torch.tensor(
            [point - other for other in WINOGRAD_POINTS if other != point], dtype=torch.float64
        )
        powers = torch.tensor([point**power for power in range(size)], dtype=torch.float64)
        rows.append(powers / others.prod() * (-1 if point == 0 else 1))
    at_infinity = torch.zeros(size, dtype=torch.float64)
    at_infinity[-1] = 1
    return torch.stack([*rows, at_infinity])
