"""Benchmarks: a command for each figure in the documentation."""
