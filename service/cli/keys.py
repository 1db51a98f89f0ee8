"""Command for API keys."""

from pathlib import Path
from typing import Annotated

import typer

from service.cli.options import open_console

app = typer.Typer()


@app.command()
def key(
    name: Annotated[str, typer.Argument(help="Name of the key's holder.")],
    per_minute: Annotated[
        int | None,
        typer.Option(
            help="Requests per minute; 0 for no limit; by default that of the settings.", min=0
        ),
    ] = None,
    file: Annotated[
        Path,
        typer.Option("--file", help="Key file, which stores the hash.", envvar="NOWCAST_API_KEYS"),
    ] = Path("api-keys.jsonl"),
) -> None:
    """Make an API key and print it once; the key file stores its hash only.

    `NOWCAST_API_KEYS` names the key file to the API, which reads it again when it changes. Then
    every request needs a key, as `Authorization: Bearer KEY` or `X-API-Key: KEY`. To revoke a key,
    remove its line.

    Example: `nowcast key anna --per-minute 60`
    """
    from service.api.middleware import api_keys

    secret = api_keys.add(file, name, per_minute)
    open_console(stderr=True).print(f"API key of {name}, printed only now; its hash is in {file}:")
    typer.echo(secret)
