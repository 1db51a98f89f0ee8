"""Archive and ledger that differ: each heals the other, and remaining faults are reported."""

import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, update
from typer.testing import CliRunner, Result

from service.archive.key import Key, forecast_name, frame_name
from service.cli import app
from service.ledger import integrity, tables
from service.pipeline.ingest import ingest_bytes
from service.pipeline.repair import check_files, differences
from service.pipeline.replay import replay
from service.pipeline.verify import verify
from service.runtime.deployment import Deployment
from service.settings import Settings
from tests.provider import provider
from tests.showers import file_bytes, file_name, moment, time, write_file
from tests.state_snapshot import rows_of

FRAMES = 14
NOW = moment(FRAMES)
MODELS = ("persistence",)
KEY = Key(time(4), "persistence", "none")


@pytest.fixture(scope="module")
def replayed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of data whose archive and ledger agree."""
    folder: Path = tmp_path_factory.mktemp("replayed")
    deployment = Deployment(Settings(data=folder / "data", models=MODELS))
    files = [write_file(folder, number) for number in range(FRAMES)]
    replay(deployment.archive, deployment.ledger, deployment.forecasters.all_served(), files)
    deployment.ledger.engine.dispose()
    return folder / "data"


@pytest.fixture
def deployment(replayed: Path, tmp_path: Path) -> Iterator[Deployment]:
    folder = shutil.copytree(replayed, tmp_path / "data")
    with provider() as server:
        simulated = f"{NOW:%Y-%m-%dT%H:%M:%SZ}@{int(NOW.timestamp())}*0.000001"
        deployment = Deployment(
            Settings(data=folder, models=MODELS, radar_server=server.url, simulated_time=simulated)
        )
        for number in range(FRAMES):
            server.files[f"radolan/ry/{file_name(number)}"] = file_bytes(number)
        yield deployment
        deployment.ledger.engine.dispose()


def ledger_check(deployment: Deployment, *options: str) -> Result:
    settings = deployment.settings
    environment = {
        "NOWCAST_RADAR_SERVER": settings.radar_server,
        "NOWCAST_RADAR_FILES": '["radolan/ry/raa01-ry_10000-%y%m%d%H%M-dwd---bin.gz"]',
        "NOWCAST_SIMULATED_TIME": settings.simulated_time,
        "NOWCAST_MODELS": '["persistence"]',
    }
    words = ["ledger", "check", "--data", str(settings.data), *options]
    return CliRunner().invoke(app, words, env=environment)


def test_archive_and_ledger_that_agree_have_no_differences(deployment: Deployment) -> None:
    assert list(differences(deployment.archive, deployment.ledger).sentences()) == []
    result = ledger_check(deployment)
    assert result.exit_code == 0, result.output


def test_what_the_one_lacks_is_told_and_repaired_from_the_other(deployment: Deployment) -> None:
    before = rows_of(deployment.ledger)["counts"]
    archive, ledger = deployment.archive, deployment.ledger
    archive.store.remove(frame_name(time(3)))  # the server has it
    pending = Key(time(FRAMES - 1), "persistence", "none")
    archive.store.remove(forecast_name(pending))
    with ledger.engine.begin() as connection:
        for table in (tables.probabilities, tables.fractions, tables.counts, tables.leads):
            connection.execute(delete(table).where(table.c.issue == moment(5)))
        connection.execute(delete(tables.forecasts).where(tables.forecasts.c.issue == moment(5)))
        connection.execute(delete(tables.arrivals).where(tables.arrivals.c.frame_time == moment(7)))
        connection.execute(update(tables.pixels).values(hits=tables.pixels.c.hits + 1))
    found = list(differences(archive, ledger).sentences())
    assert [line.partition(",")[0] for line in found] == [
        "1 frames of the archive are not in the ledger",
        "1 frames of the ledger are not in the archive",
        "1 forecasts of the archive are not in the ledger",
        "1 forecasts to be verified are not in the archive",
    ]
    assert ledger_check(deployment).exit_code == 1
    result = ledger_check(deployment, "--repair")
    assert result.exit_code == 0, result.output
    assert archive.has_frame(time(3))
    assert archive.has_forecast(pending)
    assert list(differences(archive, ledger).sentences()) == []
    verify(archive, ledger, NOW)
    assert integrity.faults(deployment.settings.ledger_url) == []
    assert rows_of(ledger)["counts"] == before


def test_what_cannot_be_repaired_is_told(deployment: Deployment) -> None:
    deployment.archive.store.remove(frame_name(time(3)))
    unreachable = deployment.settings.model_copy(update={"radar_server": "http://127.0.0.1:9"})
    result = ledger_check(Deployment(unreachable), "--repair")
    assert result.exit_code == 1
    assert "1 frames of the ledger are not in the archive" in result.output


def test_damaged_files_are_found_by_reading_all_of_them(deployment: Deployment) -> None:
    archive = deployment.archive
    frame, forecast = frame_name(time(3)), forecast_name(KEY)
    for path in (frame, forecast):
        file = archive.root / path
        file.write_bytes(file.read_bytes()[:-4096])
    words = ["archive", "check", "--data", str(deployment.settings.data)]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 1
    assert f"{2 * FRAMES} files read, 2 damaged" in result.output
    assert frame in result.output
    assert CliRunner().invoke(app, words).exit_code == 0
    assert archive.damaged() == {"frames": 1, "forecasts": 1}
    assert not any(checked.damage for checked in check_files(archive))


def test_a_lost_frame_is_put_back_when_its_file_comes_again(deployment: Deployment) -> None:
    archive, ledger = deployment.archive, deployment.ledger
    kept, rows = archive.frame(time(3)), rows_of(ledger)
    archive.store.remove(frame_name(time(3)))
    archive.remove_before("uploads", time(0))
    again = ingest_bytes(archive, ledger, file_bytes(3), file_name(3), NOW + timedelta(hours=1))
    assert again.outcome == "accepted"
    assert archive.has_frame(time(3))
    assert archive.frame(time(3)).equals(kept)
    assert rows_of(ledger) == rows, "it came once"
