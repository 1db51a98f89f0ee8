"""From a radar file to a verified forecast: idempotent functions.

Each function stops if its product exists. Files are written before their rows in the ledger, so the
next call completes what was interrupted between the two. `now` is always an argument, so a stored
day is replayed as it would have happened.
"""
