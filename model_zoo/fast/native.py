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

from model_zoo import resample
from model_zoo.fast.arithmetic import ByTorch, Convolution, Field, Warped
from model_zoo.fast.formula import Formula, How, Number
from model_zoo.fast.kernel import Kernel

POINTS = (0.0, 1.0, -1.0, 2.0, -2.0, 0.5, -0.5)
"""Of Winograd's minimal filtering, and infinity; the kernels in C have them too."""
NOTHING = -1


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
        self._own = threading.local()

    def convolution(self, kernel: Kernel, groups: int = 1) -> Convolution:
        """Weights are brought to the points of tiles once."""
        return NativeConvolution(self, kernel, groups)

    def convolve(self, asked: _Convolution) -> None:
        """Run a convolution."""
        floats = self.threads * self.library.convolve_floats(ctypes.byref(asked))
        self.library.convolve(ctypes.byref(asked), self.memory(floats), self.threads)

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
        """See `model_zoo.attention.attend`."""
        result = room(*query.shape)
        sizes = (*query.shape[1:], window)
        memory = self.memory(self.library.attend_floats(*sizes, self.threads))
        fields = (c_void_p(field.data_ptr()) for field in (query, key, value, result))
        self.library.attend(*fields, *sizes, memory, self.threads)
        return result

    def resample(self, x: Tensor, rise: int) -> Tensor:
        """See `model_zoo.resample`."""
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


class NativeConvolution:
    """A convolution by the kernels in C."""

    def __init__(self, native: Native, kernel: Kernel, groups: int) -> None:
        self.native, self.size, self.widths = native, kernel.size, kernel.widths
        self.firsts = list(accumulate(kernel.widths, initial=0))[:-1]
        self.outputs, self.inputs = kernel.weight.shape[:2]
        self.channels = self.outputs // groups
        self.weight = at_points(kernel.weight, native.block)
        self.bias = kernel.bias.float().contiguous()

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
        held = [
            (field.field if isinstance(field, Warped) else field).contiguous() for field in seen
        ]
        height, width = held[0].shape[2:]
        results = [room(1, self.channels, height, width) for _ in formulas]
        # arrays must live as long as they are pointed at
        first, count = (c_int * len(held))(*firsts), (c_int * len(held))(*widths)
        pointers = (c_void_p * len(held))(*(field.data_ptr() for field in held))
        mix = mixes(formulas, results)
        asked = _Convolution(
            kernel=self.size,
            height=height,
            width=width,
            parts=len(held),
            inputs=self.inputs,
            outputs=self.outputs,
            channels=self.channels,
            mixes=len(formulas),
            first=ctypes.addressof(first),
            count=ctypes.addressof(count),
            fields=ctypes.addressof(pointers),
            weights=self.weight.data_ptr(),
            bias=self.bias.data_ptr(),
            mix=ctypes.addressof(mix),
        )
        if isinstance(seen[0], Warped):
            flows, weights = seen[0].flows.contiguous(), seen[0].weights
            asked.flow_count, asked.shrinking = flows.shape[1], seen[0].shrinking
            asked.flows = flows.data_ptr()
            asked.flow_weights = None if weights is None else weights.data_ptr()
        self.native.convolve(asked)
        return results


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
        """See `model_zoo.attention.attend`."""
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
