"""A band of rain that crosses a place, and a receiver of the alerts about it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
import orjson
from xarray import DataArray

from ingest.grid import MODEL_FACTOR, NATIONAL_SPHERE, coordinates
from ingest.precipitation import make
from service.archive.key import to_datetime
from service.clock import utc_now
from service.ledger.alert_table import AlertRow, AlertState
from service.pipeline.alerts.subscription import Subscription
from service.pipeline.alerts.webhook import new_secret
from tests.showers import time

GRID = NATIONAL_SPHERE.coarser(MODEL_FACTOR)
ROW, COLUMN = 90, 90
RATE = 5.0
WIDTH, STEP, BEGIN = 4, 2, 66
"""Columns of the band, how many it moves on in 5 minutes, and its first one at the beginning."""
FRAMES = 22
"""By then it has passed."""
SECRET = new_secret()


def frame(number: int) -> DataArray:
    """A frame (time of 1, y, x) in mm/h."""
    rate = np.zeros(GRID.shape, np.float32)
    left = BEGIN + STEP * number
    rate[:, left : left + WIDTH] = RATE
    return make(rate, time(number), GRID, "RY")


def moment(number: int) -> datetime:
    """The time of a frame."""
    return to_datetime(time(number))


def longitude_latitude() -> tuple[float, float]:
    """The place in degrees."""
    found = coordinates(GRID)
    return float(found["lon"].values[ROW, COLUMN]), float(found["lat"].values[ROW, COLUMN])


def subscription(url: str = "http://127.0.0.1:9/", **more: Any) -> Subscription:
    """A subscription to rain at the place within half an hour, sent to a URL."""
    lon, lat = longitude_latitude()
    document: dict[str, Any] = {
        "name": "Garden",
        "point": {"lat": lat, "lon": lon},
        "condition": {"rate_mm_h": 0.5, "lead_minutes": 30},
        "channel": {"kind": "webhook", "url": url},
    }
    return Subscription.model_validate(document | more)


def row(subscribed: Subscription, id: str = "a1", owner: str = "anna") -> AlertRow:  # noqa: A002
    """The row of a subscription in the ledger."""
    text = subscribed.model_dump_json()
    return AlertRow(id, owner, text, SECRET, utc_now(), AlertState())


class Receiver:
    """What has arrived at a webhook: headers and documents, and the statuses it answers with."""

    def __init__(self) -> None:
        self.url, self.statuses = "", list[int]()
        self.arrived = list[tuple[dict[str, str], bytes]]()

    @property
    def documents(self) -> list[dict[str, Any]]:
        return [orjson.loads(body) for _, body in self.arrived]

    @property
    def ids(self) -> list[str]:
        return [headers["webhook-id"] for headers, _ in self.arrived]


@contextmanager
def receiver() -> Iterator[Receiver]:
    """A receiver of webhooks on a port of this machine; it redirects to itself with status 307."""
    found = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            found.arrived.append(({k.lower(): v for k, v in self.headers.items()}, body))
            self.send_response(found.statuses.pop(0) if found.statuses else 204)
            self.send_header("Location", found.url)
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        found.url = f"http://127.0.0.1:{server.server_port}/rain"
        thread = threading.Thread(target=server.serve_forever, args=[0.05], daemon=True)
        thread.start()
        try:
            yield found
        finally:
            server.shutdown()
            thread.join()
