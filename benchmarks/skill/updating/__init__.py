"""Benchmarks of what a forecaster gains from recent verification."""
