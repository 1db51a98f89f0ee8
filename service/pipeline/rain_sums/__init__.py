"""Rain sums at a place or over an area: measured, forecast, and their uncertainty."""
