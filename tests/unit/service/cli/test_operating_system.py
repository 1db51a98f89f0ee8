"""The service requires Linux and says so."""

import platform
import sys

import pytest

from service import cli


@pytest.mark.parametrize("system", ["Darwin", "Windows", ""])
def test_elsewhere_than_on_linux_the_command_fails_with_one_line(
    system: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(platform, "system", lambda: system)
    monkeypatch.setattr(sys, "argv", ["nowcast", "--help"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    out, err = capsys.readouterr()
    assert ended.value.code == 2
    assert not out
    assert err.count("\n") == 1
    assert "requires Linux" in err
    assert (system or "unknown") in err
    assert "container" in err


def test_on_linux_the_command_runs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(platform, "system", lambda: "Linux")
    monkeypatch.setattr(sys, "argv", ["nowcast", "--help"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 0
    assert "replay" in capsys.readouterr().out
