"""The table of reads per second, as it is printed and written."""

import asyncio
import sys
from pathlib import Path

import pytest

from benchmarks.speed.serving import BARE, LISTS, SERVICE, Taken, bare, main, ratio, section, table

FOUND = {
    BARE: [Taken(4000.0, 0.0002, [0.001] * 99 + [0.002]), Taken(1000.0, 0.0002, [0.001] * 100)],
    SERVICE: [Taken(3600.0, 0.00025, [0.001] * 200), Taken(900.0, 0.00025, [0.004] * 200)],
    LISTS: [Taken(60.0, 0.0125, [0.05] * 20), Taken(15.0, 0.0125, [0.1] * 20)],
}
"""On a machine that is busy with something else every now and then."""


def test_ratios_are_of_rounds_side_by_side() -> None:
    assert ratio(FOUND, BARE) == pytest.approx((0.9, 0.8))
    assert ratio(FOUND, LISTS) == pytest.approx((60, 50))


def test_each_server_has_a_line_and_its_target() -> None:
    assert table(FOUND).splitlines()[2:] == [
        "| bare ASGI | 2,500.0 | 0.20 | 0.90 | 0.80 | 0.8 | 1.0 | 1.0 |",
        "| service | 2,250.0 | 0.25 |  |  |  | 2.5 | 4.0 |",
        "| FastAPI, lists | 37.5 | 12.50 | 60.00 | 50.00 | 50 | 75.0 | 100.0 |",
    ]


def test_a_section_says_what_was_read() -> None:
    text = section(FOUND, 601_234, 2)
    assert text.startswith("## Reading a forecast over HTTP\n")
    assert "A forecast in JSON of 601,234 bytes" in text
    assert table(FOUND) in text


def test_the_bare_server_sends_what_the_service_sent() -> None:
    messages: list[dict[str, object]] = []

    async def send(message: dict[str, object]) -> None:
        messages.append(message)

    app = bare(b'etag: "a"\nlink: <x>; rel="canonical"', b"{}")
    asyncio.run(app({"type": "http"}, None, send))
    assert messages[0]["headers"] == [(b"etag", b'"a"'), (b"link", b'<x>; rel="canonical"')]
    assert messages[1]["body"] == b"{}"


def test_the_command_measures_all_servers_and_writes_its_section(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "performance.md"
    file.write_text("# Performance\n\nBefore.\n")
    options = ["--rounds", "1", "--seconds", "0.5", "--write", str(file)]
    monkeypatch.setattr(sys, "argv", ["serving", *options])
    main()
    printed = capsys.readouterr().out.strip()
    text = file.read_text()
    assert printed in text
    assert "Before." in text
    _, _, ideal, ours, lists = (
        [c.strip() for c in line.split("|")] for line in printed.split("\n")
    )
    for line in (ideal, ours, lists):
        assert float(line[2].replace(",", "")) > 0
    assert float(ideal[5]) > 0.2, "one that works out each answer anew takes ten times as long"
    assert float(lists[5]) > 5
