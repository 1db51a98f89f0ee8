"""Facts of the archive as metrics, read at every scrape."""

from collections.abc import Iterator

from prometheus_client import Metric as Family
from prometheus_client.registry import Collector

from service.archive.archive import DAILY, Archive
from service.monitoring import metrics
from service.monitoring.ledger_collector import family


class ArchiveCollector(Collector):
    """What the archive of a deployment knows; nothing while it cannot be read."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive

    def collect(self) -> Iterator[Family]:
        """Yield how many of its files are damaged."""
        try:
            damaged = self._archive.damaged()
        except OSError:
            return
        kinds = dict.fromkeys([*DAILY, *damaged])
        yield family(metrics.DAMAGED, {(kind,): float(damaged.get(kind, 0)) for kind in kinds})
