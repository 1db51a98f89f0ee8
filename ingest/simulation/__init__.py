"""Simulated rain, written as radar files."""
