"""Backups are whole or not there, and what is restored is what was backed up."""

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from service.archive.archive import Archive
from service.archive.object_store import ObjectStore
from service.cli import app
from service.errors import BadBackup, BadLedger, MissingProgram
from service.ledger import dump
from service.ledger.ledger import Ledger
from service.pipeline import backup as backups
from service.pipeline.verify import verify
from tests.postgres import Postgres
from tests.served import NOW, make_forecasts, put_frames
from tests.showers import time

KILLED = 9


def url_of(data: Path) -> str:
    return f"sqlite:///{data / 'ledger.sqlite'}"


def back_up(data: Path, folder: Path, previous: Path | None = None) -> backups.Backup:
    return backups.back_up(Archive(data / "archive"), url_of(data), folder, NOW, previous)


def content(data: Path) -> dict[str, bytes]:
    """The files of an archive by path, and the statements that make a ledger."""
    files = {
        str(path.relative_to(data)): path.read_bytes()
        for kind in backups.KINDS
        for path in backups.files_in(data / "archive" / kind)
    }
    with closing(sqlite3.connect(data / "ledger.sqlite")) as ledger:
        return {**files, "ledger": "\n".join(ledger.iterdump()).encode()}


def test_what_is_restored_is_what_was_backed_up(data: Path, tmp_path: Path) -> None:
    found = back_up(data, tmp_path / "backup")
    assert found.files == len(content(data)) - 1 > 10
    assert not found.damaged
    new = tmp_path / "new"
    runner = CliRunner()
    done = runner.invoke(app, ["restore", str(tmp_path / "backup"), "--data", str(new)])
    assert done.exit_code == 0, done.output
    assert content(new) == content(data)
    ledger = Ledger(url_of(new))
    assert verify(Archive(new / "archive"), ledger, NOW) == 0, "all is verified already"
    ledger.engine.dispose()


def test_the_checksums_are_those_of_sha256sum(data: Path, tmp_path: Path) -> None:
    back_up(data, tmp_path / "backup")
    command = ["sha256sum", "--check", "--quiet", "--strict", backups.SUMS]
    subprocess.run(command, cwd=tmp_path / "backup", check=True)


def test_a_backup_is_consistent_while_the_ledger_is_written(data: Path, tmp_path: Path) -> None:
    ledger = Ledger(url_of(data))
    put_frames(Archive(data / "archive"), 13)
    with ledger.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM leads")  # not committed yet
        command = CliRunner().invoke(
            app, ["backup", str(tmp_path / "backup"), "--data", str(data)], catch_exceptions=False
        )
        assert command.exit_code == 0, command.output
        connection.rollback()
    with closing(sqlite3.connect(tmp_path / "backup" / dump.SQLITE)) as copy:
        assert copy.execute("SELECT count(*) FROM leads").fetchone()[0] > 0
        assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    ledger.engine.dispose()


def test_files_on_the_same_disk_or_in_a_former_backup_take_no_space(
    data: Path, tmp_path: Path
) -> None:
    back_up(data, tmp_path / "first")
    frame = next(iter(backups.files_in(tmp_path / "first" / "archive" / "frames")))
    assert frame.stat().st_nlink == 2
    moved = tmp_path / "moved"
    shutil.copytree(data, moved)
    back_up(moved, tmp_path / "second", previous=tmp_path / "first")
    assert frame.stat().st_nlink == 3


