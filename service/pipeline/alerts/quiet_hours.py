"""Quiet hours of a subscription, in its time zone."""

from datetime import UTC, datetime, timedelta

from service.pipeline.alerts.subscription import Subscription


def quiet_until(subscription: Subscription, now: datetime) -> datetime | None:
    """Return when the quiet hours end in which a time lies; None if it lies in none.

    Hours that begin and end at the same time of day are none.
    """
    hours = subscription.quiet_hours
    if hours is None or hours.begin == hours.end:
        return None
    local = now.astimezone(subscription.zone)
    clock = local.time()
    if hours.begin < hours.end:
        is_quiet = hours.begin <= clock < hours.end
    else:
        is_quiet = clock >= hours.begin or clock < hours.end
    if not is_quiet:
        return None
    day = local.date() + timedelta(days=int(clock >= hours.end))
    return datetime.combine(day, hours.end, subscription.zone).astimezone(UTC)
