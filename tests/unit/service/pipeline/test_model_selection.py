"""The forecast `auto`: of each lead the model that was best lately, as was known at the issue."""

from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from xarray import DataArray

from ingest.precipitation import exceedance_probabilities
from model_zoo.forecasters.baselines import Advection, Persistence
from model_zoo.forecasters.contract import Forecaster
from service.archive.key import Key, to_datetime
from service.errors import NoFrame, NoFrames
from service.ledger import tables
from service.ledger.ledger import Ledger
from service.pipeline import model_selection
from service.pipeline.forecast import forecast_by_key
from service.pipeline.verify import verify
from service.settings import Settings
from tests.served import StandingStill, counted_by_hand, put_frames
from tests.showers import moment, time
from tests.state_snapshot import files_of, rows_of
from tests.unit.service.fake_forecasters import Broken, Demanding, FakeForecasters
from tests.unit.service.fake_probabilities import THRESHOLDS, ProbabilisticPersistence

ISSUE = 300
"""Number of the frame that most choices are for."""
A, B = (Key(time(ISSUE), model, "none") for model in ("a", "b"))
DAY = range(ISSUE - 60, ISSUE - 40)
"""Issues of the day before, and of the week and the month before that."""
WEEK, MONTH = range(ISSUE - 600, ISSUE - 560), range(ISSUE - 5000, ISSUE - 4960)
EVENTS = 100


def verified(
    ledger: Ledger,
    key: Key,
    issues: Iterable[int],
    hits: int,
    lead: int = 30,
    events: tuple[int, int] = (EVENTS, EVENTS),
) -> None:
    """Let forecasts have been verified: so many hits of a hundred events, at both thresholds."""
    for number in issues:
        issue = moment(number)
        valid = issue + timedelta(minutes=lead)
        row: dict[str, Any] = {"model": key.model, "weights": key.weights, "issue": issue}
        ledger.forecast(row, {"radar_time": issue, "generated": issue}, {lead: valid})
        counts = [
            {
                "threshold": threshold,
                "hits": hits * n // EVENTS,
                "misses": n - hits * n // EVENTS,
                "false_alarms": n - hits * n // EVENTS,
                "correct_negatives": 10_000,
            }
            for threshold, n in zip((0.5, 2.0), events, strict=True)
        ]
        errors = {"n": 10_000, "signed": 0.0, "absolute": 0.0, "squared": 0.0}
        ledger.verified(row | {"lead_minutes": lead}, errors, counts, [])


def chosen(ledger: Ledger, *leads: int) -> str:
    return "".join(key.model for key in model_selection.choose(ledger, [A, B], leads or [30]))


def test_each_lead_goes_to_the_model_that_is_better_at_it(ledger: Ledger) -> None:
    for lead, of_a, of_b in ((30, 40, 60), (60, 60, 40), (90, 50, 50)):
        verified(ledger, A, DAY, of_a, lead)
        verified(ledger, B, DAY, of_b, lead)
    assert chosen(ledger, 30, 60, 90, 120) == "baaa", "of equals, and of unknown ones, the first"


def test_what_comes_true_at_the_issue_or_after_it_has_no_say(ledger: Ledger) -> None:
    verified(ledger, A, DAY, 60)
    verified(ledger, B, DAY, 40)
    against: Any = {"lead": 30, "events": (10**6, 10**6)}
    for number in (ISSUE - 6, ISSUE - 5, ISSUE, ISSUE + 9):
        verified(ledger, A, [number], 0, **against)
        verified(ledger, B, [number], 90, **against)
    assert chosen(ledger) == "a"
    verified(ledger, A, [ISSUE - 7], 0, **against)
    verified(ledger, B, [ISSUE - 7], 90, **against)
    assert chosen(ledger) == "b", "what came true just before has"


def test_models_are_compared_over_the_starts_that_all_have(ledger: Ledger) -> None:
    verified(ledger, A, DAY, 50)
    verified(ledger, B, DAY, 45)
    verified(ledger, B, range(DAY.stop, DAY.stop + 10), 100)
    assert chosen(ledger) == "a"


