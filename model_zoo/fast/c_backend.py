"""The arithmetic of fast cells by kernels in C, for one sample in float32 on the processor."""

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
from model_zoo.fast.pointwise import Formula, How, Number
from model_zoo.fast.torch_backend import ByTorch, Convolution, Field, Warped
from model_zoo.layers import resample

POINTS = (0.0, 1.0, -1.0, 2.0, -2.0, 0.5, -0.5)
"""Of Winograd's minimal filtering, and infinity; the kernels in C have them too."""
NOTHING = -1
TILE_OUTPUTS, TILE_INPUTS = 16, 32
"""Of weights, as the matrix unit has them."""


class _Operand(Structure):
    _fields_ = (("how", c_int), ("group", c_int), ("field", c_void_p))


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


class Native:
    """Kernels in C, on so many threads."""

    def __init__(self, library: ctypes.CDLL, threads: int) -> None:
        self.library, self.threads = library, threads
        self.block: int = library.block()
        library.convolve_floats.restype = library.attend_floats.restype = c_size_t
        library.narrow_floats.restype = c_size_t
        self._own = threading.local()

    def convolution(self, kernel: Kernel, groups: int = 1) -> Convolution:
        """Weights are brought to the points of tiles once."""
        return NativeConvolution(self, kernel, groups)

    def convolve(self, asked: _Convolution) -> None:
        """Run a convolution."""
        floats = self.threads * self.library.convolve_floats(ctypes.byref(asked))
        self.library.convolve(ctypes.byref(asked), self.memory(floats), self.threads)

    def convolve_narrow(self, asked: _Convolution) -> None:
        """Run a convolution in bfloat16."""
        floats = self.threads * self.library.narrow_floats(ctypes.byref(asked))
        self.library.convolve_narrow(ctypes.byref(asked), self.memory(floats), self.threads)

    def mix(self, formula: Formula) -> Tensor:
        """A formula of fields alone."""
        numbers = (*formula.first, *formula.second)
        like = next(number.field for number in numbers if number.field is not None)
        return self.mix_into(room(*like.shape), formula)

    def mix_into(self, result: Tensor, formula: Formula) -> Tensor:
        """The same, where a field of the same layout in memory is there for it."""
        self.library.mix_fields(mixes([formula], [result]), result.numel(), self.threads)
        return result

    def attend(self, query: Tensor, key: Tensor, value: Tensor, window: int) -> Tensor:
        """See `model_zoo.layers.local_attention.attend`."""
        result = room(*query.shape)
        sizes = (*query.shape[1:], window)
        memory = self.memory(self.library.attend_floats(*sizes, self.threads))
        fields = (c_void_p(field.data_ptr()) for field in (query, key, value, result))
        self.library.attend(*fields, *sizes, memory, self.threads)
        return result

    def resample(self, x: Tensor, rise: int) -> Tensor:
        """See `model_zoo.layers.resample`."""
        for _ in range(rise):
            x = self.resized(self.library.halve, x, x.shape[2] // 2, x.shape[3] // 2)
        if rise == -1:
            return self.resized(self.library.twice, x, 2 * x.shape[2], 2 * x.shape[3])
        return x if rise > 0 else resample.resample(x, rise)

    def resized(self, kernel: Callable[..., None], x: Tensor, height: int, width: int) -> Tensor:
        """What a kernel makes of a field."""
        result = room(1, x.shape[1], height, width)
        fields = (c_void_p(field.data_ptr()) for field in (x.contiguous(), result))
        kernel(*fields, *x.shape[1:], self.threads)
        return result

    def memory(self, floats: int) -> c_void_p:
        """Room to work in, one for each thread that calls."""
        held: Tensor | None = getattr(self._own, "memory", None)
        if held is None or held.numel() < floats:
            held = self._own.memory = room(floats)
        return c_void_p(held.data_ptr())


class Shaped:
    """What a convolution by the kernels in C has for any fields, but for its weights."""

    def __init__(self, native: Native, kernel: Kernel, groups: int) -> None:
        self.native, self.size, self.widths = native, kernel.size, kernel.widths
        self.outputs, self.inputs = kernel.weight.shape[:2]
        self.channels = self.outputs // groups
        self.bias = kernel.bias.float().contiguous()


class NativeConvolution(Shaped):
    """A convolution by the kernels in C."""

    def __init__(self, native: Native, kernel: Kernel, groups: int) -> None:
        super().__init__(native, kernel, groups)
        self.firsts = list(accumulate(kernel.widths, initial=0))[:-1]
        self.weight = at_points(kernel.weight, native.block)

    def of_outputs(self, bias: Tensor, groups: int) -> "NativeConvolution":
        """The same weights with another bias, for as many of the first outputs as that has."""
        other = copy.copy(self)
        other.outputs, other.channels = len(bias), len(bias) // groups
        other.bias = bias.contiguous()
        return other

    def __call__(self, fields: Sequence[Field | Warped], *formulas: Formula) -> list[Tensor]:
        """A field for each formula."""
        parts = zip(self.firsts, self.widths, fields, strict=True)
        there = [(at, width, field) for at, width, field in parts if field is not None]
        firsts, widths, seen = zip(*there, strict=True)
        call = Call(seen, firsts, widths, formulas, self)
        call.asked.weights = self.weight.data_ptr()
        if isinstance(seen[0], Warped):
            flows, weights = seen[0].flows.contiguous(), seen[0].weights
            call.asked.flow_count, call.asked.shrinking = flows.shape[1], seen[0].shrinking
            call.asked.flows = flows.data_ptr()
            call.asked.flow_weights = None if weights is None else weights.data_ptr()
        self.native.convolve(call.asked)
        return call.results


class Call:
    """A convolution as C takes it but for the weights; what it points at lives as long as it does.

    Attributes:
        results: A field for each formula, to be written.
    """

    def __init__(
        self,
        fields: Sequence[Tensor | Warped],
        firsts: Sequence[int],
        widths: Sequence[int],
        formulas: Sequence[Formula],
        of: Shaped,
    ) -> None:
        self._held = [
            (field.field if isinstance(field, Warped) else field).contiguous() for field in fields
        ]
        height, width = self._held[0].shape[2:]
        self.results = [room(1, of.channels, height, width) for _ in formulas]
        number = len(self._held)
        self._first, self._count = (c_int * number)(*firsts), (c_int * number)(*widths)
        self._pointers = (c_void_p * number)(*(field.data_ptr() for field in self._held))
        self._mix = mixes(formulas, self.results)
        self.asked = _Convolution(
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


class InTiles(Native):
    """Kernels in C, with convolutions in bfloat16 by the matrix unit of the processor."""

    def convolution(self, kernel: Kernel, groups: int = 1) -> Convolution:
        """Weights are rounded and brought into tiles once."""
        return TiledConvolution(self, kernel, groups)


class TiledConvolution(Shaped):
    """A convolution by the kernels in C, in bfloat16; along flows, which are 1x1, in float32."""

    def __init__(self, native: InTiles, kernel: Kernel, groups: int) -> None:
        super().__init__(native, kernel, groups)
        self.kernel, self.groups = kernel, groups
        self._tiles: dict[tuple[bool, ...], Tensor] = {}
        self._along_flows: NativeConvolution | None = None

    def __call__(self, fields: Sequence[Field | Warped], *formulas: Formula) -> list[Tensor]:
        """A field for each formula."""
        parts = zip(self.widths, fields, strict=True)
        there = [(width, field) for width, field in parts if field is not None]
        widths, seen = zip(*there, strict=True)
        if isinstance(seen[0], Warped):
            if self._along_flows is None:
                self._along_flows = NativeConvolution(self.native, self.kernel, self.groups)
            return self._along_flows(fields, *formulas)
        call = Call(seen, widths, widths, formulas, self)
        call.asked.weights = self._of(fields).data_ptr()
        self.native.convolve_narrow(call.asked)
        return call.results

    def _of(self, fields: Sequence[Field | Warped]) -> Tensor:
        """The weights of those fields that are there."""
        there = tuple(field is not None for field in fields)
        if there not in self._tiles:
            parts = zip(self.kernel.fields(), there, strict=True)
            self._tiles[there] = in_tiles([part.weight for part, is_there in parts if is_there])
        return self._tiles[there]


class Narrow(ByTorch):
    """Convolutions by torch in bfloat16, all else by the kernels in C; channels last in memory."""

    def __init__(self, native: Native) -> None:
        super().__init__(torch.device("cpu"), torch.bfloat16)
        self.native = native

    def mix(self, formula: Formula) -> Tensor:
        """A formula of fields alone."""
        laid = formula.each_field(partial(Tensor.contiguous, memory_format=torch.channels_last))
        numbers = (*laid.first, *laid.second)
        fields = [number.field for number in numbers if number.field is not None]
        if len(numbers) == 1 and numbers[0].how is How.PLAIN:
            return fields[0]
        batch, channels, height, width = fields[0].shape
        result = room(batch, height, width, channels).permute(0, 3, 1, 2)
        return self.native.mix_into(result, laid)

    def attend(self, query: Tensor, key: Tensor, value: Tensor, window: int) -> Tensor:
        """See `model_zoo.layers.local_attention.attend`."""
        plain = (query.contiguous(), key.contiguous(), value.contiguous())
        return self.native.attend(*plain, window)


def room(*shape: int) -> Tensor:
    """A tensor to be written to.

    Not by `torch.empty`: aligned memory that was freed is too small for a block of the same size
    in glibc before 2.38, so that training took twice what it held.
    """
    return torch.from_numpy(np.empty(shape, np.float32))


def at_points(weight: Tensor, block: int) -> Tensor:
    """(outputs, inputs, size, size) to (outputs / block, points, inputs, block)."""
    size = weight.shape[-1]
    to_points = filtering(size).to(weight) if size > 1 else weight.new_ones(1, 1)
    points = torch.einsum("iy,ocyx,jx->ijco", to_points, weight, to_points)
    whole = F.pad(points.flatten(0, 1), (0, -len(weight) % block))
    blocks = torch.unflatten(whole, 2, (-1, block))
    return blocks.permute(2, 0, 1, 3).float().contiguous()


def in_tiles(weights: Sequence[Tensor]) -> Tensor:
    """Weights of fields, each (outputs, inputs, size, size), as bfloat16
    (outputs / 16, size, size, inputs / 32, 16, 32); inputs of each field are made even."""
    whole = torch.cat([F.pad(part, (0, 0, 0, 0, 0, part.shape[1] % 2)) for part in weights], dim=1)
    outputs, inputs = whole.shape[:2]
    whole = F.pad(whole, (0, 0, 0, 0, 0, -inputs % TILE_INPUTS, 0, -outputs % TILE_OUTPUTS))
    blocks = torch.unflatten(torch.unflatten(whole, 1, (-1, TILE_INPUTS)), 0, (-1, TILE_OUTPUTS))
    return blocks.permute(0, 4, 5, 2, 1, 3).to(torch.bfloat16).contiguous()


def mixes(formulas: Sequence[Formula], results: Sequence[Tensor]) -> ctypes.Array[_Mix]:
    """Formulas and where their results go, as C takes them."""
    made = []
    for formula, result in zip(formulas, results, strict=True):
        a, b = (*formula.first, None)[:2]
        c, d = (*formula.second, None, None)[:2]
        made.append(_Mix(operand(a), operand(b), operand(c), operand(d), result.data_ptr()))
    return (_Mix * len(made))(*made)


def operand(number: Number | None) -> _Operand:
    """A number as C takes it."""
    if number is None:
        return _Operand(NOTHING, NOTHING, None)
    field = None if number.field is None else number.field.data_ptr()
    return _Operand(number.how, NOTHING if number.group is None else number.group, field)


def filtering(size: int) -> Tensor:
    """What brings a row of a kernel to the points, (8, size): Lavin and Gray's G."""
    rows = []
    for at in POINTS:
        others = torch.tensor([at - other for other in POINTS if other != at], dtype=torch.float64)
        powers = torch.tensor([at**power for power in range(size)], dtype=torch.float64)
        rows.append(powers / others.prod() * (-1 if at == 0 else 1))  # C has that row negated
    at_infinity = torch.zeros(size, dtype=torch.float64)
    at_infinity[-1] = 1
    return torch.stack([*rows, at_infinity])
