"""Checks of a new subscription to alerts: the service can evaluate it and send its messages."""

import numpy as np

from ingest.precipitation import exceedance_probabilities
from service.archive.archive import Archive
from service.errors import BadRequest, NotFound
from service.pipeline.alerts.channels import Channels
from service.pipeline.alerts.conditions import cells_of
from service.pipeline.alerts.evaluate import newest_key
from service.pipeline.alerts.subscription import Subscription
from service.pipeline.served_models import Forecasters


def check(
    subscription: Subscription, archive: Archive, forecasters: Forecasters, channels: Channels
) -> None:
    """Check a new subscription.

    Raises:
        BadRequest: Its channel is not allowed, radar sees nothing there, or its model forecasts no
            such probabilities.
        OutsideGrid: The place or area lies outside the grid.
        ModelError: There is no such model.
    """
    forecasters.named(subscription.model)
    channels.check(subscription)
    newest = archive.latest_frame()
    if newest is not None:
        frame = archive.frame(newest).isel(time=0)
        if np.isnan(frame.values[cells_of(subscription, frame)]).all():
            raise BadRequest(
                "the newest radar frame has no data there, so that nothing can be said about it; "
                "choose a place that radar sees, or try again later"
            )
    if subscription.condition.probability is not None:
        check_probability(subscription, archive, forecasters)


def check_probability(
    subscription: Subscription, archive: Archive, forecasters: Forecasters
) -> None:
    """Check that the newest forecast of the model has probabilities of the rate, if there is one.

    Raises:
        BadRequest: It has none.
    """
    key = newest_key(archive, forecasters, subscription.model)
    try:
        known = None if key is None else exceedance_probabilities(archive.full_forecast(key))
    except NotFound:  # removed just now
        return
    rate = subscription.condition.rate
    if key is not None and known is not None and rate not in known:
        rates = ", ".join(f"{threshold:g}" for threshold in known) or "none"
        raise BadRequest(
            f"{key.model} forecasts no probability of {rate:g} mm/h, only of {rates}; choose one "
            f"of these, another model, or leave out `probability`"
        )
