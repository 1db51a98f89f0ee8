"""OGC API - Environmental Data Retrieval 1.1: collections, their queries and formats."""
