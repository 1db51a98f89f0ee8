"""Command for API keys."""

from pathlib import Path
from typing import Annotated

import typer

from service.cli.options import open_console

app = typer.Typer()


@app.command()
def key(
    name: Annotated[str, typer.Argument(help="Name of the key's holder, or `list`.")],
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
    revoke: Annotated[  # noqa: FBT002  a flag of the command line
        bool, typer.Option("--revoke", help="Revoke the key of this holder.")
    ] = False,
) -> None:
    """Make an API key and print it once; the key file stores its hash only.

    `NOWCAST_API_KEYS` names the key file to the API, which reads it again when it changes. Then
    every request needs a key, as `Authorization: Bearer KEY` or `X-API-Key: KEY`. A key that is
    revoked is refused at once.

    Examples: `nowcast key anna --per-minute 60`, `nowcast key list`, `nowcast key anna --revoke`
    """
    from service.api.middleware import api_keys

    if name == api_keys.LIST:
        list_keys(file)
        return
    if revoke:
        api_keys.revoke(file, name)
        open_console(stderr=True).print(f"revoked the key of {name}")
        return
    secret = api_keys.add(file, name, per_minute)
    open_console(stderr=True).print(f"API key of {name}, printed only now; its hash is in {file}:")
    typer.echo(secret)


def list_keys(file: Path) -> None:
    """Print the holders of the keys in a file, the first digits of their hashes and their rates."""
    from service.api.middleware import api_keys
    from service.cli import console

    lines = [
        [key.name, key.sha256[:8], "default" if key.per_minute is None else str(key.per_minute)]
        for key in api_keys.read(file)
    ]
    if lines:
        headings = ["holder", "SHA-256 of the key", "requests per minute"]
        open_console().print(console.plain_table("", headings, lines))
    else:
        open_console().print(f"{file} has no keys")
