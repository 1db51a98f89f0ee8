"""What all tests share: where the data beside the project lie, and how many threads torch takes."""

import os
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
