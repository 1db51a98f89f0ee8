"""Benchmarks of what is served together."""
