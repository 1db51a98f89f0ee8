"""`nowcast doctor`: checks whether this machine can run the service, and says what to do."""

import importlib.metadata
import platform
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Literal, NamedTuple

from service.cli import startup

if TYPE_CHECKING:
    from service.settings import Settings

PACKAGES = ("torch", "fastapi", "xarray", "netCDF4", "celery", "redis", "sqlalchemy")
"""Packages whose versions are printed."""
FREE_BYTES = 10e9
"""Free disk space below which there is a warning, in bytes: some weeks of radar and forecasts."""
CLOCK_SECONDS = 5.0
"""Difference from the radar server's clock above which there is a warning, in s."""
TIMEOUT_SECONDS = 5.0

State = Literal["ok", "warning", "failed"]


class Finding(NamedTuple):
    """What one check found."""

    name: str
    state: State
    text: str
    """What was found and, unless all is well, what to do."""


def examine(settings: "Settings") -> list[Finding]:
    """Run all checks. None raises, and none waits longer than some seconds."""
    checks: dict[str, Callable[[Settings], Finding]] = {
        "versions": versions,
        "kernels": kernels,
        "device": device,
        "models": models,
        "plug-ins": plug_ins,
        "disk": disk,
        "ledger": lambda given: reachable("ledger", given, startup.open_ledger),
        "archive": lambda given: reachable("archive", given, startup.check_archive),
        "redis": redis,
        "radar server": radar_server,
        "settings": variables,
    }
    return [checked(name, check, settings) for name, check in checks.items()]


def checked(name: str, check: "Callable[[Settings], Finding]", settings: "Settings") -> Finding:
    """Run a check; an error it raises is its finding."""
    try:
        return check(settings)
    except Exception as error:  # noqa: BLE001  every failure is reported
        return Finding(name, "failed", f"{type(error).__name__}: {startup.one_line(error)}")


def versions(settings: "Settings") -> Finding:
    """Versions of Python and of the packages that matter."""
    found = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in PACKAGES)
    nowcast = importlib.metadata.version("nowcast")
    return Finding(
        "versions", "ok", f"nowcast {nowcast}, Python {platform.python_version()}, {found}"
    )


def kernels(settings: "Settings") -> Finding:
    """Whether networks run by the compiled C kernels."""
    from model_zoo.fast import c_library

    if c_library.load() is not None:
        return Finding("kernels", "ok", "networks run by C kernels compiled for this processor")
    return Finding(
        "kernels", "warning", "networks run by torch alone, two to four times as slow; install GCC"
    )


def device(settings: "Settings") -> Finding:
    """Whether the device of networks is there."""
    from model_zoo.device import check_device, named

    check_device(settings.device)
    return Finding("device", "ok", f"networks run on {named(settings.device)}")


def models(settings: "Settings") -> Finding:
    """Whether all served models can be loaded, on the CPU."""
    from model_zoo.forecasters.by_name import load_forecaster

    for name in settings.models:
        load_forecaster(name, device="cpu", weights_folder=settings.weights)
    return Finding("models", "ok", ", ".join(settings.models))


def plug_ins(settings: "Settings") -> Finding:
    """What installed packages add, and whether all of it can be used."""
    from ingest import plugins
    from ingest.formats.plugin_readers import READERS
    from model_zoo.forecasters.by_name import BASELINES
    from model_zoo.zoo import FAMILIES
    from service.skill.scores import SCORES

    registries = (
        ("cells", FAMILIES.added),
        ("forecasters", BASELINES.added),
        ("readers", READERS.added),
        ("scores", SCORES.added),
    )
    found = [f"{kind}: {', '.join(added)}" for kind, added in registries if added]
    lines = found + plugins.problems()
    state: State = "warning" if plugins.problems() else "ok"
    return Finding("plug-ins", state, "; ".join(lines) or "none is installed")


def disk(settings: "Settings") -> Finding:
    """Whether the data folder can be written and has room."""
    startup.check_folder(settings.data)
    free = shutil.disk_usage(settings.data).free
    text = f"{free / 1e9:.0f} GB free at {settings.data.absolute()}"
    if free < FREE_BYTES:
        return Finding("disk", "warning", f"only {text}; shorten NOWCAST_KEEP_DAYS or add a disk")
    return Finding("disk", "ok", text)


def reachable(name: str, settings: "Settings", check: "Callable[[Settings], object]") -> Finding:
    """Whether a service answers; `check` raises if it does not."""
    check(settings)
    return Finding(name, "ok", "answers")


def redis(settings: "Settings") -> Finding:
    """Whether Redis answers, if it is used."""
    if not settings.redis:
        return Finding("redis", "ok", "not used: jobs run in the process of the API")
    return reachable("redis", settings, startup.check_redis)


def radar_server(settings: "Settings") -> Finding:
    """Whether the radar server answers, and agrees on the time."""
    import httpx

    folder = settings.radar_files[0].rpartition("/")[0] if settings.radar_files else ""
    url = f"{settings.radar_server.rstrip('/')}/{folder}/"
    try:
        answer = httpx.head(url, timeout=TIMEOUT_SECONDS, follow_redirects=True)
    except httpx.HTTPError as error:
        return Finding(
            "radar server",
            "warning",
            f"{url} does not answer ({startup.one_line(error)}); without it there is no new radar. "
            f"Check the network, a proxy, or NOWCAST_RADAR_SERVER",
        )
    if answer.status_code >= 400:
        text = f"{url} answers {answer.status_code}; check NOWCAST_RADAR_SERVER and _RADAR_FILES"
        return Finding("radar server", "warning", text)
    if date := answer.headers.get("date"):
        offset = (datetime.now(UTC) - parsedate_to_datetime(date)).total_seconds()
        if abs(offset) > CLOCK_SECONDS:
            return Finding(
                "radar server",
                "warning",
                f"answers, but this machine's clock is {offset:+.0f} s off its clock; use NTP",
            )
    return Finding("radar server", "ok", f"{url} answers, and agrees on the time")


def variables(settings: "Settings") -> Finding:
    """Whether all variables NOWCAST_... are settings, and what they name is there."""
    startup.check_references(settings)
    lines = startup.unknown_variables()
    return Finding("settings", "warning" if lines else "ok", "; ".join(lines) or "all are known")
