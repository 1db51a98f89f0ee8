"""Commands on the newest forecast: rain at a place, and rain sums over an area."""
