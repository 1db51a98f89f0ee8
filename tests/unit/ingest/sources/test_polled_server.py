"""The provider's server as a source, asked over real HTTP."""

import socket
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from ingest import SourceUnavailable
from ingest.sources import listing
from ingest.sources.polled_server import Source, expected
from ingest.sources.web_folder import Limits
from tests.provider import Fault, Provider, cut, drip, half, other, provider, refuse, slow, stall

FILES = "radolan/ry/raa01-ry_10000-%y%m%d%H%M-dwd---bin.bz2"
FOLDER = "radolan/ry/"
NOW = datetime(2026, 11, 20, 14, 4, tzinfo=UTC)
NEWEST = NOW.replace(minute=0)
QUICK = Limits(wait_seconds=0.01, largest_bytes=5000)
HASTY = Limits(attempts=2, wait_seconds=0.01, silence_seconds=1, file_seconds=1.5)
STEP = timedelta(minutes=5)


@pytest.fixture
def dwd(monkeypatch: pytest.MonkeyPatch) -> Iterator[Provider]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with provider() as started:
        yield started


def path(back: int) -> str:
    """The path of a frame, the newest being 0."""
    return (NEWEST - back * STEP).strftime(FILES)


def content(back: int) -> bytes:
    return f"frame {back} ".encode() * 100


def put(dwd: Provider, *backs: int) -> None:
    dwd.files |= {path(back): content(back) for back in backs}


def source(dwd: Provider, limits: Limits = QUICK) -> Source:
    return Source(dwd.url, FILES, limits)


def times(backs: Iterable[int]) -> list[datetime]:
    return [NEWEST - back * STEP for back in backs]


def poll(
    from_where: Source, lacking: Iterable[int], minutes: float = 0, most: int = 24
) -> list[tuple[str, bytes]]:
    now = NOW + timedelta(minutes=minutes)
    return [(FOLDER + n, data) for n, data in from_where.poll(times(lacking), now, most)]


def files(*backs: int) -> list[tuple[str, bytes]]:
    return [(path(back), content(back)) for back in backs]


# what is asked for


def test_a_new_frame_is_found_by_its_name_before_any_listing_shows_it(dwd: Provider) -> None:
    asking = source(dwd)
    assert poll(asking, [0]) == []
    put(dwd, 0)
    dwd.unlisted = {path(0)}
    assert poll(asking, [0]) == files(0)
    assert dwd.asked(FOLDER) == []
    assert dwd.asked(path(0)) == [404, 200]


def test_from_nothing_all_that_is_there_comes_newest_first(dwd: Provider) -> None:
    put(dwd, *range(0, 40, 2))
    assert poll(source(dwd), range(60)) == files(*range(0, 40, 2))
    assert dwd.asked(path(39)) == []


def test_a_long_gap_is_fetched_in_parts_and_the_newest_comes_before_each(dwd: Provider) -> None:
    put(dwd, *range(3, 33))
    asking, lacking, fetched = source(dwd), set(range(33)), []
    for back in (2, 1, 0):
        part = poll(asking, lacking, most=12)
        fetched.append(len(part))
        lacking -= {back for back in lacking if (path(back), content(back)) in part}
        put(dwd, back)
    assert fetched == [12, 12 + 1, 6 + 1]
    assert lacking == {0}


def test_a_late_frame_comes_once_the_listing_shows_it(dwd: Provider) -> None:
    put(dwd, 1)
    asking, lacking = source(dwd), [0, 10, 11]
    assert poll(asking, lacking) == []
    assert dwd.asked(path(10)) == []
    put(dwd, 10)
    assert poll(asking, lacking, minutes=1) == [], "the listing is read every five minutes"
    assert poll(asking, lacking, minutes=5) == files(10)
    assert dwd.asked(FOLDER) == [200, 200]


def test_a_listing_that_has_not_changed_is_not_sent_again(dwd: Provider) -> None:
    put(dwd, 10)
    asking = source(dwd)
    assert poll(asking, [11]) == []
    assert poll(asking, [11], minutes=5) == []
    assert dwd.asked(FOLDER) == [200, 304]
    assert poll(asking, [10, 11], minutes=10) == files(10), "what it showed is remembered"


def test_a_file_that_the_listing_shows_too_early_is_asked_for_again(dwd: Provider) -> None:
    dwd.listed = {path(4)}
    asking = source(dwd)
    assert poll(asking, [4]) == []
    put(dwd, 4)
    assert poll(asking, [4], minutes=5) == files(4)


