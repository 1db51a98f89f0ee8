"""Map layers: fields as transparent pictures in the projections of web maps."""
