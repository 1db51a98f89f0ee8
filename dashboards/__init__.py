"""Grafana's dashboards as code: `python -m dashboards` writes deploy/grafana/dashboards.

They use Grafana's own builder, generated from the schema of the version in docker-compose.yml, so
types are checked. The service does not need it.
"""
