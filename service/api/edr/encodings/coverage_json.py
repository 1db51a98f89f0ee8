"""CoverageJSON of what a query takes out of its fields."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from xarray import DataArray

from service.api.edr.crs import referencing
from service.api.edr.extracts import Extract
from service.api.edr.parameters import parameter
from service.archive.key import iso


def coverages(
    extracts: Sequence[Extract], field: DataArray, about: dict[str, Any], *, several: bool
) -> dict[str, Any]:
    """One coverage of a field (step, y, x), or a collection of coverages.

    Args:
        extracts: What each coverage has.
        field: The field they are from.
        about: Members of the document that CoverageJSON does not know.
        several: Whether the query may have several coverages, so that its answer is a collection.
    """
    shared = {
        "parameters": {name: parameter(name).coverage_json() for name in extracts[0].values},
    }
    references = referencing(extracts[0].system, field)
    if not several:
        single = coverage(extracts[0])
        single["domain"]["referencing"] = references
        return {"type": "Coverage", "domain": single["domain"], **shared, **single, **about}
    return {
        "type": "CoverageCollection",
        "domainType": extracts[0].kind,
        **shared,
        "referencing": references,
        "coverages": [coverage(extract) for extract in extracts],
        **about,
    }


def coverage(extract: Extract) -> dict[str, Any]:
    """A coverage without its parameters and reference systems."""
    names, axes = axes_of(extract)
    return {
        "type": "Coverage",
        "domain": {"type": "Domain", "domainType": extract.kind, "axes": axes},
        "ranges": {
            name: {
                "type": "NdArray",
                "dataType": "float",
                "axisNames": names,
                "shape": list(shape_of(extract, values)),
                "values": rounded(values, parameter(name).decimals),
            }
            for name, values in extract.values.items()
        },
    }


def shape_of(extract: Extract, values: NDArray[np.float32]) -> tuple[int, ...]:
    """Shape of a range: a series at one point has the axis of times only."""
    return values.shape[:1] if extract.kind == "PointSeries" else values.shape


def axes_of(extract: Extract) -> tuple[list[str], dict[str, Any]]:
    """Names of the axes of the ranges, and the axes of the domain."""
    decimals = extract.system.decimals
    x, y = np.round(extract.x, decimals).tolist(), np.round(extract.y, decimals).tolist()
    times = [iso(time) for time in extract.times]
    if extract.kind == "Trajectory":
        tuples = [list(point) for point in zip(times, x, y, strict=True)]
        axis = {"dataType": "tuple", "coordinates": ["t", "x", "y"], "values": tuples}
        return ["composite"], {"composite": axis}
    if extract.kind == "MultiPointSeries":
        tuples = [list(point) for point in zip(x, y, strict=True)]
        axis = {"dataType": "tuple", "coordinates": ["x", "y"], "values": tuples}
        return ["t", "composite"], {"t": {"values": times}, "composite": axis}
    axes = {"x": {"values": x}, "y": {"values": y}, "t": {"values": times}}
    return (["t"] if extract.kind == "PointSeries" else ["t", "y", "x"]), axes


def rounded(values: NDArray[np.float32], decimals: int) -> list[float | None]:
    """All values (any shape) in order, rounded; null for no data."""
    flat = values.ravel()
    exact = np.round(flat.astype(np.float64), decimals).astype(object)
    exact[np.isnan(flat)] = None
    listed: list[float | None] = exact.tolist()
    return listed
