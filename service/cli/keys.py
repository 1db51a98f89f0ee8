"""Commands for API keys, and for the alerts of their holders."""

from pathlib import Path
from typing import Annotated

import typer

from service.cli.options import Data, open_console, open_deployment, print_error
from service.monitoring.printable import printable

group = typer.Typer(
    no_args_is_help=True,
    help="""List and remove subscriptions to alerts.

    Holders of API keys subscribe by the HTTP API, `POST /alerts`. `NOWCAST_ALERT_CHANNELS` says how
    messages may be sent.""",
)
app = typer.Typer()
app.add_typer(group, name="alerts")


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


# alerts


@group.command("list")
def list_alerts(data: Data = None) -> None:
    """List all subscriptions with their holders, channels, states and newest messages."""
    from service.cli import console
    from service.pipeline.alerts.channels import kind_of
    from service.pipeline.alerts.subscription import Subscription

    table = open_deployment(data).alert_table
    lines = []
    for row in table.all():
        subscription = Subscription.model_validate_json(row.subscription)
        newest = next(iter(table.messages(row.id, 1)), None)
        message = "none" if newest is None else f"{newest.kind} {newest.status}"
        state = "active" if row.state.event else "waiting"
        name = printable(subscription.name)
        lines.append([row.id, row.owner, name, kind_of(subscription), state, message])
    if lines:
        headings = ["alert", "holder", "name", "channel", "state", "newest message"]
        open_console().print(console.plain_table("", headings, lines))
    else:
        open_console().print("there are no alerts")


@group.command("remove")
def remove_alerts(
    alert: Annotated[str, typer.Argument(help="Id of the alert, or the holder of a key.")],
    data: Data = None,
) -> None:
    """Remove an alert, or all of a holder, with messages that wait."""
    table = open_deployment(data).alert_table
    removed = int(table.remove(alert)) or table.remove_owner(alert)
    if not removed:
        print_error("alerts", f"there is no alert or holder {printable(alert)!r}")
        raise typer.Exit(1)
    open_console().print(f"removed {removed}")
