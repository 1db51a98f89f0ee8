"""Metadata of checkpoints, read without PyTorch."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from model_zoo.errors import BadCheckpoint, NoWeights

KEY = "nowcast"
"""Name of the metadata of ours in a safetensors file."""
FORMAT = 1
"""Version of the metadata, raised when older files could be misread."""


def read_card(data: bytes, path: Path) -> dict[str, Any]:
    """Read the metadata of a checkpoint from its bytes, of which those of the header are enough.

    Raises:
        BadCheckpoint: There are none of our checkpoints, or of another version.
    """
    length = int.from_bytes(data[:8], "little")
    return card_in(json.loads(data[8 : 8 + length]).get("__metadata__", {}), path)


def card_in(metadata: Mapping[str, str], path: Path) -> dict[str, Any]:
    """Return what the metadata of a safetensors file have of a checkpoint of ours.

    Raises:
        BadCheckpoint: Nothing, or of another version.
    """
    try:
        card = json.loads(metadata[KEY])
        missing = {"format", "model", "channels", "levels", "scale", "experiment", "provenance"}
        missing -= card.keys()
    except (KeyError, ValueError, AttributeError) as error:
        raise BadCheckpoint(
            f"{path} is a safetensors file without the metadata of a checkpoint of ours. If it is "
            "of a published network, convert it with `nowcast convert`."
        ) from error
    if missing or card["format"] != FORMAT:
        raise BadCheckpoint(
            f"{path} has metadata of format {card.get('format')!r} without {sorted(missing)}; "
            f"this version reads format {FORMAT}. Use the version that wrote it, or train again."
        )
    return dict(card)


def check_file(path: Path) -> None:
    """Check that a file is a whole checkpoint of ours, without reading its weights.

    Raises:
        NoWeights: It cannot be read.
        BadCheckpoint: It is not one.
    """
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
    except OSError as error:
        raise NoWeights(f"no checkpoint can be read at {path}: {error}") from error
    except SafetensorError as error:
        raise BadCheckpoint(
            f"{path} is not a whole safetensors file ({error}); copy it again, or train it with "
            "`nowcast train`"
        ) from error
    card_in(metadata, path)
