"""Rank histogram, CRPS, and spread against error of the ensemble, at cells, areas and hours.

    python -m benchmarks.skill.ensemble --write docs/ensemble.md

The ensemble is that of the default forecaster. Beside it stand its forecast alone, and its members
shuffled at each cell and lead time: with the same probabilities, but without structure. By default
the events are those of validation and the German event that nothing was chosen on.
"""

from collections.abc import Mapping, Sequence
from io import BytesIO
from itertools import pairwise

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from xarray import DataArray, Dataset

from benchmarks.report import measured, write_section
from benchmarks.skill import events
from benchmarks.skill.diagram import DOTS_PER_INCH, INK, LINES, QUIET, plain
from benchmarks.skill.five_minutes.lead_times import LEADS, STEP_MINUTES
from benchmarks.skill.forecasters import NamedForecaster, open_forecasters
from benchmarks.skill.scoring import HORIZON, NoStarts, history
from benchmarks.skill.skill import each_event, event_options, exit_on_bad_events
from benchmarks.skill.tables import markdown
from ingest.precipitation import lead_minutes_of
from model_zoo.forecasters.contract import LEAD_STEP, NotEnoughFrames
from model_zoo.forecasters.ensemble import ensemble_members, ensemble_seed
from service.archive.key import time_of
from verification import crps, ensemble_error, ensemble_sums, match, rank_shares, spread
from verification.ensemble import MEMBER

NAME = "Verification of the ensemble"
FORECASTER = "blend"
DRY = 0.1
"""mm/h; fainter rain is none, as no member has any."""
AREA_CELLS = 10
"""Side of the areas that means are taken over."""
HOUR = 60 // STEP_MINUTES
CELLS, AREAS, HOURS = "cells", "areas", "hours"
SCALES = (CELLS, AREAS, HOURS)
ENSEMBLE, SHUFFLED, ALONE = "ensemble", "shuffled", "forecast alone"
SHOWN = (5, 15, 30, 60, 90, 120)
"""Lead times in min that stand in the tables; all are in the figure of the spread."""
RANKED = (30, 120)
"""Lead times in min of the rank histograms."""
SHARES = (1, 5, 10, 15, 20)
"""Ranks of which the table gives the edges of groups: 0, then up to each of these."""


def sums_of(
    frames: DataArray, named: NamedForecaster, every: np.timedelta64
) -> tuple[dict[str, dict[str, Dataset]], int]:
    """Sums of an event by scale and kind of ensemble, and the number of starts.

    Args:
        frames: (time, y, x) of the event in mm/h.
        named: The forecaster.
        every: From start to start.

    Raises:
        NoStarts: There is no time that leaves enough frames before and after.
    """
    back = history([named])
    found: dict[tuple[str, str], list[Dataset]] = {}
    number = 0
    for issue in events.starts(frames, every, back, HORIZON * LEAD_STEP):
        past = frames.sel(time=slice(issue - back, issue))
        try:
            forecast = named.forecaster(past, LEADS, STEP_MINUTES)
        except NotEnoughFrames:
            continue
        number += 1
        for scale, kinds in compared(forecast, past, match(forecast, frames), named.label).items():
            observed = kinds.pop("observed")
            for kind, members in kinds.items():
                found.setdefault((scale, kind), []).append(ensemble_sums(members, observed))
    if not number:
        raise NoStarts(f"no start leaves frames of {back} before it and of two hours after it")
    totals: dict[str, dict[str, Dataset]] = {scale: {} for scale in SCALES}
    for (scale, kind), several in found.items():
        totals[scale][kind] = xr.concat(several, "start").sum("start")
    return totals, number


def compared(
    forecast: DataArray, past: DataArray, observed: DataArray, label: str
) -> dict[str, dict[str, DataArray]]:
    """Members (realization, lead_time, y, x) and observation by scale, where all have data."""
    issue = time_of(forecast["forecast_reference_time"])
    drawn = ensemble_members(forecast, past, seed=ensemble_seed(label, issue))
    bare = forecast.reset_coords(drop=True)
    observed = observed.reset_coords(drop=True).where(bare.notnull())
    observed = observed.where(~(observed < DRY), 0)
    known = observed.notnull()
    members = DataArray(drawn, bare.coords, (MEMBER, *bare.dims)).where(known)
    shuffled = np.random.default_rng(0).permuted(members.to_numpy(), axis=0)
    kinds = {
        ENSEMBLE: members,
        SHUFFLED: members.copy(data=shuffled),
        ALONE: xr.concat([bare, bare], MEMBER).where(known),
        "observed": observed,
    }
    return {
        CELLS: kinds,
        AREAS: {kind: area_means(field) for kind, field in kinds.items()},
        HOURS: {kind: hourly_sums(field) for kind, field in kinds.items()},
    }


def area_means(field: DataArray) -> DataArray:
    """Means (..., y, x) over squares of cells; NaN where one has no data."""
    blocks = field.coarsen(y=AREA_CELLS, x=AREA_CELLS, boundary="trim")
    means: DataArray = blocks.reduce(np.mean)
    return means


def hourly_sums(field: DataArray) -> DataArray:
    """Sums (..., hour, y, x) in mm over each hour of lead time; NaN where data are missing."""
    hours = field.coarsen(lead_time=HOUR, coord_func="max")
    sums: DataArray = hours.reduce(np.sum) * (STEP_MINUTES / 60)
    return sums


