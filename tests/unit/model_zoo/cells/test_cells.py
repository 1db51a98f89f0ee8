"""What single cells promise beyond what all of them do, and what the published code broke."""

from typing import cast

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from model_zoo import build
from model_zoo.cell import Cell, Step
from model_zoo.cells.cms_lstm import BlockAttention
from model_zoo.cells.convlstm import ConvLSTM
from model_zoo.cells.modernn import MeanConv
from model_zoo.cells.motionrnn import MotionGRU, MotionHighway
from model_zoo.cells.trajgru import TrajGRU


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


@pytest.mark.parametrize("name", ["ms-mim", "ms-preciplstm"])
def test_differences_are_of_the_real_inputs_skips_included(name: str) -> None:
    """The published pyramids left the skips out of the earlier of both inputs."""
    network = build(name, channels=4)
    inputs: list[Tensor] = []
    for cell in cast("list[Cell]", network.stack.cells):
        cell.register_forward_hook(lambda _, args, __: inputs.append(args[0]))
    with torch.no_grad():
        _, past, _ = network.step(torch.rand(1, 1, 16, 16), None)
    remembered = [state[-1] for state in past.states]
    for layer in range(1, 6):  # the bottom of MIM is a PredRNN cell
        assert torch.equal(remembered[layer], inputs[layer])


@pytest.mark.parametrize("family", ["mim", "preciplstm"])
def test_an_input_that_stays_the_same_is_no_change(family: str) -> None:
    cell = cast("Cell", build(family, channels=4, levels=(0, 0)).stack.cells[1])
    x, *state = torch.rand(6, 1, 4, 8, 8)
    changes: list[Tensor] = []
    gates = cell.get_submodule("change_gates")
    gates.register_forward_hook(lambda _, args, __: changes.append(args[0]))
    state[-1] = x
    with torch.no_grad():
        cell(x, tuple(state), None)
    assert not changes[0].any()


def test_motion_keeps_places_in_space() -> None:
    """The published code scattered the moved copies over the field: a field that is shifted must
    come out shifted, and nothing else."""
    motion = MotionGRU(8).double()
    h = torch.rand(1, 8, 24, 24, dtype=torch.float64)
    flow, trend = 0.3 * torch.randn(2, 1, 18, 12, 12, dtype=torch.float64)

    def shift(field: Tensor, pixels: int) -> Tensor:
        return field.roll((pixels, -pixels), (2, 3))

    out, _, _ = motion(h, flow, trend)
    moved, _, _ = motion(shift(h, 4), shift(flow, 2), shift(trend, 2))
    inner = (..., slice(9, -9), slice(9, -9))
    torch.testing.assert_close(moved[inner], shift(out, 4)[inner])


def test_motion_without_flow_leaves_the_field_where_it_is() -> None:
    motion = MotionGRU(8)
    torch.nn.init.zeros_(motion.candidate.weight)
    assert motion.candidate.bias is not None
    torch.nn.init.zeros_(motion.candidate.bias)
    h = torch.rand(2, 8, 12, 12)
    flow, trend = motion.begin(h)
    out, flow, trend = motion(h, flow, trend)
    assert not flow.any()
    assert not trend.any()

    e = motion.encode(h)
    copies = motion.weight(e).sigmoid().unsqueeze(1) * e.unsqueeze(2)
    decoded = motion.decode(motion.merge(copies.flatten(1, 2)))
    g = motion.gate(torch.cat([decoded, h], dim=1)).sigmoid()
    torch.testing.assert_close(out, g * h + (1 - g) * decoded)


def test_motion_needs_an_output_gate() -> None:
    cell = MotionHighway(4, ConvLSTM(4))
    x = torch.rand(1, 4, 8, 8)
    with pytest.raises(TypeError, match="ConvLSTM has no output gate for a motion highway"):
        cell(x, cell.begin(x), None)


def test_a_past_without_flow_is_seen_where_it_is() -> None:
    cell = TrajGRU(4, links=3)
    torch.nn.init.zeros_(cell.flow.weight)
    assert cell.flow.bias is not None
    torch.nn.init.zeros_(cell.flow.bias)
    x, h = torch.rand(2, 1, 4, 9, 7)
    seen: list[Tensor] = []
    cell.past_gates.register_forward_hook(lambda _, args, __: seen.append(args[0]))
    cell(x, (h,), None)
    torch.testing.assert_close(seen[0], h.repeat(1, 3, 1, 1))


def test_three_kernels_are_used_as_the_one_that_their_mean_is() -> None:
    mean = MeanConv(4).double()
    x = torch.rand(2, 4, 9, 11, dtype=torch.float64)
    torch.testing.assert_close(mean()(x), sum(conv(x) for conv in mean.convs) / 3)


