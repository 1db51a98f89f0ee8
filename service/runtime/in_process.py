"""The schedule in one process, where there is no Redis: heartbeat, and what is due."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from typing import TYPE_CHECKING

from service.clock import utc_now
from service.jobs.queue import send_lost
from service.runtime.periodic import Round
from service.runtime.schedule import schedule

if TYPE_CHECKING:
    from service.runtime.deployment import Deployment  # torch, which beat does without


def heartbeat(desk: "Deployment", queues: Sequence[str], device: str = "") -> Round:
    """Says again and again that this process is alive, also while it is busy.

    Raises:
        LedgerAway: There is nobody to say it to.
    """
    book = desk.book

    def beat() -> None:
        book.beat(desk.name, queues, device, utc_now())

    return Round("heartbeat", desk.settings.worker_seconds / 6, beat)


@contextmanager
def at_work(
    desk: "Deployment", queues: Sequence[str], *names: str
) -> Iterator[Callable[[str], None]]:
    """Say that this process is alive; and where there is no Redis, do the named things in it.

    Yields:
        Has the thing of a name done soon, here or by a worker.
    """
    with ExitStack() as stack:
        stack.enter_context(closing(heartbeat(desk, queues)))
        items = schedule(desk.settings)
        if desk.settings.redis:
            from service.jobs.celery_transport import Messages

            messages = Messages(desk.settings)
            yield lambda name: messages.call(name, items[name].queue)
            return
        # What is unfinished of before the start; of the rest, whoever does it is not disturbed.
        send_lost(desk.jobs, utc_now() + desk.jobs.silence)
        rounds = {
            name: Round(name, items[name].seconds, partial(items[name].do, desk)) for name in names
        }
        for one in rounds.values():
            stack.enter_context(closing(one))
        yield lambda name: rounds[name].soon()
