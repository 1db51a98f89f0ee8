"""Data sets as sequences of scaled frames with masks."""
