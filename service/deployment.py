"""The parts of one deployment, made from its settings."""

from datetime import UTC, datetime
from functools import cached_property

from service.archive import Archive, Key
from service.forecasters import Forecasters
from service.ledger import Ledger
from service.settings import Settings


class Deployment:
    """Archive, ledger and forecasters as the settings say, each made when first used."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    @cached_property
    def archive(self) -> Archive:
        archive = Archive(self.settings.data / "archive")
        archive.sweep()
        return archive

    @cached_property
    def ledger(self) -> Ledger:
        return Ledger(self.settings.ledger_url)

    @cached_property
    def forecasters(self) -> Forecasters:
        return Forecasters(self.settings.models, self.settings.weights)

    def make(self, key: Key) -> None:
        """Make the forecast of a key, now."""
        from service import tasks

        forecaster = self.forecasters.get(key.model)
        tasks.forecast(self.archive, self.ledger, forecaster, key.issue, utc_now())


def utc_now() -> datetime:
    return datetime.now(UTC)
