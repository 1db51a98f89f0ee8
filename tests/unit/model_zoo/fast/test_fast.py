"""Fast implementations of the networks reproduce the results of the networks themselves."""

import json
import logging
import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from model_zoo import MODELS, Nowcaster, Rollout, build
from model_zoo.cell import Cell, State, Step
from model_zoo.cells.lean_gates import recompute_gates
from model_zoo.errors import BadGrid
from model_zoo.fast import autotune, c_library, fused_convolution, pointwise
from model_zoo.fast.autotune import (
    BF16,
    BF16_TOLERANCE,
    CACHE_FILE,
    UNOPTIMISED,
    AutotunedNetwork,
    Forecast,
)
from model_zoo.fast.backend import Backend, Warped
from model_zoo.fast.bf16_backend import AmxBackend, Bf16Backend
from model_zoo.fast.c_backend import CBackend
from model_zoo.fast.network import FastNowcaster
from model_zoo.fast.torch_backend import TorchBackend
from model_zoo.layers.local_attention import attend
from model_zoo.layers.resample import resample
from model_zoo.shape import no_skips
from model_zoo.stack import Stack
from model_zoo.training.c_kernels import use

GIVEN, HORIZON = 3, 2
HEIGHT, WIDTH = 32, 48
CHANNELS = 6
LIVELY = 2.0
"""Weights so many times larger than networks begin with, so that not all is bias."""

Make = Callable[[], Backend]


def torch_backend() -> Backend:
    return TorchBackend(torch.device("cpu"))


def c_backend(threads: int = 1) -> CBackend:
    kernels = c_library.load()
    if kernels is None:
        pytest.skip("needs GCC to compile the kernels")
    return CBackend(kernels, threads)


def amx_backend(threads: int = 1) -> AmxBackend:
    kernels = c_library.load()
    if kernels is None or not kernels.has_amx():
        pytest.skip("needs GCC and a processor with a matrix unit (AMX)")
    return AmxBackend(kernels, threads)


def bf16_backend(threads: int = 1) -> Bf16Backend:
    return Bf16Backend(c_backend(threads))


BACKENDS = pytest.mark.parametrize("make", [torch_backend, c_backend], ids=["torch", "c"])


def network(name: str, exceedances: int = 0, guidance: int = 0) -> Nowcaster:
    """With random weights."""
    torch.manual_seed(0)
    net = build(name, channels=CHANNELS, exceedances=exceedances, guidance=guidance).eval()
    with torch.no_grad():
        for parameter in net.stack.parameters():
            parameter.mul_(LIVELY)
        net.head.weight.normal_()
        if guidance:
            for parameter in net.guess.parameters():
                parameter.add_(torch.randn_like(parameter), alpha=0.1)
    return net


def frames(exceedances: int = 0, batch: int = 1) -> Tensor:
    """Random rain, and with exceedances where it is known."""
    generator = torch.Generator().manual_seed(1)
    shape = (batch, GIVEN, 2 if exceedances else 1, HEIGHT, WIDTH)
    values = torch.rand(shape, generator=generator)
    if exceedances:
        values[:, :, 1] = (values[:, :, 1] > 0.2).float()
        values[:, :, 0] *= values[:, :, 1]
    return values


def guided_frames(leads: int = HORIZON, batch: int = 1) -> Tensor:
    """Random rain, where it is known, and what a baseline forecasts for each lead."""
    generator = torch.Generator().manual_seed(2)
    ahead = torch.rand(batch, 1, leads, HEIGHT, WIDTH, generator=generator)
    return torch.cat([frames(1, batch), ahead.expand(-1, GIVEN, -1, -1, -1)], dim=2)


def reference(network: Nowcaster, given: Tensor) -> Tensor:
    """Prediction of the unoptimised network."""
    with torch.no_grad():
        rollout: Rollout = network(given, horizon=HORIZON)
    return rollout.frames[:, -HORIZON:]


@BACKENDS
@pytest.mark.parametrize("name", MODELS)
def test_every_fast_network_reproduces_the_network(name: str, make: Make) -> None:
    net, given = network(name), frames()
    fast = FastNowcaster(net, make())
    wanted = reference(net, given)
    assert wanted.std() > 0.01, "the reference is nearly constant"
    for _ in range(2):  # buffers are used again
        torch.testing.assert_close(fast(given, HORIZON), wanted, rtol=0, atol=1e-4)


