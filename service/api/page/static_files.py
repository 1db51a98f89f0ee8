"""Compressed responses with an entity tag."""

from collections.abc import Callable, Mapping

from fastapi import Request, Response
from zlib_ng import gzip_ng

from service.api.negotiation import etag_matches, quality


def conditional_response(
    request: Request,
    name: str,
    encode: Callable[[], bytes],
    headers: Mapping[str, str],
    media: str,
) -> Response:
    """A response named by its content, with gzip where the client accepts it.

    Args:
        request: The request.
        name: Name of the content, the base of its entity tag.
        encode: Makes the content; not called where the client has it (304).
        headers: Further response headers.
        media: Media type of the content.
    """
    compressed = quality("gzip", request.headers.get("accept-encoding", "")) > 0
    tag = f'"{name}{"-gzip" if compressed else ""}"'
    response_headers = {**headers, "ETag": tag, "Vary": "Accept-Encoding"}
    if etag_matches(request, tag):
        return Response(status_code=304, headers=response_headers)
    content = encode()
    if compressed:
        response_headers["Content-Encoding"] = "gzip"
        content = gzip_ng.compress(content, compresslevel=6, mtime=0)
    return Response(content, media_type=media, headers=response_headers)
