"""First forecast in Python: simulated radar files in, a verified forecast out.

Run it with `python docs/tutorials/first_forecast.py`. A test runs it as well.
"""

# --8<-- [start:files]
import tempfile
from pathlib import Path

import numpy as np
import xarray as xr

from ingest.simulation.simulate import write

folder = Path(tempfile.mkdtemp(prefix="first-forecast-"))
begin = np.datetime64("2026-06-21T12:00")
files = list(write(folder, begin, frames=43, seed=7))  # 3.5 hours, one file every 5 minutes
print(f"{len(files)} files, the first is {files[0].name}")
# --8<-- [end:files]

# --8<-- [start:read]
import ingest

composite = ingest.read(files[0])  # 900x900 cells of 1 km, mm/h, NaN is no data
print(composite.dims, composite.shape, composite.attrs["units"])

frames = xr.concat([ingest.to_model_grid(ingest.read(file)) for file in files], "time")
print(frames.shape)  # 180x180 cells of 5 km
# --8<-- [end:read]

# --8<-- [start:forecast]
from model_zoo import load_forecaster

issue = frames.time[18].values  # 13:30 UTC, 90 minutes of radar before it
past = frames.sel(time=slice(None, issue))

forecasts = {}
for name in ("ms-lstm", "advection", "persistence"):
    forecaster = load_forecaster(name)
    forecasts[name] = forecaster(past, horizon=4)  # 30, 60, 90 and 120 minutes ahead

print(forecasts["ms-lstm"].dims, forecasts["ms-lstm"].time.values.astype("datetime64[m]"))
# --8<-- [end:forecast]

# --8<-- [start:place]
berlin = ingest.at(forecasts["ms-lstm"], longitude=13.41, latitude=52.52)
for time, rate in zip(berlin.time.values, berlin.values, strict=True):
    print(f"{time.astype('datetime64[m]')} UTC: {rate:.2f} mm/h")
# --8<-- [end:place]

# --8<-- [start:ensemble]
from model_zoo.forecasters.ensemble import ensemble_members, ensemble_seed

fine = load_forecaster("ms-lstm")(past, horizon=24, step_minutes=5)  # every 5 minutes
members = ensemble_members(fine, past, members=20, seed=ensemble_seed("ms-lstm", issue))
sums = members[:, :12].sum(axis=1) / 12  # mm in the next hour, (member, y, x)
wettest = np.unravel_index(np.nanargmax(fine.values[:12].sum(axis=0)), fine.shape[1:])
low, high = np.quantile(sums[:, *wettest], (0.1, 0.9))
print(f"the wettest cell gets {low:.1f} to {high:.1f} mm in an hour, in 8 of 10 members")
# --8<-- [end:ensemble]

# --8<-- [start:verify]
import verification

observed = verification.match(forecasts["advection"], frames)  # frames at the valid times
mask = verification.common_mask(*forecasts.values(), observed=observed)
csi = {}
for name, forecast in forecasts.items():
    counts = verification.count(forecast, observed.where(mask), [0.5, 2.0], over=("y", "x"))
    csi[name] = verification.csi(counts)
    by_lead = ", ".join(f"{score:.2f}" for score in csi[name].sel(threshold=0.5).values)
    print(f"{name}: CSI at 0.5 mm/h {by_lead}")
# --8<-- [end:verify]

# --8<-- [start:save]
file = folder / "forecast.nc"
forecasts["ms-lstm"].to_netcdf(file)
print(f"wrote {file.name}, {file.stat().st_size / 1e6:.1f} MB")
# --8<-- [end:save]
