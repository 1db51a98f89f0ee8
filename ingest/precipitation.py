"""The contract of a precipitation field: what all parts of the project hand to each other.

A field is a DataArray `rainfall_rate` in mm/h, float32, row 0 in the north. A frame, what radar
saw, has (time, y, x); a forecast has (lead_time, y, x) with the scalar `forecast_reference_time`
and the valid `time` of each lead. Times are UTC and mark the END of the five minutes that a rate is
the mean of. NaN is no data and never 0; 0 is dry.

A forecast may carry exceedance probabilities, P(rate >= threshold) in 0..1, as coordinates
`exceedance_probability_0.5`, `exceedance_probability_2` and so on (mm/h) of its own dimensions, NaN
where the rate is NaN.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from xarray import DataArray, Dataset, Variable

from ingest.errors import BadField
from ingest.grid import Grid, coordinates, known_grid

NAME = "rainfall_rate"
UNITS = "mm h-1"
INTERVAL = np.timedelta64(5, "m")
"""What a rate is the mean over."""
HIGHEST = 500.0
"""mm/h. Above 491.4, the largest value twelve bits of 0.01 mm in 5 minutes can hold; the record for
Germany, 126 mm in 8 minutes (Fuessen 1920), is a mean of 945 mm/h that no composite resolves."""
EXCEEDANCE_PROBABILITY = "exceedance_probability_"
"""Prefix of the names of coordinates; the threshold in mm/h follows."""
ATTRIBUTION = "Quelle: Deutscher Wetterdienst"
OPERA = "EUMETNET OPERA"
"""The programme of European weather services that makes a composite of theirs."""
SIMULATED = "simulated rain, seen by no radar"
UPLOADED = "frames that were uploaded"


def exceedance_probability_name(threshold: float) -> str:
    """Name of the coordinate with the probability of a threshold in mm/h or more."""
    return f"{EXCEEDANCE_PROBABILITY}{threshold:g}"


def exceedance_probability(threshold: float, probability: NDArray[np.float32]) -> Variable:
    """Coordinate of the exceedance probabilities of one threshold.

    Args:
        threshold: In mm/h.
        probability: (lead_time, y, x) in 0..1, NaN for no data.
    """
    long_name = f"probability that the rainfall rate is at least {threshold:g} {UNITS}"
    about = {"long_name": long_name, "units": "1"}
    return Variable(("lead_time", "y", "x"), probability, about)


def exceedance_probabilities(field: DataArray) -> dict[float, DataArray]:
    """Exceedance probabilities that a forecast carries, by threshold in mm/h, lowest first."""
    prefix = EXCEEDANCE_PROBABILITY
    names = [str(name) for name in field.coords if str(name).startswith(prefix)]
    by_threshold = {float(name.removeprefix(prefix)): field[name] for name in names}
    return dict(sorted(by_threshold.items()))


def credit(field: DataArray) -> str:
    """Return whom to credit for a field: its provider, or that it is simulated or uploaded.

    A field may state it by its attribute `attribution`.
    """
    if stated := field.attrs.get("attribution"):
        return str(stated)
    source = field.attrs.get("source", "")
    if source in (SIMULATED, UPLOADED):
        return str(source).capitalize()
    return f"Quelle: {OPERA}" if OPERA in source else ATTRIBUTION


def is_of_domain(field: DataArray) -> bool:
    """Whether a field (any shape) is of radar composites of a domain, and not an upload.

    Those of Germany are recognised by their grid, those of another domain by their credits.
    """
    return known_grid(field) is not None or "attribution" in field.attrs


def attributes(product: str, source: str) -> dict[str, str]:
    """Return the CF attributes of a field of a product and source."""
    return {
        "standard_name": NAME,
        "long_name": "rainfall rate",
        "units": UNITS,
        "cell_methods": "time: mean",
        "grid_mapping": "crs",
        "product": product,
        "source": source,
    }


def make(
    rate: NDArray[np.float32], time: np.datetime64, grid: Grid, product: str, source: str = "radar"
) -> DataArray:
    """Make a frame from the rates of one radar composite.

    Args:
        rate: (y, x) in mm/h, row 0 in the north, NaN for no data.
        time: End of the interval, UTC.
        grid: Of the cells.
        product: What the provider calls it, such as "RY".
        source: How it came about.

    Returns:
        (time, y, x) with one time.
    """
    return DataArray(
        np.asarray(rate, dtype=np.float32)[None],
        dims=("time", "y", "x"),
        coords={**coordinates(grid), "time": stamps([time])},
        name=NAME,
        attrs=attributes(product, source),
    )


def make_forecast(
    rate: NDArray[np.float32],
    issue: np.datetime64,
    leads: Sequence[np.timedelta64],
    grid: Grid,
    product: str,
    source: str = "radar",
) -> DataArray:
    """A forecast from the rates (lead_time, y, x) valid at `issue` plus each lead."""
    lead_time = np.asarray(leads, dtype="timedelta64[ns]")
    about = {"standard_name": "time", "long_name": "end of the interval"}
    coords = {
        **coordinates(grid),
        "lead_time": Variable("lead_time", lead_time, {"standard_name": "forecast_period"}),
        "forecast_reference_time": Variable(
            (), issue, {"standard_name": "forecast_reference_time"}
        ),
        "time": Variable("lead_time", issue + lead_time, about),
    }
    dims = ("lead_time", "y", "x")
    return DataArray(rate, coords=coords, dims=dims, name=NAME, attrs=attributes(product, source))


def lead_minutes_of(field: DataArray | Dataset) -> list[int]:
    """Return the lead times in min of a forecast, of counts or of scores (lead_time, ...)."""
    minutes: list[int] = (field["lead_time"].values / np.timedelta64(1, "m")).astype(int).tolist()
    return minutes


def stamps(times: ArrayLike) -> Variable:
    """Make the coordinate (time,) of ends of intervals, UTC."""
    return Variable(
        "time",
        np.asarray(times, dtype="datetime64[ns]"),
        {"standard_name": "time", "long_name": "end of the interval", "axis": "T"},
    )


def check(field: DataArray) -> DataArray:
    """The field itself, if it keeps the contract.

    Raises:
        BadField: It does not; the message states how, and what it should be.
    """
    if field.dims not in (("time", "y", "x"), ("lead_time", "y", "x")):
        raise BadField(f"dimensions are {field.dims}, should be (time, y, x) or (lead_time, y, x)")
    if field.attrs.get("units") != UNITS:
        raise BadField(f"units are {field.attrs.get('units')!r}, should be {UNITS!r}")
    if field.dtype != np.float32:
        raise BadField(f"values are {field.dtype}, should be float32")
    y = field.coords["y"].values
    if y[0] < y[-1]:
        raise BadField("rows run from south to north, should run from north to south")
    check_range(field.values)
    return field


def check_range(rate: NDArray[np.float32]) -> None:
    """Refuse rates that cannot be rain, and fields without a single valid cell.

    Raises:
        BadField: A rate is negative, infinite or above `HIGHEST`, or nothing is valid.
    """
    lowest, highest = np.fmin.reduce(rate, axis=None), np.fmax.reduce(rate, axis=None)
    if np.isnan(highest):
        raise BadField("no cell has data, at least one should")
    if lowest < 0 or not highest <= HIGHEST:
        raise BadField(
            f"rates reach from {lowest:g} to {highest:g} mm/h, should lie in 0 to {HIGHEST:g}"
        )
