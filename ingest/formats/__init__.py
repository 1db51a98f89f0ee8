"""Readers of radar files, one module for each format."""
