"""How jobs are sent to workers over Celery and Redis; with real processes in `test_worker`."""

import pytest
from kombu.exceptions import OperationalError

from service.jobs.celery_transport import RECONNECT_SECONDS, create_app
from service.settings import Settings
from tests.free_port import free_port


def test_pauses_between_attempts_to_reconnect_stay_short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kombu.utils.functional.sleep", lambda seconds: None)
    app = create_app(Settings(redis=f"redis://127.0.0.1:{free_port()}/0"))
    pauses: list[float] = []
    for connection in (app.connection_for_read(), app.connection_for_write()):
        with pytest.raises(OperationalError):
            connection.ensure_connection(lambda error, pause: pauses.append(pause), 20)
    assert len(pauses) >= 40
    assert max(pauses) == RECONNECT_SECONDS
