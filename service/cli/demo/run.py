"""Runs the demo: serves the page at once, and loads everything else after that."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from service.cli.startup import read_settings
from service.runtime.server import START_SECONDS, listening, served


def run(
    out: Console,
    data: Path | None,
    frames: int,
    seed: int,
    port: int | None,
    *,
    once: bool,
    live: bool = False,
) -> None:
    """Serve, ingest, forecast and verify an event that ends now.

    The page is there before what it shows is loaded, and says so; see
    `service.api.connections.starting`.

    Args:
        out: Where to print.
        data: Folder of the archive and the ledger; by default one that is removed in the end.
        frames: Number of past frames at the start.
        seed: Seed of the simulated event.
        port: Port of the API; 0 for a free one, None for that of the settings.
        once: Stop after one round.
        live: Use radar of the provider's server instead of a simulation.

    Raises:
        SourceUnavailable: There is no recent radar.
    """
    with folder_of(data) as folder:
        settings = read_settings({"data": folder, "port": port})
        try:
            with listening(settings) as (url, starting):
                out.print(f"Map: [bold]{url}/[/]  API: [bold]{url}/docs[/]")
                out.print("The page is there; PyTorch and the service are being loaded behind it.")
                from service.cli.demo import batches, steps
                from service.runtime.deployment import Deployment

                deployment = Deployment(settings)
                starting.use(served(deployment), START_SECONDS)
                event = (
                    batches.live_event(out, deployment, frames)
                    if live
                    else batches.simulated_event(out, deployment, frames, seed)
                )
                steps.run_all(out, url, deployment, event, once=once)
        except KeyboardInterrupt:
            out.print("stopped")


@contextmanager
def folder_of(data: Path | None) -> Iterator[Path]:
    """The folder of the data; without one, a temporary one, which is removed in the end."""
    folder = data or Path(tempfile.mkdtemp(prefix="nowcast-demo-"))
    try:
        yield folder
    finally:
        if data is None:
            shutil.rmtree(folder, ignore_errors=True)
