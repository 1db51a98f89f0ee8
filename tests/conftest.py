"""What all tests share: where the data beside the project lie, how many threads torch takes, and
what tests have measured, printed at the end."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# Tiny networks lose more by handing work to threads than they gain. Set before torch is imported,
# and for the processes that tests start.
os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of radar files, parity kits and references beside the project."""
    folder = Path(os.environ.get("NOWCAST_TEST_SHARED", ROOT.parent / "shared"))
    if not folder.is_dir():
        pytest.skip(f"needs the data folder {folder.name!r} beside the project, which is not here")
    return folder


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
