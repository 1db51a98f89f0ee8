"""Commands for the keys of the API."""

from pathlib import Path
from typing import Annotated

import typer

from service.cli.options import console

app = typer.Typer()


@app.command()
def key(
    name: Annotated[str, typer.Argument(help="Whose it is.")],
    per_minute: Annotated[
        int | None,
        typer.Option(help="Requests per minute; 0 for no limit; else as the settings say.", min=0),
    ] = None,
    file: Annotated[
        Path, typer.Option("--file", help="Where its hash is kept.", envvar="NOWCAST_API_KEYS")
    ] = Path("api-keys.jsonl"),
) -> None:
    """Make a key for the API and show it, this once: the file keeps its hash only.

    `NOWCAST_API_KEYS` names the file to the API, which reads it again when it changes. Then every
    request needs a key, as `Authorization: Bearer KEY` or `X-API-Key: KEY`. To revoke a key, remove
    its line.

    Example: `nowcast key anna --per-minute 60`
    """
    from service.api.middleware import api_keys

    secret = api_keys.add(file, name, per_minute)
    console(stderr=True).print(f"The key of {name}, whose hash is in {file}, shown this once:")
    typer.echo(secret)
