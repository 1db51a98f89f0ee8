"""Checkpoints: weights of trained networks with the metadata to use them.

A checkpoint is one safetensors file. Its tensors are those of the network; its metadata are, as
JSON under the key "nowcast", the model, its width and levels, the intensity scale, the experiment
that trained it and its provenance. No code is stored or run.
"""

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors.torch
from safetensors import SafetensorError

from model_zoo.calibration import Calibration
from model_zoo.checkpoints.arrays import arrays_of, blank, check, fill
from model_zoo.checkpoints.card import FORMAT, KEY, read_card
from model_zoo.errors import BadCheckpoint, ModelError, NoWeights
from model_zoo.intensity import scale as scale_named
from model_zoo.nowcaster import Nowcaster

UNCALIBRATED = Calibration()


@dataclass(frozen=True)
class Checkpoint:
    """A network and its metadata."""

    network: Nowcaster
    """In evaluation mode, on the CPU."""
    model: str
    channels: int
    scale: str
    """Name of the intensity scale, one of `intensity.SCALES`."""
    view: str
    """"fixed", or "moving" for a network that sees frames carried to where their rain is now."""
    thresholds: tuple[float, ...]
    """mm/h; those whose exceedance it predicts, none if it predicts the rate."""
    calibration: Calibration
    """Of its probabilities and of rain areas; one that changes nothing if not chosen yet."""
    experiment: Mapping[str, Any]
    """Settings of its training; empty if it was not trained here."""
    provenance: Mapping[str, Any]
    """Origin: data, revision, time, or the file it was converted from."""
    sha256: str
    """Of the file, in hexadecimal; attribute `weights` of forecasts."""


def save(
    path: str | Path,
    network: Nowcaster,
    *,
    model: str,
    channels: int,
    scale: str,
    experiment: Mapping[str, Any],
    provenance: Mapping[str, Any],
    view: str = "fixed",
    thresholds: Sequence[float] = (),
    calibration: Calibration = UNCALIBRATED,
) -> None:
    """Write a checkpoint atomically.

    Raises:
        BadCheckpoint: The network does not fit `model` and `channels`, or has weights that are not
            finite.
        ModelError: There is no such model or scale.
    """
    scale_named(scale)
    arrays = arrays_of(network)
    levels = network.stack.levels
    wanted = arrays_of(blank(model, channels, levels, len(thresholds), network.guidance))
    check(arrays, wanted, f"the network to save as {model!r}")
    card = {
        "format": FORMAT,
        "model": model,
        "channels": channels,
        "levels": levels,
        "scale": scale,
        "view": view,
        "thresholds": list(thresholds),
        "calibration": calibration.as_dict(),
        "guidance": network.guidance,
        "experiment": dict(experiment),
        "provenance": dict(provenance),
    }
    metadata = {KEY: json.dumps(card, allow_nan=False)}
    arrays = {name: array.detach().cpu().contiguous() for name, array in arrays.items()}
    write_whole(Path(path), safetensors.torch.save(arrays, metadata))


def save_again(path: str | Path, trained: Checkpoint) -> None:
    """Write a checkpoint that was loaded, with what was changed of it; its hash is another then.

    Raises:
        BadCheckpoint: Its network has weights that are not finite.
    """
    save(
        path,
        trained.network,
        model=trained.model,
        channels=trained.channels,
        scale=trained.scale,
        view=trained.view,
        thresholds=trained.thresholds,
        calibration=trained.calibration,
        experiment=trained.experiment,
        provenance=trained.provenance,
    )


def load(path: str | Path) -> Checkpoint:
    """Read a checkpoint.

    Raises:
        NoWeights: There is no such file.
        BadCheckpoint: It is not one of our checkpoints, damaged, or does not fit its model.
    """
    path = Path(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise NoWeights(
            f"no checkpoint can be read at {path}: {error.strerror}. "
            "Train one with `nowcast train`, or convert one with `nowcast convert`."
        ) from error
    try:
        arrays = safetensors.torch.load(data)
    except (SafetensorError, ValueError, KeyError) as error:
        raise BadCheckpoint(
            f"{path} is not a whole safetensors file ({len(data)} bytes): {error}. Copy it again, "
            "or if it is a checkpoint of a published network, convert it with `nowcast convert`."
        ) from error
    card = read_card(data, path)
    try:
        thresholds = tuple(card.get("thresholds", ()))
        shape = (card["model"], card["channels"], card["levels"])
        network = blank(*shape, len(thresholds), card.get("guidance", 0))
        scale_named(card["scale"])
        calibration = Calibration.from_dict(card.get("calibration", {}))
    except (ModelError, ValueError, TypeError, RuntimeError) as error:
        raise BadCheckpoint(f"{path} is of a network that cannot be built here: {error}") from error
    if not calibration.fits(len(thresholds)):
        raise BadCheckpoint(
            f"{path} has a calibration that is not of its {len(thresholds)} thresholds; calibrate "
            "it again with `nowcast calibrate`"
        )
    fill(network, arrays, str(path))
    return Checkpoint(
        network.eval(),
        model=card["model"],
        channels=card["channels"],
        scale=card["scale"],
        view=card.get("view", "fixed"),
        thresholds=thresholds,
        calibration=calibration,
        experiment=card["experiment"],
        provenance=card["provenance"],
        sha256=hashlib.sha256(data).hexdigest(),
    )


def write_whole(path: Path, data: bytes) -> None:
    """Write a file atomically: to a temporary file beside it, flushed to disk, then renamed."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
