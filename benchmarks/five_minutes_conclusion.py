"""Conclusions of the pages about lead times of five minutes and about places called dry."""

from collections.abc import Sequence
from statistics import fmean

from model_zoo.profiling.markdown import Table, number

FORECASTER, BASELINE = "blend", "advection"
SHOWN = ("+5", "+15", "+30", "+60", "+120")
EARLY = ("+5", "+10", "+15", "+20", "+25")
ALL = "all events"
MOST_LINES = 5


def lead_times(found: Sequence[Table]) -> list[str]:
    """Mean scores over events, and where the blend is below advection in the first half hour."""
    rows = [dict(zip(table.headings, row, strict=True)) for table in found for row in table.rows]
    lines = []
    for threshold in dict.fromkeys(row["mm/h"] for row in rows):
        parts = []
        for forecaster in dict.fromkeys(row["forecaster"] for row in rows):
            own = [r for r in rows if (r["mm/h"], r["forecaster"]) == (threshold, forecaster)]
            means = (fmean(number(row[lead]) for row in own) for lead in SHOWN if lead in own[0])
            parts.append(f"{forecaster} {' '.join(f'{mean:.3f}' for mean in means)}")
        lines.append(
            f"Mean CSI of {len(found)} events at {threshold} mm/h for {', '.join(SHOWN)} min: "
            f"{'; '.join(parts)}."
        )
    lines.append(early(rows))
    return [line for line in lines if line][:MOST_LINES]


def early(rows: Sequence[dict[str, str]]) -> str:
    """How often and how far the blend is below advection before +30 minutes."""
    differences = [
        number(ours[lead]) - number(theirs[lead])
        for ours, theirs in zip(
            (row for row in rows if row["forecaster"] == FORECASTER),
            (row for row in rows if row["forecaster"] == BASELINE),
            strict=False,
        )
        for lead in EARLY
        if lead in ours
    ]
    if not differences:
        return ""
    below = [-difference for difference in differences if difference < 0]
    return (
        f"From +5 to +25 minutes {FORECASTER} is below {BASELINE} in {len(below)} of "
        f"{len(differences)} events, thresholds and lead times"
        + (f", by {max(below):.3f} at most." if below else ".")
    )


def dry_places(found: Sequence[Table]) -> list[str]:
    """Of each forecaster, how many claims are wrong and how many dry places are called so."""
    claims = next((table for table in found if "claims wrong" in table.headings), None)
    if claims is None:
        return []
    rows = [dict(zip(claims.headings, row, strict=True)) for row in claims.rows]
    lines = []
    for forecaster in dict.fromkeys(row["forecaster"] for row in rows):
        own = [row for row in rows if row["forecaster"] == forecaster]
        shares = [number(row["claims wrong"]) for row in own if row["event"] != ALL]
        whole = next(row for row in own if row["event"] == ALL)
        span = f"{min(shares):.1f} to {max(shares):.1f} % by event"
        lines.append(
            f"{forecaster}: {whole['claims wrong']} of the places called dry for two hours get "
            f"rain ({span}); {whole['dry places told']} of the dry places are called dry."
        )
    return lines[:MOST_LINES]
