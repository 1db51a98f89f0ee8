"""Requests a nowcast with the package `client` that openapi-python-client has generated beside.

Run by a Python that has it, with the address of the service and an issue time; prints what it
finds as JSON.
"""

import json
import sys
from datetime import datetime

from client import Client  # type: ignore[import-not-found, unused-ignore]
from client.api.nowcasts import (  # type: ignore[import-not-found, unused-ignore]
    read_latest_nowcast,
    request_nowcast,
)
from client.models.forecast import Forecast  # type: ignore[import-not-found, unused-ignore]
from client.models.forecast_grid import ForecastGrid  # type: ignore[import-not-found, unused-ignore]
from client.models.nowcast_request import (  # type: ignore[import-not-found, unused-ignore]
    NowcastRequest,
)
from client.models.problem import Problem  # type: ignore[import-not-found, unused-ignore]
from client.models.recent_skill import RecentSkill  # type: ignore[import-not-found, unused-ignore]

client = Client(base_url=sys.argv[1])
forecast = request_nowcast.sync(
    client=client,
    body=NowcastRequest("persistence", datetime.fromisoformat(sys.argv[2])),
    prefer="wait=20",
)
assert isinstance(forecast, Forecast), forecast
assert isinstance(forecast.grid, ForecastGrid)
assert all(isinstance(row, RecentSkill) for row in forecast.skill)
problem = read_latest_nowcast.sync(client=client, model="no-such-model")
assert isinstance(problem, Problem)
print(
    json.dumps(
        {
            "answers": request_nowcast.sync.__annotations__["return"],
            "members": Forecast.__annotations__,
            "model": forecast.model.name,
            "shape": forecast.grid.shape,
            "leads": len(forecast.rainfall_rate),
            "problem": problem.title,
        },
        default=str,
    )
)
