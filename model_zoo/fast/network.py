"""A network of the zoo run over time by fast cells, for inference only."""

from collections.abc import Iterable, Iterator, Mapping
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
from model_zoo.fast.backend import Backend, Field
from model_zoo.fast.cells import (
    FastCausalLSTM,
    FastCell,
    FastConvLSTM,
    FastMKLSTM,
    FastPrecipLSTM,
    FastPredRNN,
    InputMap,
    States,
    Step,
    unchanged,
)
from model_zoo.fast.fused_convolution import compose_1x1, kernel_of, kernel_of_sum
from model_zoo.fast.highways import (
    FastCMSLSTM,
    FastGradientHighway,
    FastMIM,
    FastMoDeRNN,
    FastMotionGRU,
    FastMotionHighway,
    FastTrajGRU,
)
from model_zoo.fast.pointwise import linear
from model_zoo.guided_guess import GuidedGuess
from model_zoo.nowcaster import Nowcaster
from model_zoo.stack import Stack, check_divisible


class CellFactory(Protocol):
    """Makes the fast version of a cell of the zoo."""

    @property
    def folds_embedding(self) -> bool:
        """Whether the embedding is folded into the convolutions of the cell; see `cells`."""

    def __call__(self, cell: Any, backend: Backend, input_map: InputMap) -> FastCell:  # noqa: ANN401
        """Make the fast version of `cell`."""


class Unoptimised:
    """Adapter that runs any cell without a fast version as it is."""

    folds_embedding: ClassVar[bool] = False

    def __init__(self, cell: Cell, backend: Backend, input_map: InputMap) -> None:
        """Wrap `cell`; the other arguments are those of every fast cell and have no effect."""
        self.cell = cell

    def __call__(self, x: Tensor, state: States, memory: Field) -> Step:
        """Advance one time step; shapes as in `cells.FastCell`."""
        there = tuple(field for field in state if field is not None)
        step = self.cell(x, there or self.cell.begin(x), memory)
        gate = None if step.gate is None else step.gate.logit()
        return Step(step.hidden, step.state, step.memory, gate)


