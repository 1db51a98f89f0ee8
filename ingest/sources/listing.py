"""The page that a web server shows for a folder."""

import re
from urllib.parse import unquote

LINK = re.compile(r"""\bhref\s*=\s*["']?([^"'\s>?#]+)""", re.IGNORECASE)


def names(page: bytes) -> set[str]:
    """Names of the files that a page links to, without what leads to them.

    Links for sorting and to other folders have no name at their end and are left out. A page of
    another kind has no links to files, or to files that no source expects: nothing is raised.
    """
    links = LINK.findall(page.decode("utf-8", errors="replace"))
    ends = (unquote(link).rpartition("/")[2] for link in links)
    return {end for end in ends if end.strip(".")}
