"""What a service that went through a day is compared with."""

from typing import Protocol

import pytest

from service.runtime.deployment import Deployment
from tests.clean import Frames, clean_run
from tests.process_cluster import ProcessCluster, deployment_of


class Played(Protocol):
    """A day that went through the processes of a service, as the fixture `played` has it."""

    @property
    def cluster(self) -> ProcessCluster:
        """The processes."""

    @property
    def frames(self) -> Frames:
        """The frames that came."""


@pytest.fixture(scope="module")
def clean(played: Played, tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    """The same day without faults, step by step in one process."""
    with deployment_of(played.cluster.settings) as live:
        return clean_run(tmp_path_factory.mktemp("clean"), played.frames, live)
