"""What a checkpoint says of itself, in the words of a card."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.skill.events import CREDITS, named
from benchmarks.skill.sections import HOW
from benchmarks.skill.tables import markdown
from model_zoo.checkpoints.checkpoint import Checkpoint
from model_zoo.forecasters.network import STEP_MINUTES

UNKNOWN = "not recorded"
SEEN = "frames of radar 90, 60, 30 and 0 minutes old"
VIEWS = {
    "fixed": f"{SEEN}, as they are",
    "moving": f"{SEEN}, carried to where their rain is at the newest, by the motion of the last "
    "half hour (`model_zoo/forecasters/motion.py`); what it says is carried on likewise",
}
SIMULATED = "sim"
"""Begin of the names of events that no radar saw."""


def description(trained: Checkpoint, line: Sequence[Checkpoint], name: str) -> list[str]:
    """All of the card but the skill, in paragraphs."""
    return [
        f"# {name.removesuffix('.safetensors')}\n",
        f"Written by `python -m benchmarks.skill.card` from `{name}`; no figure by hand.\n",
        "## What it is\n",
        markdown(["", ""], network_rows(trained)) + "\n",
        *area_growth(trained),
        "## What it learnt from\n",
        markdown(["", *(f"part {n}" for n in range(1, len(line) + 1))], history(line)) + "\n",
        *unknown_start(line[0]),
        f"{CREDITS} Simulated rain is made by `ingest/simulation/rainfield.py`; no radar saw it.\n",
        *settings(line),
        "## Known weaknesses\n",
        weaknesses(line),
        f"## Skill\n\n{HOW}\n",
    ]


def network_rows(trained: Checkpoint) -> list[list[str]]:
    """What the network is, takes and gives."""
    parameters = sum(weight.numel() for weight in trained.network.parameters())
    levels = ", ".join(map(str, trained.network.stack.levels))
    rates = ", ".join(f"{threshold:g}" for threshold in trained.thresholds)
    probabilities = (
        f"how likely {rates} mm/h are reached; the likeliest cells get the rain of S-PROG's field"
    )
    shape = f"{trained.channels} channels, layers at levels {levels}"
    return [
        ["network", f"`{trained.model}`, {shape}; {parameters:,} parameters"],
        ["sees", VIEWS.get(trained.view, trained.view)],
        ["tells", probabilities if rates else "the rain rate in mm/h"],
        ["for", "30, 60, 90 and 120 minutes ahead; made for cells of 5 km"],
        ["intensity scale", f"`{trained.scale}` (`model_zoo/intensity.py`)"],
        ["weights", f"SHA-256 `{trained.sha256}`"],
    ]


def area_growth(trained: Checkpoint) -> list[str]:
    """By which factor rain areas grow in forecasts; nothing for a network without probabilities."""
    if not trained.thresholds:
        return []
    if not trained.calibration.growth:
        return ["Not calibrated: the area of each threshold stays as it is in the newest frame.\n"]
    headings = ["growth of the area with mm/h", *(f"{t:g}" for t in trained.thresholds)]
    lines = [
        [f"{STEP_MINUTES * lead:g} min", *(f"{factor:.2f}" for factor in factors)]
        for lead, factors in enumerate(trained.calibration.growth, start=1)
    ]
    return [markdown(headings, lines) + "\n"]


def history(line: Sequence[Checkpoint]) -> list[list[str]]:
    """How each part of the training went, one row for each thing to know."""
    columns = [part(checkpoint.experiment, dict(checkpoint.provenance)) for checkpoint in line]
    names = dict.fromkeys(name for column in columns for name in column)
    return [[name, *(shown(column.get(name)) for column in columns)] for name in names]


def part(experiment: Mapping[str, Any], provenance: dict[str, Any]) -> dict[str, object]:
    """How a part of the training went; None for what is not recorded."""
    start = provenance.pop("start", None)
    seconds = provenance.pop("seconds", None)
    judged = provenance.pop("validation", {})
    return {
        "experiment": experiment.get("name"),
        "data": provenance.pop("data", None),
        "learnt from": ", ".join(named(experiment, "train")),
        "choices made on": ", ".join(named(experiment, "validation")),
        "began with": start or ("random weights" if experiment else None),
        "seed": experiment.get("seed"),
        "steps": provenance.pop("step", None),
        "hours": None if seconds is None else f"{seconds / 3600:.2f}",
        "loss in validation": f"{judged['loss']:.5g}" if "loss" in judged else None,
        "revision": provenance.pop("revision", None),
        **provenance,
    }


def shown(value: object) -> str:
    """A value in a cell of Markdown."""
    return UNKNOWN if value is None or value == "" else f"{value}".replace("*", "\\*")


def unknown_start(first: Checkpoint) -> list[str]:
    """A word on weights that the training began with and that are not described."""
    start = first.provenance.get("start")
    return [f"Of the weights `{start}` it began with nothing more is told here.\n"] if start else []


def settings(line: Sequence[Checkpoint]) -> list[str]:
    """All settings of each part, folded away."""
    return [
        f"<details><summary>All settings of {checkpoint.experiment.get('name', 'the training')}"
        f"</summary>\n\n```json\n{json.dumps(checkpoint.experiment, indent=2)}\n```\n\n</details>\n"
        for checkpoint in line
        if checkpoint.experiment
    ]


def weaknesses(line: Sequence[Checkpoint]) -> str:
    """What is known to be wrong with it, or to be unknown."""
    names = {name for checkpoint in line for name in named(checkpoint.experiment, "train")}
    radar = [name for name in names if not name.startswith(SIMULATED)]
    return (FEW.format(number=len(radar)) if radar else "") + WEAKNESSES


FEW = """\
- Of real radar it has seen {number} events of hours to a day, and what is rare in them it does not
  know. About ten events were all there was to learn from, to choose on and to judge by.
"""
WEAKNESSES = """\
- It is judged on two events of hours. They say nothing of seasons, of winter and snow or of other
  climates, and nothing of its skill in operation. It is no basis for warnings.
- Fields are means over cells of 5 km and over five minutes: peaks of showers are not in them.
- Heavy rain is rare in both events, so that its scores hang on few showers; see the intervals.
- It knows nothing of what lies beyond the reach of the radars, which matters the more the further
  ahead. Where radar errs (clutter, bright band, blocked beams), so does it.
"""
