"""A period in one page for people without a dashboard: how good the forecasts were, in words,
curves and tables. `report_data.gather` first, then `page.write`."""
