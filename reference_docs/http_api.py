"""The OpenAPI document of the service, and a page that lists its operations."""

import json
import tempfile
from pathlib import Path
from typing import Any

from reference_docs.markdown import table
from service.runtime.deployment import Deployment
from service.runtime.server import application
from service.settings import Settings

HEAD = """# HTTP API

The service describes itself at `/docs` (for people) and `/openapi.json` (for programs);
[openapi.json](openapi.json) is that document. Errors are `application/problem+json`
([RFC 9457](https://www.rfc-editor.org/rfc/rfc9457)).
[Use the API](../how-to/use-the-api.md) shows the common requests. Written by
`python -m reference_docs --write` from the application.

"""


def document() -> dict[str, Any]:
    """The OpenAPI document of a deployment with default settings and without API keys."""
    with tempfile.TemporaryDirectory(prefix="nowcast-openapi-") as folder:
        deployment = Deployment(Settings(data=Path(folder), api_keys=None, open_to_all=False))
        found: dict[str, Any] = application(deployment).openapi()
    return found


def as_json(found: dict[str, Any]) -> str:
    """The document as it is kept: sorted and indented, so that changes show line by line."""
    return json.dumps(found, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def page(found: dict[str, Any]) -> str:
    """The operations as Markdown, grouped by path."""
    parts = [table(("request", "purpose", "answers"), rows(found))]
    for path, operations in sorted(found["paths"].items()):
        for method, operation in operations.items():
            if parameters := operation.get("parameters"):
                parts.append(f"## {method.upper()} `{path}`\n\n{parameter_table(parameters)}")
    return HEAD + "\n\n".join(parts) + "\n"


def rows(found: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Request, first sentence of the description and status codes of every operation."""
    return [
        (
            f"{method.upper()} `{path}`",
            purpose(operation),
            ", ".join(sorted(operation["responses"])),
        )
        for path, operations in sorted(found["paths"].items())
        for method, operation in operations.items()
    ]


def purpose(operation: dict[str, Any]) -> str:
    """The first sentence of a description, else the summary."""
    text: str = operation.get("description") or operation["summary"]
    sentence, stop, _ = " ".join(text.split()).partition(". ")
    return sentence + stop.strip()


def parameter_table(parameters: list[dict[str, Any]]) -> str:
    """Parameters of one operation."""
    return table(
        ("parameter", "in", "meaning"),
        [(f"`{p['name']}`", p["in"], p.get("description", "")) for p in parameters],
    )
