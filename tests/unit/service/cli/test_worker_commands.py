"""Commands of workers and of the schedule, where they cannot begin."""

import pytest

from service.cli import main

QUEUE = "BadSetting: there is no queue 'fast', only interactive"
SIMULATED_TIME = "BadSetting: NOWCAST_SIMULATED_TIME is 'yesterday', should be BEGIN@"
REDIS = "BadSetting: NOWCAST_REDIS is empty, should be the URL of the Redis that delivers jobs"


@pytest.mark.parametrize(
    ("words", "settings", "why"),
    [
        (["worker", "--queues", "interactive"], {}, REDIS),
        (["beat"], {}, REDIS),
        (["worker", "--queues", "fast"], {}, QUEUE),
        (["ingest", "--follow"], {"NOWCAST_SIMULATED_TIME": "yesterday"}, SIMULATED_TIME),
        (["up"], {"NOWCAST_HOST": "0.0.0.0"}, "Exposed: the API would be open to everybody"),
        (["serve"], {"NOWCAST_HOST": "0.0.0.0"}, "Exposed: the API would be open to everybody"),
    ],
)
def test_what_cannot_be_is_said_in_a_sentence(
    words: list[str],
    settings: dict[str, str],
    why: str,
    tmp_path: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in {"NOWCAST_DATA": str(tmp_path), **settings}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("sys.argv", ["nowcast", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert why in " ".join(capsys.readouterr().err.split())
