"""Data sets, experiments and the loop that trains networks of the zoo."""
