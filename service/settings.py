"""What differs between one deployment and the next, and nothing else.

Read from the environment (`NOWCAST_...`) once, by the command line, and passed on from there. What
a model needs to know travels in its checkpoint; what science fixes is a named constant beside the
formula that uses it.
"""

from pathlib import Path
from typing import Annotated

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Deployment settings; each can be set by an environment variable `NOWCAST_<NAME>`."""

    model_config = SettingsConfigDict(env_prefix="NOWCAST_", extra="forbid", frozen=True)

    data: Path = Path("nowcast-data")
    """Folder of the archive, and of the ledger where that is SQLite."""
    ledger: str = ""
    """Database URL as SQLAlchemy takes it; empty for SQLite in the data folder."""
    weights: Path | None = None
    """Folder of more checkpoints, NAME.safetensors, beside those that are shipped."""
    models: tuple[str, ...] = ("ms-lstm", "ms-preciplstm", "advection", "persistence")
    """Forecast from every new frame; the first is what is served when none is named."""
    radar_server: str = "https://opendata.dwd.de/weather/radar/"
    """URL below which the provider's products lie."""
    radar_files: tuple[str, ...] = (
        "radolan/ry/raa01-ry_10000-%y%m%d%H%M-dwd---bin.bz2",
        "composite/rv/composite_rv_%Y%m%d_%H%M.tar",
    )
    """What to fetch there: folder and name, with the time in UTC as `strftime` writes it. Frames in
    binary or HDF5 (the same name with .hdf5), better of one kind: their grids differ. DWD's own
    forecast, RV, is verified beside ours."""
    poll_seconds: Annotated[float, Field(gt=0)] = 20
    """Pause between two looks for new files."""
    backfill_hours: Annotated[float, Field(gt=0, le=48)] = 12
    """How far back what is lacking is fetched; the server holds two days."""
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8000
    stale_minutes: Annotated[int, Field(gt=0)] = 20
    """Age of the newest radar frame from which the service says that it is not ready."""
    jobs_waiting: Annotated[int, Field(gt=0)] = 32
    """Jobs that may wait; one more is refused with 503."""
    largest_body_bytes: Annotated[int, Field(gt=0)] = 1_000_000
    """Size of a request from which on it is refused with 413."""

    @property
    def ledger_url(self) -> str:
        return self.ledger or f"sqlite:///{self.data / 'ledger.sqlite'}"
