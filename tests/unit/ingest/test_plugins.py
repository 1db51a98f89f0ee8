"""Additions of installed packages: what is taken, what is refused, and when they are imported."""

import logging
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ingest import plugins
from ingest.errors import BadField
from ingest.formats import plugin_readers
from ingest.formats.radolan import Composite
from ingest.grid import Grid
from tests.unit.ingest.plugin_package import install

GROUP = "nowcast.tests"
NUMBERS = count()

Install = Callable[..., str]


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Installs a package with a module of a new name, and returns that name."""
    monkeypatch.syspath_prepend(tmp_path)

    def write(code: str, *names: str, target: str = "THING", group: str = GROUP) -> str:
        module = f"package_of_a_test_{next(NUMBERS)}"
        (tmp_path / f"{module}.py").write_text(code)
        points = dict.fromkeys(names, f"{module}:{target}")
        install(tmp_path, module.replace("_", "-"), {group: points})
        return module

    return write


def number(name: str, given: object) -> int:
    if not isinstance(given, int):
        raise TypeError(f"{given!r} is no number")
    return given


def load(*taken: str, forms: str = "{}") -> dict[str, int]:
    return plugins.load(GROUP, taken, number, forms)


def test_an_addition_has_the_name_of_its_entry_point(package: Install) -> None:
    package("THING = 7", "seven")
    assert load() == {"seven": 7}
    assert plugins.problems("seven") == []


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("import nowhere_to_be_found", "ModuleNotFoundError: No module named 'nowhere_to"),
        ("OTHER = 1", "AttributeError"),
        ("def f(:", "SyntaxError"),
        ("raise SystemExit('enough')", "SystemExit: enough"),
        ("raise ValueError('two\\nlines')", "ValueError: two lines"),
        ("THING = 'text'", "TypeError: 'text' is no number"),
    ],
)
def test_a_broken_addition_is_one_line_and_stops_no_other(
    package: Install, caplog: pytest.LogCaptureFixture, code: str, reason: str
) -> None:
    module = package(code, "broken").replace("_", "-")
    package("THING = 1", "whole")
    with caplog.at_level(logging.WARNING):
        assert load() == {"whole": 1}
    (line,) = caplog.messages
    assert line.startswith(f"plug-in 'broken' ({GROUP}) of {module} 1.0 is not used: {reason}")
    assert "\n" not in line
    assert plugins.problems("broken") == [line]


@pytest.mark.parametrize(
    ("name", "taken"), [("mine", ("mine",)), ("net", ("ms-net",)), ("ms-net", ("ms-net",))]
)
def test_a_name_that_is_taken_is_refused(
    package: Install, name: str, taken: tuple[str, ...]
) -> None:
    package("THING = 1", name)
    assert load(*taken, forms="{} ms-{}") == {}
    assert "is taken" in plugins.problems(name)[0]


def test_a_name_that_two_packages_give_is_given_by_none(package: Install) -> None:
    package("THING = 1", "twin")
    package("THING = 2", "twin")
    assert load() == {}
    assert [("2 packages" in line) for line in plugins.problems("twin")] == [True, True]


def test_names_that_follow_from_another_addition_are_taken(package: Install) -> None:
    package("THING = 1", "ms-net", "net")
    assert load(forms="{} ms-{}") == {"ms-net": 1}
    assert "'ms-net' is taken" in plugins.problems("net")[0]


@pytest.mark.parametrize("name", ["../up", "Upper", "a b", "ä", "x" * 41])
def test_a_name_that_is_unsafe_in_paths_is_refused(package: Install, name: str) -> None:
    package("THING = 1", name)
    assert load() == {}
    assert "the name should match" in plugins.problems()[-1]


def test_a_registry_imports_packages_when_another_name_is_needed(package: Install) -> None:
    loads: list[None] = []

    def counted() -> dict[str, int]:
        loads.append(None)
        return load()

    package("THING = 7", "seven")
    registry = plugins.Registry({"one": 1}, counted)
    assert registry["one"] == 1
    assert "one" in registry
    assert not loads
    assert registry["seven"] == 7
    assert list(registry) == ["one", "seven"]
    assert len(registry) == 2
    assert registry | {"two": 2} == {"one": 1, "seven": 7, "two": 2}
    assert "eight" not in registry
    assert len(loads) == 1


def test_a_package_that_looks_at_the_registry_while_imported_sees_ours_alone(
    package: Install,
) -> None:
    registry: plugins.Registry[int] = plugins.Registry({"one": 1}, load)
    code = "from tests.unit.ingest import test_plugins as t; THING = len(t.LOOKED_AT)"
    global LOOKED_AT  # noqa: PLW0603  what the package looks at
    LOOKED_AT = registry
    package(code, "curious")
    assert registry["curious"] == 1


LOOKED_AT: plugins.Registry[int]


class OfText:
    """A reader of what begins with its mark."""

    grid = Grid("EPSG:28992", 0.0, 0.0, 1000.0, (2, 3))

    def __init__(self, found: object = None, error: Exception | None = None) -> None:
        self.found, self.error = found, error

    def recognises(self, data: bytes, name: str) -> bool:
        return data.startswith(b"mark")

    def decode(self, data: bytes) -> list[object]:
        if self.error:
            raise self.error
        return [self.found]


def composite(**changes: Any) -> Composite:
    now, lead = np.datetime64("2025-06-21T12:00"), np.timedelta64(0, "m")
    good = Composite("CLUB", now, lead, np.ones((2, 3), np.float32), OfText.grid, "club 1")
    return good._replace(**changes)


@pytest.fixture
def use_reader(monkeypatch: pytest.MonkeyPatch) -> Callable[[object], None]:
    def use(reader: object) -> None:
        accepted = plugin_readers.accepted_reader("mine", reader)
        monkeypatch.setattr(plugin_readers, "READERS", {"mine": accepted})

    return use


def test_a_reader_takes_the_files_that_it_recognises(use_reader: Callable[[object], None]) -> None:
    use_reader(OfText(composite()))
    assert plugin_readers.reader_of(b"mark", "x") == "mine"
    assert plugin_readers.reader_of(b"other", "x") is None
    (found,) = plugin_readers.decode("mine", b"mark")
    assert found.issue.dtype == "datetime64[ns]"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (OfText(error=RuntimeError("odd\nbytes")), "reader mine fails: RuntimeError: odd bytes"),
        (OfText(error=BadField("is cut off")), "is cut off"),
        (OfText("text"), "it returned str"),
        (OfText(composite(rate=np.ones((3, 3)))), r"rates \(3, 3\) on a grid of \(2, 3\)"),
        (OfText(composite(issue=np.datetime64("NaT"))), "no time"),
        (OfText(composite(product="a product of ours")), "product is"),
    ],
)
def test_what_a_reader_does_wrong_is_a_bad_field(
    use_reader: Callable[[object], None], given: OfText, message: str
) -> None:
    use_reader(given)
    with pytest.raises(BadField, match=message):
        plugin_readers.decode("mine", b"mark")


def test_a_reader_that_fails_to_recognise_leaves_the_file_to_others(
    use_reader: Callable[[object], None], caplog: pytest.LogCaptureFixture
) -> None:
    class Confused(OfText):
        def recognises(self, data: bytes, name: str) -> bool:
            raise ZeroDivisionError

    use_reader(Confused())
    with caplog.at_level(logging.WARNING):
        assert plugin_readers.reader_of(b"mark", "x.bin") is None
    assert "reader mine cannot judge x.bin: ZeroDivisionError" in caplog.text


def test_what_lacks_a_function_is_no_reader() -> None:
    with pytest.raises(TypeError, match="lacks the function 'decode'"):
        plugin_readers.accepted_reader("mine", type("Half", (), {"recognises": print}))
