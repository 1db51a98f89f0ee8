"""The database of arrivals, forecasts and their verification."""
