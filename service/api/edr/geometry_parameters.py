"""Query parameters that name a place, an area or a path."""

from typing import Annotated

from fastapi import Path, Query

Coords = Annotated[
    str,
    Query(
        description="POINT(lon lat) or MULTIPOINT, as WKT; heights are ignored.",
        examples=["POINT(13.41 52.52)"],
    ),
]
Point = Annotated[
    str, Query(description="POINT(lon lat), as WKT.", examples=["POINT(13.41 52.52)"])
]
Area = Annotated[
    str,
    Query(
        description="POLYGON or MULTIPOLYGON, as WKT.",
        examples=["POLYGON((13 52,14 52,14 53,13 53,13 52))"],
    ),
]
PathQuery = Annotated[
    str,
    Query(
        description="LINESTRING or MULTILINESTRING, as WKT; with M its points have times in "
        "seconds since 1970.",
        examples=["LINESTRING(13.0 52.4,13.8 52.6)"],
    ),
]
Box = Annotated[
    str,
    Query(description="Lowest x and y, then the highest.", examples=["13,52,14,53"]),
]
LocationPath = Annotated[
    str, Path(description="Name of a place, English or German.", examples=["Berlin"])
]
Within = Annotated[str, Query(description="Radius of the circle.", examples=["20"])]
WithinUnits = Annotated[
    str,
    Query(alias="within-units", description="Unit of the radius, such as km.", examples=["km"]),
]