def test_without_a_listing_old_frames_are_asked_for_ever_more_rarely(dwd: Provider) -> None:
    dwd.lists = False
    asking = source(dwd)
    for minute in range(240):
        assert poll(asking, [24], minutes=minute) == []
    asked = len(dwd.asked(path(24)))
    assert 5 < asked < 15, "four hours, at first every 12 minutes"
    put(dwd, 24)
    assert poll(asking, [24], minutes=280) == files(24)


def test_a_clock_that_was_ahead_keeps_no_file_away(dwd: Provider) -> None:
    asking = source(dwd)
    assert poll(asking, [10, 24], minutes=180) == []
    put(dwd, 10, 24)
    assert poll(asking, [10, 24], minutes=1) == files(10, 24)


def test_where_the_listing_is_taken_away_old_frames_are_asked_for_by_name(dwd: Provider) -> None:
    put(dwd, 12)
    asking = source(dwd)
    assert poll(asking, [10]) == []
    dwd.lists = False
    put(dwd, 10)
    assert poll(asking, [10], minutes=5) == files(10)


def test_a_page_that_is_no_listing_does_not_hide_the_files(dwd: Provider) -> None:
    put(dwd, 10)
    dwd.fault(FOLDER, other(b"<html>Welcome</html>"))
    assert poll(source(dwd), [10]) == files(10)


@pytest.mark.parametrize("version", ["ETag", "Last-Modified"])
def test_what_came_is_asked_for_again_only_if_it_has_changed(dwd: Provider, version: str) -> None:
    """As it is where the file was bad."""
    dwd.version = version
    dwd.files[path(0)] = b"half"
    asking = source(dwd)
    assert poll(asking, [0]) == [(path(0), b"half")]
    assert poll(asking, [0]) == []
    put(dwd, 0)
    assert poll(asking, [0]) == files(0)
    assert dwd.asked(path(0)) == [200, 304, 200]


def test_a_file_that_could_not_be_taken_in_comes_again(dwd: Provider) -> None:
    put(dwd, 0, 1)
    asking = source(dwd)
    for _ in range(2):
        first = next(asking.poll(times([0, 1]), NOW))
        assert (FOLDER + first.name, first.data) == (path(0), content(0))


def test_requests_are_bounded_in_number(dwd: Provider) -> None:
    put(dwd, *range(20))
    dwd.outage = slow
    assert len(poll(source(dwd, Limits(connections=3)), range(20))) == 20
    assert dwd.most_at_once == 3


# what goes wrong


@pytest.mark.parametrize(
    "fault",
    [refuse(500), refuse(503), cut, stall(0.1), stall(5), drip(0.1)],
    ids=["500", "503", "cut", "hung up", "stalled", "dripping"],
)
def test_what_passes_is_tried_again(dwd: Provider, fault: Fault) -> None:
    put(dwd, 0)
    dwd.fault(path(0), fault)
    assert poll(source(dwd, HASTY), [0]) == files(0)


@pytest.mark.parametrize(
    "fault", [refuse(500), cut, stall(5), drip(0.1)], ids=["500", "cut", "stalled", "dripping"]
)
def test_a_file_that_cannot_be_had_does_not_stop_the_others(dwd: Provider, fault: Fault) -> None:
    lacking = [*range(8), 90, 91]
    put(dwd, *lacking)
    for bad in (1, 90):
        dwd.fault(path(bad), *[fault] * HASTY.attempts)
    asking = source(dwd, HASTY)
    assert poll(asking, lacking) == files(0, 2, 3, 4, 5, 6, 7, 91)
    assert poll(asking, [1, 90], minutes=5) == files(1, 90)


def test_files_that_never_come_do_not_keep_older_ones_away(dwd: Provider) -> None:
    put(dwd, *range(10, 18))
    asking = source(dwd)
    for bad in range(10, 14):
        dwd.fault(path(bad), *[refuse(500)] * 99)
    with pytest.raises(SourceUnavailable, match="500"):
        poll(asking, range(10, 18))
    assert poll(asking, range(10, 18), minutes=1) == files(*range(14, 18))


