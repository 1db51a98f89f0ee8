"""The demo serves before its radar is complete."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import httpx
import numpy as np
from rich.console import Console

from ingest.simulation.simulate import write
from service.cli import demo
from service.cli.demo import newest_published
from service.clock import utc_now
from service.runtime.all_in_one import free_port
from service.runtime.deployment import Deployment
from service.settings import Settings

FRAMES = 3


def test_the_map_answers_while_radar_is_still_coming(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path, port=free_port(), models=("advection",))
    answers = []

    def batches() -> Iterator[Iterable[Path]]:
        def files() -> Iterator[Path]:
            start = newest_published(utc_now()) - (FRAMES - 1) * np.timedelta64(5, "m")
            for path in write(tmp_path / "radar", start, FRAMES, seed=1):
                answers.append(httpx.get(f"http://127.0.0.1:{settings.port}/").status_code)
                yield path

        yield files()

    out = Console(record=True, width=200)
    deployment = Deployment(settings)
    demo.run_all(out, deployment, batches(), once=True)
    assert answers == [200] * FRAMES
    text = out.export_text()
    assert text.index("Map: http://127.0.0.1") < text.index(f"{FRAMES} accepted frames")
    assert "advection forecast in" in text
    assert "200  advection issued at" in text
