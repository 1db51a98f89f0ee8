"""Metadata of checkpoints, read without PyTorch."""

import json
from pathlib import Path
from typing import Any

from model_zoo.errors import BadCheckpoint, NoWeights

KEY = "nowcast"
"""Name of the metadata of ours in a safetensors file."""
FORMAT = 1
"""Version of the metadata, raised when older files could be misread."""
METADATA = "__metadata__"
LENGTH_BYTES = 8
"""Length of the header in a safetensors file, little-endian, before the header."""


def read_card(data: bytes, path: Path) -> dict[str, Any]:
    """Read the metadata of a checkpoint from its bytes, of which those of the header are enough.

    Raises:
        BadCheckpoint: There are none of our checkpoints, or of another version.
    """
    length = int.from_bytes(data[:8], "little")
    metadata = json.loads(data[8 : 8 + length]).get(METADATA, {})
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
        with path.open("rb") as file:
            data = file.read(LENGTH_BYTES)
            size = path.stat().st_size
            header = int.from_bytes(data, "little")
            data += file.read(min(header, size))
    except OSError as error:
        raise NoWeights(f"no checkpoint can be read at {path}: {error.strerror}") from error
    try:
        tensors = json.loads(data[LENGTH_BYTES:])
        ends = [tensor["data_offsets"][1] for name, tensor in tensors.items() if name != METADATA]
        is_whole = size == LENGTH_BYTES + header + max(ends, default=0)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError):
        is_whole = False
    if not is_whole:
        raise BadCheckpoint(
            f"{path} is not a whole safetensors file ({size} bytes); copy it again, or train it "
            f"with `nowcast train`"
        )
    read_card(data, path)