def test_half_a_file_is_handed_on_only_where_nothing_tells_that_it_is_half(dwd: Provider) -> None:
    put(dwd, 0)
    dwd.fault(path(0), half)
    asking = source(dwd)
    assert poll(asking, [0]) == [(path(0), content(0)[: len(content(0)) // 2])]
    assert poll(asking, [0]) == files(0)


def test_a_file_without_end_is_given_up(dwd: Provider) -> None:
    put(dwd, 0, 1)
    dwd.files[path(1)] = bytes(5001)
    assert poll(source(dwd), [0, 1]) == files(0)
    with pytest.raises(SourceUnavailable, match="over 5000 bytes"):
        poll(source(dwd), [1])


def test_an_attempt_ends_in_its_time_however_the_bytes_drip(dwd: Provider) -> None:
    put(dwd, 0)
    dwd.fault(path(0), *[drip(0.1)] * 2)
    limits = Limits(attempts=2, wait_seconds=0.01, silence_seconds=500, file_seconds=1.5)
    with pytest.raises(SourceUnavailable, match="TimeoutError"):
        poll(source(dwd, limits), [0])
    assert len(dwd.asked(path(0))) == 2, "the file would take 20 s each time"


@pytest.mark.parametrize("status", [401, 403, 429, 302])
def test_what_does_not_pass_is_said_at_once(dwd: Provider, status: int) -> None:
    dwd.fault(path(0), refuse(status, Location="/login"))
    with pytest.raises(SourceUnavailable, match=rf"cannot be had \({status} "):
        poll(source(dwd), [0])
    assert dwd.asked(path(0)) == [status]


def test_no_server_is_said_with_what_to_do() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    gone = Source(f"http://127.0.0.1:{port}/radar", FILES, QUICK)
    with pytest.raises(SourceUnavailable) as error:
        poll(gone, range(40))
    message = str(error.value)
    assert f"http://127.0.0.1:{port}/radar/radolan/ry/ cannot be had" in message
    assert "ConnectError" in message
    assert "HTTPS_PROXY" in message


def test_a_server_that_comes_back_is_asked_as_if_nothing_had_been(dwd: Provider) -> None:
    put(dwd, *range(6))
    asking = source(dwd)
    for back in range(3):
        dwd.fault(path(back), *[refuse(500)] * 3)
    dwd.fault(FOLDER, *[refuse(500)] * 3)
    with pytest.raises(SourceUnavailable):
        poll(asking, range(6))
    assert poll(asking, range(6), minutes=0.5) == files(*range(6))


# names and times


@pytest.mark.parametrize(
    ("pattern", "name", "product"),
    [
        (FILES, "raa01-ry_10000-2611201400-dwd---bin.bz2", "RY"),
        (FILES[:-3] + "hdf5", "raa01-ry_10000-2611201400-dwd---bin.hdf5", "RY"),
        ("composite/rv/composite_rv_%Y%m%d_%H%M.tar", "composite_rv_20261120_1400.tar", "RV"),
        ("DE1200_RV%y%m%d%H%M.tar.bz2", "DE1200_RV2611201400.tar.bz2", "RV"),
        ("mine/rain-%Y-%m-%dT%H:%MZ.h5", "rain-2026-11-20T14:00Z.h5", ""),
    ],
)
def test_a_pattern_names_the_files_of_a_product(pattern: str, name: str, product: str) -> None:
    found = Source("https://opendata.dwd.de/weather/radar/", pattern)
    assert (found.name(NEWEST), found.product) == (name, product)


@pytest.mark.parametrize(
    "pattern", ["radolan/ry/", "ry-latest.bz2", "ry-%Y%m%d.bz2", "%Y/%m/ry-%Y%m%d%H%M.bz2", "50%"]
)
def test_a_pattern_without_the_time_in_its_name_is_refused(pattern: str) -> None:
    with pytest.raises(SourceUnavailable, match="should hold the time to the minute"):
        Source("https://opendata.dwd.de/weather/radar/", pattern)


def test_frames_are_expected_every_five_minutes_once_they_may_be_there() -> None:
    assert expected(NOW, 0.25) == times([0, 1, 2])
    assert expected(NOW.replace(minute=1, second=59), 0.25) == times([1, 2])
    assert len(expected(NOW, 12)) == 144


def test_a_listing_shows_the_names_of_files_however_it_is_written() -> None:
    page = b"""<a href="?C=M;O=A">Last modified</a> <a HREF='../'>up</a> <a href="/weather/">w</a>
    <a href="raa01-ry_10000-2611201400-dwd---bin.bz2">raa01-ry_10000-26112014..&gt;</a>
    <A href = composite_rv_20261120_1400.tar>rv</A> <a href="/weather/radar/a%2Db.h5?x=1#y">h5</a>
    \xff\xfe"""
    assert listing.names(page) == {
        "raa01-ry_10000-2611201400-dwd---bin.bz2",
        "composite_rv_20261120_1400.tar",
        "a-b.h5",
    }
    assert listing.names(b"") == set()
