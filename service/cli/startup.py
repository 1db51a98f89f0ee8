"""Checks before a command starts: settings, port, data folder, Redis, ledger, object store.

They import little and wait little, so that a wrong setting ends a command with one line within
seconds, before networks are loaded.
"""

import difflib
import os
import socket
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Any

from service.errors import BadBackup, BadSetting, ServiceUnreachable

if TYPE_CHECKING:
    from service.ledger.ledger import Ledger
    from service.settings import Settings

PREFIX = "NOWCAST_"
OTHER_VARIABLES = ("NOWCAST_METRICS_PORT",)
"""Variables that commands read as options."""
FOREIGN_PREFIXES = ("NOWCAST_TEST_", "NOWCAST_WRITE_", "NOWCAST_LONG", "NOWCAST_SET")
"""Variables of tests and generators of docs."""
CONNECT_SECONDS = 3.0
"""Timeout of a connection to Redis, the ledger or the object store, in s."""


def read_settings(overrides: Mapping[str, object] | None = None) -> "Settings":
    """Read the settings from the environment.

    Args:
        overrides: Values from the command line, by setting; None is no value.

    Raises:
        BadSetting: A value is invalid; the message has the variable, its value and what it should
            be.
    """
    from pydantic import ValidationError
    from pydantic_settings import SettingsError

    from service.settings import Settings

    given = {name: value for name, value in (overrides or {}).items() if value is not None}
    try:
        return Settings.model_validate(given)
    except ValidationError as error:
        problems = [describe(problem) for problem in error.errors()]
        raise BadSetting("; ".join(problems)) from None
    except SettingsError as error:
        raise BadSetting(f"the environment cannot be read: {error}") from None


def describe(problem: Mapping[str, Any]) -> str:
    """Describe an invalid value: its variable, what it is and what it should be."""
    variable = PREFIX + str(problem["loc"][0]).upper()
    reason = str(problem["msg"]).removeprefix("Input ").removeprefix("Value error, ")
    return f"{variable} is {problem['input']!r}, {reason}"


def unknown_variables(environment: Mapping[str, str] = os.environ) -> list[str]:
    """Describe each variable `NOWCAST_...` that is no setting, with the setting like it."""
    from service.settings import Settings

    known = [PREFIX + name.upper() for name in Settings.model_fields] + list(OTHER_VARIABLES)
    lines = []
    for name in sorted(environment):
        if not name.upper().startswith(PREFIX) or name.upper() in known:
            continue
        if name.startswith(FOREIGN_PREFIXES):
            continue
        similar = difflib.get_close_matches(name.upper(), known, n=1)
        hint = f"did you mean {similar[0]}?" if similar else "docs/reference/settings.md lists all"
        lines.append(f"{name} is set but is no setting; {hint}")
    return lines


def check_port(settings: "Settings") -> None:
    """Check that the API can listen on its address and port.

    Raises:
        BadSetting: The port is in use, or the address is not one of this machine.
    """
    where = f"port {settings.port} of {settings.host}"
    try:
        family = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)[0][0]
        address = settings.host, settings.port
        with closing(socket.create_server(address, family=family)):
            return
    except OSError as error:
        raise BadSetting(
            f"{where} cannot be listened on ({error.strerror}); stop the other program, or choose "
            f"another with --port and --host or NOWCAST_PORT and NOWCAST_HOST"
        ) from None


