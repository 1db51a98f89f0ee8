"""The files that people and catalogues look for in a repository."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[3]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
KINDS = {"Added", "Changed", "Deprecated", "Removed", "Renamed", "Fixed", "Security"}
"""Of Keep a Changelog, and renamed public names."""


def test_the_citation_keeps_the_schema_of_the_citation_file_format() -> None:
    schema = ("--builtin-schema", "vendor.citation-file-format")
    command = [str(Path(sys.executable).parent / "check-jsonschema"), *schema]
    done = subprocess.run(
        [*command, str(ROOT / "CITATION.cff")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_citation_names_the_version_and_licence_of_the_package() -> None:
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert cited["version"] == PROJECT["version"]
    assert cited["license"] == PROJECT["license"]


def test_the_changelog_has_the_sections_of_keep_a_changelog() -> None:
    text = (ROOT / "CHANGELOG.md").read_text()
    versions = re.findall(r"^## (.*)$", text, re.MULTILINE)
    assert versions[0] == "[Unreleased]"
    assert set(re.findall(r"^### (.*)$", text, re.MULTILINE)) <= KINDS


def test_how_to_report_a_vulnerability_and_how_to_contribute_is_said() -> None:
    assert "Report a vulnerability" in (ROOT / "SECURITY.md").read_text()
    assert "make test" in (ROOT / "CONTRIBUTING.md").read_text()
