"""Present age of the radar behind a forecast, and the warning if it is too old."""

from service.api.dependencies import ApiContext
from service.archive.key import Key, Time, iso, to_datetime
from service.errors import StaleRadar


def radar_age_seconds(context: ApiContext, issue: Time) -> float:
    """Return the present age in s of the radar that a forecast of an issue starts from."""
    return (context.clock() - to_datetime(issue)).total_seconds()


def is_stale(context: ApiContext, issue: Time) -> bool:
    """Whether radar of an issue time is too old to say what the weather does now."""
    return radar_age_seconds(context, issue) > 60 * context.settings.stale_minutes


def check_recent(context: ApiContext, newest: Time) -> None:
    """Refuse a new forecast from the newest radar if that is too old.

    Raises:
        StaleRadar: It is.
    """
    if is_stale(context, newest):
        minutes = radar_age_seconds(context, newest) / 60
        time = iso(to_datetime(newest))
        raise StaleRadar(
            f"the newest radar frame is of {time}, {minutes:.0f} minutes ago, should be under "
            f"{context.settings.stale_minutes}; name the issue time for a forecast of the past"
        )


def warning(context: ApiContext, key: Key) -> str:
    """Return the warning of a forecast from stale radar; the same each time it is sent."""
    return (
        f"the radar of {iso(to_datetime(key.issue))} was over {context.settings.stale_minutes} "
        f"minutes old when this was sent"
    )


def stale_headers(context: ApiContext, key: Key) -> dict[str, str]:
    """Return response headers of a forecast from stale radar, in any encoding."""
    age = radar_age_seconds(context, key.issue)
    return {
        "Warning": f'110 - "{warning(context, key)}"',  # RFC 7234, section 5.5.1
        "Nowcast-Stale": "true",
        "Nowcast-Radar-Age": f"{age:.0f}",
    }
