"""What the service does, each thing a plain function that may be repeated at any point.

A task looks whether its product is there and stops if so; files come first and their rows in the
ledger second, so that whatever is interrupted between the two is made good by the next call. `now`
is an argument everywhere: a stored day is replayed as it would have happened.
"""

from service.archive.key import iso, ledger_key
from service.pipeline.forecast import forecast, make
from service.pipeline.ingest import ingest, keep_forecast, take_in
from service.pipeline.ingest_batch import ingest_all
from service.pipeline.verify import MISSING_AFTER, verify
from service.runtime.cycle import clean_up, cycle, refresh_windows

__all__ = [
    "MISSING_AFTER",
    "clean_up",
    "cycle",
    "forecast",
    "ingest",
    "ingest_all",
    "iso",
    "keep_forecast",
    "ledger_key",
    "make",
    "refresh_windows",
    "take_in",
    "verify",
]