def check_folder(folder: Path) -> None:
    """Check that a folder exists or can be made, and can be written.

    Raises:
        BadSetting: It cannot.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=folder):
            return
    except OSError as error:
        raise BadSetting(
            f"the data folder {str(folder)!r} cannot be written ({error.strerror}); choose another "
            f"with --data or NOWCAST_DATA, or give this user the right to write it"
        ) from None


def check_redis(settings: "Settings") -> None:
    """Check that Redis answers.

    Raises:
        BadSetting: NOWCAST_REDIS is no URL of Redis, or empty.
        ServiceUnreachable: It does not answer.
    """
    import redis
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    from service.jobs.celery_transport import check_redis_url

    check_redis_url(settings)
    try:
        client = redis.Redis.from_url(
            settings.redis,
            socket_connect_timeout=CONNECT_SECONDS,
            socket_timeout=CONNECT_SECONDS,
            retry=Retry(NoBackoff(), 0),
        )
    except ValueError as error:
        raise BadSetting(
            f"NOWCAST_REDIS is no URL of Redis ({error}), should be like redis://host:6379/0"
        ) from None
    try:
        with closing(client):
            client.ping()
    except (redis.RedisError, OSError) as error:
        raise ServiceUnreachable(
            f"the Redis of NOWCAST_REDIS does not answer ({one_line(error)}); start it, or correct "
            f"its URL"
        ) from None


def open_ledger(settings: "Settings") -> "Ledger":
    """Open the ledger, upgraded to the newest revision.

    Raises:
        BadLedger: It is of another kind of database, or of a newer program.
        ServiceUnreachable: It does not answer.
    """
    from service.errors import LedgerAway
    from service.ledger.ledger import Ledger

    try:
        return Ledger(settings.ledger_url)
    except LedgerAway as error:
        raise ServiceUnreachable(
            f"the ledger of NOWCAST_LEDGER does not answer ({one_line(error)})"
        ) from None


def check_archive(settings: "Settings") -> None:
    """Check that the object store of the archive answers, if it is one.

    Raises:
        BadSetting: Its URL cannot be opened.
        ServiceUnreachable: It does not answer in time.
    """
    if "://" not in settings.archive:
        return
    from service.archive.object_store import ObjectStore

    store = ObjectStore(settings.archive)
    pool = ThreadPoolExecutor(1)
    try:
        pool.submit(store.has, "frames").result(CONNECT_SECONDS)
    except (OSError, TimeoutError) as error:
        reason = one_line(error) or f"no answer in {CONNECT_SECONDS:g} s"
        raise ServiceUnreachable(
            f"the archive of NOWCAST_ARCHIVE does not answer ({reason}); check its URL and "
            f"the variables of its credentials and endpoint"
        ) from None
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def check_services(settings: "Settings") -> "Ledger":
    """Check what settings name, the data folder, ledger, archive and, where one is set, Redis.

    Returns:
        The ledger, opened.

    Raises:
        BadSetting: A setting is wrong.
        BadField: The file of the domain is wrong.
        BadKeys: The file of API keys is wrong.
        BadBackup: A restore was killed.
        BadLedger: The ledger is of another kind of database, or of a newer program.
        ServiceUnreachable: A service does not answer.
    """
    check_references(settings)
    if not settings.ledger or not settings.archive:
        check_folder(settings.data)
    check_restored(settings)
    check_archive(settings)
    if settings.redis:
        check_redis(settings)
    return open_ledger(settings)


def check_references(settings: "Settings") -> None:
    """Check what settings name: the domain, folders, files of keys, the simulated time.

    Raises:
        BadSetting: One of them is not there, or the simulated time is none.
        BadField: The file of the domain is wrong.
        BadKeys: The file of API keys is wrong.
        SourceUnavailable: A name of radar files has no time.
    """
    from service.clock import Clock

    Clock(settings.simulated_time)
    if settings.weights is not None and not settings.weights.is_dir():
        raise BadSetting(
            f"NOWCAST_WEIGHTS is {str(settings.weights)!r}, should be a folder of checkpoints"
        )
    if "radar_files" in settings.model_fields_set:
        from ingest.sources.polled_server import Source

        for files in settings.radar_files:
            Source(settings.radar_server, files)
    if settings.web_push_key is not None and not settings.web_push_key.is_file():
        raise BadSetting(
            f"NOWCAST_WEB_PUSH_KEY is {str(settings.web_push_key)!r}, should be the file of a "
            f"private key"
        )
    if settings.api_keys is not None:
        from service.api.middleware.api_keys import read

        read(settings.api_keys)
    if settings.domain is not None:
        from ingest.domain import read_domain

        read_domain(settings.domain)


def check_models(settings: "Settings") -> None:
    """Check that the models to serve exist, and that weights of the operator are whole files.

    PyTorch is imported only for a name that is neither of weights nor of a baseline.

    Raises:
        UnknownModel: There is no forecaster of a name.
        NoWeights: There are no trained weights of a network.
        BadCheckpoint: A file of weights in NOWCAST_WEIGHTS is none.
    """
    from model_zoo.checkpoints.card import check_file
    from model_zoo.forecasters.baseline_names import BASELINE_NAMES

    for name in settings.models:
        if name not in BASELINE_NAMES and not has_weights(name, settings.weights):
            from model_zoo.forecasters.by_name import check_name

            check_name(name, settings.weights)
        own = settings.weights and settings.weights / f"{name}.safetensors"
        if own and own.exists():
            check_file(own)


def has_weights(name: str, folder: Path | None) -> bool:
    """Whether there are weights of a name in a folder or among those shipped."""
    folders = [files("model_zoo") / "weights", *([folder] if folder else [])]
    suffixes = (".safetensors", ".json")
    return any(each.joinpath(name + suffix).is_file() for each in folders for suffix in suffixes)


def check_restored(settings: "Settings") -> None:
    """Check that no restore was killed after the archive and before the ledger.

    Raises:
        BadBackup: One was.
    """
    if "://" in settings.archive:
        return
    from service.archive.store import restore_marker

    if (found := restore_marker(Path(settings.archive or settings.data / "archive"))).exists():
        raise BadBackup(
            f"a restore was killed before its end ({found} exists); run `nowcast restore` again"
        )


def one_line(error: BaseException) -> str:
    """Return the message of an error without line breaks."""
    return " ".join(str(error).split())
