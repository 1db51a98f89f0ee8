"""The conclusion at the head of docs/ensemble.md, from the numbers in its tables."""

from collections.abc import Sequence
from statistics import fmean

from model_zoo.profiling.markdown import Table, number

SHOWN = ("+30", "+60", "+120")
LEADS = ", ".join(SHOWN)


def ensemble(found: Sequence[Table]) -> list[str]:
    """What the ensemble gains over the forecast alone and by its structure, ranks and spread."""
    scores = [
        table for table in found if "score" in table.headings and table.headings[0] == "scale"
    ]
    ranks = [table for table in found if table.headings[:2] == ("scale", "members")]
    if not scores or not ranks:
        return []
    count = len(scores)
    kinds = [("cells", "ensemble"), ("areas", "ensemble"), ("areas", "shuffled")]
    kinds.append(("hours", "ensemble"))
    below, above = (
        {f"{scale} {kind}": outside(ranks, scale, kind, rank) for scale, kind in kinds}
        for rank in ("0", "20")
    )
    alone = values(scores, "cells", "CRPS, forecast alone", ".3f")
    areas = [
        values(scores, "areas", f"CRPS, {kind}", ".3f")
        for kind in ("ensemble", "shuffled", "forecast alone")
    ]
    spreads = [
        values(scores, scale, f"spread / error, {kind}", ".2f")
        for scale, kind in (("cells", "ensemble"), ("areas", "ensemble"), ("areas", "shuffled"))
    ]
    cells = values(scores, "cells", "CRPS, ensemble", ".3f")
    mean = f"mean of {count} events, {LEADS} min"
    at_cells = f"CRPS at cells, {mean}: ensemble {cells}, its forecast alone {alone} mm/h."
    over_areas = (
        f"CRPS of means over areas: ensemble {areas[0]}, the same members without structure "
        f"{areas[1]}, forecast alone {areas[2]} mm/h."
    )
    spreading = (
        f"Spread over error (1 is best): cells {spreads[0]}, areas {spreads[1]}, areas without "
        f"structure {spreads[2]}."
    )
    return [
        at_cells,
        over_areas,
        spreading,
        ranks_line("below all members (1 is as often as of random members)", below),
        ranks_line("above all members", above),
    ]


def ranks_line(where: str, shares: dict[str, str]) -> str:
    """How often the observation lies outside the members."""
    return (
        f"The observation is {where}: cells {shares['cells ensemble']}, areas "
        f"{shares['areas ensemble']} (without structure {shares['areas shuffled']}), sums over an "
        f"hour {shares['hours ensemble']}; at cells 0.53 is best."
    )


def values(found: Sequence[Table], scale: str, score: str, layout: str) -> str:
    """Means over events of a score at three lead times."""
    chosen = [table.where(scale=scale, score=score) for table in found]
    means = (fmean(number(table.column(lead)[0]) for table in chosen) for lead in SHOWN)
    return " ".join(format(mean, layout) for mean in means)


def outside(found: Sequence[Table], scale: str, members: str, rank: str) -> str:
    """Mean over events of the share of a rank."""
    chosen = [table.where(scale=scale, members=members) for table in found]
    return f"{fmean(number(table.column(rank)[0]) for table in chosen):.2f}"
