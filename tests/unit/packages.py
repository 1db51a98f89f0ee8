"""The packages of the project, for tests of their source."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = (
    "benchmarks",
    "dashboards",
    "ingest",
    "model_zoo",
    "reference_docs",
    "service",
    "verification",
)
