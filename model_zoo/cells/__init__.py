"""Recurrent cells of the papers, one family in each module."""
