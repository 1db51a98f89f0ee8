"""Keys of the API: made once, kept as hashes, compared in a time that tells nothing."""

import hmac
import json
import logging
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from service.api.middleware import api_keys
from service.api.middleware.api_keys import KeyFile, check_exposure
from service.cli import app
from service.errors import BadKeys, Exposed
from service.settings import Settings


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "keys.jsonl"


def run(*words: object, **environment: str) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words], env=environment)


def test_a_key_is_shown_once_and_its_hash_is_kept(file: Path) -> None:
    result = run("key", "anna", "--per-minute", "60", NOWCAST_API_KEYS=str(file))
    assert result.exit_code == 0, result.output
    secret = result.stdout.strip()
    assert secret.startswith("nowcast_")
    assert len(secret) > 40
    assert secret not in file.read_text()
    (line,) = file.read_text().splitlines()
    entry = json.loads(line)
    assert (entry["name"], entry["per_minute"]) == ("anna", 60)
    holder = KeyFile(file).find(secret)
    assert holder is not None
    assert holder.name == "anna"


def test_each_key_is_another_and_all_of_them_work(file: Path) -> None:
    secrets = {name: api_keys.add(file, name) for name in ("anna", "ben", "carl")}
    known = KeyFile(file)
    assert len(set(secrets.values())) == 3
    for name, secret in secrets.items():
        holder = known.find(secret)
        assert holder is not None
        assert holder.name == name


@pytest.mark.parametrize("secret", ["", "x", "nowcast_", "\xff\xe9", "a" * 100_000])
def test_what_is_no_key_has_no_holder(file: Path, secret: str) -> None:
    api_keys.add(file, "anna")
    assert KeyFile(file).find(secret) is None
    assert KeyFile(file).find(json.loads(file.read_text())["sha256"]) is None


@pytest.mark.parametrize("name", ["", "a b", "a\n", "x" * 65, "../x", '"'])
def test_a_name_that_will_not_do_is_refused(file: Path, name: str) -> None:
    with pytest.raises(BadKeys, match="cannot be named"):
        api_keys.add(file, name)
    assert not file.exists()


def test_a_name_that_is_taken_is_refused(file: Path) -> None:
    api_keys.add(file, "anna")
    before = file.read_bytes()
    with pytest.raises(BadKeys, match="remove its line"):
        api_keys.add(file, "anna")
    assert file.read_bytes() == before


def test_a_key_works_as_soon_as_it_is_made_and_no_longer_than_its_line_is_there(
    file: Path,
) -> None:
    first = api_keys.add(file, "anna")
    known = KeyFile(file)
    second = api_keys.add(file, "ben")
    assert known.find(second) is not None
    file.write_text(file.read_text().splitlines()[1] + "\n")
    assert known.find(first) is None
    assert known.find(second) is not None
    file.write_text("")
    assert known.find(second) is None


@pytest.mark.parametrize("content", ["nonsense", '{"name": "eve"}', None])
def test_a_file_that_is_spoilt_while_in_use_shuts_nobody_out(
    file: Path, content: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    secret = api_keys.add(file, "anna")
    known = KeyFile(file)
    file.unlink()
    if content is not None:
        file.write_text(content)
    with caplog.at_level(logging.ERROR):
        assert known.find(secret) is not None
        assert known.find("x") is None
    assert caplog.text.count("the previous keys stay valid") == 1


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("nonsense", "line 1"),
        ('{"name": "eve", "sha256": "secret"}', "sha256"),
        (json.dumps({"name": "eve", "sha256": "0" * 64, "per_minute": -1}), "per_minute"),
        (json.dumps({"name": "eve", "sha256": "0" * 64}) + "\n\nx", "line 3"),
    ],
)
def test_a_file_that_is_spoilt_to_begin_with_is_refused(file: Path, content: str, why: str) -> None:
    file.write_text(content)
    with pytest.raises(BadKeys, match=why) as refused:
        KeyFile(file)
    assert "secret" not in str(refused.value)


def test_a_file_that_is_not_there_is_refused_and_it_is_said_how_to_make_one(file: Path) -> None:
    with pytest.raises(BadKeys, match="`nowcast key` makes one"):
        KeyFile(file)


def test_all_keys_are_compared_whichever_is_the_right_one(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secrets = [api_keys.add(file, f"key{number}") for number in range(5)]
    known, compared = KeyFile(file), []
    compare = hmac.compare_digest

    def counted(first: Any, second: Any) -> bool:
        compared.append(first)
        return compare(first, second)

    monkeypatch.setattr(hmac, "compare_digest", counted)
    for secret in (secrets[0], secrets[-1], "wrong"):
        compared.clear()
        known.find(secret)
        assert len(set(compared)) == len(compared) == 5


@pytest.mark.parametrize("host", ["127.0.0.1", "127.3.2.1", "::1", "localhost"])
def test_on_loopback_no_key_is_needed(host: str) -> None:
    check_exposure(Settings(host=host))


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "192.168.0.7", "nowcast.example"])
def test_an_api_that_others_reach_needs_keys_or_a_clear_word(host: str, file: Path) -> None:
    with pytest.raises(Exposed, match="nowcast key NAME"):
        check_exposure(Settings(host=host))
    check_exposure(Settings(host=host, open_to_all=True))
    api_keys.add(file, "anna")
    check_exposure(Settings(host=host, api_keys=file))


def test_a_file_of_keys_that_is_not_there_stops_the_start(file: Path) -> None:
    with pytest.raises(BadKeys):
        check_exposure(Settings(api_keys=file))


def test_keys_made_at_once_are_all_kept(file: Path) -> None:
    with ThreadPoolExecutor(6) as pool:
        secrets = list(pool.map(lambda number: api_keys.add(file, f"key{number}"), range(6)))
    known = KeyFile(file)
    assert all(known.find(secret) for secret in secrets)


def test_a_revoked_key_is_out_at_once_and_stays_out_of_a_spoilt_file(file: Path) -> None:
    revoked, kept = api_keys.add(file, "anna"), api_keys.add(file, "ben")
    known = KeyFile(file)
    assert run("key", "anna", "--revoke", NOWCAST_API_KEYS=str(file)).exit_code == 0
    assert known.find(revoked) is None
    file.write_text(file.read_text() + "an editing mistake\n")
    assert known.find(revoked) is None
    assert known.find(kept) is not None
    again = run("key", "anna", "--revoke", NOWCAST_API_KEYS=str(file))
    assert isinstance(again.exception, BadKeys)


def test_keys_are_listed_without_what_would_give_access(file: Path) -> None:
    secret = api_keys.add(file, "anna", 60)
    api_keys.add(file, "ben")
    listed = run("key", "list", NOWCAST_API_KEYS=str(file))
    assert listed.exit_code == 0, listed.output
    assert "anna" in listed.output
    assert "60" in listed.output
    assert api_keys.digest(secret)[:8] in listed.output
    assert secret not in listed.output
    assert api_keys.digest(secret) not in listed.output
    with pytest.raises(BadKeys, match="lists the keys"):
        api_keys.add(file, "list")
