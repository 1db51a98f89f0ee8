"""Serves a folder of data with one forecaster, whose inference may last until the service ends.

    python -m tests.end_to_end.hard_conditions.slow_service DATA PORT quick|slow

Its time is that of `tests.served`.
"""

import sys
import threading
import time
from pathlib import Path

from xarray import DataArray

from model_zoo.forecasters.baselines import Persistence
from model_zoo.forecasters.contract import HORIZON, STEP_MINUTES
from service.runtime.deployment import Deployment
from service.runtime.server import serve
from service.settings import Settings
from tests.served import NOW
from tests.unit.service.fake_forecasters import FakeForecasters

AFTERWARDS_SECONDS = 0.5
"""How long a forecast still takes when the service ends."""


class Slow(Persistence):
    """Forecasts once it may.

    Args:
        may: Whether it may.
    """

    name = "slow"

    def __init__(self, may: threading.Event) -> None:
        super().__init__()
        self.may = may

    def __call__(
        self, frames: DataArray, horizon: int = HORIZON, step_minutes: int = STEP_MINUTES
    ) -> DataArray:
        self.may.wait()
        return super().__call__(frames, horizon, step_minutes)


def main(data: Path, port: int, pace: str) -> None:
    simulated = f"{NOW:%Y-%m-%dT%H:%M:%SZ}@{int(time.time())}*1"
    settings = Settings(data=data, port=port, models=("slow",), simulated_time=simulated)
    deployment = Deployment(settings)
    may, close = threading.Event(), deployment.jobs.close

    def close_jobs() -> None:
        threading.Timer(AFTERWARDS_SECONDS, may.set).start()
        close()

    deployment.jobs.close = close_jobs  # type: ignore[method-assign]
    if pace == "quick":
        may.set()
    deployment.forecasters = FakeForecasters(Slow(may))
    serve(settings, lambda: deployment)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
