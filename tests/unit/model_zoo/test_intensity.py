"""Rain rates onto 0..1 and back."""

import pytest
import torch

from model_zoo.errors import UnknownScale
from model_zoo.intensity import SCALES, Rate, Reflectivity, scale


@pytest.mark.parametrize(
    ("rate", "scaled"),
    [(0.5, 0.4258), (2.0, 0.5480), (5.0, 0.6287), (10.0, 0.6898), (30.0, 0.7865)],
)
def test_scales_the_papers_thresholds_as_the_published_code_does(
    rate: float, scaled: float
) -> None:
    assert Reflectivity().encode(torch.tensor(rate)).item() == pytest.approx(scaled, abs=1e-4)


@pytest.mark.parametrize(
    ("rate", "scaled"), [(0.1, 0.0273), (2.0, 0.2407), (40.0, 0.6573), (400.0, 1.0)]
)
def test_the_rate_scale_gives_rain_its_room_by_how_hard_it_is(rate: float, scaled: float) -> None:
    assert Rate().encode(torch.tensor(rate)).item() == pytest.approx(scaled, abs=1e-4)


def test_the_rate_scale_is_linear_in_drizzle_and_logarithmic_in_heavy_rain() -> None:
    drizzle, heavy = (Rate().encode(torch.tensor(r)) for r in ([0.01, 0.02], [50.0, 100.0, 200.0]))
    assert (drizzle[1] / drizzle[0]).item() == pytest.approx(2, rel=0.02)
    first, second = heavy.diff().tolist()
    assert second == pytest.approx(first, rel=0.01)


@pytest.mark.parametrize("name", SCALES)
@pytest.mark.parametrize(("dtype", "error"), [(torch.float32, 3e-6), (torch.float64, 1e-13)])
def test_gives_back_every_rate_above_the_floor(name: str, dtype: torch.dtype, error: float) -> None:
    rate = torch.logspace(-2, 2.5, 1000, dtype=dtype)
    torch.testing.assert_close(
        scale(name).decode(scale(name).encode(rate)), rate, rtol=error, atol=0
    )


@pytest.mark.parametrize("name", SCALES)
def test_no_rain_is_zero_and_zero_is_no_rain(name: str) -> None:
    dry = torch.zeros(3)
    assert torch.equal(scale(name).encode(dry), dry)
    assert torch.equal(scale(name).decode(torch.tensor([0.0, -0.1, -3.0])), dry)


@pytest.mark.parametrize("name", SCALES)
def test_no_data_stays_no_data(name: str) -> None:
    nothing = torch.tensor([torch.nan])
    assert scale(name).encode(nothing).isnan().all()
    assert scale(name).decode(nothing).isnan().all()


@pytest.mark.parametrize("name", SCALES)
def test_what_no_radar_gives_is_no_data(name: str) -> None:
    assert scale(name).encode(torch.tensor([-0.01, -3.0])).isnan().all()


@pytest.mark.parametrize("name", SCALES)
def test_stays_within_zero_and_one_and_never_falls(name: str) -> None:
    rates = torch.cat([torch.zeros(1), torch.logspace(-4, 4, 1000, dtype=torch.float64)])
    scaled = scale(name).encode(rates)
    assert scaled.min() == 0
    assert scaled.max() == 1
    assert (scaled.diff() >= 0).all()


@pytest.mark.parametrize("name", SCALES)
def test_a_prediction_above_one_is_the_heaviest_rain_there_is(name: str) -> None:
    largest, above = torch.tensor(1.0), torch.tensor(1.7)
    assert torch.equal(scale(name).decode(above), scale(name).decode(largest))


def test_an_unknown_scale_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UnknownScale, match="no intensity scale 'log', only reflectivity, rate"):
        scale("log")
