"""The forecasters to compare, with their labels in the tables."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from benchmarks import pysteps_sprog
from benchmarks.skill.opponents import yardstick
from model_zoo.checkpoints import checkpoint
from model_zoo.forecasters.blend import Blend
from model_zoo.forecasters.by_name import BASELINES, SUFFIX, find_weights, load_forecaster
from model_zoo.forecasters.contract import Forecaster

BESIDE: Mapping[str, Callable[[], Forecaster]] = MappingProxyType(
    {pysteps_sprog.NAME: pysteps_sprog.PystepsSPROG, yardstick.NAME: yardstick.Yardstick}
)
"""Forecasters to compare with that are no part of the service."""


class NamedForecaster(NamedTuple):
    """A forecaster with its label."""

    label: str
    forecaster: Forecaster
    experiments: Sequence[Mapping[str, Any]]
    """Experiments that trained it; none for a baseline."""


def open_forecasters(names: Iterable[str]) -> list[NamedForecaster]:
    """Forecasters by their names or paths; "pysteps-s-prog" is left out where pysteps is missing.

    Each goes by its own name, or where several have that by the name of its file, or by its path.

    Raises:
        UnknownModel, NoWeights, BadCheckpoint: There is no such forecaster.
    """
    found: dict[str, Forecaster] = {}
    for name in dict.fromkeys(names):
        try:
            factory = BESIDE.get(name)
            found[name] = factory() if factory else load_forecaster(name)
        except pysteps_sprog.MissingPysteps as error:
            print(f"left out: {error}")
    labels = [[entry.name, Path(name).stem, name] for name, entry in found.items()]
    taken = Counter(word for words in labels for word in set(words))
    return [
        NamedForecaster(
            next(word for word in words if taken[word] == 1 or word == name),
            forecaster,
            experiments_of(forecaster, name),
        )
        for (name, forecaster), words in zip(found.items(), labels, strict=True)
    ]


def experiments_of(forecaster: Forecaster, name: str) -> list[Mapping[str, Any]]:
    """The experiments that trained a forecaster, of a blend those of its members."""
    if isinstance(forecaster, Blend):
        members = zip(forecaster.members, forecaster.table.members, strict=True)
        return [entry for member, of in members for entry in experiments_of(member, of)]
    if name == yardstick.NAME:
        return [yardstick.experiment()]
    if name in (*BASELINES, pysteps_sprog.NAME):
        return []
    return [checkpoint.load(path_of(name)).experiment]


def path_of(name: str) -> Path:
    """The checkpoint of a network named by its name or path."""
    return Path(name) if name.endswith(SUFFIX) else find_weights(name, None)