@BACKENDS
@pytest.mark.parametrize("name", ["ms-lstm", "ms-preciplstm", "ms-motionrnn"])
def test_so_does_one_that_predicts_exceedances(name: str, make: Make) -> None:
    net, given = network(name, exceedances=4), frames(exceedances=4)
    found = FastNowcaster(net, make())(given, HORIZON)
    torch.testing.assert_close(found, reference(net, given), rtol=0, atol=1e-4)


@BACKENDS
@pytest.mark.parametrize("name", MODELS)
def test_every_fast_network_with_guidance_reproduces_the_network(name: str, make: Make) -> None:
    net, given = network(name, exceedances=4, guidance=4), guided_frames()
    wanted = reference(net, given)
    assert wanted.std() > 0.01, "the reference is nearly constant"
    found = FastNowcaster(net, make())(given, HORIZON)
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-4)
    assert (found.diff(dim=2) <= 0).all()


@BACKENDS
@pytest.mark.parametrize(("leads", "horizon"), [(4, 2), (2, 4), (4, 6), (1, 1)])
def test_guidance_may_reach_further_or_less_far_than_the_forecast(
    leads: int, horizon: int, make: Make
) -> None:
    net, given = network("ms-convlstm", exceedances=4, guidance=4), guided_frames(leads)
    with torch.no_grad():
        wanted = net(given, horizon=horizon).frames[:, -horizon:]
    found = FastNowcaster(net, make())(given, horizon)
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-4)


@pytest.mark.parametrize("name", ["ms-trajgru", "ms-motionrnn", "ms-preciplstm", "cms-lstm"])
def test_samples_of_a_batch_do_not_mix(name: str) -> None:
    net, given = network(name), frames(batch=2)
    fast = FastNowcaster(net, torch_backend())
    found = fast(given, HORIZON)
    for sample in range(2):
        alone = fast(given[sample : sample + 1], HORIZON)
        torch.testing.assert_close(found[sample : sample + 1], alone, rtol=0, atol=1e-5)


class Fading(Cell):
    """A cell without a fast version."""

    states = 1

    def forward(self, x: Tensor, state: State, memory: Tensor | None) -> Step:
        (h,) = state
        h = 0.5 * h + x
        return Step(h, (h,), memory)


@BACKENDS
def test_a_cell_without_a_fast_version_runs_unoptimised(make: Make) -> None:
    torch.manual_seed(0)
    levels = (0, 1, 0)
    net = Nowcaster(Stack([Fading() for _ in levels], levels, no_skips(levels)), CHANNELS)
    found = FastNowcaster(net, make())(frames(), HORIZON)
    torch.testing.assert_close(found, reference(net, frames()), rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", ["ms-lstm", "ms-preciplstm", "ms-trajgru"])
@pytest.mark.parametrize("make", [c_backend, amx_backend], ids=["kernels", "tiles"])
def test_the_number_of_threads_changes_no_bit(name: str, make: Callable[[int], Backend]) -> None:
    net = network(name)
    single, three = (FastNowcaster(net, make(threads)) for threads in (1, 3))
    assert torch.equal(single(frames(), HORIZON), three(frames(), HORIZON))


def test_forecasts_at_the_same_time_do_not_disturb_each_other() -> None:
    fast = FastNowcaster(network("ms-lstm"), c_backend())
    given = [frames() * share for share in torch.linspace(0.2, 1, 8)]
    wanted = [fast(each, HORIZON) for each in given]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda each: fast(each, HORIZON), given))
    assert all(map(torch.equal, found, wanted))


def test_bfloat16_deviates_little() -> None:
    net = network("ms-lstm")
    found = FastNowcaster(net, TorchBackend(torch.device("cpu"), torch.bfloat16))(frames(), HORIZON)
    assert found.dtype == torch.float32
    apart = (found - reference(net, frames())).abs()
    assert 0 < apart.mean() < 0.02 * reference(net, frames()).abs().max()


@BACKENDS
def test_a_grid_that_cannot_be_halved_is_refused(make: Make) -> None:
    fast = FastNowcaster(network("ms-lstm"), make())
    with pytest.raises(BadGrid):
        fast(frames()[..., :-1], HORIZON)


