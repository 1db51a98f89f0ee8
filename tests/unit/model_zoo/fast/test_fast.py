"""Networks rearranged to forecast fast say what they say as they are."""

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
from model_zoo.cells.lean_gates import make_lean
from model_zoo.errors import BadGrid
from model_zoo.fast import autotune, c_library, fused_convolution, pointwise
from model_zoo.fast.autotune import AS_IT_IS, FILE, IN_BF16, ROUGH, Forecast, Quickest
from model_zoo.fast.c_backend import InTiles, Narrow, Native
from model_zoo.fast.network import FastNowcaster
from model_zoo.fast.torch_backend import Arithmetic, ByTorch, Warped
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

Make = Callable[[], Arithmetic]


def by_torch() -> Arithmetic:
    return ByTorch(torch.device("cpu"))


def by_kernels(threads: int = 1) -> Native:
    kernels = c_library.load()
    if kernels is None:
        pytest.skip("needs GCC to compile the kernels")
    return Native(kernels, threads)


def in_tiles(threads: int = 1) -> InTiles:
    kernels = c_library.load()
    if kernels is None or not kernels.has_tiles():
        pytest.skip("needs GCC and a processor with a matrix unit (AMX)")
    return InTiles(kernels, threads)


def narrow(threads: int = 1) -> Narrow:
    return Narrow(by_kernels(threads))


WAYS = pytest.mark.parametrize("make", [by_torch, by_kernels], ids=["torch", "kernels"])


def network(name: str, exceedances: int = 0) -> Nowcaster:
    """With random weights."""
    torch.manual_seed(0)
    made = build(name, channels=CHANNELS, exceedances=exceedances).eval()
    with torch.no_grad():
        for parameter in made.stack.parameters():
            parameter.mul_(LIVELY)
        made.head.weight.normal_()
    return made


def frames(exceedances: int = 0, batch: int = 1) -> Tensor:
    """Random rain, and with exceedances where it is known."""
    generator = torch.Generator().manual_seed(1)
    shape = (batch, GIVEN, 2 if exceedances else 1, HEIGHT, WIDTH)
    made = torch.rand(shape, generator=generator)
    if exceedances:
        made[:, :, 1] = (made[:, :, 1] > 0.2).float()
        made[:, :, 0] *= made[:, :, 1]
    return made


def said(network: Nowcaster, given: Tensor) -> Tensor:
    """What the network says as it is."""
    with torch.no_grad():
        rollout: Rollout = network(given, horizon=HORIZON)
    return rollout.frames[:, -HORIZON:]


@WAYS
@pytest.mark.parametrize("name", MODELS)
def test_every_network_says_what_it_says_as_it_is(name: str, make: Make) -> None:
    made, given = network(name), frames()
    fast = FastNowcaster(made, make())
    wanted = said(made, given)
    assert wanted.std() > 0.01, "the test sees nothing"
    for _ in range(2):  # buffers are used again
        torch.testing.assert_close(fast(given, HORIZON), wanted, rtol=0, atol=1e-4)


@WAYS
@pytest.mark.parametrize("name", ["ms-lstm", "ms-preciplstm", "ms-motionrnn"])
def test_so_does_one_that_tells_exceedances(name: str, make: Make) -> None:
    made, given = network(name, exceedances=4), frames(exceedances=4)
    found = FastNowcaster(made, make())(given, HORIZON)
    torch.testing.assert_close(found, said(made, given), rtol=0, atol=1e-4)


@pytest.mark.parametrize("name", ["ms-trajgru", "ms-motionrnn", "ms-preciplstm", "cms-lstm"])
def test_samples_of_a_batch_do_not_mix(name: str) -> None:
    made, given = network(name), frames(batch=2)
    fast = FastNowcaster(made, by_torch())
    found = fast(given, HORIZON)
    for sample in range(2):
        alone = fast(given[sample : sample + 1], HORIZON)
        torch.testing.assert_close(found[sample : sample + 1], alone, rtol=0, atol=1e-5)


class Fading(Cell):
    """A cell that nobody has rearranged."""

    states = 1

    def forward(self, x: Tensor, state: State, memory: Tensor | None) -> Step:
        (h,) = state
        h = 0.5 * h + x
        return Step(h, (h,), memory)


