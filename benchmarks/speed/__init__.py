"""Time and memory that the parts of the project take."""
