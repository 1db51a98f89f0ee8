"""Why ensembles verify as they do."""
