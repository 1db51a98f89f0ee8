"""Clients that generators write from the OpenAPI document request a nowcast."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.served import NEWEST, iso

ROOT = Path(__file__).parents[3]
HERE = Path(__file__).parent
GENERATOR = "openapi-python-client==0.29.1"
"""It is no dependency of the project, since it does not agree with its versions of others."""
ENVIRONMENT = ROOT / "build" / GENERATOR
MODULES = ROOT / "node_modules"
MEDIA_TYPES = {
    "content_type_overrides": {
        "image/png": "application/octet-stream",
        "image/tiff": "application/octet-stream",
        "application/x-netcdf": "application/octet-stream",
        "application/geo+json": "application/json",
        "application/atom+xml": "text/plain",
        "text/event-stream": "text/plain",
    },
    "http_timeout": 120,
    "post_hooks": [],
}
"""How the generator reads media types that it does not know, as the cookbook has it."""


def run(*command: str | Path, folder: Path) -> str:
    """The standard output of a program that must succeed."""
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def generator_environment() -> Path:
    """The programs of an environment of its own with the generator, made once."""
    programs = ENVIRONMENT / "bin"
    if (programs / "openapi-python-client").exists():
        return programs
    shutil.rmtree(ENVIRONMENT, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", ENVIRONMENT], check=True, timeout=300)
    command: list[str | Path] = [programs / "python", "-m", "pip", "install", "--quiet", GENERATOR]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode:
        reason = (done.stderr.strip() or "pip says nothing").splitlines()[-1]
        pytest.skip(f"{GENERATOR} cannot be installed: {reason}")
    return programs


def test_a_client_of_openapi_python_client_makes_a_nowcast(
    service_url: str, tmp_path: Path
) -> None:
    programs = generator_environment()
    settings = tmp_path / "settings.yml"
    settings.write_text(json.dumps(MEDIA_TYPES))
    printed = run(
        programs / "openapi-python-client", "generate", "--url", f"{service_url}/openapi.json",
        "--config", settings, "--meta", "none", "--output-path", tmp_path / "client",
        folder=tmp_path,
    )  # fmt: skip
    assert "WARNING" not in printed.upper(), (
        printed
    )  # every operation and every answer is generated
    shutil.copy(HERE / "request_nowcast.py", tmp_path)
    found = json.loads(
        run(programs / "python", "request_nowcast.py", service_url, iso(NEWEST), folder=tmp_path)
    )
    answers = [name.rpartition(".")[2] for name in found.pop("answers").split(" | ")]
    assert answers == ["Forecast", "JobStatus", "Problem", "None"]
    members = found.pop("members")
    opaque = [name for name, kind in members.items() if "Any" in kind]
    assert opaque == ["additional_properties"] or not opaque
    assert members["rainfall_rate"] == "list[list[list[float | None]]]"
    assert found == expected(service_url)


@pytest.mark.skipif(
    not (MODULES / ".bin" / "openapi-typescript").exists() or shutil.which("node") is None,
    reason="openapi-typescript is not installed (npm ci)",
)
def test_a_client_of_openapi_typescript_makes_a_nowcast(service_url: str, tmp_path: Path) -> None:
    programs = MODULES / ".bin"
    (tmp_path / "node_modules").symlink_to(MODULES)
    (tmp_path / "package.json").write_text('{"type": "module"}')
    shutil.copy(HERE / "request_nowcast.ts", tmp_path)
    run(
        programs / "openapi-typescript",
        f"{service_url}/openapi.json",
        "-o",
        "api.d.ts",
        folder=tmp_path,
    )
    run(
        programs / "tsc", "--strict", "--module", "nodenext", "--target", "es2022",
        "--lib", "es2022,dom", "request_nowcast.ts", folder=tmp_path,
    )  # fmt: skip
    found = json.loads(run("node", "request_nowcast.js", service_url, iso(NEWEST), folder=tmp_path))
    assert found.pop("everyPartHasAType")
    assert found == expected(service_url)


def expected(service_url: str) -> dict[str, Any]:
    """What both clients find."""
    forecast = httpx.get(f"{service_url}/nowcasts/{iso(NEWEST)}?model=persistence").json()
    return {
        "model": "persistence",
        "shape": forecast["grid"]["shape"],
        "leads": len(forecast["lead_minutes"]),
        "problem": httpx.get(f"{service_url}/nowcasts/latest?model=no-such-model").json()["title"],
    }