@WAYS
def test_a_cell_that_is_not_known_runs_as_it_is(make: Make) -> None:
    torch.manual_seed(0)
    levels = (0, 1, 0)
    made = Nowcaster(Stack([Fading() for _ in levels], levels, no_skips(levels)), CHANNELS)
    found = FastNowcaster(made, make())(frames(), HORIZON)
    torch.testing.assert_close(found, said(made, frames()), rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", ["ms-lstm", "ms-preciplstm", "ms-trajgru"])
@pytest.mark.parametrize("make", [by_kernels, in_tiles], ids=["kernels", "tiles"])
def test_the_number_of_threads_changes_no_bit(name: str, make: Callable[[int], Arithmetic]) -> None:
    made = network(name)
    one, three = (FastNowcaster(made, make(threads)) for threads in (1, 3))
    assert torch.equal(one(frames(), HORIZON), three(frames(), HORIZON))


def test_forecasts_at_the_same_time_do_not_disturb_each_other() -> None:
    fast = FastNowcaster(network("ms-lstm"), by_kernels())
    given = [frames() * share for share in torch.linspace(0.2, 1, 8)]
    wanted = [fast(each, HORIZON) for each in given]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda each: fast(each, HORIZON), given))
    assert all(map(torch.equal, found, wanted))


def test_bfloat16_is_near() -> None:
    made = network("ms-lstm")
    found = FastNowcaster(made, ByTorch(torch.device("cpu"), torch.bfloat16))(frames(), HORIZON)
    assert found.dtype == torch.float32
    apart = (found - said(made, frames())).abs()
    assert 0 < apart.mean() < 0.02 * said(made, frames()).abs().max()


@WAYS
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
    asked = fused_convolution.Kernel(
        weight / (size * sum(widths) ** 0.5), torch.randn(outputs).double(), widths
    )
    fields = [torch.randn(1, width, *grid) for width in widths]
    convolve = by_kernels(2).convolution(asked)
    (found,) = convolve(fields, pointwise.keep(0))
    torch.testing.assert_close(found.double(), plainly(asked, fields), rtol=0, atol=5e-5)
    (found,) = convolve([fields[0], None, fields[2]], pointwise.keep(0))
    fields[1].zero_()
    torch.testing.assert_close(found.double(), plainly(asked, fields), rtol=0, atol=5e-5)


