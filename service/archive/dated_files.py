"""Listing of the files of an archive by time, day by day."""

from collections.abc import Iterator

from service.archive.key import Time, dated, day, to_time
from service.archive.store import Store


def days(store: Store, kind: str) -> Iterator[str]:
    """Yield the folders of days of a kind of files, newest first."""
    for year in store.names(kind):
        for month in store.names(f"{kind}/{year}"):
            for date in store.names(f"{kind}/{year}/{month}"):
                yield f"{kind}/{year}/{month}/{date}"


def newest_first(store: Store, kind: str, before: Time | None = None) -> Iterator[tuple[Time, str]]:
    """Yield times and paths of frames or forecasts, newest first, listing day by day.

    Args:
        store: Of the archive.
        kind: Kind of files.
        before: Only times before this time; None for all.
    """
    newest = None if before is None else f"{kind}/{day(before)}"
    for folder in days(store, kind):
        if newest is not None and folder > newest:
            continue
        for path in store.files(folder):
            time = dated(path)
            if time is not None and (before is None or time < before):
                yield time, path


def oldest(store: Store, kind: str) -> Time | None:
    """Return the time of the oldest file of a kind; None if there is none."""
    for folder in sorted(days(store, kind)):
        times = [time for path in store.files(folder) if (time := dated(path)) is not None]
        if times:
            return min(times)
    return None


def dated_before(store: Store, kind: str, time: Time) -> Iterator[str]:
    """Yield the paths of files whose time is before a time, oldest days first."""
    last = f"{kind}/{day(time)}"
    for folder in sorted(days(store, kind)):
        if folder > last:
            break
        for path in list(store.files(folder)):
            file_time = dated(path)
            if file_time is not None and file_time < time:
                yield path


def stored_before(store: Store, kind: str, time: Time) -> Iterator[str]:
    """Yield the paths of files that were stored before a time."""
    # Ascending order removes a file before its reason.
    for path in sorted(store.files(kind)):
        try:
            if to_time(store.modified(path)) < time:
                yield path
        except FileNotFoundError:  # removed by another process
            continue
