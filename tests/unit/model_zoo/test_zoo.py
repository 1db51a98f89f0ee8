"""What every model of the zoo promises, whatever its cells and its shape.

Checkpoints are in test_checkpoint, published weights in test_parity, costs in test_cost, and they
too run over every model.
"""

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn

from model_zoo import MODELS, Nowcaster, build
from model_zoo.errors import BadGrid, UnknownModel
from model_zoo.stack import Past

CHANNELS, HEIGHT, WIDTH = 4, 16, 32

DISTINCT = list({model: name for name, model in MODELS.items()}.values())
"""Each network under one of its names, for what is slow."""


@pytest.fixture(params=MODELS)
def model(request: pytest.FixtureRequest) -> Nowcaster:
    torch.manual_seed(0)
    return build(request.param, channels=CHANNELS).double()


def radar(batch: int = 2, time: int = 4, seed: int = 1) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(batch, time, 1, HEIGHT, WIDTH, generator=generator, dtype=torch.float64)


def test_predicts_a_frame_after_each_given_one_and_then_goes_on(model: Nowcaster) -> None:
    with torch.no_grad():
        assert model(radar(time=4), horizon=3).frames.shape == (2, 6, 1, HEIGHT, WIDTH)


def test_trains_every_part_of_every_parameter(model: Nowcaster) -> None:
    """DDP waits for the gradient of each parameter, so none may be left out, and a part without
    one is weight carried for nothing."""
    rollout = model(radar())
    (rollout.frames.square().mean() + rollout.penalty).backward()
    idle = [n for n, p in model.named_parameters() if p.grad is None or (p.grad == 0).any()]
    assert idle == []


def test_keeps_the_samples_of_a_batch_apart(model: Nowcaster) -> None:
    frames, changed = radar(), radar()
    changed[1] = radar(seed=2)[1]
    with torch.no_grad():
        assert torch.equal(model(frames).frames[0], model(changed).frames[0])


def test_a_sample_is_forecast_alike_alone_and_in_a_batch(model: Nowcaster) -> None:
    frames = radar()
    with torch.no_grad():
        torch.testing.assert_close(model(frames[1:]).frames, model(frames).frames[1:])


def test_does_not_look_ahead(model: Nowcaster) -> None:
    frames, changed = radar(), radar()
    changed[:, -1] = 0
    with torch.no_grad():
        assert torch.equal(model(frames).frames[:, :-1], model(changed).frames[:, :-1])


def test_every_given_frame_matters_to_the_forecast(model: Nowcaster) -> None:
    frames = radar().requires_grad_()
    model(frames).frames[:, -1].sum().backward()
    assert frames.grad is not None
    assert (frames.grad.abs().amax((0, 2, 3, 4)) > 0).all()


def test_feeding_back_a_prediction_is_forecasting(model: Nowcaster) -> None:
    frames = radar(time=6)
    fed = torch.ones(2, 6, dtype=torch.bool)
    fed[:, 4:] = False
    frames[:, 4:] = torch.nan  # what is not fed is not looked at
    with torch.no_grad():
        torch.testing.assert_close(
            model(frames, fed=fed).frames, model(frames[:, :4], horizon=3).frames
        )


def test_takes_another_grid_without_being_rebuilt(model: Nowcaster) -> None:
    with torch.no_grad():
        frames = model(torch.zeros(1, 2, 1, 32, 16, dtype=torch.float64)).frames
    assert frames.shape[-2:] == (32, 16)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_computes_in_lower_precision(model: Nowcaster, dtype: torch.dtype) -> None:
    with torch.no_grad():
        exact = model(radar()).frames
        frames = model.to(dtype)(radar().to(dtype)).frames
    assert frames.dtype == dtype
    assert (frames - exact).abs().max() < 10 * torch.finfo(dtype).eps


@pytest.fixture(params=DISTINCT)
def small(request: pytest.FixtureRequest) -> Nowcaster:
    """As a model, but two layers or a pyramid of three: the step is the same piece of code."""
    torch.manual_seed(0)
    levels = [0, 1, 0] if any(MODELS[request.param].shape.levels) else [0, 0]
    return build(request.param, channels=CHANNELS, levels=levels)


class OneStep(nn.Module):
    """What is exported: a module whose forward pass is one step of a network."""

    def __init__(self, network: Nowcaster) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor, past: Past) -> tuple[Tensor, Past, Tensor]:
        return self.network.step(x, past)


def test_its_step_can_be_exported(small: Nowcaster) -> None:
    frames = radar(time=3).float()
    with torch.no_grad():
        _, past, _ = small.eval().step(frames[:, 0], None)
        exported = torch.export.export(OneStep(small), (frames[:, 1], past)).module()
        for x in frames[:, 1], frames[:, 2]:  # a second call, with what the first one remembered
            got, wanted = exported(x, past), small.step(x, past)
            torch.testing.assert_close(got[0], wanted[0])
            past = got[1]


@pytest.fixture
def _compiler() -> Iterator[None]:
    yield
    torch._dynamo.reset()


@pytest.mark.usefixtures("_compiler")
def test_its_step_compiles_in_one_piece(small: Nowcaster) -> None:
    compiled = torch.compile(small.step, backend="eager", fullgraph=True)
    frames = radar(time=3).float()
    past, same = None, None
    for x in frames.unbind(1):
        got, past, penalty = compiled(x, past)
        wanted, same, alike = small.step(x, same)
        torch.testing.assert_close((got, penalty), (wanted, alike))


def test_multi_scale_refuses_a_grid_it_cannot_halve_twice() -> None:
    with pytest.raises(BadGrid, match="18 x 16 is not a multiple of 4"):
        build("ms-convlstm", channels=CHANNELS)(torch.zeros(1, 2, 1, 18, 16))


def test_unknown_model_is_refused_with_the_known_ones() -> None:
    with pytest.raises(KeyError, match=r"no model 'unet' in the zoo, only convlstm, .*, ms-lstm"):
        build("unet")
    with pytest.raises(UnknownModel, match=r"^no model"):
        build("unet")
