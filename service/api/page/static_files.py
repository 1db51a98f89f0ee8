"""What is sent whole, packed, and is kept by browsers."""

from collections.abc import Callable, Mapping

from fastapi import Request, Response
from zlib_ng import gzip_ng

from service.api.negotiation import etag_matches, quality


def send(
    request: Request,
    name: str,
    made: Callable[[], bytes],
    headers: Mapping[str, str],
    media: str,
) -> Response:
    """An answer that is known by a name, packed where the client unpacks it; 304 where the client
    has it already, without making it."""
    packs = quality("gzip", request.headers.get("accept-encoding", "")) > 0
    tag = f'"{name}{"-gzip" if packs else ""}"'
    told = {**headers, "ETag": tag, "Vary": "Accept-Encoding"}
    if etag_matches(request, tag):
        return Response(status_code=304, headers=told)
    content = made()
    if packs:
        told["Content-Encoding"] = "gzip"
        content = gzip_ng.compress(content, compresslevel=6, mtime=0)
    return Response(content, media_type=media, headers=told)
