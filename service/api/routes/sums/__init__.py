"""Routes of rain sums at a place or over an area."""
