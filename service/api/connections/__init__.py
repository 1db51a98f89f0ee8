"""Connections of the HTTP server, and what it answers until the application is loaded.

Imports no framework and nothing that is large: the server listens before those are loaded.
"""
