"""What a forecast tells of probabilities is kept with it, and changes nothing else."""

from pathlib import Path

import numpy as np
import pytest

from ingest.precipitation import chances
from model_zoo import load_forecaster
from model_zoo.baselines import Persistence
from service import picture, tasks
from service.archive import Archive, Key
from service.ledger import Ledger
from tests.kept import rows_of
from tests.served import put_frames
from tests.showers import frame, moment, time
from tests.unit.service.telling import THRESHOLDS, Telling

KEY = Key(time(6), "persistence", "none")


@pytest.fixture
def told(archive: Archive, ledger: Ledger) -> Archive:
    """Frames of two and a half hours, and a forecast that tells probabilities among them."""
    put_frames(archive, *range(31))
    assert tasks.forecast(archive, ledger, Telling(), time(6), moment(6)) == KEY
    return archive


def test_probabilities_are_kept_with_their_forecast(told: Archive) -> None:
    made, kept = Telling()(frame(6)), told.forecast(KEY)
    np.testing.assert_array_equal(kept, made)
    assert list(chances(kept)) == list(THRESHOLDS)
    assert not chances(kept)[0.5].equals(chances(kept)[2.0])
    for threshold, chance in chances(made).items():
        np.testing.assert_allclose(chances(kept)[threshold], chance, atol=1e-3)
        np.testing.assert_array_equal(np.isnan(chances(kept)[threshold]), np.isnan(kept))


def test_a_forecast_with_probabilities_is_verified_as_one_without(
    told: Archive, ledger: Ledger, tmp_path: Path
) -> None:
    archive, other = Archive(tmp_path / "bare"), Ledger(f"sqlite:///{tmp_path / 'bare.sqlite'}")
    put_frames(archive, *range(31))
    tasks.forecast(archive, other, Persistence(), time(6), moment(6))
    for kept, book in ((told, ledger), (archive, other)):
        tasks.forecast(kept, book, load_forecaster("advection"), time(6), moment(6))
        assert tasks.verify(kept, book, moment(30)) == 8
    assert rows_of(ledger) == rows_of(other)


def test_a_forecast_with_probabilities_is_drawn_as_one_without(told: Archive) -> None:
    kept = told.forecast(KEY)
    bare = kept.drop_vars([name for name in kept.coords if str(name).startswith("chance_")])
    assert picture.of_forecast(kept) == picture.of_forecast(bare)
