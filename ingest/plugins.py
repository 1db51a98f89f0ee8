"""Additions of installed packages: networks' cells, forecasters, readers and scores by entry point.

A package names them in its metadata, and they are there wherever it is installed:

    [project.entry-points."nowcast.cells"]
    my-cell = "my_package.cells:MyCell"

A registry has the names of the project and, from the first time that another name is looked up or
that all are listed, those of packages. So a process that needs none imports none, and a package may
import the module of a registry that it adds to. What cannot be imported, is not what the registry
takes or has the name of something else is left out with one warning; nothing else is affected.

Packages are trusted as the project itself is: their code runs in its processes.
"""

import logging
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, MutableMapping
from importlib.metadata import EntryPoint, entry_points
from threading import RLock
from typing import Generic, TypeVar

log = logging.getLogger(__name__)

NAME = re.compile(r"[a-z0-9][a-z0-9+_-]{0,39}")
"""Names that are safe in paths, URLs and metrics."""
LONGEST_REASON = 300
"""Characters of the reason in a warning."""
CELLS, FORECASTERS, READERS, SCORES = (
    f"nowcast.{kind}" for kind in ("cells", "forecasters", "readers", "scores")
)
"""Groups of entry points."""

_problems: dict[str, list[str]] = {}

T = TypeVar("T")


class Registry(MutableMapping[str, T], Generic[T]):
    """Things by name: those of the project, and those of packages once they are needed.

    Args:
        own: Of the project.
        load: Returns those of packages. It is called once, by the first that needs them.
    """

    def __init__(self, own: Mapping[str, T], load: Callable[[], Mapping[str, T]]) -> None:
        self.own = dict(own)
        self._load = load
        self._added: Mapping[str, T] | None = None
        self._is_loading = False
        self._lock = RLock()

    @property
    def added(self) -> Mapping[str, T]:
        """Those of packages; none to a package that looks while it is imported."""
        with self._lock:
            if self._added is None and not self._is_loading:
                self._is_loading = True
                try:
                    self._added = dict(self._load())
                finally:
                    self._is_loading = False
            return self._added or {}

    def __getitem__(self, name: str) -> T:
        return self.own[name] if name in self.own else self.added[name]

    def __setitem__(self, name: str, thing: T) -> None:
        self.own[name] = thing

    def __delitem__(self, name: str) -> None:
        del self.own[name]

    def __iter__(self) -> Iterator[str]:
        yield from self.own
        yield from (name for name in self.added if name not in self.own)

    def __len__(self) -> int:
        return len(self.own.keys() | self.added.keys())

    def __or__(self, other: Mapping[str, T]) -> dict[str, T]:
        """Return a dictionary of these and others, as of two dictionaries."""
        return {**self, **other}


def load(
    group: str, taken: Collection[str], accept: Callable[[str, object], T], forms: str = "{}"
) -> dict[str, T]:
    """Import the additions of installed packages to a registry.

    Args:
        group: Of entry points, such as "nowcast.cells".
        taken: Names that they cannot have.
        accept: From a name and what the entry point refers to, to what the registry holds; raises
            anything where it is not that.
        forms: Patterns of all names that an addition gets, separated by a space.

    Returns:
        By name, in the order of names.
    """
    points = sorted(entry_points(group=group), key=lambda point: (point.name, package_of(point)))
    numbers = Counter(point.name for point in points)
    found: dict[str, T] = {}
    used = set(taken)
    _problems[group] = []
    for point in points:
        names = [form.format(point.name) for form in forms.split()]
        try:
            check_name(point.name, names, used, numbers[point.name])
            found[point.name] = accept(point.name, point.load())
        except (Exception, SystemExit) as error:  # noqa: BLE001  a package may raise anything
            _problems[group].append(refused(point, error))
            log.warning("%s", _problems[group][-1])
        else:
            used.update(names)
    return found


def check_name(name: str, names: Collection[str], taken: Collection[str], number: int) -> None:
    """Check the name of an addition.

    Args:
        name: Of the entry point.
        names: All that the addition gets.
        taken: Those of other things.
        number: Of entry points of this name.

    Raises:
        ValueError: It is no name, or that of something else.
    """
    if not NAME.fullmatch(name):
        raise ValueError(f"the name should match {NAME.pattern}")
    if number > 1:
        raise ValueError(f"{number} packages give this name, of which none is used; uninstall one")
    if clash := [each for each in names if each in taken]:
        raise ValueError(f"the name {clash[0]!r} is taken; the package should give it another")


def package_of(point: EntryPoint) -> str:
    """Return name and version of the package of an entry point."""
    return f"{point.dist.name} {point.dist.version}" if point.dist else "a package without metadata"


def refused(point: EntryPoint, error: BaseException) -> str:
    """The line that says why an addition is not used."""
    reason = " ".join(f"{type(error).__name__}: {error}".split())
    return (
        f"plug-in {point.name!r} ({point.group}) of {package_of(point)} is not used: "
        f"{reason[:LONGEST_REASON]}"
    )


def problems(name: str = "") -> list[str]:
    """Return why additions are not used, of all registries that have been listed.

    Args:
        name: Of the addition; all without it.
    """
    lines = [line for group in _problems.values() for line in group]
    return [line for line in lines if not name or line.startswith(f"plug-in {name!r} ")]
