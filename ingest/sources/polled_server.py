"""The provider's server as a source: what we lack of a product is fetched, newest first.

A young frame is asked for by its name at every poll: a listing may be older than the file. An old
one, late or of a gap, is asked for where the listing shows it, or, where there is no listing, by
name and ever more rarely. What came and was bad is asked for again, and comes if it has changed.
"""

import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from ingest.errors import SourceUnavailable
from ingest.formats.radar_file import NAMES
from ingest.sources import listing
from ingest.sources.web_folder import UNKNOWN, Limits, Version, WebFolder

log = logging.getLogger(__name__)

INTERVAL = timedelta(minutes=5)
EARLIEST = timedelta(minutes=2)
"""Age from which a frame may be there; DWD publishes after 3 to 5 minutes."""
YOUNG = timedelta(minutes=15)
"""Up to this age a frame is expected at any moment."""
REST = 0.1
"""An old file is not asked for again before this part of its age has passed."""
LONGEST_REST = timedelta(minutes=5)
"""For the listing, and for a file about which the server only had trouble."""
MOST = 24
"""Old files fetched in one poll: after them it is time to look for the newest again."""
LISTING = ""
"""Name of the listing among the files of a folder."""
LIMITS = Limits()


class File(NamedTuple):
    """A file as the server sent it, whole and unchecked."""

    name: str
    data: bytes


class Request(NamedTuple):
    """What is remembered of a file that was asked for."""

    version: Version
    since: datetime
    again: datetime
    """When to ask next."""


class Source:
    """The files of one product on the provider's server.

    Args:
        server: URL below which its products lie.
        files: Folder and name of the files below it, with the time in UTC as `strftime` writes it:
            "radolan/ry/raa01-ry_10000-%y%m%d%H%M-dwd---bin.bz2".

    Raises:
        SourceUnavailable: The name holds no time to the minute.
    """

    def __init__(self, server: str, files: str, limits: Limits = LIMITS) -> None:
        folder, _, self._pattern = files.rpartition("/")
        self._folder = WebFolder(f"{server.rstrip('/')}/{folder}", limits)
        self._requests: dict[str, Request] = {}
        self._listed: set[str] = set()
        self._not_read: set[str] = set()
        mark = datetime(2001, 2, 3, 4, 5, tzinfo=UTC)
        if "%" in folder or not tells_minutes(self._pattern, mark):
            raise SourceUnavailable(
                f"{files!r} names no files: the name, not the folder, should hold the time to the "
                f"minute, such as raa01-ry_10000-%y%m%d%H%M-dwd---bin.bz2"
            )
        known = (pattern.match(self.name(mark)) for pattern, _ in NAMES)
        self.product = next((found["product"].upper() for found in known if found), "")
        """Name of the product, such as "RV"; empty where it is not known."""

    @property
    def url(self) -> str:
        """Address of the folder."""
        return self._folder.url

    def __str__(self) -> str:
        return self.url + self._pattern

    def name(self, time: datetime) -> str:
        """The name of the file of a time."""
        return time.astimezone(UTC).strftime(self._pattern)

    def poll(
        self, lacking: Collection[datetime], now: datetime, most: int = MOST
    ) -> Iterator[File]:
        """Fetch the files of lacking times that are there, newest first.

        A file counts as had once the next one is asked for: where taking it in failed, the next
        poll brings it again.

        Args:
            lacking: Times of files to fetch; all that are still wanted, at every poll.
            now: Time of the poll, UTC.
            most: How many old files to fetch at most.

        Yields:
            Files as the server sent them.

        Raises:
            SourceUnavailable: The server cannot be reached, or answers with errors alone.
        """
        ages = {self.name(time): now - time for time in sorted(lacking, reverse=True)}
        young = [name for name, age in ages.items() if age <= YOUNG]
        old = [name for name, age in ages.items() if age > YOUNG]
        self._requests = {k: v for k, v in self._requests.items() if k in ages or k == LISTING}
        rests = {name: age * REST for name, age in ages.items()} | {LISTING: LONGEST_REST}
        due = [LISTING] if old and self._is_due(LISTING, now) else []
        yield from self._fetch(due + young, rests, now)
        there = [name for name in old if name in self._listed] if self._listed else old
        due = [name for name in there if self._is_due(name, now)]
        yield from self._fetch(due[:most], rests, now)

    def fetch_again(self, name: str) -> None:
        """Have the next poll fetch a file that has just come, since it could not be taken in."""
        self._not_read.add(name)

    def _is_due(self, name: str, now: datetime) -> bool:
        if name not in self._requests:
            return True
        request = self._requests[name]
        return not request.since <= now < request.again  # before: the clock has been set back

    def _fetch(
        self, names: Sequence[str], rests: Mapping[str, timedelta], now: datetime
    ) -> Iterator[File]:
        at_once = self._folder.limits.connections
        for first in range(0, len(names), at_once):
            wanted = {name: self._version(name) for name in names[first : first + at_once]}
            answers = self._folder.ask(wanted)
            for name in wanted:  # as long as nobody has taken it in
                self._note(name, now, min(rests[name], LONGEST_REST))
            if all(answer.trouble for answer in answers):
                raise unavailable(self.url, answers[0].trouble)
            for name, data, version, trouble in answers:
                if trouble:
                    log.warning("%s%s: %s; asked again", self.url, name, trouble)
                    continue
                if name != LISTING:
                    if data is not None:
                        yield File(name, data)
                    if name in self._not_read:
                        self._not_read.remove(name)
                        continue
                elif data is not None or not version:  # but for one that is as it was
                    self._listed = listing.names(data or b"")
                self._note(name, now, rests[name], version)

    def _version(self, name: str) -> Version:
        return self._requests[name].version if name in self._requests else UNKNOWN

    def _note(self, name: str, now: datetime, rest: timedelta, version: Version = UNKNOWN) -> None:
        self._requests[name] = Request(version or self._version(name), now, now + rest)


def tells_minutes(pattern: str, mark: datetime) -> bool:
    """Whether names of a pattern say their time to the minute."""
    try:
        return datetime.strptime(mark.strftime(pattern), pattern).replace(tzinfo=UTC) == mark
    except ValueError:
        return False


def expected(now: datetime, hours: float) -> list[datetime]:
    """Times of the frames that may be on the server, from so many hours ago on, newest first."""
    step = INTERVAL.total_seconds()
    newest = datetime.fromtimestamp((now - EARLIEST).timestamp() // step * step, UTC)
    count = int((newest - (now - timedelta(hours=hours))) / INTERVAL) + 1
    return [newest - back * INTERVAL for back in range(count)]


def unavailable(url: str, trouble: str) -> SourceUnavailable:
    """Make the error of a server that cannot be reached."""
    return SourceUnavailable(
        f"{url} cannot be had ({trouble}); check the address and the way out of this machine: "
        f"HTTPS_PROXY names a proxy where there must be one"
    )