def kill(number: int, method: str, do: Callable[[], object]) -> int:
    """Do something in a process that dies at some call of a method of Path. Returns its status."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    calls, real = count(), getattr(Path, method)

    def counted(*args: Any) -> object:
        if next(calls) == number:
            os._exit(KILLED)
        return real(*args)

    try:
        setattr(Path, method, counted)
        do()
    finally:
        os._exit(0)


def test_a_backup_that_is_killed_is_not_there_and_the_next_is_whole(
    data: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "backup"
    for number, method in ((3, "hardlink_to"), (0, "rename")):
        assert kill(number, method, lambda: back_up(data, folder)) == KILLED
        assert not folder.exists()
    back_up(data, folder)
    assert backups.verify_backup(folder).files == len(content(data)) - 1
    assert not list(tmp_path.glob(".*")), "nothing is left of the killed ones"


@pytest.mark.parametrize(("number", "method"), [(3, "hardlink_to"), (0, "rename"), (1, "replace")])
def test_a_restore_that_is_killed_is_completed_by_another(
    data: Path, tmp_path: Path, number: int, method: str
) -> None:
    back_up(data, tmp_path / "backup")
    new = tmp_path / "new"

    def restore() -> backups.Backup:
        return backups.restore(tmp_path / "backup", Archive(new / "archive"), url_of(new))

    assert kill(number, method, restore) == KILLED
    assert not (new / "ledger.sqlite").exists(), "the ledger comes last"
    if (new / "archive").exists():
        serve = CliRunner().invoke(app, ["serve", "--port", "0", "--data", str(new)])
        assert isinstance(serve.exception, BadBackup), "no process starts on half of it"
    restore()
    assert content(new) == content(data)


def test_data_are_replaced_only_when_that_is_asked_for(data: Path, tmp_path: Path) -> None:
    back_up(data, tmp_path / "backup")
    before = content(data)
    archive, ledger = Archive(data / "archive"), Ledger(url_of(data))
    archive.remove_before("frames", time(3))
    with ledger.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM leads")
    ledger.engine.dispose()
    with pytest.raises(BadBackup, match="--replace"):
        backups.restore(tmp_path / "backup", archive, url_of(data))
    backups.restore(tmp_path / "backup", archive, url_of(data), replace=True)
    assert content(data) == before
    assert (data / "archive.replaced-1" / "frames").is_dir()


def test_a_backup_does_not_replace_another(data: Path, tmp_path: Path) -> None:
    (tmp_path / "backup").mkdir()
    with pytest.raises(BadBackup, match="exists"):
        back_up(data, tmp_path / "backup")


def damage(path: Path) -> None:
    """Change a byte of a file that may have other names."""
    found = path.read_bytes()
    path.unlink()
    path.write_bytes(found[:100] + bytes([found[100] ^ 1]) + found[101:])


def test_a_former_backup_that_is_none_is_refused(data: Path, tmp_path: Path) -> None:
    with pytest.raises(BadBackup, match="yesterday is no former backup"):
        back_up(data, tmp_path / "backup", tmp_path / "yesterday")
    assert not (tmp_path / "backup").exists()


def test_a_damaged_backup_is_refused_and_changes_nothing(data: Path, tmp_path: Path) -> None:
    folder = tmp_path / "backup"
    back_up(data, folder)
    frame = next(iter(backups.files_in(folder / "archive" / "frames")))
    target = Archive(tmp_path / "new" / "archive")
    changes: list[tuple[Callable[[Path], object], Path, str]] = [
        (damage, frame, "is damaged"),
        (Path.unlink, frame, "is missing"),
        (damage, folder / backups.SUMS, "is not that of the backup"),
        (Path.unlink, folder / backups.INDEX, "is no backup"),
    ]
    for change, file, reason in changes:
        change(file)
        with pytest.raises(BadBackup, match=reason):
            backups.restore(folder, target, url_of(tmp_path / "new"))
    assert not (tmp_path / "new").exists()


def test_a_damaged_file_of_the_archive_is_left_out_and_named(data: Path, tmp_path: Path) -> None:
    frame = next(iter(backups.files_in(data / "archive" / "frames")))
    damage(frame)
    words = ["backup", str(tmp_path / "backup"), "--data", str(data)]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 1
    assert frame.name in done.output
    assert backups.verify_backup(tmp_path / "backup").damaged


def test_without_a_ledger_there_is_no_backup(tmp_path: Path) -> None:
    with pytest.raises(BadLedger, match="no ledger"):
        back_up(tmp_path / "nowhere", tmp_path / "backup")
    assert not list(tmp_path.iterdir())


def test_an_archive_in_an_object_store_is_backed_up_and_restored(
    data: Path, tmp_path: Path
) -> None:
    store = Archive(ObjectStore(f"local://{data / 'archive'}"))
    backups.back_up(store, url_of(data), tmp_path / "backup", NOW)
    other = Archive(ObjectStore(f"memory://{tmp_path.name}"))
    backups.restore(tmp_path / "backup", other, url_of(tmp_path / "new"))
    restored = {path: other.store.get(path) for path in backups.archived(other)}
    assert restored == {path: store.store.get(path) for path in backups.archived(store)} != {}


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    server = Postgres()
    server.start()
    yield server
    server.remove()


@pytest.mark.skipif(shutil.which("pg_dump") is None, reason="needs the program pg_dump")
def test_postgresql_is_dumped_and_restored(postgres: Postgres, tmp_path: Path) -> None:
    url, archive = postgres.new_database(), Archive(tmp_path / "archive")
    ledger = Ledger(url)
    put_frames(archive, 0, 1, 2)
    make_forecasts(archive, ledger, 2, models=("persistence",))
    backups.back_up(archive, url, tmp_path / "backup", NOW)
    other = postgres.new_database()
    with pytest.raises(BadLedger, match="PostgreSQL"):
        backups.restore(tmp_path / "backup", Archive(tmp_path / "x"), url_of(tmp_path / "x"))
    backups.restore(tmp_path / "backup", Archive(tmp_path / "new"), other)
    restored = Ledger(other)
    after = NOW + timedelta(days=1)
    assert len(restored.pending(after)) == len(ledger.pending(after)) > 0
    for each in (ledger, restored):
        each.engine.dispose()


def test_without_pg_dump_the_command_to_run_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(os.environ, "PATH", str(tmp_path))
    with pytest.raises(MissingProgram, match="pg_dump --dbname=postgresql://me@db/x") as missing:
        dump.dump("postgresql://me:secret@db/x", tmp_path)
    assert "secret" not in str(missing.value)
