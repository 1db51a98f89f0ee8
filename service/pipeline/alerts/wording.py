"""Messages of alerts: a document for programs, which has a text for people."""

from datetime import datetime

import numpy as np
import orjson

from service.archive.key import Key, iso, to_datetime
from service.pipeline.alerts.conditions import Finding
from service.pipeline.alerts.hysteresis import Change
from service.pipeline.alerts.subscription import Subscription

TITLES = {
    ("start", "en"): "Rain expected: {name}",
    ("start", "de"): "Regen erwartet: {name}",
    ("clear", "en"): "All clear: {name}",
    ("clear", "de"): "Entwarnung: {name}",
    ("test", "en"): "Test: {name}",
    ("test", "de"): "Test: {name}",
}
TEXTS = {
    ("start", "en"): "{what} from {begins}{ends}. Forecast from the radar of {issue}.",
    ("start", "de"): "{what} ab {begins}{ends}. Vorhersage vom Radar um {issue}.",
    ("clear", "en"): "{what}: none is expected until {until}. Forecast from the radar of {issue}.",
    ("clear", "de"): "{what}: bis {until} nicht erwartet. Vorhersage vom Radar um {issue}.",
    ("test", "en"): "This is a test. Alerts about {what} arrive here.",
    ("test", "de"): "Das ist ein Test. Hier kommen Warnungen vor {what} an.",
}
WHAT = {
    ("rate", "en"): "rain of {rate:g} mm/h or more",
    ("rate", "de"): "Regen ab {rate:g} mm/h",
    ("probability", "en"): "rain of {rate:g} mm/h or more with a probability of {percent:.0f} %",
    (
        "probability",
        "de",
    ): "Regen ab {rate:g} mm/h mit {percent:.0f} % Wahrscheinlichkeit",
    ("maximum", "en"): "{amount:g} mm of rain or more in {minutes} minutes",
    ("maximum", "de"): "mindestens {amount:g} mm Regen in {minutes} Minuten",
    ("mean", "en"): "{amount:g} mm of rain or more on average in {minutes} minutes",
    ("mean", "de"): "im Mittel mindestens {amount:g} mm Regen in {minutes} Minuten",
}
STARTS = {
    "en": "{what} by {begins}. Forecast from the radar of {issue}.",
    "de": "{what} bis {begins}. Vorhersage vom Radar um {issue}.",
}
"""Of a sum, which is reached at the end of its period."""
ENDS = {"en": " to about {ends}", "de": " bis etwa {ends}"}


def event_message(
    alert: str,
    subscription: Subscription,
    key: Key,
    change: Change,
    event: datetime,
    finding: Finding,
) -> str:
    """Return the message about the start or end of an event, as JSON.

    Args:
        alert: Id of the subscription.
        subscription: The subscription.
        key: Key of the forecast.
        change: Whether the event starts or ends.
        event: Issue at which it started, which tells one event of a subscription from another.
        finding: What the forecast says.
    """
    issue = to_datetime(key.issue)
    times = {name: utc(getattr(finding, name)) for name in ("begins", "ends")}
    document = {
        "type": f"nowcast.alert.{change}",
        "alert": alert,
        "name": subscription.name,
        "event": iso(event),
        "issue_time": iso(issue),
        "model": key.model,
        "condition": subscription.condition.model_dump(mode="json"),
        **{name: None if time is None else iso(time) for name, time in times.items()},
        "peak_mm_h": finding.peak,
        "peak_sum_mm": finding.peak_sum,
        "probability": finding.probability,
        "title": title(subscription, change),
        "text": event_text(subscription, change, issue, finding),
    }
    return orjson.dumps(document).decode()


def check_message(alert: str, subscription: Subscription, now: datetime) -> str:
    """Return a message that checks whether messages arrive, as JSON."""
    text = TEXTS["test", subscription.language].format(what=what(subscription))
    document = {
        "type": "nowcast.alert.test",
        "alert": alert,
        "name": subscription.name,
        "sent": iso(now),
        "title": title(subscription, "test"),
        "text": text,
    }
    return orjson.dumps(document).decode()


def title(subscription: Subscription, kind: str) -> str:
    """Return the title of a message."""
    return TITLES[kind, subscription.language].format(name=subscription.name)


def event_text(
    subscription: Subscription, change: Change, issue: datetime, finding: Finding
) -> str:
    """Return the sentence of a message, with times in the time zone of the subscription."""

    def clock(time: datetime) -> str:
        return f"{time.astimezone(subscription.zone):%H:%M}"

    begins, ends = utc(finding.begins), utc(finding.ends)
    until = issue + np.timedelta64(subscription.condition.lead_minutes, "m").item()
    is_start_of_sum = change == "start" and subscription.condition.sum_mm is not None
    sentences = (
        STARTS
        if is_start_of_sum
        else {language: text for (kind, language), text in TEXTS.items() if kind == change}
    )
    text = sentences[subscription.language].format(
        what=what(subscription),
        begins="" if begins is None else clock(begins),
        ends="" if ends is None else ENDS[subscription.language].format(ends=clock(ends)),
        issue=clock(issue),
        until=clock(until),
    )
    return text[0].upper() + text[1:]


def what(subscription: Subscription) -> str:
    """Return what a subscription waits for, in words."""
    condition = subscription.condition
    if condition.sum_mm is not None:
        text = WHAT[condition.sum_statistic, subscription.language]
        return text.format(amount=condition.sum_mm, minutes=condition.sum_minutes)
    kind = "rate" if condition.probability is None else "probability"
    percent = 100 * (condition.probability or 0)
    return WHAT[kind, subscription.language].format(rate=condition.rate, percent=percent)


def utc(time: np.datetime64 | None) -> datetime | None:
    """Return a time as datetime; None stays None."""
    return None if time is None else to_datetime(time)
