"""Example requests and responses in OpenAPI.

The values are invented and the grids small: that of a real forecast has 180 x 180 cells.
"""

from typing import Any

from xarray import Dataset

from service.skill.scores import SCORES as REGISTRY

ISSUE, GENERATED = "2026-06-21T22:30:00Z", "2026-06-21T22:34:12Z"
LEADS = [30, 60, 90, 120]
VALID = ["2026-06-21T23:00:00Z", "2026-06-21T23:30:00Z", "2026-06-22T00:00:00Z"]
VALID.append("2026-06-22T00:30:00Z")
JOB = "20260621T2230Z-ms-lstm-9f2c1ab0"

SKILL_KEY: dict[str, Any] = {"lead_minutes": 30, "threshold": 0.5, "n_valid": 2016}
SUM_KEY: dict[str, Any] = {"lead_minutes": 60, "threshold_mm": 5.0, "n_valid": 2016}
SUM_PROBABILITY = {"n_probable": 32400, "brier": 0.021, "brier_skill": 0.34}
COUNTS = {"hits": 790, "misses": 210, "false_alarms": 292, "correct_negatives": 30708}
SCORES = {
    name: round(float(score.function(Dataset(COUNTS))), 2) for name, score in REGISTRY.items()
}

FORECAST: dict[str, Any] = {
    "issue_time": ISSUE,
    "radar_time": ISSUE,
    "generated_at": GENERATED,
    "radar_age_s": 252.0,
    "model": {"name": "ms-lstm", "version": "9f2c1ab0", "weights_sha256": "9f2c1ab0" * 8},
    "units": "mm h-1",
    "lead_minutes": LEADS,
    "valid_times": VALID,
    "coverage": [{"state": "partial", "valid_ratio": 0.75}] * 4,
    "skill": [SKILL_KEY | SCORES],
    "grid": {
        "shape": [2, 2],
        "projection": "+proj=stere +lat_0=90 +lat_ts=60 +lon_0=10 +R=6370040 +units=m +no_defs",
        "x": [-2500.0, 2500.0],
        "y": [-4200000.0, -4205000.0],
        "origin": "row 0 is the northernmost, column 0 the westernmost",
    },
    "rainfall_rate": [[[None, 0.0], [1.25, 4.5]]] * 4,
    "exceedance_probability": [{"threshold": 0.5, "values": [[[None, 0.02], [0.81, 0.97]]] * 4}],
    "bridged": [],
    "suspect": None,
    "stale": False,
    "chosen": [],
    "attribution": "Source: Deutscher Wetterdienst",
    "licence": "CC BY 4.0",
    "links": [{"rel": "self", "href": f"/nowcasts/{ISSUE}?model=ms-lstm&version=9f2c1ab0"}],
}
FRAMES: dict[str, Any] = {
    "model": "advection",
    "frames": {
        "times": ["2026-06-21T22:25:00Z", ISSUE],
        "rainfall_rate": [[[None, 0.0], [1.5, 4.2]], [[None, 0.0], [1.25, 4.5]]],
        "grid": {
            "x": [4300000.0, 4305000.0],
            "y": [3105000.0, 3100000.0],
            "projection": "EPSG:3035",
        },
    },
}
JOB_STATUS: dict[str, Any] = {
    "id": JOB,
    "status": "running",
    "created": "2026-06-21T22:34:09Z",
    "started": "2026-06-21T22:34:10Z",
    "finished": None,
    "message": None,
    "instead_of": None,
    "links": [
        {"rel": "self", "href": f"/jobs/{JOB}"},
        {"rel": "results", "href": f"/jobs/{JOB}/results"},
    ],
}
VERIFICATION: dict[str, Any] = {
    "n_valid": 2016,
    "n_missing": 3,
    "n_pending": 4,
    "rows": [{"model": "ms-lstm"} | SKILL_KEY | COUNTS | SCORES],
    "sums": [{"model": "ms-lstm"} | SUM_KEY | COUNTS | SCORES | SUM_PROBABILITY],
}
READINESS: dict[str, Any] = {
    "status": "ready",
    "radar_time": ISSUE,
    "radar_age_s": 290.0,
    "jobs": "workers",
    "queue": {"waiting": 1, "oldest_seconds": 0.4},
    "workers": 2,
}
PROBLEM: dict[str, Any] = {
    "type": "/problems/NoForecast",
    "title": "There is no forecast of this model and issue time.",
    "status": 404,
    "detail": "there is no forecast of ms-lstm issued at 20260621T2230Z; POST /nowcast asks for "
    "one",
    "instance": f"/nowcasts/{ISSUE}",
}
NOT_READY: dict[str, Any] = {
    "type": "/problems/NotReady",
    "title": "Service not ready",
    "status": 503,
    "detail": "the newest radar frame is of 2026-06-21T22:30:00Z, 35 minutes ago, should be under "
    "20; check the ingest",
    "instance": "/readyz",
    "radar_time": ISSUE,
    "radar_age_s": 2100.0,
    "queue": {"waiting": 0, "oldest_seconds": 0.0},
    "workers": 2,
    "jobs": "workers",
}
NOT_READY["reasons"] = [NOT_READY["detail"]]
COVERAGE: dict[str, Any] = {
    "type": "Coverage",
    "domain": {
        "type": "Domain",
        "domainType": "PointSeries",
        "axes": {"x": {"values": [13.41]}, "y": {"values": [52.52]}, "t": {"values": VALID}},
        "referencing": [],
    },
    "parameters": {},
    "ranges": {
        "rainfall_rate": {
            "type": "NdArray",
            "dataType": "float",
            "axisNames": ["t"],
            "shape": [4],
            "values": [0.0, 1.25, 0.4, 0.0],
        }
    },
    "nowcast:summary": {
        "state": "rain",
        "complete": True,
        "starts": VALID[1],
        "ends": VALID[3],
        "until": VALID[3],
        "unknown_after": None,
        "starts_between": [VALID[0], VALID[1]],
        "ends_between": [VALID[2], VALID[3]],
        "raining_now": False,
        "rate_now": 0.0,
        "peak": 1.25,
        "probability": 0.83,
        "with_interruptions": False,
        "text": {
            "en": "Rain starts between 23:05 and 23:40 UTC.",
            "de": "Zwischen 23:05 und 23:40 UTC beginnt es zu regnen.",
        },
    },
    "nowcast:issue_time": ISSUE,
    "nowcast:model": "ms-lstm",
}
HREF = f"/nowcasts/{ISSUE}?model=ms-lstm&version=9f2c1ab0"
MODELS: dict[str, Any] = {
    "models": [
        {
            "name": "ms-lstm",
            "version": "9f2c1ab0",
            "weights_sha256": "9f2c1ab0" * 8,
            "default": True,
            "scheduled": True,
            "latest_issue": ISSUE,
            "problem": None,
            "links": [{"rel": "latest-version", "href": "/nowcasts/latest?model=ms-lstm"}],
        }
    ],
    "links": [{"rel": "self", "href": "/models"}],
}
ISSUES: dict[str, Any] = {
    "issues": [
        {
            "issue_time": ISSUE,
            "models": [
                {
                    "name": "ms-lstm",
                    "version": "9f2c1ab0",
                    "links": [{"rel": "item", "href": HREF}],
                }
            ],
        }
    ],
    "links": [
        {"rel": "self", "href": "/nowcasts?limit=1"},
        {"rel": "next", "href": f"/nowcasts?limit=1&before={ISSUE}"},
    ],
}

