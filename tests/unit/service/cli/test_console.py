"""Progress: a bar in a terminal, and lines where there is none."""

from io import StringIO

from rich.console import Console

from service.cli.console import ProgressLines, progress


def lines_of(seconds: float, *, disable: bool = False) -> list[str]:
    out = StringIO()
    with ProgressLines(Console(file=out, width=40), seconds) as bar:
        bar.disable = disable
        task = bar.add_task("ingest", total=4, note="")
        for number in range(4):
            bar.update(task, advance=1, note=f"a [file] with a long name {number}")
        bar.update(task, note="again")
    return out.getvalue().splitlines()


def test_without_a_terminal_progress_is_lines() -> None:
    assert isinstance(progress(Console(file=StringIO())), ProgressLines)
    assert not isinstance(progress(Console(file=StringIO(), force_terminal=True)), ProgressLines)
    assert lines_of(0)[:2] == [
        "ingest: 1 of 4, a [file] with a long name 0",
        "ingest: 2 of 4, a [file] with a long name 1",
    ]


def test_lines_are_few_and_the_last_step_is_always_reported() -> None:
    assert lines_of(3600) == ["ingest: 4 of 4, a [file] with a long name 3"]


def test_who_wants_it_quiet_gets_no_line() -> None:
    assert lines_of(0, disable=True) == []
