"""A network of the zoo run over time by fast cells, for forecasts only."""

from collections.abc import Iterable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any, ClassVar, NamedTuple, Protocol, cast

import torch
from torch import Tensor

from model_zoo.cell import Cell
from model_zoo.cells.cms_lstm import CMSLSTM
from model_zoo.cells.convlstm import ConvLSTM
from model_zoo.cells.mim import MIM
from model_zoo.cells.mk_lstm import MKLSTM
from model_zoo.cells.modernn import MoDeRNN
from model_zoo.cells.motionrnn import MotionHighway
from model_zoo.cells.preciplstm import PrecipLSTM
from model_zoo.cells.predrnn import PredRNN
from model_zoo.cells.predrnn_plus import CausalLSTM, GradientHighway
from model_zoo.cells.predrnn_v2 import PredRNNv2
from model_zoo.cells.trajgru import TrajGRU
from model_zoo.fast.cells import (
    FastCausalLSTM,
    FastCell,
    FastConvLSTM,
    FastMKLSTM,
    FastPrecipLSTM,
    FastPredRNN,
    Lift,
    States,
    Step,
    as_it_is,
)
from model_zoo.fast.fused_convolution import after, of, of_sum
from model_zoo.fast.highways import (
    FastCMSLSTM,
    FastGradientHighway,
    FastMIM,
    FastMoDeRNN,
    FastMotionGRU,
    FastMotionHighway,
    FastTrajGRU,
)
from model_zoo.fast.pointwise import keep
from model_zoo.fast.torch_backend import Arithmetic, Field
from model_zoo.nowcaster import Nowcaster
from model_zoo.stack import Stack, check_divisible


class Kind(Protocol):
    """From a cell of the zoo to a fast one."""

    @property
    def lifts(self) -> bool:
        """See `cells`."""

    def __call__(self, cell: Any, by: Arithmetic, lift: Lift) -> FastCell:  # noqa: ANN401
        """Make it."""


class AsItIs:
    """Any other cell, which knows no zeros."""

    lifts: ClassVar[bool] = False

    def __init__(self, cell: Cell, by: Arithmetic, lift: Lift) -> None:
        self.cell = cell

    def __call__(self, x: Tensor, state: States, memory: Field) -> Step:
        """Advance one time step."""
        there = tuple(field for field in state if field is not None)
        step = self.cell(x, there or self.cell.begin(x), memory)
        gate = None if step.gate is None else step.gate.logit()
        return Step(step.hidden, step.state, step.memory, gate)


FAST: Mapping[type[Cell], Kind] = MappingProxyType(
    {
        ConvLSTM: FastConvLSTM,
        MKLSTM: FastMKLSTM,
        PredRNN: FastPredRNN,
        PredRNNv2: FastPredRNN,
        CausalLSTM: FastCausalLSTM,
        PrecipLSTM: FastPrecipLSTM,
        TrajGRU: FastTrajGRU,
        MIM: FastMIM,
        MoDeRNN: FastMoDeRNN,
        CMSLSTM: FastCMSLSTM,
    }
)
"""Those of cells that wrap no other."""


def fast_cell(cell: Cell, by: Arithmetic, lift: Lift = as_it_is) -> FastCell:
    """The fast cell of any cell of the zoo."""
    if isinstance(cell, GradientHighway):
        return FastGradientHighway(of_sum(cell.gates), fast_cell(cell.cell, by), by, lift)
    if isinstance(cell, MotionHighway):
        return FastMotionHighway(FastMotionGRU(cell.motion, by), fast_cell(cell.cell, by), by)
    return FAST.get(type(cell), AsItIs)(cell, by, lift)


class Past(NamedTuple):
    """What is carried from one time step to the next; at first nothing but zeros."""

    states: list[States]
    memory: Field


class FastStack:
    """The cells of a stack; see `model_zoo.stack`."""

    def __init__(self, stack: Stack, by: Arithmetic, lift: Lift) -> None:
        bottom, *others = cast("Iterable[Cell]", stack.cells)
        self.cells = [fast_cell(bottom, by, lift), *(fast_cell(cell, by) for cell in others)]
        self.nothing = Past([(None,) * cell.states for cell in (bottom, *others)], None)
        self.levels, self.skips, self.multiple = stack.levels, stack.skips, stack.multiple
        self.by = by

    def __call__(self, x: Tensor, past: Past) -> tuple[Tensor, Past]:
        """One time step: what the top gives out, and what to carry on."""
        outputs: list[Tensor] = []
        states: list[States] = []
        memory, below = past.memory, 0
        for layer, (cell, level) in enumerate(zip(self.cells, self.levels, strict=True)):
            x = self.by.resample(x, level - below)
            memory = None if memory is None else self.by.resample(memory, level - below)
            for skip in self.skips[layer]:
                x = x + self.by.resample(outputs[skip], level - self.levels[skip])
            x, state, memory, _ = cell(x, past.states[layer], memory)
            outputs.append(x)
            states.append(state)
            below = level
        return x, Past(states, memory)


class FastNowcaster:
    """A network that says only what is asked for: the frames after the given ones."""

    def __init__(self, network: Nowcaster, by: Arithmetic) -> None:
        """Rearrange `network`, whose weights must not change any more."""
        self.network = network
        bottom = cast("Iterable[Cell]", network.stack.cells).__iter__().__next__()
        embed = of(network.embed)
        self.lifts = FAST[type(bottom)].lifts if type(bottom) in FAST else False
        lift = partial(after, embed=embed) if self.lifts else as_it_is
        self.embed = by.convolution(embed)
        self.stack = FastStack(network.stack, by, lift)
        self.head = by.convolution(of(network.head))

    @torch.inference_mode()
    def __call__(self, frames: Tensor, horizon: int) -> Tensor:
        """The last `horizon` frames of what `Nowcaster` says, (batch, horizon, ...), in float32.

        Raises:
            BadGrid: As `Nowcaster` does.
        """
        check_divisible(frames, self.stack.multiple)
        past, said = self.stack.nothing, list[Tensor]()
        frames = frames.float()
        given = frames.shape[1]
        for t in range(given + horizon - 1):
            x = frames[:, min(t, given - 1)]
            if t >= given and not self.network.exceedances:
                x = said[-1]
            hidden, past = self.stack(self.lifted(x), past)
            if t >= given - 1:
                (raw,) = self.head([hidden], keep(0))
                said.append(raw)
        return self.told(frames[:, -1], torch.stack(said, dim=1))

    def lifted(self, frame: Tensor) -> Tensor:
        """What the bottom cell is given."""
        if self.lifts:
            return torch.cat([frame, torch.ones_like(frame[:, :1])], dim=1)
        (x,) = self.embed([frame.contiguous()], keep(0))
        return x

    def told(self, newest: Tensor, raw: Tensor) -> Tensor:
        """What was said of each frame, with exceedances beside the first guess of the newest."""
        if not self.network.exceedances:
            return raw
        shares = self.network.guess.shares(newest)
        for age in range(raw.shape[1]):
            ages = torch.full((len(newest),), age, device=newest.device)
            raw[:, age] += self.network.guess(shares, ages)
        for threshold in range(1, raw.shape[2]):
            torch.minimum(raw[:, :, threshold], raw[:, :, threshold - 1], out=raw[:, :, threshold])
        return raw
