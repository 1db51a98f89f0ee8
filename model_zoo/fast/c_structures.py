"""Structures of the C kernels, and their conversion from formulas.

Fields are float32 (1, channels, height, width).
"""

import ctypes
from collections.abc import Sequence
from ctypes import Structure, c_int, c_void_p

import numpy as np
import torch
from torch import Tensor

from model_zoo.fast.pointwise import Formula, Operand

NONE = -1
"""Marks a missing operand or group in the C structures."""


class COperand(Structure):
    """Operand of a formula: activation, output group or `NONE`, and field or null."""

    _fields_ = (("activation", c_int), ("group", c_int), ("field", c_void_p))


class CMix(Structure):
    """Formula of four operands and the field for its result."""

    _fields_ = (*((name, COperand) for name in "abcd"), ("result", c_void_p))


class CConvolutionArguments(Structure):
    """Arguments of a convolution, as in native/convolve.h."""

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


def c_formulas(formulas: Sequence[Formula], results: Sequence[Tensor]) -> ctypes.Array[CMix]:
    """Convert formulas and the fields (1, channels, height, width) for their results to C."""
    converted = []
    for formula, result in zip(formulas, results, strict=True):
        a, b = (*formula.first, None)[:2]
        c, d = (*formula.second, None, None)[:2]
        converted.append(
            CMix(c_operand(a), c_operand(b), c_operand(c), c_operand(d), result.data_ptr())
        )
    return (CMix * len(converted))(*converted)


def c_operand(operand: Operand | None) -> COperand:
    """Convert an operand to C."""
    if operand is None:
        return COperand(NONE, NONE, None)
    field = None if operand.field is None else operand.field.data_ptr()
    return COperand(operand.activation, NONE if operand.group is None else operand.group, field)


def empty(*shape: int) -> Tensor:
    """Return an uninitialised float32 tensor of any shape.

    Allocated by NumPy: glibc before 2.38 does not reuse freed blocks of the aligned memory that
    `torch.empty` asks for, so that training took twice the memory it held.
    """
    return torch.from_numpy(np.empty(shape, np.float32))
