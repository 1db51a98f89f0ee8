"""A period in one page for people without a dashboard: how good the forecasts were, in words,
curves and tables. `gather` first, then `write`."""

from service.report.facts import Facts, gather
from service.report.page import write

__all__ = ["Facts", "gather", "write"]
