r"""Skill at each lead time of 5 minutes up to two hours, as a table and a figure.

    python -m benchmarks.skill.five_minutes.lead_times
    python -m benchmarks.skill.five_minutes.lead_times \\
        --events knmi_20100826_5km --forecasters blend advection

All forecasters start at the same times and count on the cells where each of them and the radar have
data. By default the events are those of validation and the German event that nothing was chosen on.
"""

import argparse
from collections.abc import Sequence
from io import BytesIO

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from xarray import DataArray, Dataset

from benchmarks.report import measured, write_section
from benchmarks.skill import events
from benchmarks.skill.diagram import DOTS_PER_INCH, INK, LINES, plain
from benchmarks.skill.forecasters import NamedForecaster, open_forecasters
from benchmarks.skill.scoring import HORIZON, NoStarts, history
from benchmarks.skill.skill import each_event, event_options, exit_on_bad_events
from benchmarks.skill.tables import markdown
from ingest.precipitation import lead_minutes_of
from model_zoo.forecasters.contract import LEAD_STEP, NotEnoughFrames
from verification import common_mask, count, csi, match

STEP_MINUTES = 5
LEADS = int(HORIZON * LEAD_STEP / np.timedelta64(STEP_MINUTES, "m"))
THRESHOLDS = (0.5, 2.0, 5.0)
FORECASTERS = ("advection", "s-prog", "blend")
SHOWN = (5, 10, 15, 20, 25, 30, 45, 60, 75, 90, 105, 120)
"""Lead times in min that stand in the table; all are in the figure."""
NAME = "Lead times of five minutes"


def counts_of(
    frames: DataArray, forecasters: Sequence[NamedForecaster], every: np.timedelta64
) -> tuple[Dataset, int]:
    """Contingency counts of an event by (model, threshold, lead_time), and the number of starts.

    Raises:
        NoStarts: There is no time that leaves enough frames before and after.
    """
    back = history(forecasters)
    counts: list[Dataset] = []
    for issue in events.starts(frames, every, back, HORIZON * LEAD_STEP):
        past = frames.sel(time=slice(issue - back, issue))
        try:
            forecasts = [named.forecaster(past, LEADS, STEP_MINUTES) for named in forecasters]
        except NotEnoughFrames:
            continue
        ahead = slice(issue + np.timedelta64(1, "m"), issue + HORIZON * LEAD_STEP)
        leads = frames.sel(time=ahead)["time"].to_numpy() - issue
        bare = [field.sel(lead_time=leads).reset_coords(drop=True) for field in forecasts]
        observed = match(forecasts[0].sel(lead_time=leads), frames).reset_coords(drop=True)
        compared = observed.where(common_mask(*bare, observed=observed))
        found = count(xr.concat(bare, "model"), compared, THRESHOLDS, ["y", "x"])
        counts.append(found)
    if not counts:
        raise NoStarts(f"no start leaves frames of {back} before it and of two hours after it")
    total = xr.concat(counts, "start", join="outer", fill_value=0).sum("start")
    return total.assign_coords(model=[named.label for named in forecasters]), len(counts)


def table(counts: Dataset) -> str:
    """CSI by threshold and forecaster at some of the lead times, as Markdown."""
    scores = csi(counts)
    minutes = lead_minutes_of(counts)
    shown = [minutes.index(lead) for lead in SHOWN if lead in minutes]
    lines = [
        [f"{threshold:g}", model, *(f"{value:.3f}" for value in of_model.to_numpy()[shown])]
        for threshold in THRESHOLDS
        for model in counts["model"].to_numpy().tolist()
        for of_model in [scores.sel(threshold=threshold, model=model)]
    ]
    return markdown(["mm/h", "forecaster", *(f"+{minutes[index]}" for index in shown)], lines)


def draw(counts: Dataset, title: str) -> bytes:
    """PNG of CSI by lead time, a panel per threshold and a line per forecaster."""
    figure = Figure(figsize=(10.0, 3.6), dpi=DOTS_PER_INCH, layout="constrained")
    axes = figure.subplots(1, len(THRESHOLDS), sharex=True)
    scores = csi(counts)
    for threshold, axis in zip(THRESHOLDS, axes, strict=True):
        models = counts["model"].to_numpy().tolist()
        for model, (colour, marker) in zip(models, LINES, strict=False):
            values = scores.sel(threshold=threshold, model=model)
            line = {"color": colour, "marker": marker, "markersize": 3, "linewidth": 1.3}
            axis.plot(lead_minutes_of(counts), values, label=model, **line)
        axis.set_title(f"{threshold:g} mm/h or more", size=9.5, color=INK)
        axis.set(ylim=(0, 1), xticks=range(0, 121, 30))
        axis.set_xlabel("lead time in min", size=8.5, color=INK)
        plain(axis)
    axes[0].set_ylabel("CSI", size=8.5, color=INK)
    axes[-1].legend(fontsize=8, frameon=False, labelcolor=INK)
    figure.suptitle(title, size=11, weight="bold", color=INK)
    file = BytesIO()
    figure.savefig(file, format="png", metadata={"Title": title})
    return file.getvalue()


def section(parts: Sequence[str]) -> str:
    """All events as Markdown."""
    head = measured("benchmarks.skill.five_minutes.lead_times", "numpy", "torch")
    return f"""\
{head}
Critical success index at each lead time. Between the half hours a network's fields are carried
along the motion and averaged, before +30 minutes with the newest radar frame
(`model_zoo/forecasters/lead_interpolation.py`); at the half hours they are its own.

{chr(10).join(parts)}"""


def arguments(description: str, forecasters: Sequence[str]) -> argparse.Namespace:
    """What to run on what; threads are set.

    Args:
        description: Of the command.
        forecasters: Those of the default.
    """
    several = {"nargs": "+", "default": list(forecasters)}
    return event_options(description, ("--forecasters", several))


def main() -> None:
    """Print the tables of the events, and write them with figures."""
    options = arguments(__doc__, FORECASTERS)
    with exit_on_bad_events():
        forecasters = open_forecasters(options.forecasters)
        parts = []
        for event, frames, role in each_event(options, forecasters):
            counts, starts = counts_of(frames, forecasters, np.timedelta64(options.every, "m"))
            parts.append(f"## {event}\n\n{role}; {starts} starts.\n\n{table(counts)}\n")
            print(parts[-1], flush=True)
            if options.write:
                picture = options.write.parent / f"csi-by-lead-{event}.png"
                picture.write_bytes(draw(counts, f"Critical success index on {event}"))
                parts[-1] += f"\n![CSI by lead time]({picture.name})\n"
    if options.write:
        write_section(options.write, section(parts), NAME.lower(), f"# {NAME}\n")


if __name__ == "__main__":
    main()
