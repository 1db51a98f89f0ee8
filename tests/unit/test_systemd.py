"""The systemd units start what the containers start, with the same hardening each."""

import configparser
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from service.cli import app
from service.settings import Settings

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "systemd"
UNITS = sorted(FOLDER.glob("*.service"))
PROGRAM = "/opt/nowcast/bin/nowcast"
HARDENING = ("NoNewPrivileges", "ProtectSystem", "ProtectHome", "PrivateTmp", "LockPersonality")


def section(unit: Path, name: str) -> configparser.SectionProxy:
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read_string(unit.read_text())
    return parser[name]


def test_units_run_the_commands_of_the_containers() -> None:
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    containers = {
        " ".join(part["command"][1:]) for part in services.values() if part["image"] == "nowcast"
    }
    commands = {section(unit, "Service")["ExecStart"] for unit in UNITS}
    assert commands == {f"{PROGRAM} {command}" for command in containers}


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_a_unit_is_hardened_restarted_and_part_of_the_target(unit: Path) -> None:
    service = section(unit, "Service")
    assert all(name in service for name in HARDENING)
    assert service["Restart"] == "always"
    assert service["User"] == "nowcast"
    target = (FOLDER / "nowcast.target").read_text()
    assert unit.name in target
    words = service["ExecStart"].removeprefix(PROGRAM).split()
    assert CliRunner().invoke(app, [*words, "--help"]).exit_code == 0


def test_the_environment_holds_settings_only() -> None:
    lines = (FOLDER / "nowcast.env").read_text().splitlines()
    names = [line.partition("=")[0] for line in lines if line and not line.startswith("#")]
    known = {f"NOWCAST_{name.upper()}" for name in Settings.model_fields}
    assert {name for name in names if name.startswith("NOWCAST_")} <= known
    assert "NOWCAST_DATA" in names


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
def test_systemd_takes_the_units(tmp_path: Path) -> None:
    for unit in [*UNITS, FOLDER / "nowcast.target"]:
        text = unit.read_text().replace(PROGRAM, shutil.which("true") or "/bin/true")
        (tmp_path / unit.name).write_text(text)
    files = [str(path) for path in sorted(tmp_path.iterdir())]
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *files],
        capture_output=True,
        text=True,
        check=False,
        env={"SYSTEMD_UNIT_PATH": f"{tmp_path}:", "PATH": "/usr/bin:/bin"},
    )
    complaints = [line for line in done.stderr.splitlines() if str(tmp_path) in line]
    assert not complaints, done.stderr
