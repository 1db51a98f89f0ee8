"""Responses with an entity tag, for files and fields that are named by their content."""

from collections.abc import Callable, Mapping

from fastapi import Request, Response

from service.api.negotiation import etag_matches


def conditional_response(
    request: Request,
    name: str,
    encode: Callable[[], bytes],
    headers: Mapping[str, str],
    media: str,
) -> Response:
    """A response named by its content, which `Compression` may pack.

    Args:
        request: The request.
        name: Name of the content, the base of its entity tag.
        encode: Makes the content; not called where the client has it (304).
        headers: Further response headers.
        media: Media type of the content.
    """
    tag = f'"{name}"'
    response_headers = {**headers, "ETag": tag}
    if etag_matches(request, tag):
        return Response(status_code=304, headers=response_headers)
    return Response(encode(), media_type=media, headers=response_headers)