FAST_CELLS: Mapping[type[Cell], CellFactory] = MappingProxyType(
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
"""Fast versions of the cells that wrap no other cell."""


def fast_cell(cell: Cell, backend: Backend, input_map: InputMap = unchanged) -> FastCell:
    """Make the fast version of a cell of the zoo."""
    if isinstance(cell, GradientHighway):
        return FastGradientHighway(
            kernel_of_sum(cell.gates), fast_cell(cell.cell, backend), backend, input_map
        )
    if isinstance(cell, MotionHighway):
        return FastMotionHighway(
            FastMotionGRU(cell.motion, backend), fast_cell(cell.cell, backend), backend
        )
    return FAST_CELLS.get(type(cell), Unoptimised)(cell, backend, input_map)


class Past(NamedTuple):
    """State carried from one time step to the next; None stands for zeros."""

    states: list[States]
    memory: Field


class FastStack:
    """Fast cells run as `model_zoo.stack.Stack` runs its cells."""

    def __init__(self, stack: Stack, backend: Backend, input_map: InputMap) -> None:
        """Make the fast version of a stack; `input_map` is for its bottom cell."""
        bottom, *others = cast("Iterable[Cell]", stack.cells)
        self.cells = [
            fast_cell(bottom, backend, input_map),
            *(fast_cell(cell, backend) for cell in others),
        ]
        self.initial = Past([(None,) * cell.states for cell in (bottom, *others)], None)
        self.levels, self.skips, self.multiple = stack.levels, stack.skips, stack.multiple
        self.backend = backend

    def __call__(self, x: Tensor, past: Past) -> tuple[Tensor, Past]:
        """Advance one time step.

        Args:
            x: Input of the bottom layer, (batch, channels, height, width).
            past: State after the last step, or `initial`.

        Returns:
            Hidden state of the top layer, (batch, channels, height, width), and the new state.
        """
        outputs: list[Tensor] = []
        states: list[States] = []
        memory, below = past.memory, 0
        for layer, (cell, level) in enumerate(zip(self.cells, self.levels, strict=True)):
            x = self.backend.resample(x, level - below)
            memory = None if memory is None else self.backend.resample(memory, level - below)
            for skip in self.skips[layer]:
                x = x + self.backend.resample(outputs[skip], level - self.levels[skip])
            x, state, memory, _ = cell(x, past.states[layer], memory)
            outputs.append(x)
            states.append(state)
            below = level
        return x, Past(states, memory)


class FastNowcaster:
    """A network that computes only the frames after the given ones."""

    def __init__(self, network: Nowcaster, backend: Backend) -> None:
        """Rearrange `network`; later changes of its weights have no effect."""
        self.network = network
        bottom = next(iter(cast("Iterable[Cell]", network.stack.cells)))
        embed = kernel_of(network.embed)
        fast = FAST_CELLS.get(type(bottom), Unoptimised)
        self.folds_embedding = fast.folds_embedding
        input_map = partial(compose_1x1, embed=embed) if self.folds_embedding else unchanged
        self.embed = backend.convolution(embed)
        self.stack = FastStack(network.stack, backend, input_map)
        self.head = backend.convolution(kernel_of(network.head))

    @torch.inference_mode()
    def __call__(self, frames: Tensor, horizon: int) -> Tensor:
        """Predict the `horizon` frames after the given ones.

        Args:
            frames: (batch, time, channels, height, width), as `Nowcaster` takes them.
            horizon: Number of frames to predict.

        Returns:
            The last `horizon` frames of `Rollout.frames`, (batch, horizon, channels, height,
            width), float32.

        Raises:
            BadGrid: Height or width cannot be halved as often as the network needs.
        """
        check_divisible(frames, self.stack.multiple)
        past, outputs = self.stack.initial, list[Tensor]()
        frames = frames.float()
        given = frames.shape[1]
        for t in range(given + horizon - 1):
            x = frames[:, min(t, given - 1)]
            if self.network.guidance:
                x = self.network.guided_input(frames, t)
            elif t >= given and not self.network.exceedances:
                x = outputs[-1]
            hidden, past = self.stack(self.bottom_input(x), past)
            if t >= given - 1:
                (raw,) = self.head([hidden], linear(0))
                outputs.append(raw)
        return self.to_predictions(frames, torch.stack(outputs, dim=1))

    def bottom_input(self, frame: Tensor) -> Tensor:
        """Return what the bottom cell gets, from a frame (batch, channels, height, width)."""
        if self.folds_embedding:
            return torch.cat([frame, torch.ones_like(frame[:, :1])], dim=1)
        (x,) = self.embed([frame.contiguous()], linear(0))
        return x

    def to_predictions(self, frames: Tensor, raw: Tensor) -> Tensor:
        """Add the first guess to the logits of exceedances; other outputs stay as they are.

        Args:
            frames: Given frames, (batch, time, channels, height, width).
            raw: Outputs of the head, (batch, horizon, channels, height, width); may be changed.

        Returns:
            As `raw`.
        """
        if not self.network.exceedances:
            return raw
        for lead, guess in enumerate(self.guesses(frames, raw.shape[1])):
            raw[:, lead] += guess
        for threshold in range(1, raw.shape[2]):
            torch.minimum(raw[:, :, threshold], raw[:, :, threshold - 1], out=raw[:, :, threshold])
        return raw

    def guesses(self, frames: Tensor, horizon: int) -> Iterator[Tensor]:
        """The first guess of each lead, (batch, thresholds, height, width)."""
        guess = self.network.guess
        if isinstance(guess, GuidedGuess):
            yield from (self.network.guided_guess(frames, lead) for lead in range(horizon))
            return
        shares = guess.shares(frames[:, -1])
        for age in range(horizon):
            yield guess(shares, torch.full((len(frames),), age, device=frames.device))
