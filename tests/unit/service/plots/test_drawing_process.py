"""Pictures drawn by a process of their own: the same ones, and it may end at any time."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from xarray import DataArray

from service.archive.archive import Archive
from service.archive.key import Key
from service.errors import Busy
from service.plots.drawing_process import DrawingProcess
from service.plots.fields import of_forecast
from tests.served import LATEST
from tests.showers import time as frame_time


@pytest.fixture
def drawing() -> Iterator[DrawingProcess]:
    process = DrawingProcess()
    yield process
    process.close()


def processes(drawing: DrawingProcess) -> list[int]:
    """Ids of the processes that draw."""
    return list(drawing._pool._processes or ()) if drawing._pool else []


def test_pictures_are_the_same_and_a_process_that_is_killed_is_replaced(
    filled: Path, drawing: DrawingProcess
) -> None:
    archive = Archive(filled / "archive")
    forecast = archive.forecast(Key(frame_time(LATEST), "persistence", "none"))
    before = archive.frame(frame_time(LATEST))
    assert not processes(drawing), "none before the first picture"
    expected = of_forecast(forecast, before)
    assert drawing.draw(forecast, before) == expected
    (first,) = processes(drawing)
    assert drawing.draw(forecast, before) == expected
    assert processes(drawing) == [first]
    pool = drawing._pool
    assert pool is not None
    pool._processes[first].kill()
    with pytest.raises(Busy, match="try again later"):
        draw_until_it_fails(drawing, forecast, before)
    assert drawing.draw(forecast, before) == expected
    (second,) = processes(drawing)
    drawing.close()
    for _ in range(6000):
        if not Path(f"/proc/{second}/cmdline").exists() or is_zombie(second):
            break
        time.sleep(0.05)
    else:
        pytest.fail("the process goes on after the service has closed")


def draw_until_it_fails(drawing: DrawingProcess, *fields: DataArray) -> None:
    """Draw again and again: it takes a moment until the end of a process is noticed."""
    for _ in range(1000):
        drawing.draw(*fields)


def is_zombie(process: int) -> bool:
    """Whether a process has ended and is not waited for yet."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True
