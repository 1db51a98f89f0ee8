"""Writes the dashboards as JSON for Grafana, or lists those that differ from the code."""

import argparse
import json
import sys
from pathlib import Path

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from dashboards.model import model
from dashboards.operations import operations
from dashboards.skill import skill

FOLDER = Path(__file__).parents[1] / "deploy/grafana/dashboards"


def dashboard_files() -> dict[str, str]:
    """Return the dashboards by the names of their files."""
    return {
        f"{name}.json": json.dumps(board().build(), cls=JSONEncoder, indent=2, sort_keys=True)
        + "\n"
        for name, board in (("skill", skill), ("operations", operations), ("model", model))
    }


def main() -> int:
    """Write the dashboards, or compare them; return 1 where one differs."""
    parser = argparse.ArgumentParser(prog="python -m dashboards", description=__doc__)
    parser.add_argument("--write", action="store_true", help="write them; else only compare")
    parser.add_argument("--folder", type=Path, default=FOLDER, help=f"default {FOLDER.name}")
    options = parser.parse_args()
    if options.write:
        options.folder.mkdir(parents=True, exist_ok=True)
        for name, text in dashboard_files().items():
            (options.folder / name).write_text(text)
    other = [
        name for name, text in dashboard_files().items() if read(options.folder / name) != text
    ]
    if other:
        sys.stderr.write(f"{', '.join(other)}: not as the code has it; add --write\n")
    return int(bool(other))


def read(path: Path) -> str:
    """Return the text of a file, empty where there is none."""
    return path.read_text() if path.exists() else ""


if __name__ == "__main__":
    sys.exit(main())