def test_block_attention_sees_its_block_of_both_fields_and_nothing_else() -> None:
    attention = BlockAttention(4, blocks_per_side=2).double()
    pair = torch.rand(1, 4, 8, 16, dtype=torch.float64)  # two fields of 8 x 8 side by side
    changed = pair.clone()
    changed[..., 1, 2] += 1  # upper left block of the first
    difference = (attention(changed) - attention(pair)).abs().sum(1)[0]
    upper_left = torch.zeros(8, 16, dtype=torch.bool)
    upper_left[:4, :4] = upper_left[:4, 8:12] = True
    assert (difference[upper_left] > 0).all()
    assert not difference[~upper_left].any()


def test_block_attention_is_a_softmax_over_the_block() -> None:
    attention = BlockAttention(3, blocks_per_side=1).double()
    pair = torch.rand(2, 3, 4, 8, dtype=torch.float64)
    query, key, value = (
        of(pair).flatten(2) for of in (attention.query, attention.key, attention.value)
    )
    weight = torch.einsum("bcq,bck->bqk", query, key).softmax(dim=2)
    wanted = torch.einsum("bqk,bck->bcq", weight, value).view_as(pair)
    torch.testing.assert_close(attention(pair), wanted)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("blocks_per_side", [1, 2, 4])
def test_block_attention_keeps_no_scores(dtype: torch.dtype, blocks_per_side: int) -> None:
    attention = BlockAttention(4, blocks_per_side).to(dtype)
    pair = torch.rand(2, 4, 16, 32, dtype=dtype)
    largest = 0

    def keep(tensor: Tensor) -> Tensor:
        nonlocal largest
        largest = max(largest, tensor.numel())
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        attention(pair)
    assert largest == pair.numel()


def test_writing_alike_into_both_memories_is_penalised_in_training_only() -> None:
    network = build("predrnn-v2", channels=4)
    frames = torch.rand(2, 3, 1, 8, 8)
    rollout = network(frames, horizon=2)
    assert rollout.penalties.shape == (2, 4, 6, 4)
    assert ((rollout.penalties >= 0) & (rollout.penalties <= 1)).all()
    assert rollout.penalty.item() == pytest.approx(rollout.penalties.mean().item())
    assert rollout.summed_penalty.item() == pytest.approx(6 * 4 * rollout.penalty.item())

    forecast = network.eval()(frames, horizon=2)
    torch.testing.assert_close(forecast.frames, rollout.frames)
    assert forecast.penalties.shape == (2, 4, 0, 4)
    assert forecast.penalty.item() == forecast.summed_penalty.item() == 0


def test_the_penalty_is_one_for_equal_writings_and_zero_for_unrelated_ones() -> None:
    cell = build("predrnn-v2", channels=2).stack.cells[0]
    adapter = cast("torch.nn.Conv2d", cell.get_submodule("adapter"))
    torch.nn.init.dirac_(adapter.weight)
    assert adapter.bias is not None
    torch.nn.init.zeros_(adapter.bias)
    a = torch.zeros(1, 2, 4, 4)
    b = torch.zeros(1, 2, 4, 4)
    a[0, :, 0] = 1
    b[0, 0, 0] = -2  # alike up to sign and size
    b[0, 1, 1] = 1  # elsewhere
    torch.testing.assert_close(cell.overlap(a, b), torch.tensor([[1.0, 0.0]]))  # type: ignore[operator]


def test_one_adapter_serves_all_layers() -> None:
    network = build("predrnn-v2", channels=4)
    names = [name for name, _ in network.named_parameters() if "adapter" in name]
    assert names == ["stack.cells.0.adapter.weight", "stack.cells.0.adapter.bias"]


def test_the_highway_feeds_the_second_layer_and_remembers() -> None:
    network = build("predrnn++", channels=4)
    with torch.no_grad():
        _, past, _ = network.step(torch.rand(1, 1, 8, 8), None)
    assert [len(state) for state in past.states] == [2, 3, 2, 2, 2, 2]


def test_a_convlstm_step_is_that_of_its_paper() -> None:
    cell = ConvLSTM(2).double()
    x, h, c = torch.rand(3, 1, 2, 5, 5, dtype=torch.float64)
    step: Step = cell(x, (h, c), None)
    weights, biases = zip(*(conv.parameters() for conv in cell.gates.convs), strict=True)
    both = torch.cat([x, h], 1), torch.cat(weights, 1), torch.stack(biases).sum(0)
    gates = F.conv2d(*both, padding=1)
    i, f, g, o = gates.chunk(4, 1)
    new_c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    torch.testing.assert_close(step.state[1], new_c)
    torch.testing.assert_close(step.hidden, torch.sigmoid(o) * torch.tanh(new_c))
    assert step.hidden is step.state[0]
