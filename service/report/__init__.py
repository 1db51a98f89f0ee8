"""A period in one page for people without a dashboard: how good the forecasts were, in words,
curves and tables. `gather` first, then `write`."""

from service.report.page import write
from service.report.report_data import Facts, gather

__all__ = ["Facts", "gather", "write"]
