"""Verification of forecasts: ours against pysteps, `scores` and plain numpy, and what a year takes.

    python -m benchmarks.speed.verification
    python -m benchmarks.speed.verification --issues 35000 --write docs/performance.md

The same forecasts are verified in turns in one process, and ratios are medians over pairs, by the
clock and by processor time, which other work disturbs less. pysteps counts no data as no event and
`scores` and numpy leave it out, as ours does; so pysteps gets fields that have data everywhere.
Wherever two mean the same it is asserted that their numbers agree.

A year is 35,000 issues of three models with four leads: each is counted at six thresholds, the
counts are added up, and scores are made of the sums. Fields are few simulated ones, shifted.
"""

import argparse
import math
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import cache, partial
from importlib.util import find_spec
from multiprocessing import get_context
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from xarray import DataArray, Dataset

from benchmarks.report import at_least_one, measured, table, write_section
from benchmarks.speed.comparison import HEADINGS, LACKING, Comparison, cells, compare
from ingest.grid import MODEL_FACTOR, block_mean
from ingest.simulation.simulate import simulate
from service.skill.scores import FRACTION_SCALES_KM, SCORES
from service.skill.verification import THRESHOLDS
from verification import count, fraction_sums, fss, window_cells

LEADS, MODELS, YEAR = 4, 3, 35_000
WINDOWS = tuple(map(window_cells, FRACTION_SCALES_KM))
TARGET = 10
BATCH = 8
"""Issues that are counted at once."""
PART = 200
"""Issues that are measured where a year is not asked for whole."""

Rates = NDArray[np.float32]
Way = Callable[["Fields"], object]


class Fields(NamedTuple):
    """Forecasts (issue, model, lead_time, y, x) and what came (issue, lead_time, y, x), mm/h."""

    forecast: DataArray
    observed: DataArray

    def everywhere(self) -> "Fields":
        """The same, dry where there is no data, with a dry margin as wide as any window."""
        rim = max(WINDOWS)
        dry = (field.fillna(0).pad(y=rim, x=rim, constant_values=0) for field in self)
        return Fields(*dry)

    def pairs(self) -> Iterator[tuple[Rates, Rates]]:
        """Forecast and observation (y, x) of each issue, model and lead."""
        observed = self.observed.expand_dims(model=self.forecast.sizes["model"], axis=1)
        side = self.forecast.shape[-2:]
        return zip(
            self.forecast.values.reshape(-1, *side),
            np.ascontiguousarray(observed).reshape(-1, *side),
            strict=True,
        )


