"""The provenance of a checkpoint as paragraphs of its model card."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.skill.events import CREDITS, named
from benchmarks.skill.sections import HOW
from benchmarks.skill.tables import markdown
from model_zoo.checkpoints.checkpoint import Checkpoint
from model_zoo.forecasters.contract import STEP_MINUTES

UNKNOWN = "not recorded"
SEEN = "frames of radar 90, 60, 30 and 0 minutes old"
VIEWS = {
    "fixed": SEEN,
    "moving": f"{SEEN}, advected to the newest time by the motion of the last half hour "
    "(`model_zoo/forecasters/motion.py`); the forecast is advected likewise",
}
SIMULATED = "sim"
"""Prefix of the names of simulated events."""


def description(trained: Checkpoint, line: Sequence[Checkpoint], name: str) -> list[str]:
    """Paragraphs of the card before the skill."""
    return [
        f"# {name.removesuffix('.safetensors')}\n",
        f"Written by `python -m benchmarks.skill.card` from `{name}`; no figure by hand.\n",
        "## Network\n",
        markdown(["", ""], network_rows(trained)) + "\n",
        *area_growth(trained),
        "## Training\n",
        markdown(["", *(f"part {n}" for n in range(1, len(line) + 1))], history(line)) + "\n",
        *unknown_start(line[0]),
        f"{CREDITS} Simulated rain is made by `ingest/simulation/rainfield.py`; not radar data.\n",
        *settings(line),
        "## Known weaknesses\n",
        weaknesses(line),
        f"## Skill\n\n{HOW}\n",
    ]


def network_rows(trained: Checkpoint) -> list[list[str]]:
    """Rows on architecture, input and output of the network."""
    parameters = sum(weight.numel() for weight in trained.network.parameters())
    levels = ", ".join(map(str, trained.network.stack.levels))
    rates = ", ".join(f"{threshold:g}" for threshold in trained.thresholds)
    probabilities = (
        f"exceedance probabilities of {rates} mm/h; cells of high probability get the rain of "
        "S-PROG's field"
    )
    shape = f"{trained.channels} channels, layers at levels {levels}"
    return [
        ["network", f"`{trained.model}`, {shape}; {parameters:,} parameters"],
        ["input", VIEWS.get(trained.view, trained.view)],
        ["output", probabilities if rates else "rainfall rate in mm/h"],
        ["lead times", "30, 60, 90 and 120 minutes; trained on cells of 5 km"],
        ["intensity scale", f"`{trained.scale}` (`model_zoo/intensity.py`)"],
        ["weights", f"SHA-256 `{trained.sha256}`"],
    ]


def area_growth(trained: Checkpoint) -> list[str]:
    """Calibrated growth of rain areas; nothing for a network without probabilities."""
    if not trained.thresholds:
        return []
    if not trained.calibration.growth:
        return ["Not calibrated: the area of each threshold is that of the newest frame.\n"]
    headings = ["growth of the area with mm/h", *(f"{t:g}" for t in trained.thresholds)]
    lines = [
        [f"{STEP_MINUTES * lead:g} min", *(f"{factor:.2f}" for factor in factors)]
        for lead, factors in enumerate(trained.calibration.growth, start=1)
    ]
    return [markdown(headings, lines) + "\n"]


def history(line: Sequence[Checkpoint]) -> list[list[str]]:
    """The parts of the training, one column each."""
    columns = [part(checkpoint.experiment, dict(checkpoint.provenance)) for checkpoint in line]
    names = dict.fromkeys(name for column in columns for name in column)
    return [[name, *(shown(column.get(name)) for column in columns)] for name in names]


def part(experiment: Mapping[str, Any], provenance: dict[str, Any]) -> dict[str, object]:
    """Properties of a part of the training; None where not recorded."""
    start = provenance.pop("start", None)
    seconds = provenance.pop("seconds", None)
    judged = provenance.pop("validation", {})
    return {
        "experiment": experiment.get("name"),
        "data": provenance.pop("data", None),
        "training events": ", ".join(named(experiment, "train")),
        "validation events": ", ".join(named(experiment, "validation")),
        "initial weights": start or ("random weights" if experiment else None),
        "seed": experiment.get("seed"),
        "steps": provenance.pop("step", None),
        "hours": None if seconds is None else f"{seconds / 3600:.2f}",
        "validation loss": f"{judged['loss']:.5g}" if "loss" in judged else None,
        "revision": provenance.pop("revision", None),
        **provenance,
    }


def shown(value: object) -> str:
    """A value in a cell of Markdown."""
    return UNKNOWN if value is None or value == "" else f"{value}".replace("*", "\\*")


def unknown_start(first: Checkpoint) -> list[str]:
    """A note on initial weights whose training is not recorded."""
    start = first.provenance.get("start")
    return (
        [f"The training of the initial weights `{start}` is not described here.\n"] if start else []
    )


def settings(line: Sequence[Checkpoint]) -> list[str]:
    """All settings of each part, folded away."""
    return [
        f"<details><summary>All settings of {checkpoint.experiment.get('name', 'the training')}"
        f"</summary>\n\n```json\n{json.dumps(checkpoint.experiment, indent=2)}\n```\n\n</details>\n"
        for checkpoint in line
        if checkpoint.experiment
    ]


def weaknesses(line: Sequence[Checkpoint]) -> str:
    """Known weaknesses as a list."""
    names = {name for checkpoint in line for name in named(checkpoint.experiment, "train")}
    radar = [name for name in names if not name.startswith(SIMULATED)]
    return (FEW.format(number=len(radar)) if radar else "") + WEAKNESSES


FEW = """\
- It is trained on {number} events of real radar of hours to a day, without weather that is rare in
  them.
"""
WEAKNESSES = """\
- It is verified on a few events of hours. They do not represent seasons, winter and snow, other
  climates, or its skill in operation. It is no basis for warnings.
- Fields are means over cells of 5 km and over five minutes, without the peaks of showers.
- Heavy rain is rare in these events, so its scores depend on few showers; see the intervals.
- It has no data beyond the range of the radars, which matters more at longer lead times. Errors of
  the radar (clutter, bright band, blocked beams) become errors of the forecast.
"""
