"""Packages that add to the registries, installed into a folder as pip would do it."""

import shutil
import tomllib
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[3]
EXAMPLE = ROOT / "docs/how-to/plug_in"
"""The package that docs/how-to/extend.md shows."""


def install(
    site: Path, name: str, entry_points: Mapping[str, Mapping[str, str]], version: str = "1.0"
) -> None:
    """Write the metadata of a package, whose modules are written beside it.

    Args:
        site: Folder on the path of modules.
        name: Of the package.
        entry_points: By group, what each name refers to.
        version: Of the package.
    """
    folder = site / f"{name.replace('-', '_')}-{version}.dist-info"
    folder.mkdir(parents=True)
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    lines = [
        line
        for group, names in entry_points.items()
        for line in (f"[{group}]", *(f"{key} = {value}" for key, value in names.items()), "")
    ]
    (folder / "entry_points.txt").write_text("\n".join(lines))


def install_example(site: Path) -> None:
    """Install the package of the docs, with the entry points of its pyproject.toml."""
    project = tomllib.loads((EXAMPLE / "pyproject.toml").read_text())["project"]
    install(site, project["name"], project["entry-points"], project["version"])
    shutil.copy(EXAMPLE / "radar_club.py", site)