GRIDS = [(1, 1), (5, 7), (32, 48), (45, 45), (3, 131), (64, 1)]


@pytest.mark.parametrize("size", [1, 3, 5, 7])
@pytest.mark.parametrize("grid", GRIDS, ids=str)
@pytest.mark.parametrize("outputs", [1, 6, 12, 19])
def test_kernels_convolve_as_torch_does(size: int, grid: tuple[int, int], outputs: int) -> None:
    torch.manual_seed(0)
    widths = (2, 3, 1)
    weight = torch.randn(outputs, sum(widths), size, size, dtype=torch.float64)
    kernel = fused_convolution.Kernel(
        weight / (size * sum(widths) ** 0.5), torch.randn(outputs).double(), widths
    )
    fields = [torch.randn(1, width, *grid) for width in widths]
    convolve = c_backend(2).convolution(kernel)
    (found,) = convolve(fields, pointwise.linear(0))
    torch.testing.assert_close(found.double(), by_conv2d(kernel, fields), rtol=0, atol=5e-5)
    (found,) = convolve([fields[0], None, fields[2]], pointwise.linear(0))
    fields[1].zero_()
    torch.testing.assert_close(found.double(), by_conv2d(kernel, fields), rtol=0, atol=5e-5)


def by_conv2d(kernel: fused_convolution.Kernel, fields: Sequence[Tensor]) -> Tensor:
    """By torch in float64."""
    joined = torch.cat(list(fields), dim=1).double()
    return F.conv2d(joined, kernel.weight, kernel.bias, padding=kernel.size // 2)


def test_kernels_evaluate_formulas_as_torch_does() -> None:
    backend = c_backend()
    x, y = torch.linspace(-200, 200, 4001).view(1, 1, 1, -1), torch.randn(1, 1, 1, 4001)
    for activation in pointwise.Activation:
        operand = pointwise.operand(activation, x)
        for kernel in (
            pointwise.Formula((operand,)),
            operand * pointwise.identity(y),
            pointwise.identity(y) * pointwise.identity(y) + operand * pointwise.identity(y),
        ):
            torch.testing.assert_close(backend.mix(kernel), kernel.value(), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("window", [1, 6, 30])
@pytest.mark.parametrize("grid", GRIDS, ids=str)
def test_kernels_attend_as_torch_does(window: int, grid: tuple[int, int]) -> None:
    torch.manual_seed(0)
    query, key, value = 2 * torch.randn(3, 1, 5, *grid)
    wanted = attend(query.double(), key.double(), value.double(), window).float()
    found = c_backend(2).attend(query, key, value, window)
    torch.testing.assert_close(found, wanted, rtol=0, atol=2e-4)


@pytest.mark.parametrize("grid", GRIDS, ids=str)
@pytest.mark.parametrize("shrinking", [False, True])
def test_kernels_warp_as_torch_does(grid: tuple[int, int], *, shrinking: bool) -> None:
    torch.manual_seed(0)
    x, flows, weights = (torch.randn(1, *shape, *grid) for shape in ((3,), (2, 2), (2,)))
    kernel = fused_convolution.Kernel(
        torch.randn(4, 6, 1, 1).double(), torch.randn(4).double(), (6,)
    )
    for given in (None, weights):
        field = Warped(x, 4 * flows, given, shrinking=shrinking)
        found, wanted = (
            backend.convolution(kernel)([field], pointwise.linear(0))
            for backend in (c_backend(2), torch_backend())
        )
        torch.testing.assert_close(found, wanted, rtol=0, atol=1e-3)


@pytest.mark.parametrize("grid", GRIDS, ids=str)
def test_kernels_resample_as_torch_does(grid: tuple[int, int]) -> None:
    torch.manual_seed(0)
    backend, x = c_backend(2), torch.randn(1, 3, *grid)
    for rise in (2, 1, 0, -1, -2):
        if rise <= 0 or min(grid) >= 2**rise:
            torch.testing.assert_close(backend.resample(x, rise), resample(x, rise))


@pytest.fixture
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A cache folder of its own, with the kernels, where there are any, and nothing else."""
    (tmp_path / "nowcast").mkdir()
    if c_library.load() is not None:
        shutil.copy(c_library.compiled(), tmp_path / "nowcast")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    c_library.load.cache_clear()
    yield
    c_library.load.cache_clear()


def file(folder: Path) -> Path:
    return folder / "nowcast" / CACHE_FILE


def forecast(caplog: pytest.LogCaptureFixture | None = None) -> str:
    """Forecast, check the result, and return the log of the tuning."""
    net = network("ms-lstm")
    if caplog is not None:
        caplog.clear()
        caplog.set_level(logging.INFO)
    found = AutotunedNetwork(net)(frames(), HORIZON)
    torch.testing.assert_close(found, reference(net, frames()), rtol=0, atol=1e-4)
    return caplog.text if caplog is not None else ""


@pytest.mark.usefixtures("_own_cache")
def test_tuning_runs_once_on_a_machine(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert "seconds" in forecast(caplog)
    assert len(json.loads(file(tmp_path).read_text())) == 1
    assert "seconds" not in forecast(caplog)


@pytest.mark.usefixtures("_own_cache")
def test_bfloat16_is_tried_only_where_it_is_allowed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    net = network("ms-lstm")
    for bf16 in (False, True):
        caplog.clear()
        found = AutotunedNetwork(net, bf16=bf16)(frames(), HORIZON)
        assert (BF16 in caplog.text) == bf16
        size = found.abs().max().item()
        torch.testing.assert_close(
            found, reference(net, frames()), rtol=0, atol=BF16_TOLERANCE * size
        )
    assert len(json.loads(file(tmp_path).read_text())) == 2


@pytest.mark.usefixtures("_own_cache")
def test_bfloat16_is_dropped_where_it_deviates(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(autotune, "BF16_TOLERANCE", 0.0)
    caplog.set_level(logging.INFO)
    AutotunedNetwork(network("ms-lstm"), bf16=True)(frames(), HORIZON)
    assert f"{BF16!r} is not used" in caplog.text


@pytest.mark.usefixtures("_own_cache")
@pytest.mark.parametrize("damaged", ["", "[1]", '{"a": ', '{"key": 3}', "\0"])
def test_a_damaged_cache_is_tuned_again(damaged: str, tmp_path: Path) -> None:
    file(tmp_path).write_text(damaged)
    forecast()
    assert json.loads(file(tmp_path).read_text())


@pytest.mark.usefixtures("_own_cache")
def test_a_cached_candidate_that_is_unavailable_is_tuned_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    forecast()
    (key,) = json.loads(file(tmp_path).read_text())
    file(tmp_path).write_text(json.dumps({key: "by magic"}))
    assert "seconds" in forecast(caplog)
    assert json.loads(file(tmp_path).read_text())[key] != "by magic"


@pytest.mark.usefixtures("_own_cache")
def test_without_a_compiler_forecasts_run_by_torch(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("PATH", "")
    log = forecast(caplog)
    assert "install gcc" in log
    assert "fused" in log


@pytest.mark.usefixtures("_own_cache")
def test_without_a_folder_to_write_to_forecasts_run_all_the_same(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shutil.rmtree(tmp_path / "nowcast")
    (tmp_path / "nowcast").write_text("in the way")
    assert "without C kernels" in forecast(caplog)


def test_a_candidate_that_deviates_is_never_chosen(caplog: pytest.LogCaptureFixture) -> None:
    def right(given: Tensor, horizon: int) -> Tensor:
        return given[:, -1:].expand(-1, horizon, -1, -1, -1)

    def off(given: Tensor, horizon: int) -> Tensor:
        return given[:, -1:].expand(-1, horizon, -1, -1, -1) + 2e-4

    def nothing(given: Tensor, horizon: int) -> Tensor:
        return off(given, horizon) * torch.nan

    calls = iter(range(100))

    def right_at_first(given: Tensor, horizon: int) -> Tensor:
        return right(given, horizon) if next(calls) == 0 else off(given, horizon)

    candidates: dict[str, Callable[[], Forecast]] = {
        UNOPTIMISED: lambda: right,
        "off": lambda: off,
        "nothing": lambda: nothing,
        "right at first": lambda: right_at_first,
    }
    assert autotune.fastest(candidates, frames()) == UNOPTIMISED
    assert caplog.text.count("is not used") == 3


def test_the_kernels_are_compiled_once() -> None:
    c_backend()
    path = c_library.compiled()
    modified = path.stat().st_mtime_ns
    assert c_library.compiled() == path
    assert path.stat().st_mtime_ns == modified


@pytest.mark.parametrize("name", ["ms-lstm", "preciplstm", "predrnn++", "ms-trajgru", "modernn"])
@pytest.mark.parametrize("lean", [False, True])
def test_training_by_the_kernels_equals_training_by_torch(name: str, *, lean: bool) -> None:
    given = frames(batch=2)
    found = []
    for kernels in (None, c_backend(2)):
        net = network(name)
        if lean:
            recompute_gates(net)
        if kernels is not None:
            use(net, kernels)
        optimiser = torch.optim.SGD(net.parameters(), lr=1e-3)
        for _ in range(2):  # the second step is by weights that have changed
            optimiser.zero_grad()
            loss = net(given, horizon=HORIZON).frames.square().mean()
            loss.backward()
            optimiser.step()
        gradients = [weight.grad for weight in net.parameters() if weight.grad is not None]
        found.append([loss.detach(), *gradients])
    size = max(gradient.abs().max().item() for gradient in found[0])
    torch.testing.assert_close(*found, rtol=0, atol=1e-4 * size)


@pytest.mark.parametrize("make", [bf16_backend, amx_backend])
@pytest.mark.parametrize("name", ["ms-lstm", "ms-preciplstm", "trajgru", "motionrnn", "predrnn++"])
def test_a_network_in_bfloat16_deviates_little(name: str, make: Make) -> None:
    net = network(name)
    wanted = reference(net, frames())
    found = FastNowcaster(net, make())(frames(), HORIZON)
    assert found.dtype == torch.float32
    size = wanted.abs().max().item()
    torch.testing.assert_close(found, wanted, rtol=0, atol=0.05 * size)


def test_bfloat16_uses_the_matrix_unit_where_there_is_one() -> None:
    kernels = c_library.load()
    tiles = kernels is not None and kernels.has_amx()
    assert isinstance(autotune.bf16_backend(torch.device("cpu")), AmxBackend) == bool(tiles)


@pytest.mark.parametrize("size", [1, 3, 5, 7])
@pytest.mark.parametrize(
    ("widths", "missing", "outputs"),
    [((1,), None, 1), ((32, 32), None, 64), ((3, 12, 5), 1, 33), ((40,), None, 16)],
)
@pytest.mark.parametrize(("height", "width"), [(4, 48), (9, 17), (1, 1), (13, 40)])
def test_the_matrix_unit_sums_products_of_values_rounded_once(
    size: int, widths: tuple[int, ...], missing: int | None, outputs: int, height: int, width: int
) -> None:
    generator = torch.Generator().manual_seed(size)
    weight = torch.randn(outputs, sum(widths), size, size, generator=generator).double()
    bias = torch.randn(outputs, generator=generator).double()
    fields = [torch.randn(1, channels, height, width, generator=generator) for channels in widths]
    inputs = [None if number == missing else field for number, field in enumerate(fields)]
    convolution = amx_backend(threads=2).convolution(fused_convolution.Kernel(weight, bias, widths))
    (found,) = convolution(inputs, pointwise.linear(0))
    whole = torch.cat(
        [0 * field if index == missing else field for index, field in enumerate(fields)], 1
    )
    field, backend = (part.bfloat16().double() for part in (whole, weight))
    wanted = F.conv2d(field, backend, bias, padding=size // 2)
    torch.testing.assert_close(found.double(), wanted, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("layouts", [(0, 0, 0), (0, 1, 0), (1, 1, 1)])
def test_formulas_take_fields_of_any_memory_layout(
    layouts: tuple[int, ...],
) -> None:
    formats = (torch.contiguous_format, torch.channels_last)
    generator = torch.Generator().manual_seed(0)
    memory, gate, more = (
        torch.randn(1, 5, 6, 7, generator=generator).contiguous(memory_format=formats[layout])
        for layout in layouts
    )
    backend = Bf16Backend(c_backend())
    for kernel in (
        pointwise.lstm_update(gate, more, gate, memory),
        pointwise.sigmoid(gate) * pointwise.tanh(more),
        pointwise.linear(more),
    ):
        torch.testing.assert_close(backend.mix(kernel), kernel.value(), rtol=0, atol=1e-5)
