"""Grafana's dashboards as code: `python -m dashboards` writes deploy/grafana/dashboards.

The builder is Grafana's own, made from the schema of the version that docker-compose.yml runs, so
that types are checked. Nothing of the service needs it.
"""
