"""How good the forecasts without learning are, on real radar: CSI, HSS and frequency bias.

    python -m benchmarks.baselines
    python -m benchmarks.baselines --events ry_20200907 --every 10 --forecasters advection s-prog

Reads the events in ../shared/data (see reference/data.md there): sequences of several countries at
4 or 5 km, on which advection was tuned, and the German event of 2020-09-07, brought from 1 to 5 km,
on which nothing was chosen. All forecasters count on the cells where each of them and the
observation have data. In brackets the 90 % interval of a bootstrap: of one event over blocks of
starts of an hour, which is too narrow, as weather remembers longer, and left out below three
blocks; of all events together over events.
"""

import argparse
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
import xarray as xr
from xarray import DataArray, Dataset

import ingest
from model_zoo.forecast import LEAD_STEP, Forecaster
from model_zoo.forecaster import load_forecaster
from verification import common_mask, count, csi, fbias, hss, interval, match

SHARED = Path(__file__).parents[2] / "shared"
CORPUS = (
    "fmi_20160928_5km",
    "knmi_20100826_5km",
    "knmi_20110910_5km",
    "mch_20150515_5km",
    "mch_20170131_5km",
    "opera_20180824_without_germany_4km",
    "bom_c10_20201031_5km",
    "bom_cscn_20180616_5km",
)
GERMAN = "ry_20200907"
THRESHOLDS = (0.5, 2.0, 5.0)
HORIZON = 4
HISTORY = np.timedelta64(30, "m")
"""Before the first start: as far back as advection looks."""
NO_DATA = 65535
HIGHEST = 200.0
"""mm/h; the European composite has spikes above that are no rain."""
SCORES: dict[str, Callable[[Dataset], DataArray]] = {"CSI": csi, "HSS": hss, "FBIAS": fbias}


