"""What all tests share: where the data beside the project lie, how many threads torch takes, and
what tests have measured, printed at the end."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import hypothesis
import pytest

if TYPE_CHECKING:
    from service.runtime.deployment import Deployment
    from tests.clean import Frames
    from tests.process_cluster import ProcessCluster

ROOT = Path(__file__).parents[1]

# Tiny networks lose more by handing work to threads than they gain. Set before torch is imported,
# and for the processes that tests start.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# The same examples in every run, at any speed; `--hypothesis-profile=random` draws others.
TOO_SLOW = [hypothesis.HealthCheck.too_slow]
ANY_SPEED: dict[str, Any] = {"deadline": None, "suppress_health_check": TOO_SLOW}
hypothesis.settings.register_profile("random", **ANY_SPEED)
hypothesis.settings.register_profile("same", **ANY_SPEED, derandomize=True)
hypothesis.settings.load_profile("same")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of radar files, parity kits and references beside the project."""
    folder = Path(os.environ.get("NOWCAST_TEST_SHARED", ROOT.parent / "shared"))
    if not folder.is_dir():
        pytest.skip(f"needs the data folder {folder.name!r} beside the project, which is not here")
    return folder


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of data to copy from or to read only."""
    from tests.served import fill  # which imports torch

    folder: Path = tmp_path_factory.mktemp("filled")
    fill(folder)
    return folder


@pytest.fixture(scope="module")
def service_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a service with data of its own, for the tests of one file."""
    from tests.served import fill, serving  # which import torch

    folder: Path = tmp_path_factory.mktemp("served")
    fill(folder)
    with serving(folder) as address:
        yield address


@pytest.fixture
def data(filled: Path, tmp_path: Path) -> Path:
    """A folder of data of the test's own."""
    copy: Path = shutil.copytree(filled, tmp_path / "data")
    return copy


class Played(Protocol):
    """A day that went through the processes of a service, as the fixture `played` has it."""

    @property
    def cluster(self) -> "ProcessCluster":
        """The processes."""

    @property
    def frames(self) -> "Frames":
        """The frames that came."""


@pytest.fixture(scope="module")
def clean(played: Played, tmp_path_factory: pytest.TempPathFactory) -> "Deployment":
    """The day that was played, without faults and step by step in one process."""
    from tests.clean import clean_run
    from tests.process_cluster import deployment_of

    with deployment_of(played.cluster.settings) as live:
        return clean_run(tmp_path_factory.mktemp("clean"), played.frames, live)


ONE_ROOM = "tests/end_to_end/page/"
"""A folder whose tests share a browser and a service, and so run in one process."""


@pytest.hookimpl(optionalhook=True)  # of pytest-xdist, which may not be there
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """As `--dist=loadfile`, but all files of `ONE_ROOM` count as one."""
    if config.getoption("dist") != "loadfile":
        return None
    from xdist.scheduler import LoadFileScheduling

    class ByRoom(LoadFileScheduling):  # type: ignore[misc]
        def _split_scope(self, nodeid: str) -> str:
            file: str = super()._split_scope(nodeid)
            return ONE_ROOM if file.startswith(ONE_ROOM) else file

    return ByRoom(config, log)


MEASURED = "measured"


@pytest.fixture
def tell(record_property: Callable[[str, object], None]) -> Callable[[str], None]:
    """Say in the output of all tests what this one has measured, whether it passes or not."""
    return lambda value: record_property(MEASURED, value)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for kind in ("passed", "failed", "skipped"):
        for report in terminalreporter.getreports(kind):
            for name, value in getattr(report, "user_properties", ()):
                if name == MEASURED and report.when == "call":
                    terminalreporter.write_line(f"{report.nodeid.rpartition('::')[2]}: {value}")