def plainly(asked: fused_convolution.Kernel, fields: Sequence[Tensor]) -> Tensor:
    """By torch in float64."""
    joined = torch.cat(list(fields), dim=1).double()
    return F.conv2d(joined, asked.weight, asked.bias, padding=asked.size // 2)


def test_kernels_make_of_numbers_what_torch_does() -> None:
    by = by_kernels()
    x, y = torch.linspace(-200, 200, 4001).view(1, 1, 1, -1), torch.randn(1, 1, 1, 4001)
    for how in pointwise.How:
        made = pointwise.made(how, x)
        for asked in (
            pointwise.Formula((made,)),
            made * pointwise.plain(y),
            pointwise.plain(y) * pointwise.plain(y) + made * pointwise.plain(y),
        ):
            torch.testing.assert_close(by.mix(asked), asked.of(), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("window", [1, 6, 30])
@pytest.mark.parametrize("grid", GRIDS, ids=str)
def test_kernels_attend_as_torch_does(window: int, grid: tuple[int, int]) -> None:
    torch.manual_seed(0)
    query, key, value = 2 * torch.randn(3, 1, 5, *grid)
    wanted = attend(query.double(), key.double(), value.double(), window).float()
    found = by_kernels(2).attend(query, key, value, window)
    torch.testing.assert_close(found, wanted, rtol=0, atol=2e-4)


@pytest.mark.parametrize("grid", GRIDS, ids=str)
@pytest.mark.parametrize("shrinking", [False, True])
def test_kernels_warp_as_torch_does(grid: tuple[int, int], *, shrinking: bool) -> None:
    torch.manual_seed(0)
    x, flows, weights = (torch.randn(1, *shape, *grid) for shape in ((3,), (2, 2), (2,)))
    asked = fused_convolution.Kernel(
        torch.randn(4, 6, 1, 1).double(), torch.randn(4).double(), (6,)
    )
    for given in (None, weights):
        field = Warped(x, 4 * flows, given, shrinking=shrinking)
        found, wanted = (
            by.convolution(asked)([field], pointwise.keep(0)) for by in (by_kernels(2), by_torch())
        )
        torch.testing.assert_close(found, wanted, rtol=0, atol=1e-3)


@pytest.mark.parametrize("grid", GRIDS, ids=str)
def test_kernels_resample_as_torch_does(grid: tuple[int, int]) -> None:
    torch.manual_seed(0)
    by, x = by_kernels(2), torch.randn(1, 3, *grid)
    for rise in (2, 1, 0, -1, -2):
        if rise <= 0 or min(grid) >= 2**rise:
            torch.testing.assert_close(by.resample(x, rise), resample(x, rise))


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
    return folder / "nowcast" / FILE


def forecast(caplog: pytest.LogCaptureFixture | None = None) -> str:
    """Forecasts, checks it, and gives back what was said in the log of looking for a way."""
    made = network("ms-lstm")
    if caplog is not None:
        caplog.clear()
        caplog.set_level(logging.INFO)
    found = Quickest(made)(frames(), HORIZON)
    torch.testing.assert_close(found, said(made, frames()), rtol=0, atol=1e-4)
    return caplog.text if caplog is not None else ""


@pytest.mark.usefixtures("_own_cache")
def test_the_way_is_looked_for_once_on_a_machine(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert "seconds" in forecast(caplog)
    assert len(json.loads(file(tmp_path).read_text())) == 1
    assert "seconds" not in forecast(caplog)


@pytest.mark.usefixtures("_own_cache")
def test_bfloat16_is_looked_at_only_where_it_is_allowed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    made = network("ms-lstm")
    for bf16 in (False, True):
        caplog.clear()
        found = Quickest(made, bf16=bf16)(frames(), HORIZON)
        assert (IN_BF16 in caplog.text) == bf16
        size = found.abs().max().item()
        torch.testing.assert_close(found, said(made, frames()), rtol=0, atol=ROUGH * size)
    assert len(json.loads(file(tmp_path).read_text())) == 2


@pytest.mark.usefixtures("_own_cache")
def test_bfloat16_is_left_out_where_it_says_something_else(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(autotune, "ROUGH", 0.0)
    caplog.set_level(logging.INFO)
    Quickest(network("ms-lstm"), bf16=True)(frames(), HORIZON)
    assert f"{IN_BF16!r} is not used" in caplog.text


@pytest.mark.usefixtures("_own_cache")
@pytest.mark.parametrize("damaged", ["", "[1]", '{"a": ', '{"key": 3}', "\0"])
def test_a_damaged_memory_is_found_again(damaged: str, tmp_path: Path) -> None:
    file(tmp_path).write_text(damaged)
    forecast()
    assert json.loads(file(tmp_path).read_text())


@pytest.mark.usefixtures("_own_cache")
def test_a_memory_of_a_way_that_is_not_there_is_found_again(
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
    told = forecast(caplog)
    assert "install gcc" in told
    assert "rearranged" in told


@pytest.mark.usefixtures("_own_cache")
def test_without_a_folder_to_write_to_forecasts_run_all_the_same(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shutil.rmtree(tmp_path / "nowcast")
    (tmp_path / "nowcast").write_text("in the way")
    assert "without kernels" in forecast(caplog)


def test_a_way_that_says_something_else_is_never_taken(caplog: pytest.LogCaptureFixture) -> None:
    def right(given: Tensor, horizon: int) -> Tensor:
        return given[:, -1:].expand(-1, horizon, -1, -1, -1)

    def off(given: Tensor, horizon: int) -> Tensor:
        return given[:, -1:].expand(-1, horizon, -1, -1, -1) + 2e-4

    def nothing(given: Tensor, horizon: int) -> Tensor:
        return off(given, horizon) * torch.nan

    calls = iter(range(100))

    def right_at_first(given: Tensor, horizon: int) -> Tensor:
        return right(given, horizon) if next(calls) == 0 else off(given, horizon)

    ways: dict[str, Callable[[], Forecast]] = {
        AS_IT_IS: lambda: right,
        "off": lambda: off,
        "nothing": lambda: nothing,
        "right at first": lambda: right_at_first,
    }
    assert autotune.quickest(ways, frames()) == AS_IT_IS
    assert caplog.text.count("is not used") == 3


def test_the_kernels_are_compiled_once() -> None:
    by_kernels()
    path = c_library.compiled()
    made = path.stat().st_mtime_ns
    assert c_library.compiled() == path
    assert path.stat().st_mtime_ns == made


@pytest.mark.parametrize("name", ["ms-lstm", "preciplstm", "predrnn++", "ms-trajgru", "modernn"])
@pytest.mark.parametrize("lean", [False, True])
def test_a_network_learns_by_the_kernels_what_it_learns_by_torch(name: str, *, lean: bool) -> None:
    given = frames(batch=2)
    found = []
    for native in (None, by_kernels(2)):
        made = network(name)
        if lean:
            make_lean(made)
        if native is not None:
            use(made, native)
        optimiser = torch.optim.SGD(made.parameters(), lr=1e-3)
        for _ in range(2):  # the second step is by weights that have changed
            optimiser.zero_grad()
            loss = made(given, horizon=HORIZON).frames.square().mean()
            loss.backward()
            optimiser.step()
        gradients = [weight.grad for weight in made.parameters() if weight.grad is not None]
        found.append([loss.detach(), *gradients])
    size = max(gradient.abs().max().item() for gradient in found[0])
    torch.testing.assert_close(*found, rtol=0, atol=1e-4 * size)


@pytest.mark.parametrize("make", [narrow, in_tiles])
@pytest.mark.parametrize("name", ["ms-lstm", "ms-preciplstm", "trajgru", "motionrnn", "predrnn++"])
def test_in_bfloat16_a_network_says_nearly_the_same(name: str, make: Make) -> None:
    made = network(name)
    wanted = said(made, frames())
    found = FastNowcaster(made, make())(frames(), HORIZON)
    assert found.dtype == torch.float32
    size = wanted.abs().max().item()
    torch.testing.assert_close(found, wanted, rtol=0, atol=0.05 * size)


def test_in_bfloat16_the_matrix_unit_is_used_where_there_is_one() -> None:
    kernels = c_library.load()
    tiles = kernels is not None and kernels.has_tiles()
    assert isinstance(autotune.rough(torch.device("cpu")), InTiles) == bool(tiles)


@pytest.mark.parametrize("size", [1, 3, 5, 7])
@pytest.mark.parametrize(
    ("widths", "missing", "outputs"),
    [((1,), None, 1), ((32, 32), None, 64), ((3, 12, 5), 1, 33), ((40,), None, 16)],
)
@pytest.mark.parametrize(("height", "width"), [(4, 48), (9, 17), (1, 1), (13, 40)])
def test_the_matrix_unit_adds_up_what_is_rounded_once(
    size: int, widths: tuple[int, ...], missing: int | None, outputs: int, height: int, width: int
) -> None:
    generator = torch.Generator().manual_seed(size)
    weight = torch.randn(outputs, sum(widths), size, size, generator=generator).double()
    bias = torch.randn(outputs, generator=generator).double()
    fields = [torch.randn(1, one, height, width, generator=generator) for one in widths]
    seen = [None if number == missing else field for number, field in enumerate(fields)]
    convolution = in_tiles(threads=2).convolution(fused_convolution.Kernel(weight, bias, widths))
    (found,) = convolution(seen, pointwise.keep(0))
    whole = torch.cat([0 * field if at == missing else field for at, field in enumerate(fields)], 1)
    field, by = (part.bfloat16().double() for part in (whole, weight))
    wanted = F.conv2d(field, by, bias, padding=size // 2)
    torch.testing.assert_close(found.double(), wanted, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("layouts", [(0, 0, 0), (0, 1, 0), (1, 1, 1)])
def test_beside_convolutions_by_torch_kernels_mix_fields_of_any_layout(
    layouts: tuple[int, ...],
) -> None:
    formats = (torch.contiguous_format, torch.channels_last)
    generator = torch.Generator().manual_seed(0)
    memory, gate, more = (
        torch.randn(1, 5, 6, 7, generator=generator).contiguous(memory_format=formats[layout])
        for layout in layouts
    )
    by = Narrow(by_kernels())
    for asked in (
        pointwise.remember(gate, more, gate, memory),
        pointwise.sigmoid(gate) * pointwise.tanh(more),
        pointwise.keep(more),
    ):
        torch.testing.assert_close(by.mix(asked), asked.of(), rtol=0, atol=1e-5)
