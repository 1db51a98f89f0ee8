"""The OpenAPI document: what FastAPI cannot derive from the routes."""