def main() -> None:
    """Print a table for each event and one for all of the corpus."""
    options = arguments()
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    forecasters = [load_forecaster(name) for name in options.forecasters]
    every = np.timedelta64(options.every, "m")
    corpus = []
    for event in options.events:
        frames = german(options.shared) if event == GERMAN else sequence(event, options.shared)
        counts, seconds = counts_of(frames, forecasters, every)
        hour = min(max(60 // options.every, 1), counts.sizes["start"])
        print(f"\n## {event}: {described(frames)}, {counts.sizes['start']} starts")
        print(", ".join(f"{name} {1e3 * s:.1f} ms" for name, s in seconds.items()), "a forecast\n")
        print(table(counts, "start", hour))
        if event != GERMAN:
            corpus.append(counts.sum("start"))
    if len(corpus) > 1:
        print(f"\n## {len(corpus)} events of the corpus together, counts summed\n")
        print(table(xr.concat(corpus, "event"), "event", 1))


def arguments() -> argparse.Namespace:
    """What to run on what."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--shared", type=Path, default=SHARED, help="folder with data/ in it")
    parser.add_argument("--events", nargs="+", default=[*CORPUS, GERMAN], metavar="EVENT")
    parser.add_argument("--every", type=int, default=15, help="minutes from start to start")
    parser.add_argument(
        "--forecasters",
        nargs="+",
        default=["persistence", "advection"],
        help="as load_forecaster knows them",
    )
    return parser.parse_args()


def sequence(event: str, shared: Path) -> DataArray:
    """Frames (time, y, x) in mm/h of an event of the corpus."""
    with np.load(shared / "data" / "corpus" / f"{event}.npz") as file:
        stored, times, metres = file["rate_x100"], file["time"], 1000 * float(file["km"])
    rate = np.where(stored == NO_DATA, np.nan, np.minimum(stored / 100, HIGHEST))
    rows, columns = rate.shape[1:]
    coords = {
        "time": times.astype("datetime64[ns]"),
        "y": metres * np.arange(rows)[::-1],
        "x": metres * np.arange(columns),
    }
    return DataArray(rate.astype(np.float32), coords, ("time", "y", "x"))


def german(shared: Path) -> DataArray:
    """Frames (time, y, x) in mm/h of the German event, on the grid of the models."""
    files = sorted((shared / "data" / "dwd" / GERMAN).glob("raa01-ry*"))
    frames = [ingest.to_model_grid(ingest.read(file)) for file in files]
    # headers that name different radars are no different grid
    return xr.concat(frames, "time", coords="minimal", compat="override", combine_attrs="override")


def starts(frames: DataArray, every: np.timedelta64) -> Iterator[np.datetime64]:
    """Times on the clock to start from that leave enough frames before and after."""
    times = frames["time"].to_numpy()
    midnight = times[0].astype("datetime64[D]")
    for issue in times[times >= times[0] + HISTORY]:
        if issue + HORIZON * LEAD_STEP <= times[-1] and not (issue - midnight) % every:
            yield issue


def counts_of(
    frames: DataArray, forecasters: Sequence[Forecaster], every: np.timedelta64
) -> tuple[Dataset, dict[str, float]]:
    """Counts (model, start, threshold, lead_time), and the median seconds of a forecast."""
    per_start, seconds = [], []
    for issue in starts(frames, every):
        past = frames.sel(time=slice(issue - 3 * LEAD_STEP, issue))
        forecasts, took = zip(*(timed(one, past) for one in forecasters), strict=True)
        observed = match(forecasts[0], frames)
        compared = observed.where(common_mask(*forecasts, observed=observed))
        counts = [count(one, compared, THRESHOLDS, ["y", "x"]) for one in forecasts]
        plain = [one.drop_vars(["time", "forecast_reference_time"]) for one in counts]
        per_start.append(xr.concat(plain, "model"))
        seconds.append(took)
    names = [one.name for one in forecasters]
    counted = xr.concat(per_start, "start").assign_coords(model=names)
    return counted, dict(zip(names, np.median(seconds, axis=0), strict=True))


def timed(forecaster: Forecaster, past: DataArray) -> tuple[DataArray, float]:
    """A forecast, and the seconds it took."""
    began = time.perf_counter()
    forecast = forecaster(past, horizon=HORIZON)
    return forecast, time.perf_counter() - began


def described(frames: DataArray) -> str:
    """What the frames are, in a line."""
    first, last = (f"{time:%Y-%m-%d %H:%M}" for time in frames.indexes["time"][[0, -1]])
    cells = " x ".join(str(frames.sizes[dim]) for dim in ("y", "x"))
    metres = abs(float(frames["x"][1] - frames["x"][0]))
    wet = 100 * float((frames >= 0.1).sum() / frames.notnull().sum())
    return f"{first} to {last} UTC, {cells} cells of {metres / 1000:g} km, {wet:.1f} % wet"


def table(counts: Dataset, over: str, block: int) -> str:
    """Scores per lead as Markdown: the value and the bounds of its interval."""
    leads = (counts["lead_time"].to_numpy() / np.timedelta64(1, "m")).astype(int)
    lines = [
        "| score | mm/h | forecaster | " + " | ".join(f"{lead} min" for lead in leads) + " |",
        "|---|---|---|" + "---|" * len(leads),
    ]
    sure = counts.sizes[over] >= 3 * block
    for name, score in SCORES.items():
        value = score(counts.sum(over))
        low, high = interval(counts, score, over, block=block)
        for threshold in counts["threshold"].to_numpy():
            for model in counts["model"].to_numpy():
                at = {"threshold": threshold, "model": model}
                rows = (field.sel(at).to_numpy() for field in (value, low, high))
                cells = [
                    f"{v:.2f} [{a:.2f}, {b:.2f}]" if sure else f"{v:.2f}"
                    for v, a, b in zip(*rows, strict=True)
                ]
                lines.append(f"| {name} | {threshold:g} | {model} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
