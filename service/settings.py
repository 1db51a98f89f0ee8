"""Deployment settings, read once from the environment (`NOWCAST_...`).

Model parameters are stored in checkpoints; physical constants are named beside their formulas.
"""

import json
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, IPvAnyNetwork
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict


def split_names(value: object) -> object:
    """Split a text at commas, or read it as JSON where it begins with a bracket.

    Raises:
        ValueError: It begins with a bracket and is no JSON.
    """
    if not isinstance(value, str):
        return value
    if value.strip().startswith("["):
        return json.loads(value)
    return tuple(name.strip() for name in value.split(",") if name.strip())


Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(split_names)]
"""Texts, in a variable separated by commas or as a JSON list."""
Networks = Annotated[tuple[IPvAnyNetwork, ...], NoDecode, BeforeValidator(split_names)]
"""IP addresses and networks, written as `Names`."""
Days = Annotated[float, Field(gt=0, le=36_500)]
"""At most a century, which dates can be counted back by."""
Minutes = Annotated[int, Field(gt=0, le=5_256_000)]
"""At most ten years."""
Seconds = Annotated[float, Field(gt=0, le=86_400)]
"""At most a day."""
LogForm = Literal["console", "json"]
LogLevel = Literal["debug", "info", "warning", "error"]


class Settings(BaseSettings):
    """Deployment settings; each can be set by an environment variable `NOWCAST_<NAME>`."""

    model_config = SettingsConfigDict(
        env_prefix="NOWCAST_", extra="forbid", frozen=True, allow_inf_nan=False
    )

    data: Path = Path("nowcast-data")
    """Folder of the archive and of the SQLite ledger."""
    ledger: str = ""
    """SQLAlchemy URL of the ledger database; empty for SQLite in the data folder."""
    archive: str = ""
    """Folder or fsspec URL (s3://bucket/nowcast) of the archive; empty for `archive` in the data
    folder."""
    domain: Path | None = None
    """TOML file of a domain other than Germany: its grid, radar product and credits; see
    `docs/how-to/serve-another-country.md`."""
    redis: str = ""
    """URL of the Redis that delivers jobs to workers; empty to run jobs in a thread of the API."""
    device: Annotated[str, Field(pattern=r"^(auto|cpu|(cuda|xpu|mps)(:\d+)?)$")] = "auto"
    """PyTorch device of the networks; auto selects a GPU if there is one."""
    threads: Annotated[int, Field(ge=0)] = 0
    """CPU threads of a network; 0 for the autotuned or PyTorch default."""
    bf16: bool = False
    """Allow networks to run in bfloat16 where that is the fastest."""
    weights: Path | None = None
    """Folder of additional checkpoints, NAME.safetensors."""
    models: Annotated[Names, Field(min_length=1)] = (
        "blend",
        "ms-lstm",
        "ms-preciplstm",
        "s-prog",
        "advection",
        "persistence",
    )
    """Models forecast from every new frame; the first is the default of the API."""
    radar_server: Annotated[str, Field(pattern=r"^https?://")] = (
        "https://opendata.dwd.de/weather/radar/"
    )
    """Base URL of the provider's radar products."""
    radar_files: Names = (
        "radolan/ry/raa01-ry_10000-%y%m%d%H%M-dwd---bin.bz2",
        "composite/rv/composite_rv_%Y%m%d_%H%M.tar",
    )
    """Files to fetch below that URL: paths with the UTC time as `strftime` writes it. Use one
    format of radar frames, RADOLAN binary or HDF5 (.hdf5): their grids differ. DWD's own forecast
    RV is verified beside the models."""
    poll_seconds: Seconds = 5
    """Interval between polls of the radar server, in s."""
    backfill_hours: Annotated[float, Field(gt=0, le=48)] = 12
    """Age up to which missing files are fetched, in h; the server keeps two days."""
    forecast_minutes: Minutes = 30
    """Age up to which a frame starts a forecast, in min; later frames are only verified against."""
    keep_days: Days = 400
    """Retention of frames and forecasts, in days; rows of the ledger are kept for ever."""
    keep_uploads_hours: Annotated[float, Field(gt=0, le=876_000)] = 24
    """Retention of uploaded frames and their forecasts, in h."""
    uploads_bytes: Annotated[int, Field(ge=0)] = 4_000_000_000
    """Disk space of uploaded frames and their forecasts; further uploads get 507."""
    uploads_bytes_per_client: Annotated[int, Field(ge=0)] = 1_000_000_000
    """Disk space that the uploads of one client take in a day; further ones get 429."""
    reserve_bytes: Annotated[int, Field(ge=0)] = 2_000_000_000
    """Free disk space that uploads leave for radar, at most half of the disk."""
    host: str = "127.0.0.1"
    """Address the API listens on."""
    port: Annotated[int, Field(ge=0, le=65535)] = 8000
    """Port the API listens on; 0 selects a free one."""
    stale_minutes: Minutes = 20
    """Age of the newest radar frame from which the service is not ready, in min."""
    jobs_waiting: Annotated[int, Field(gt=0)] = 32
    """Longest queue of interactive jobs; further requests get 503."""
    oldest_job_seconds: Seconds = 120
    """Age of the oldest waiting job from which further requests get 503, in s."""
    jobs_per_client: Annotated[int, Field(gt=0)] = 16
    """Unfinished jobs of one client; further requests get 429."""
    requests_waiting: Annotated[int, Field(gt=0)] = 500
    """Requests that wait for a thread, of each kind: for jobs, encoded forecasts and uploads;
    further ones get 503."""
    slow_requests_waiting: Annotated[int, Field(gt=0)] = 32
    """Requests that wait for a picture, and those that wait for verification; further ones get
    503."""
    verification_days: Days = 400
    """Longest period of `/verification`, in days; also the default one."""
    worker_seconds: Seconds = 30
    """Time without a heartbeat after which a worker counts as dead and its job is delivered to
    another, in s."""
    largest_body_bytes: Annotated[int, Field(gt=0)] = 1_000_000
    """Largest request body; larger ones get 413."""
    largest_upload_bytes: Annotated[int, Field(gt=0)] = 32_000_000
    """Largest request body of an upload of frames; larger ones get 413."""
    bodies_bytes: Annotated[int, Field(gt=0)] = 256_000_000
    """Request bodies held in memory at the same time, in all; further ones get 503."""
    request_seconds: Seconds = 60
    """Timeout for receiving and answering a request, in s."""
    header_bytes: Annotated[int, Field(ge=1024)] = 32_768
    """Largest request line and headers of a request; larger ones get 431 and are hung up on."""
    url_bytes: Annotated[int, Field(ge=256)] = 8192
    """Longest URL of a request; longer ones get 414."""
    header_seconds: Seconds = 10
    """Time for the headers of a request to arrive, from the connection or their first byte, in
    s."""
    stall_seconds: Seconds = 20
    """Time between two parts of a request body, or for a client to read a part of a response,
    before its connection is closed, in s."""
    keep_alive_seconds: Seconds = 15
    """Time a connection may be idle between two requests, in s."""
    connections: Annotated[int, Field(gt=0)] = 600
    """Connections open at the same time; lower where the limit of open files requires it. A new
    one replaces the one that has been idle longest, or gets 503 where all are busy."""
    connections_per_address: Annotated[int, Field(gt=0)] = 256
    """Connections of one address open at the same time. Trusted proxies are exempt."""
    unserved_connections_per_minute: Annotated[int, Field(ge=0)] = 600
    """Connections that one address may open in a minute, or at once, without a successful response
    over them; further ones are reset. Those with one do not count. 0 for no limit. Trusted proxies
    are exempt."""
    event_streams: Annotated[int, Field(ge=0)] = 100
    """Streams of `/events` open at the same time, each of which holds a connection; further ones
    get 503."""
    event_streams_per_client: Annotated[int, Field(ge=0)] = 8
    """The same of one client."""
    trusted_proxies: Networks = ()
    """Addresses or networks of reverse proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` are
    believed; by default none."""
    api_keys: Path | None = None
    """File of hashed API keys, as `nowcast key` writes them. Without it the API needs no key and
    listens on loopback only, unless `open_to_all` is set."""
    open_to_all: bool = False
    """Listen on other addresses than loopback without API keys."""
    requests_per_minute: Annotated[int, Field(ge=0)] = 0
    """Rate limit of a client, that is a key or an address; 0 for none. A key can have its own."""
    cors_origins: Names = ()
    """Origins whose web pages can read the API, such as https://example.org; * for all."""
    allowed_hosts: Names = ()
    """Host names of the service beside localhost. Without API keys on loopback, writes to any other
    name in the header `Host` are refused; a proxy that passes its own name on needs it here."""
    frame_ancestors: Names = ()
    """Origins whose web pages can show the map and `/embed` in a frame, such as
    https://example.org; * for all. By default only the service's own."""
    log: LogForm = "console"
    """Form of logs on stderr: console, lines for people; or json, a JSON object per line."""
    log_level: LogLevel = "info"
    """Lowest level that is logged: debug, info, warning or error."""
    access_log: bool = True
    """Log each HTTP request: info, from status 500 on warning, health and metrics debug."""
    alert_channels: Names = ("webhook",)
    """Ways in which alerts may be sent: webhook, webpush, and schemes of the package `apprise` such
    as ntfys or mailtos."""
    alert_networks: Networks = ()
    """Inner networks that alerts may be sent to; by default none."""
    alerts_per_key: Annotated[int, Field(ge=0)] = 20
    """Subscriptions to alerts of an API key; further ones get 429."""
    web_push_key: Path | None = None
    """File of the private key (VAPID, PEM) of Web Push."""
    web_push_contact: str = ""
    """Address that push services can write to, such as mailto:operator@example.org."""
    simulated_time: str = ""
    """Simulated time for tests and rehearsals, BEGIN@SINCE*SPEED: it is BEGIN at the Unix time
    SINCE and passes SPEED times as fast, as in 2020-09-07T07:20:00Z@1790000000*200."""

    @property
    def ledger_url(self) -> str:
        """SQLAlchemy URL of the ledger database."""
        return self.ledger or f"sqlite:///{self.data / 'ledger.sqlite'}"
