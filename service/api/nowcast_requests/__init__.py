"""A nowcast request: parsed, resolved to a forecast, submitted as a job."""