def simulated(side: int, issues: int) -> Fields:
    """Fields of one event: a frame shifted by more cells for each issue, lead and model."""
    _, rate = next(simulate(np.datetime64("2025-06-21T12:00"), 1, seed=1))
    frame = block_mean(rate, MODEL_FACTOR)
    middle = tuple(slice((size - side) // 2, (size + side) // 2) for size in frame.shape)
    frame = frame[middle]
    seen = ~np.isnan(frame)
    shifts = np.arange(issues)[:, None, None] + 2 * np.arange(LEADS)
    errors = np.arange(1, MODELS + 1)[:, None]

    def shifted(cells: int) -> Rates:
        return np.where(seen, np.roll(np.nan_to_num(frame), cells, axis=1), np.float32(np.nan))

    forecast = np.stack(
        [[[shifted(c) for c in row] for row in of_model] for of_model in shifts + errors]
    )
    observed = np.stack([[shifted(c) for c in row] for row in shifts[:, 0]])
    dims = ("issue", "model", "lead_time", "y", "x")
    return Fields(DataArray(forecast, dims=dims), DataArray(observed, dims=(dims[0], *dims[2:])))


# counts


def ours_counted(fields: Fields) -> Dataset:
    """Count events by our package."""
    return count(*fields, THRESHOLDS, over=["y", "x"])


def by_numpy(fields: Fields) -> NDArray[np.int64]:
    """Count events by numpy, one threshold after the other, on the cells where both have data.

    Returns:
        Hits, misses, false alarms and correct negatives (4, threshold, pair).
    """
    found = []
    for forecast, observed in fields.pairs():
        seen = ~np.isnan(forecast) & ~np.isnan(observed)
        f, o = forecast[seen], observed[seen]
        rows = []
        for threshold in map(np.float32, THRESHOLDS):
            a, b = f >= threshold, o >= threshold
            rows.append([(a & b).sum(), (~a & b).sum(), (a & ~b).sum(), (~a & ~b).sum()])
        found.append(rows)
    return np.array(found, np.int64).T


def by_pysteps(fields: Fields) -> NDArray[np.int64]:
    """Count events by pysteps, shaped as `by_numpy`."""
    from pysteps.verification.detcatscores import det_cat_fct_accum, det_cat_fct_init

    found = []
    for forecast, observed in fields.pairs():
        rows = []
        for threshold in THRESHOLDS:
            table = det_cat_fct_init(np.float32(threshold))
            det_cat_fct_accum(table, forecast, observed)
            rows.append(
                [table[name] for name in ("hits", "misses", "false_alarms", "correct_negatives")]
            )
        found.append(rows)
    return np.array(found, np.int64).reshape(-1, len(THRESHOLDS), 4).T


def by_scores(fields: Fields) -> NDArray[np.int64]:
    """Count events by `scores`, shaped as `by_numpy`."""
    from scores.categorical import BinaryContingencyManager

    kept = ["issue", "model", "lead_time"]
    found = []
    for threshold in map(np.float32, THRESHOLDS):
        forecast, observed = ((f >= threshold).where(f.notnull()) for f in fields)
        counts = (
            BinaryContingencyManager(forecast, observed).transform(preserve_dims=kept).get_counts()
        )
        names = ("tp_count", "fn_count", "fp_count", "tn_count")
        found.append([counts[name].transpose(*kept).values.ravel() for name in names])
    return np.array(found).astype(np.int64).swapaxes(0, 1)


def flat(counts: Dataset) -> NDArray[np.int64]:
    """Return our counts shaped as `by_numpy`."""
    names = ("hits", "misses", "false_alarms", "correct_negatives")
    return np.stack([counts[name].values.reshape(len(THRESHOLDS), -1) for name in names])


# fractions


def ours_fractions(fields: Fields) -> Dataset:
    """Sum fractions by our package."""
    return fraction_sums(*fields, THRESHOLDS, WINDOWS)


def fractions_by_pysteps(fields: Fields) -> NDArray[np.float64]:
    """Fractions skill scores (threshold, window, pair)."""
    from pysteps.verification.spatialscores import fss as fss_of

    pairs = list(fields.pairs())
    return np.array(
        [
            [
                [fss_of(forecast, observed, float(t), window) for forecast, observed in pairs]
                for window in WINDOWS
            ]
            for t in map(np.float32, THRESHOLDS)
        ]
    )


def fractions_by_scores(fields: Fields) -> NDArray[np.float64]:
    """Compute fractions skill scores by `scores`, (threshold, window, pair)."""
    from scores.spatial import fss_2d

    return np.array(
        [
            [
                fss_2d(
                    *fields,
                    event_threshold=np.float32(threshold),
                    window_size=(window, window),
                    spatial_dims=("y", "x"),
                    zero_padding=True,
                    preserve_dims=["issue", "model", "lead_time"],
                    threshold_operator=np.greater_equal,
                ).values.ravel()
                for window in WINDOWS
            ]
            for threshold in THRESHOLDS
        ]
    )


def agree(theirs: NDArray[np.float64], ours: NDArray[np.float64]) -> None:
    """Check elementwise that scores agree where there are events; without any, ours are NaN."""
    there = ~np.isnan(ours)
    assert there.any()
    np.testing.assert_allclose(theirs[there], ours[there], rtol=1e-4, atol=1e-5)


def comparisons(side: int, issues: int, rounds: int) -> Iterator[Comparison]:
    """Every comparison, each after it is asserted that the numbers agree."""
    fields = simulated(side, issues)
    whole, few = fields.everywhere(), Fields(*(f.isel(issue=[0]) for f in fields)).everywhere()
    few = Fields(few.forecast, few.observed.expand_dims(model=MODELS, axis=1))
    many, some = issues * MODELS * LEADS, MODELS * LEADS
    with_pysteps = find_spec("pysteps") is not None

    def race(what: str, theirs: Way, ours: Way, on: Fields, pairs: int) -> Comparison:
        return compare(what, partial(theirs, on), partial(ours, on), pairs, rounds)

    expected = flat(ours_counted(fields))
    np.testing.assert_array_equal(by_numpy(fields), expected)
    yield race("counts, plain numpy", by_numpy, ours_counted, fields, many)
    repeated = Fields(fields.forecast, fields.observed.expand_dims(model=MODELS, axis=1))
    np.testing.assert_array_equal(by_scores(repeated), expected)
    yield race("counts, scores", by_scores, ours_counted, repeated, many)
    if with_pysteps:
        assert not np.isin(
            whole.forecast, np.array(THRESHOLDS, np.float32)
        ).any()  # it counts by `>`
        np.testing.assert_array_equal(by_pysteps(whole), flat(ours_counted(whole)))
        yield race("counts, pysteps", by_pysteps, ours_counted, whole, many)
    scored = fss(ours_fractions(few)).values.reshape(len(THRESHOLDS), len(WINDOWS), -1)
    agree(fractions_by_scores(few), scored)
    yield race("fractions, scores", fractions_by_scores, ours_fractions, few, some)
    if with_pysteps:
        several = Fields(few.forecast, few.observed.isel(model=0))
        agree(fractions_by_pysteps(several), scored)
        yield race("fractions, pysteps", fractions_by_pysteps, ours_fractions, several, some)


# a year


class Year(NamedTuple):
    """What so many issues took, in so many processes."""

    issues: int
    processes: int
    counting: float
    """Seconds by the clock."""
    fractions: float | None
    csi: float
    """Of the first model at the first lead and threshold: that it was scored."""

    def minutes(self, seconds: float) -> float:
        """Of a year, at this rate."""
        return seconds / self.issues * YEAR / 60


def year(side: int, issues: int, processes: int, fraction_issues: int) -> Year:
    """Count and score so many issues, and make sums of fractions of some of them."""
    batches = math.ceil(issues / BATCH)
    with ProcessPoolExecutor(processes, get_context("spawn")) as pool:
        list(pool.map(partial(counted, side), [1] * processes))  # all have begun and imported
        begun = perf_counter()
        parts = pool.map(partial(counted, side), shares(batches, processes))
        total: Dataset = xr.concat(list(parts), "part").sum("part")
        scored = {name: score.function(total) for name, score in SCORES.items()}
        counting = perf_counter() - begun
        begun = perf_counter()
        few = math.ceil(fraction_issues / BATCH)
        list(pool.map(partial(fractioned, side), shares(few, processes)))
        share = batches / few
        fractions = (perf_counter() - begun) * share
    csi = float(scored["csi"].isel(model=0, lead_time=0, threshold=0))
    return Year(batches * BATCH, processes, counting, fractions, csi)


def shares(batches: int, processes: int) -> list[int]:
    """How many batches each process does."""
    return [len(range(first, batches, processes)) for first in range(min(processes, batches))]


def counted(side: int, batches: int) -> Dataset:
    """Counts (model, lead_time, threshold) summed over so many batches of issues."""
    fields = fields_at_hand(side)
    return sum_over(lambda: ours_counted(fields).sum("issue"), batches)


def fractioned(side: int, batches: int) -> Dataset:
    """Sums of fractions, as `counted`."""
    fields = fields_at_hand(side)
    return sum_over(lambda: ours_fractions(fields).sum("issue"), batches)


@cache
def fields_at_hand(side: int) -> Fields:
    """A batch of issues, made once in each process."""
    return simulated(side, BATCH)


def sum_over(batch_sums: Callable[[], Dataset], batches: int) -> Dataset:
    """Sum what is counted in several batches."""
    total = batch_sums()
    for _ in range(batches - 1):
        total = total + batch_sums()
    return total


# output


def summary(found: Year) -> str:
    """A year in a sentence."""
    how = (
        "measured whole"
        if found.issues >= YEAR
        else f"measured on {found.issues:,} and scaled to {YEAR:,}"
    )
    text = (
        f"A year of {YEAR:,} issues, {MODELS} models, {LEADS} leads and {len(THRESHOLDS)} "
        f"thresholds is counted, summed and scored in {found.minutes(found.counting):.1f} minutes "
        f"by {found.processes} processes ({how}; CSI {found.csi:.3f})"
    )
    if found.fractions is not None:
        text += (
            f", and its fractions at {len(WINDOWS)} scales are summed in "
            f"{found.minutes(found.fractions):.0f} more"
        )
    return text + "."


def section(found: Sequence[Comparison], whole: Year) -> str:
    """What was found, as Markdown."""
    packages = ["numpy", "xarray", "scores", *(["pysteps"] if find_spec("pysteps") else [])]
    about = measured("benchmarks.speed.verification --write docs/performance.md", *packages)
    lacking = "" if find_spec("pysteps") else f"\n{LACKING}.\n"
    return f"""\
## Verification

{about}

{table(HEADINGS, map(cells, found))}
{lacking}
{summary(whole)}
{NOTES}"""


NOTES = f"""
Milliseconds for one forecast field and one frame: counts at {len(THRESHOLDS)} thresholds, fractions
at {len(THRESHOLDS)} thresholds and {len(WINDOWS)} scales. The target is {TARGET} times the speed of
pysteps. The results are asserted to agree: counts exactly, fractions to 1e-4. pysteps has no mask,
so it is compared where all cells have data, and fractions on fields with a dry margin, since the
others take cells outside the grid as dry and ours as unknown.
"""


def main() -> None:
    """Print every comparison and a year, and write them as a section."""
    from service.pipeline.ingest_batch import processors

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=at_least_one, default=5)
    parser.add_argument("--side", type=at_least_one, default=180, help="of the fields")
    parser.add_argument("--issues", type=at_least_one, default=PART, help="of the year")
    parser.add_argument("--batch", type=at_least_one, default=BATCH, help="issues at once")
    parser.add_argument("--write", type=Path, help="a Markdown file; changes its section only")
    options = parser.parse_args()
    if not find_spec("pysteps"):
        print(LACKING)
    print(table(HEADINGS, []), flush=True)
    found = []
    for comparison in comparisons(options.side, options.batch, options.rounds):
        found.append(comparison)
        print(table(HEADINGS, [cells(comparison)]).splitlines()[-1], flush=True)
    whole = year(options.side, options.issues, processors(), min(options.issues, PART))
    print(summary(whole))
    if options.write:
        write_section(options.write, section(found, whole), "verification")


if __name__ == "__main__":
    main()
