"""What a service tells Prometheus, as Prometheus reads it."""

from collections.abc import Iterator
from dataclasses import dataclass

from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families

from service.monitoring import metrics
from service.monitoring.metrics import Metric

DECLARED = {metric.name: metric for metric in vars(metrics).values() if isinstance(metric, Metric)}
HISTOGRAM = ("_bucket", "_count", "_sum")


@dataclass
class Scrape:
    """Samples of one scrape, by metric and labels."""

    text: str

    def __post_init__(self) -> None:
        self.samples = {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(self.text)
            for sample in family.samples
        }

    def value(self, metric: Metric | str, **labels: str) -> float | None:
        """The value of one sample, None where there is none."""
        name = metric if isinstance(metric, str) else metric.name
        return self.samples.get((name, frozenset(labels.items())))

    def of(self, metric: Metric | str) -> dict[tuple[str, ...], float]:
        """The values of a metric by those of its labels, in the order of their names."""
        name = metric if isinstance(metric, str) else metric.name
        return {
            tuple(value for _, value in sorted(labels)): n
            for (found, labels), n in self.samples.items()
            if found == name
        }

    def counters(self) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
        """What may only rise."""
        ends = ("_total", *HISTOGRAM)
        return {key: n for key, n in self.samples.items() if key[0].endswith(ends)}

    def shapes(self) -> Iterator[tuple[str, frozenset[str]]]:
        """Declared names with the labels that samples of them have."""
        for name, labels in self.samples:
            ends = [end for end in HISTOGRAM if name.endswith(end)]
            base = name if name in DECLARED or not ends else name.removesuffix(ends[0])
            yield base, frozenset(label for label, _ in labels if label != "le")


def scrape(client: TestClient) -> Scrape:
    """What an API tells now."""
    answer = client.get("/metrics")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/plain; version=")
    return Scrape(answer.text)
