"""Heartbeat and, without Redis, the periodic tasks in threads of this process."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from typing import TYPE_CHECKING

from service.clock import utc_now
from service.jobs.queue import send_lost
from service.runtime.periodic import PeriodicThread
from service.runtime.schedule import schedule

if TYPE_CHECKING:
    from service.runtime.deployment import Deployment  # imports torch, which beat does not need


def heartbeat(deployment: "Deployment", queues: Sequence[str], device: str = "") -> PeriodicThread:
    """Start a thread that records heartbeats of this process.

    Args:
        deployment: Job table, name and settings.
        queues: Queues that this process takes jobs from.
        device: Device of its networks.

    Raises:
        LedgerAway: The job table is unreachable.
    """
    job_table = deployment.job_table

    def beat() -> None:
        job_table.beat(deployment.name, queues, device, utc_now())

    return PeriodicThread("heartbeat", deployment.settings.worker_seconds / 6, beat)


@contextmanager
def at_work(
    deployment: "Deployment", queues: Sequence[str], *names: str
) -> Iterator[Callable[[str], None]]:
    """Record heartbeats and, without Redis, run the named periodic tasks in this process.

    Args:
        deployment: Parts of the deployment.
        queues: Queues that this process takes jobs from.
        *names: Names of periodic tasks; see `service.runtime.schedule`.

    Yields:
        A function that runs a task now, here or by a worker.
    """
    with ExitStack() as stack:
        stack.enter_context(closing(heartbeat(deployment, queues)))
        items = schedule(deployment.settings)
        if deployment.settings.redis:
            from service.jobs.celery_transport import CeleryTransport

            transport = CeleryTransport(deployment.settings)
            yield lambda name: transport.call(name, items[name].queue)
            return
        # Jobs left unfinished by the previous run; those of live workers are not affected.
        send_lost(deployment.jobs, utc_now() + deployment.jobs.silence)
        tasks = {
            name: PeriodicThread(name, items[name].seconds, partial(items[name].task, deployment))
            for name in names
        }
        for task in tasks.values():
            stack.enter_context(closing(task))
        yield lambda name: tasks[name].run_now()
