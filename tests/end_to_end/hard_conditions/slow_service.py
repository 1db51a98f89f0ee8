"""Serves a folder of data with one forecaster, whose inference takes some seconds.

    python -m tests.end_to_end.hard_conditions.slow_service DATA PORT SECONDS

Its time is that of `tests.served`.
"""

import sys
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


class Slow(Persistence):
    """Takes some seconds for a forecast.

    Args:
        seconds: How many.
    """

    name = "slow"

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.seconds = seconds

    def __call__(
        self, frames: DataArray, horizon: int = HORIZON, step_minutes: int = STEP_MINUTES
    ) -> DataArray:
        time.sleep(self.seconds)
        return super().__call__(frames, horizon, step_minutes)


def main(data: Path, port: int, seconds: float) -> None:
    simulated = f"{NOW:%Y-%m-%dT%H:%M:%SZ}@{int(time.time())}*1"
    settings = Settings(data=data, port=port, models=("slow",), simulated_time=simulated)
    deployment = Deployment(settings)
    deployment.forecasters = FakeForecasters(Slow(seconds))
    serve(settings, lambda: deployment)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]))
