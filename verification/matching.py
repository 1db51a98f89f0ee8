"""Matching of forecasts and observations: same grid, same valid times, common valid cells."""

from collections.abc import Hashable, Iterable

import numpy as np
from numpy.typing import NDArray
from xarray import DataArray

from verification.errors import DifferentGrids


def match(forecast: DataArray, observed: DataArray) -> DataArray:
    """Observed frames at the valid times of a forecast.

    Args:
        forecast: Fields with y and x; its coordinate `time` holds their valid times, as
            `time(lead_time)` of one forecast or `time(issue, lead_time)` of several.
        observed: Frames (time, y, x) on the same y and x, in any order of time.

    Returns:
        A field with the dims of `forecast.time`, then y and x, in the precision of `observed`. NaN
        where the frame is not there; `missing` distinguishes this from a frame of no data.

    Raises:
        DifferentGrids: The fields lie on different cells, or two frames claim the same time.
    """
    _same_along(["y", "x"], forecast, observed)
    indices = _frame_indices(forecast, observed)
    frames = observed.transpose("time", "y", "x").to_numpy()
    values = np.full(
        (*indices.shape, *frames.shape[1:]), np.nan, np.result_type(frames, np.float32)
    )
    values[indices >= 0] = frames[indices[indices >= 0]]
    dims = (*forecast["time"].dims, "y", "x")
    return DataArray(values, kept_coords(forecast, dims), dims, observed.name, observed.attrs)


def missing(forecast: DataArray, observed: DataArray) -> DataArray:
    """Return where no frame has a valid time of the forecast; shaped as `forecast.time`.

    Raises:
        DifferentGrids: Two frames have the same time.
    """
    return forecast["time"].copy(data=_frame_indices(forecast, observed) < 0).rename("missing")


def common_mask(*forecasts: DataArray, observed: DataArray) -> DataArray:
    """True where the observation and every one of the forecasts have data.

    Forecasts are compared with each other on these cells only: what they are all counted against
    is `observed.where(common_mask(ours, persistence, observed=observed))`.

    Raises:
        DifferentGrids: The fields lie on different cells, times or leads.
    """
    mask = observed.notnull()
    for forecast in forecasts:
        here, there = pair(forecast.notnull(), mask)
        mask = here & there
    return mask.rename("common")


def pair(forecast: DataArray, observed: DataArray) -> tuple[DataArray, DataArray]:
    """Bring both fields to the dims of the forecast, over exactly the same coordinates.

    Plain xarray arithmetic would keep the coordinates that both happen to have and combine every
    time of the one with every time of the other; here nothing is dropped or multiplied in silence.

    Args:
        forecast: Of any shape.
        observed: With the same dims or fewer, in any order; it is repeated along those it lacks,
            such as the members of an ensemble.

    Returns:
        Both, shaped as `forecast`.

    Raises:
        DifferentGrids: Coordinates differ, or the observation has a dim that the forecast has not.
    """
    extra = [str(dim) for dim in observed.dims if dim not in forecast.dims]
    if extra:
        raise DifferentGrids(
            f"the forecast has dims {forecast.dims} and the observation {observed.dims}: nothing "
            f"to compare along {extra}; bring the frames to the forecast's leads with match()"
        )
    _same_along(observed.dims, forecast, observed)
    if observed.dims == forecast.dims:
        return forecast, observed
    repeated = {dim: n for dim, n in forecast.sizes.items() if dim not in observed.dims}
    return forecast, observed.expand_dims(repeated).transpose(*forecast.dims)


def split(field: DataArray, over: Iterable[Hashable]) -> tuple[list[Hashable], list[Hashable]]:
    """The dims of a field that stay, and those to sum over (one name, or several).

    Raises:
        DifferentGrids: The field has no such dim.
    """
    summed: list[Hashable] = [over] if isinstance(over, str) else list(over)
    unknown = [str(dim) for dim in summed if dim not in field.dims]
    if unknown:
        raise DifferentGrids(f"there is no {unknown} to sum over among the dims {field.dims}")
    return [dim for dim in field.dims if dim not in summed], summed


def kept_coords(field: DataArray, kept: Iterable[Hashable]) -> dict[Hashable, DataArray]:
    """Return the coordinates of a field (of any shape) that lie along the kept dims alone."""
    return {name: c for name, c in field.coords.items() if set(c.dims) <= set(kept)}


def _same_along(dims: Iterable[Hashable], forecast: DataArray, observed: DataArray) -> None:
    for dim in dims:
        ours, theirs = forecast.sizes[dim], observed.sizes[dim]
        if ours != theirs:
            raise DifferentGrids(f"the forecast has {ours} cells along {dim}, the frames {theirs}")
        if dim in forecast.indexes and dim in observed.indexes:
            here, there = forecast.indexes[dim], observed.indexes[dim]
            if not here.equals(there):
                index = int(np.flatnonzero(here != there)[0])
                raise DifferentGrids(
                    f"{dim}[{index}] is {here[index]} in the forecast and {there[index]} in the "
                    "frames; bring both to one grid, in one orientation"
                )


def _frame_indices(forecast: DataArray, observed: DataArray) -> NDArray[np.intp]:
    """Index of the frame of each valid time, -1 for none; shape of `forecast.time`."""
    times = observed.indexes["time"]
    if not times.is_unique:
        twice = times[times.duplicated()][0]
        raise DifferentGrids(f"two frames claim the time {twice}; pass each time once")
    valid = forecast["time"].to_numpy()
    indices: NDArray[np.intp] = times.get_indexer(valid.ravel()).reshape(valid.shape)
    return indices