def crps_table(totals: Mapping[str, Mapping[str, Dataset]]) -> str:
    """CRPS, and spread over error, by scale, kind and lead time, as Markdown."""
    rows = []
    for scale, kinds in totals.items():
        for kind, sums in kinds.items():
            by_lead = dict(zip(lead_minutes_of(sums), crps(sums).to_numpy(), strict=True))
            cells = [f"{by_lead[m]:.4f}" if m in by_lead else "" for m in SHOWN]
            rows.append([scale, f"CRPS, {kind}", *cells])
            if kind == ALONE:
                continue
            ratio = (spread(sums) / ensemble_error(sums)).to_numpy()
            by_lead = dict(zip(lead_minutes_of(sums), ratio, strict=True))
            cells = [f"{by_lead[m]:.2f}" if m in by_lead else "" for m in SHOWN]
            rows.append([scale, f"spread / error, {kind}", *cells])
    return markdown(["scale", "score", *(f"+{minute}" for minute in SHOWN)], rows)


def rank_table(totals: Mapping[str, Mapping[str, Dataset]]) -> str:
    """Rank histograms of all lead times in groups of ranks, as Markdown."""
    edges = [0, *SHARES, None]
    names = ["0", *(f"{low} to {high - 1}" for low, high in pairwise(SHARES))]
    rows = []
    for scale, kinds in totals.items():
        for kind in (ENSEMBLE, SHUFFLED):
            shares = rank_shares(kinds[kind].sum("lead_time")).to_numpy()
            groups = [shares[slice(*pair)].mean() for pair in pairwise(edges)]
            rows.append([scale, kind, *(f"{share:.2f}" for share in groups)])
    return markdown(["scale", "members", *names, f"{SHARES[-1]}"], rows)


def draw(totals: Mapping[str, Mapping[str, Dataset]], title: str) -> bytes:
    """PNG: rank histograms above, spread and error by lead time below, a column per scale."""
    figure = Figure(figsize=(10.0, 5.6), dpi=DOTS_PER_INCH, layout="constrained")
    axes = figure.subplots(2, len(SCALES))
    for scale, (above, below) in zip(SCALES, axes.T, strict=True):
        sums = totals[scale][ENSEMBLE]
        draw_ranks(above, sums, scale)
        draw_spread(below, sums)
    axes[0, 0].set_ylabel("share of a rank, 1 is best", size=8.5, color=INK)
    axes[1, 0].set_ylabel("mm/h (hours: mm)", size=8.5, color=INK)
    axes[0, 0].legend(fontsize=8, frameon=False, labelcolor=INK)
    axes[1, 0].legend(fontsize=8, frameon=False, labelcolor=INK)
    figure.suptitle(title, size=11, weight="bold", color=INK)
    file = BytesIO()
    figure.savefig(file, format="png", metadata={"Title": title})
    return file.getvalue()


def draw_ranks(axis: Axes, sums: Dataset, scale: str) -> None:
    """Rank histograms of two lead times."""
    minutes = lead_minutes_of(sums)
    for minute, (colour, _) in zip(RANKED, LINES, strict=False):
        nearest = int(np.argmin(np.abs(np.array(minutes) - minute)))
        shares = rank_shares(sums.isel(lead_time=nearest)).to_numpy()
        axis.stairs(shares, color=colour, linewidth=1.4, label=f"+{minutes[nearest]} min")
    axis.axhline(1, color=QUIET, linewidth=1, linestyle=(0, (4, 3)))
    axis.set(ylim=(0, None))
    axis.set_title(scale, size=9.5, color=INK)
    axis.set_xlabel("members below the observation", size=8.5, color=INK)
    plain(axis)


def draw_spread(axis: Axes, sums: Dataset) -> None:
    """Spread and error by lead time."""
    for score, label, (colour, marker) in zip(
        (spread, ensemble_error), ("spread", "error of the mean"), LINES, strict=False
    ):
        values = score(sums).to_numpy()
        axis.plot(
            lead_minutes_of(sums), values, marker, ls="-", ms=3, lw=1.3, color=colour, label=label
        )
    axis.set(ylim=(0, None), xticks=range(0, 121, 30))
    axis.set_xlabel("lead time in min", size=8.5, color=INK)
    plain(axis)


def section(parts: Sequence[str]) -> str:
    """All events as Markdown."""
    return f"""\
{measured("benchmarks.skill.ensemble", "numpy", "torch")}
`cells` are single cells, `areas` means over {AREA_CELLS} x {AREA_CELLS} cells, `hours` sums over an
hour at a cell, in mm. CRPS in mm/h or mm; spread over error is 1 for members like the \
observation. A
rank histogram counts how many of the 20 members are below the observation, in units of what \
each rank
of random members should have; cells where all is dry do not count. At cells quantiles are evenly
spaced, so that 0 and 20 should have half of that. `shuffled`
are the same members, exchanged at random at each cell and lead time: what structure is worth.

{chr(10).join(parts)}"""


def main() -> None:
    """Print the tables of the events, and write them with figures."""
    options = event_options(str(__doc__), ("--forecaster", {"default": FORECASTER}), every=120)
    with exit_on_bad_events():
        (named,) = open_forecasters([options.forecaster])
        parts = []
        for event, frames, role in each_event(options, [named]):
            totals, starts = sums_of(frames, named, np.timedelta64(options.every, "m"))
            parts.append(
                f"## {event}\n\n{role}; {starts} starts.\n\n{crps_table(totals)}\n\n"
                f"### Ranks: {event}\n\n{rank_table(totals)}\n"
            )
            print(parts[-1], flush=True)
            if options.write:
                picture = options.write.parent / f"ensemble-{event}.png"
                picture.write_bytes(draw(totals, f"Ensemble of {named.label} on {event}"))
                parts[-1] += f"\n![Rank histograms, spread and error]({picture.name})\n"
    if options.write:
        write_section(options.write, section(parts), NAME.lower())


if __name__ == "__main__":
    main()
