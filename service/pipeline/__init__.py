"""From a radar file to a verified forecast: functions that may be repeated at any point.

Each looks whether its product is there and stops if so; files come first and their rows in the
ledger second, so that whatever is interrupted between the two is made good by the next call. `now`
is an argument everywhere: a stored day is replayed as it would have happened.
"""
