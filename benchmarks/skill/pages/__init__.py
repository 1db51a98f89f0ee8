"""Pages of the documentation on skill: what one takes over from the others."""
