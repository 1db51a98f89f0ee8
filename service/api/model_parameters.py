"""Query parameters that name a model and its version."""

from typing import Annotated

from fastapi import Query

from service.api.dependencies import ApiContext
from service.api.schemas import ModelName

ModelQuery = Annotated[
    ModelName | None,
    Query(
        description="Name of a model, or `auto` for the most skilful model at each lead time; by "
        "default the service's default model.",
        examples=["auto"],
    ),
]
VersionQuery = Annotated[
    str | None,
    Query(
        pattern=r"^[0-9a-z]{4,8}$",
        description="Version of the model; by default the current one. A forecast whose URL names "
        "model and version never changes.",
        examples=["none"],
    ),
]


def named(context: ApiContext, model: str | None, version: str | None) -> tuple[str, str]:
    """Name and version in the key of a forecast, by default those of the settings."""
    return (model, version) if model and version else context.forecasters.named(model)
