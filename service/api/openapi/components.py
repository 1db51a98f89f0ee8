"""Schemas of the OpenAPI document: those that no route names, and a name of its own for each."""

from typing import Any

from pydantic.json_schema import models_json_schema

from service.api.nowcast_requests.request import NowcastRequest, OwnFrames
from service.api.openapi.responses import (
    FeatureCollection,
    FeatureInfo,
    MotionArrows,
    Outlines,
)
from service.api.schemas import Problem

Description = dict[str, Any]

NAMED_BY_REFERENCE = (
    Problem,
    NowcastRequest,
    OwnFrames,
    FeatureCollection,
    FeatureInfo,
    MotionArrows,
    Outlines,
)
"""Models that routes name by a reference only, beside a media type that is not their default."""
PREFIX = "#/components/schemas/"
PACKAGES = {"covjson_pydantic": "Covjson", "edr_pydantic": "Edr", "service": ""}
"""What the names of a package's schemas begin with, where other schemas have the same name."""


def completed(description: Description) -> Description:
    """An OpenAPI document with all schemas, each under a name that is also its title.

    Generators of clients name types by titles; FastAPI qualifies names that occur twice by modules,
    and leaves equal titles.

    Raises:
        ValueError: Two schemas have the same name.
    """
    _, named = models_json_schema(
        [(model, "validation") for model in NAMED_BY_REFERENCE], ref_template=f"{PREFIX}{{model}}"
    )
    schemas = named["$defs"] | description["components"]["schemas"]
    names = {name: short_name(name) for name in schemas}
    if len(set(names.values())) < len(names):
        raise ValueError(f"schemas of OpenAPI have equal names: {sorted(names.values())}")
    description["components"]["schemas"] = {
        names[name]: schema | {"title": names[name]} for name, schema in sorted(schemas.items())
    }
    renamed: Description = with_references(description, names)
    return renamed


def short_name(name: str) -> str:
    """The name of a schema without modules: `edr_pydantic__unit__Unit` is `EdrUnit`."""
    package, _, rest = name.partition("__")
    if package not in PACKAGES or not rest:
        return name
    return PACKAGES[package] + rest.rpartition("__")[2]


def with_references(part: Any, names: dict[str, str]) -> Any:  # noqa: ANN401  any JSON value
    """A part of a document whose references have the short names."""
    if isinstance(part, list):
        return [with_references(item, names) for item in part]
    if not isinstance(part, dict):
        return part
    changed = {name: with_references(value, names) for name, value in part.items()}
    reference = part.get("$ref")
    if isinstance(reference, str) and reference.startswith(PREFIX):
        changed["$ref"] = PREFIX + names[reference.removeprefix(PREFIX)]
    return changed
