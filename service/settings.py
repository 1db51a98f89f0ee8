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
    archive: str = ""
    """Another place for the archive: a folder, or a URL as fsspec takes it (s3://bucket/nowcast);
    empty for the folder `archive` in the data folder."""
    redis: str = ""
    """URL of the Redis that carries jobs to workers; empty for threads of the API's own process."""
    device: str = "auto"
    """Where networks run, as torch names it; auto takes a GPU if there is one."""
    threads: Annotated[int, Field(ge=0)] = 0
    """Processor threads of a network; 0 leaves it to what was measured or to torch."""
    bf16: bool = False
    """Let networks run in bfloat16 where that is the fastest."""
    weights: Path | None = None
    """Folder of more checkpoints, NAME.safetensors, beside those that are shipped."""
    models: tuple[str, ...] = ("ms-lstm", "ms-preciplstm", "s-prog", "advection", "persistence")
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
    poll_seconds: Annotated[float, Field(gt=0)] = 5
    """Pause between two looks for new files."""
    backfill_hours: Annotated[float, Field(gt=0, le=48)] = 12
    """How far back what is lacking is fetched; the server holds two days."""
    forecast_minutes: Annotated[int, Field(gt=0)] = 30
    """A frame that comes later than this is kept and verified against, and not forecast from."""
    keep_days: Annotated[float, Field(gt=0)] = 400
    """How long frames and forecasts are kept; what the ledger holds stays."""
    keep_uploads_hours: Annotated[float, Field(gt=0)] = 24
    """How long uploaded frames and their forecasts are kept."""
    host: str = "127.0.0.1"
    """Address that the API listens on."""
    port: Annotated[int, Field(ge=0, le=65535)] = 8000
    """Port that the API listens on; 0 takes a free one."""
    stale_minutes: Annotated[int, Field(gt=0)] = 20
    """Age of the newest radar frame from which the service says that it is not ready."""
    jobs_waiting: Annotated[int, Field(gt=0)] = 32
    """Jobs that may wait; one more is refused with 503."""
    oldest_job_seconds: Annotated[float, Field(gt=0)] = 120
    """Age of the oldest waiting job from which new ones are refused with 503."""
    worker_seconds: Annotated[float, Field(gt=0)] = 30
    """Silence after which a worker counts as dead, and its job is given to another."""
    largest_body_bytes: Annotated[int, Field(gt=0)] = 1_000_000
    """Size of a request from which on it is refused with 413."""
    largest_upload_bytes: Annotated[int, Field(gt=0)] = 32_000_000
    """The same for uploaded frames."""
    request_seconds: Annotated[float, Field(gt=0)] = 60
    """Time within which a request must have come in and been answered."""
    api_keys: Path | None = None
    """File of hashed keys, as `nowcast key` makes them. Without it the API is open, and only on
    loopback unless `open_to_all`."""
    open_to_all: bool = False
    """Answer without keys on other addresses than loopback too."""
    requests_per_minute: Annotated[int, Field(ge=0)] = 0
    """Of one client, that is one key or one address; 0 for no limit. A key may have its own."""
    cors_origins: tuple[str, ...] = ()
    """Web pages that may read the API, such as https://example.org; * for all."""
    drill: str = ""
    """For drills: BEGIN@SINCE*SPEED, the time the service takes it to be at the Unix time SINCE,
    and how fast it goes on, as in 2020-09-07T07:20:00Z@1790000000*200."""

    @property
    def ledger_url(self) -> str:
        return self.ledger or f"sqlite:///{self.data / 'ledger.sqlite'}"