PLACES: dict[str, Any] = {
    "type": "FeatureCollection",
    "features": [
        {
            "type": "Feature",
            "id": "Munich",
            "geometry": {"type": "Point", "coordinates": [11.58, 48.14]},
            "properties": {"name": "Munich", "name_de": "München"},
        }
    ],
}
SERIES: dict[str, Any] = {
    "type": "FeatureCollection",
    "features": [
        {
            "type": "Feature",
            "geometry": {"type": "Point", "coordinates": [13.41, 52.52]},
            "properties": {
                "datetime": VALID,
                "parameter-name": ["rainfall_rate"],
                "rainfall_rate": [0.0, 1.25, 0.4, 0.0],
            },
        }
    ],
}
TABLE = f"datetime,longitude,latitude,rainfall_rate\r\n{VALID[0]},13.41,52.52,0.0\r\n"
HOST = "https://nowcast.example"
LAYERS: dict[str, Any] = {
    "layers": [
        {
            "name": "radar",
            "title": "Rainfall rate measured by radar",
            "tilejson": f"{HOST}/tiles/radar/tile.json",
            "times": [ISSUE],
        }
    ]
}
TILE = f"{HOST}/tiles/radar/{ISSUE}/{{z}}/{{x}}/{{y}}.png"
TILES: dict[str, Any] = {
    "tilejson": "3.0.0",
    "name": "radar",
    "description": "Rainfall rate measured by radar",
    "attribution": "Radar: Deutscher Wetterdienst",
    "scheme": "xyz",
    "tiles": [TILE],
    "minzoom": 0,
    "maxzoom": 12,
    "bounds": [2.1, 46.9, 15.7, 54.9],
    "time": ISSUE,
    "times": [{"time": ISSUE, "tiles": [TILE]}],
    "legend": [{"from": 0.1, "unit": "mm/h", "colour": "#b9d7ea"}],
}
WEATHER_MAPS: dict[str, Any] = {
    "version": "2.0",
    "generated": 1782085200,
    "host": HOST,
    "radar": {
        "past": [{"time": 1782084600, "path": "/v2/radar/1782084600"}],
        "nowcast": [
            {
                "time": 1782086400,
                "path": "/v2/radar/nowcast_1782086400_20260621T2330Z-advection-none",
            }
        ],
    },
    "satellite": {"infrared": []},
}
WIDGET: dict[str, Any] = {
    "lat": 52.52,
    "lon": 13.41,
    "model": "ms-lstm",
    "issue_time": ISSUE,
    "radar_age_s": 252.0,
    "stale": False,
    "now_mm_h": 0.0,
    "highest_mm_h": 1.25,
    "state": "rain",
    "starts": VALID[1],
    "ends": VALID[3],
    "text": "Rain starts between 23:05 and 23:40 UTC.",
    "text_de": "Zwischen 23:05 und 23:40 UTC beginnt es zu regnen.",
    "attribution": "Source: Deutscher Wetterdienst",
}
FOUND_PLACES: dict[str, Any] = {
    "places": [
        {
            "name": "München",
            "name_en": "Munich",
            "state": "Bayern",
            "postcode": "80331",
            "lat": 48.134,
            "lon": 11.571,
        }
    ],
    "attribution": "GeoNames (CC BY 4.0)",
}
COLLECTION: dict[str, Any] = {
    "id": "nowcast",
    "title": "Precipitation nowcast",
    "links": [{"href": f"{HOST}/collections/nowcast", "rel": "self", "type": "application/json"}],
    "extent": {
        "spatial": {
            "bbox": [[2.1, 46.9, 15.7, 54.9]],
            "crs": "http://www.opengis.net/def/crs/OGC/1.3/CRS84",
        }
    },
    "parameter_names": {},
}
COLLECTIONS: dict[str, Any] = {"links": COLLECTION["links"], "collections": [COLLECTION]}
INSTANCES: dict[str, Any] = {"links": COLLECTION["links"], "instances": [COLLECTION]}
CONFORMANCE: dict[str, Any] = {
    "conformsTo": ["http://www.opengis.net/spec/ogcapi-edr-1/1.1/conf/core"]
}
ALERT: dict[str, Any] = {
    "id": "3f0c7a5e9b1d4c62a8e7f6d5c4b3a291",
    "created": "2026-06-21T20:00:00Z",
    "subscription": {
        "name": "Garden",
        "point": {"lat": 52.52, "lon": 13.41, "radius_km": 0.0},
        "condition": {
            "rate_mm_h": 0.5,
            "probability": None,
            "sum_mm": None,
            "sum_minutes": 60,
            "sum_statistic": "maximum",
            "lead_minutes": 60,
        },
        "channel": {"kind": "webhook", "url": "https://example.org/rain"},
        "language": "en",
        "time_zone": "Europe/Berlin",
        "quiet_hours": {"begin": "22:00:00", "end": "06:00:00"},
    },
    "active": True,
    "event_since": ISSUE,
    "evaluated_issue": ISSUE,
    "messages": [
        {
            "id": "3f0c7a5e9b1d4c62a8e7f6d5c4b3a291-20260621T2230Z-start",
            "kind": "start",
            "created": "2026-06-21T22:34:12Z",
            "status": "sent",
            "attempts": 1,
            "finished": "2026-06-21T22:34:13Z",
            "error": None,
        }
    ],
}
NEW_ALERT: dict[str, Any] = ALERT | {
    "active": False,
    "event_since": None,
    "evaluated_issue": None,
    "messages": [],
    "secret": "whsec_" + "A" * 43 + "=",
}
PUSH_KEY: dict[str, Any] = {"public_key": "B" + "A" * 86}
NEW_FORECAST: dict[str, Any] = {
    "issue_time": ISSUE,
    "model": "ms-lstm",
    "version": "0d9ab7c1",
    "href": "/nowcasts/2026-06-21T22:30:00Z?model=ms-lstm&version=0d9ab7c1",
}
