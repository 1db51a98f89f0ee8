"""Problem details (RFC 9457) as a document."""

import json
from typing import Any

MEDIA = "application/problem+json"


def problem_document(
    path: str,
    status: int,
    kind: str,
    title: str,
    detail: str,
    **more: Any,  # noqa: ANN401  any JSON value
) -> bytes:
    """Problem details as JSON.

    Args:
        path: Path of the request that failed.
        status: HTTP status.
        kind: Problem type, the last part of its URI.
        title: Short summary of the problem type.
        detail: What is wrong, what should be, and what to do.
        **more: Further members of the problem.
    """
    document = {
        "type": f"/problems/{kind}",
        "title": title,
        "status": int(status),
        "detail": detail,
        "instance": path,
        **more,
    }
    # ASCII, since quoted parts of the request may contain unpaired surrogates.
    return json.dumps(document).encode()
