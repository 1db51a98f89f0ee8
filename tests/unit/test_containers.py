"""The container set, as far as it can be checked without an engine."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from service.cli import app
from service.settings import Settings

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
OURS = {name: part for name, part in COMPOSE["services"].items() if part["image"] == "nowcast"}
BIN = Path(sys.executable).parent


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*map(str, command)], capture_output=True, text=True, check=False)


def tool(name: str) -> str:
    found = shutil.which(name, path=str(BIN)) or shutil.which(name)
    assert found, f"{name} comes with the development dependencies"
    return found


def test_the_image_is_built_as_the_linter_wants() -> None:
    done = run(tool("hadolint"), ROOT / "Dockerfile")
    assert done.returncode == 0, done.stdout


def test_the_composition_keeps_its_schema() -> None:
    schema = ("--builtin-schema", "vendor.compose-spec")
    done = run(tool("check-jsonschema"), *schema, ROOT / "docker-compose.yml")
    assert done.returncode == 0, done.stdout


def test_what_was_asked_for_is_there() -> None:
    wanted = {"redis", "postgres", "api", "worker", "beat", "ingest", "prometheus", "grafana"}
    assert wanted <= set(COMPOSE["services"])
    assert [n for n, part in COMPOSE["services"].items() if "gpu" in part.get("profiles", [])]


def test_our_containers_differ_only_by_their_command_and_what_it_needs() -> None:
    own = {"command", "ports", "healthcheck", "profiles", "deploy"}
    rest = [{k: v for k, v in part.items() if k not in own} for part in OURS.values()]
    assert len(rest) >= 5
    assert all(part == rest[0] for part in rest)


@pytest.mark.parametrize("name", OURS)
def test_the_command_line_knows_the_command_of(name: str) -> None:
    program, *arguments = OURS[name]["command"]
    assert program == "nowcast"
    result = CliRunner().invoke(app, [*arguments, "--help"])
    assert result.exit_code == 0, result.output
    assert f"Usage: root {arguments[0]}" in result.output


def test_settings_that_are_passed_exist() -> None:
    lines = (ROOT / "deploy/nowcast.env").read_text().splitlines()
    passed = {line.split("=")[0] for line in lines} | set(OURS["api"]["environment"])
    names = {name.removeprefix("NOWCAST_").lower() for name in passed if "NOWCAST_" in name}
    assert names
    output = CliRunner().invoke(app, ["worker", "--help"], env={"COLUMNS": "200"}).output
    options = {"metrics_port"} if "NOWCAST_METRICS_PORT" in output else set()
    assert names <= set(Settings.model_fields) | options


def test_folders_that_are_mounted_exist() -> None:
    mounts = [m for part in COMPOSE["services"].values() for m in part.get("volumes", [])]
    folders = {m.split(":")[0] for m in mounts if m.startswith("./deploy")}
    assert folders
    assert all((ROOT / folder).is_dir() for folder in folders)


def test_nothing_of_ours_may_write_but_to_its_volume_or_runs_as_root() -> None:
    assert all(part["read_only"] and part["cap_drop"] == ["ALL"] for part in OURS.values())
    assert "USER 10001" in (ROOT / "Dockerfile").read_text().split("FROM")[-1]


def test_ports_are_open_on_loopback_only() -> None:
    ports = [port for part in COMPOSE["services"].values() for port in part.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)
