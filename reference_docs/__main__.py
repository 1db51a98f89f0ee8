"""Writes the generated pages of the reference, or lists those that differ from the code."""

import argparse
import sys
from pathlib import Path

from reference_docs import command_line, http_api, settings_table

FOLDER = Path(__file__).parents[1] / "docs/reference"


def pages() -> dict[str, str]:
    """The generated files by name."""
    document = http_api.document()
    return {
        "settings.md": settings_table.page(),
        "cli.md": command_line.page(),
        "openapi.json": http_api.as_json(document),
        "http.md": http_api.page(document),
    }


def differing(folder: Path) -> list[str]:
    """Names of the files in a folder that are missing or differ from the code."""
    return [
        name
        for name, text in pages().items()
        if not (folder / name).exists() or (folder / name).read_text() != text
    ]


def main() -> int:
    """Write or compare; the exit code is 1 where a file differs."""
    parser = argparse.ArgumentParser(prog="python -m reference_docs", description=__doc__)
    parser.add_argument("--write", action="store_true", help="write the files; else compare them")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="default: docs/reference")
    options = parser.parse_args()
    if options.write:
        options.folder.mkdir(parents=True, exist_ok=True)
        for name, text in pages().items():
            (options.folder / name).write_text(text)
    if names := differing(options.folder):
        sys.stderr.write(f"{', '.join(names)}: differ from the code; add --write\n")
    return int(bool(names))


if __name__ == "__main__":
    sys.exit(main())