@pytest.mark.parametrize(
    ("starts", "events", "is_chosen"),
    [
        (model_selection.FEWEST_STARTS, EVENTS, True),
        (model_selection.FEWEST_STARTS - 1, EVENTS, False),
        (model_selection.FEWEST_STARTS, 100 // model_selection.FEWEST_STARTS, False),
    ],
)
def test_too_little_evidence_leaves_it_to_the_default(
    ledger: Ledger, starts: int, events: int, is_chosen: bool
) -> None:
    issues = range(ISSUE - 50, ISSUE - 50 + starts)
    verified(ledger, A, issues, 0, events=(events, events))
    verified(ledger, B, issues, 100, events=(events, events))
    assert chosen(ledger) == ("b" if is_chosen else "a")


def test_a_threshold_that_hardly_anything_reached_does_not_count(ledger: Ledger) -> None:
    verified(ledger, A, DAY, 60, events=(EVENTS, 0))
    verified(ledger, B, DAY, 50, events=(EVENTS, 0))
    verified(ledger, A, DAY, 0, lead=60, events=(EVENTS, 3))
    verified(ledger, B, DAY, 50, lead=60, events=(EVENTS, 3))
    assert chosen(ledger, 30, 60) == "ab"


def test_the_last_day_goes_before_the_week_and_that_before_the_month(ledger: Ledger) -> None:
    for lead in (30, 60):
        verified(ledger, A, MONTH, 40, lead)
        verified(ledger, B, MONTH, 60, lead)
    assert chosen(ledger, 30, 60) == "bb"
    verified(ledger, A, WEEK, 90)
    verified(ledger, B, WEEK, 20)
    assert chosen(ledger, 30, 60) == "ab"
    verified(ledger, A, DAY, 40)
    verified(ledger, B, DAY, 60)
    assert chosen(ledger, 30, 60) == "bb"


def test_what_a_model_did_with_other_weights_does_not_count(ledger: Ledger) -> None:
    verified(ledger, A, DAY, 60)
    verified(ledger, B._replace(weights="f" * 64), DAY, 90)
    assert chosen(ledger) == "a"
    verified(ledger, B, DAY, 50)
    assert chosen(ledger) == "a"


class Sure(ProbabilisticPersistence):
    name = "sure"


def deployment(folder: Path, *stock: Forecaster) -> StandingStill:
    built = StandingStill(Settings(data=folder), moment(ISSUE), lambda key: None)
    built.forecasters = FakeForecasters(*(stock or (Advection(), Persistence())))
    put_frames(built.archive, *range(ISSUE - 6, ISSUE + 1))
    return built


AUTO = Key(time(ISSUE), "auto", "none")


def make(deployment: StandingStill) -> DataArray:
    forecast_by_key(
        deployment.archive, deployment.ledger, deployment.forecasters, AUTO, moment(ISSUE + 1)
    )
    return deployment.archive.forecast(AUTO)


def prefer(ledger: Ledger, *names: str) -> None:
    """Let the models of these names have been the best at 30, 60, 90 and 120 minutes."""
    for lead, best in zip((30, 60, 90, 120), names, strict=True):
        for name in {"advection", "persistence", "sure", *names}:
            verified(ledger, Key(time(0), name, "none"), DAY, 60 if name == best else 40, lead)


def test_auto_is_made_of_the_best_at_each_lead_and_says_which(tmp_path: Path) -> None:
    here = deployment(tmp_path)
    prefer(here.ledger, "persistence", "advection", "advection", "persistence")
    forecast = make(here)
    assert forecast.attrs["chosen"] == "persistence,advection,advection,persistence"
    assert (forecast.attrs["model"], forecast.attrs["weights"]) == ("auto", "none")
    assert forecast.attrs["generated_at"] == f"{moment(ISSUE + 1):%Y-%m-%dT%H:%M:%SZ}"
    parts = here.archive.forecasts(time(ISSUE))
    assert set(parts) == {AUTO, *(AUTO._replace(model=name) for name in here.forecasters.served)}
    for index, name in enumerate(forecast.attrs["chosen"].split(",")):
        part = parts[AUTO._replace(model=name)]
        np.testing.assert_array_equal(forecast[index], part[index])
        assert forecast["time"][index] == part["time"][index]
    saw = parts[AUTO._replace(model="advection")].attrs["radar_times"]
    assert forecast.attrs["radar_times"] == saw, "of all frames that any of them saw"
    assert forecast.attrs["product"] == "RY"


def test_without_evidence_auto_is_the_default_model(tmp_path: Path) -> None:
    forecast = make(deployment(tmp_path))
    assert forecast.attrs["chosen"] == "advection,advection,advection,advection"


def test_auto_never_changes_once_made(tmp_path: Path) -> None:
    here = deployment(tmp_path)
    make(here)
    prefer(here.ledger, *["persistence"] * 4)
    before = files_of(here.archive.root), rows_of(here.ledger)
    make(here)
    assert (files_of(here.archive.root), rows_of(here.ledger)) == before


def test_auto_is_verified_like_any_other(tmp_path: Path) -> None:
    here = deployment(tmp_path)
    prefer(here.ledger, "persistence", "advection", "advection", "persistence")
    make(here)
    put_frames(here.archive, ISSUE + 6)
    assert verify(here.archive, here.ledger, moment(ISSUE + 6)) == 3
    rows = here.ledger.rows(tables.counts, ["auto", "persistence"], moment(ISSUE))
    first, second = (
        [{name: row[name] for name in tables.COUNTS} for row in rows if row["model"] == model]
        for model in ("auto", "persistence")
    )
    assert first == second
    assert len(first) == 6
    forecast, observed = make(here).values[0], here.archive.frame(time(ISSUE + 6)).values[0]
    fields = [field.values[0] for field in here.archive.forecasts(time(ISSUE)).values()]
    mask = np.isfinite([observed, *fields]).all(axis=0)
    assert counted_by_hand(forecast, observed, mask, 0.5) in first


def test_auto_tells_probabilities_only_where_all_that_are_chosen_do(tmp_path: Path) -> None:
    here = deployment(tmp_path, Sure(), Persistence())
    prefer(here.ledger, *["sure"] * 4)
    forecast = make(here)
    assert list(exceedance_probabilities(forecast)) == list(THRESHOLDS)
    sure = here.archive.forecast(AUTO._replace(model="sure"))
    for threshold, probability in exceedance_probabilities(forecast).items():
        np.testing.assert_allclose(
            probability, exceedance_probabilities(sure)[threshold], atol=2e-3
        )

    mixed = deployment(tmp_path / "mixed", Sure(), Persistence())
    prefer(mixed.ledger, "sure", "sure", "persistence", "sure")
    assert exceedance_probabilities(make(mixed)) == {}


def test_auto_from_a_bridged_frame_says_so(tmp_path: Path) -> None:
    here = deployment(tmp_path, Persistence(), Demanding())
    put_frames(here.archive, *range(ISSUE - 18, ISSUE - 12), *range(ISSUE - 11, ISSUE - 6))
    assert "bridged" not in make(here).attrs, "persistence saw the newest alone"
    other = deployment(tmp_path / "other", Demanding(), Persistence())
    put_frames(other.archive, *range(ISSUE - 18, ISSUE - 12), *range(ISSUE - 11, ISSUE - 6))
    assert make(other).attrs["bridged"] == f"{moment(ISSUE - 12):%Y-%m-%dT%H:%M:%SZ}"


def test_a_model_that_cannot_or_fails_leaves_it_to_the_others(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    here = deployment(tmp_path, Demanding(), Broken(), Persistence())
    assert make(here).attrs["chosen"] == ",".join(["persistence"] * 4)
    assert "broken failed" in caplog.text


def test_where_no_model_can_there_is_no_auto(tmp_path: Path) -> None:
    with pytest.raises(NoFrames, match="demanding at"):
        make(deployment(tmp_path, Demanding()))
    with pytest.raises(NoFrames, match="see the log"):
        make(deployment(tmp_path / "broken", Broken()))
    here = deployment(tmp_path / "none")
    with pytest.raises(NoFrame):
        forecast_by_key(
            here.archive,
            here.ledger,
            here.forecasters,
            AUTO._replace(issue=time(ISSUE + 1)),
            moment(ISSUE + 2),
        )
    assert here.archive.forecasts(time(ISSUE + 1)) == {}


def test_an_auto_that_was_kept_but_not_noted_is_made_good(tmp_path: Path) -> None:
    """As when the process is killed between the archive and the ledger."""
    here = deployment(tmp_path)
    forecast = make(here)
    other = deployment(tmp_path / "other")
    other.archive.put_forecast(forecast, history="")
    make(other)
    row = {"model": "auto", "weights": "none", "issue": to_datetime(AUTO.issue)}
    assert other.ledger.has_forecast(row)
