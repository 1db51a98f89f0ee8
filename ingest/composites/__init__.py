"""Composites of any country as training data: their files read, checked and written as an event."""
