"""Summary of a forecast at a position for programs, and how old its radar is."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from xarray import DataArray

from ingest.grid import same_grid
from ingest.precipitation import INTERVAL
from model_zoo.forecasters import motion
from service.api.dependencies import ApiContext
from service.api.freshness import is_stale, radar_age_seconds
from service.archive.key import Key, Time, iso, key_of, time_of, to_datetime
from service.errors import NoFrame
from service.pipeline.place_summary import PlaceSummary, dry_places, summarise
from service.pipeline.place_wording import LANGUAGES, wording

FRAMES_OF_MOTION = motion.SPAN_MINUTES // 5 + 1
"""Frames of the last half hour, which tell how the rain moves."""


def freshness(context: ApiContext, start: Time) -> dict[str, Any]:
    """Present age of the newest radar frame in an answer."""
    age = radar_age_seconds(context, start)
    return {"nowcast:radar_age_s": age, "nowcast:stale": is_stale(context, start)}


def place_summary(context: ApiContext, forecast: DataArray, row: int, column: int) -> PlaceSummary:
    """The summary of a cell of a forecast (lead_time, y, x) at all its lead times."""
    key = key_of(forecast)
    return summarise(
        forecast.isel(y=row, x=column),
        rate_now(context, forecast, row, column),
        dry=bool(dry_cells(context, key, forecast)[row, column]),
        stale=is_stale(context, key.issue),
    )


def rate_now(context: ApiContext, forecast: DataArray, row: int, column: int) -> float:
    """Rate in mm/h in a cell on the frame a forecast (lead_time, y, x) starts from, else NaN."""
    try:
        frame = context.archive.frame(time_of(forecast["forecast_reference_time"]))
    except NoFrame:
        return float("nan")
    return float(frame.values[0, row, column]) if same_grid(frame, forecast) else float("nan")


def dry_cells(context: ApiContext, key: Key, forecast: DataArray) -> NDArray[np.bool_]:
    """Which cells (y, x) can be called dry; worked out once for each forecast."""

    def encode() -> bytes:
        times = key.issue - np.arange(0, FRAMES_OF_MOTION) * INTERVAL
        try:
            frames = context.archive.frames(times)
        except NoFrame:
            return np.packbits(np.zeros(forecast.shape[1:], bool)).tobytes()
        if frames["time"].values[-1] != key.issue or not same_grid(frames, forecast):
            return np.packbits(np.zeros(forecast.shape[1:], bool)).tobytes()
        return np.packbits(dry_places(forecast, frames)).tobytes()

    packed = np.frombuffer(context.encoded_cache.get(f"{key.id}-dry", encode), np.uint8)
    rows, columns = forecast.shape[1:]
    return np.unpackbits(packed, count=rows * columns).reshape(rows, columns).astype(bool)


def summary_document(summary: PlaceSummary) -> dict[str, Any]:
    """The summary of a place as JSON, with its wording in English and German; times in UTC."""
    moments = {
        name: None if time is None else iso(to_datetime(time))
        for name, time in (
            ("starts", summary.starts),
            ("ends", summary.ends),
            ("until", summary.until),
            ("unknown_after", summary.unknown_after),
        )
    }
    windows = {
        name: None if window is None else [iso(to_datetime(time)) for time in window]
        for name, window in (
            ("starts_between", summary.starts_between),
            ("ends_between", summary.ends_between),
        )
    }
    probability = summary.probability
    return {
        "state": summary.state,
        "complete": summary.complete,
        **moments,
        **windows,
        "raining_now": summary.raining_now,
        "rate_now": rounded(summary.rate_now),
        "peak": rounded(summary.peak),
        "probability": None if probability is None else round(probability, 2),
        "with_interruptions": summary.with_interruptions,
        "text": {language: wording(summary, language) for language in LANGUAGES},
    }


def rounded(rate: float | None) -> float | None:
    """A rate in mm/h to two decimals, null for no data."""
    return None if rate is None else round(rate, 2)
