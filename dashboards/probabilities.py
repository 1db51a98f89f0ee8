"""Panels on probabilities: whether rain comes as often as they tell, and what they are worth."""

from collections.abc import Sequence

from grafana_foundation_sdk.builders import common, xychart
from grafana_foundation_sdk.models.common import ScaleDistribution
from grafana_foundation_sdk.models.xychart import SeriesMapping, XYShowMode

from dashboards.panels import (
    GREY,
    Panel,
    bars,
    by_name,
    fixed,
    legend,
    lines,
    now,
    organized,
    per_model,
    placed,
    query,
    step,
    tooltip,
)
from verification.probabilistic import FEWEST

PERFECT = "as often as told"
DIAGONAL = " or ".join(
    f'label_replace(label_replace(vector({end}), "model", "{PERFECT}", "", ""), "bin", "{end}", '
    '"", "")'
    for end in (0, 1)
)
"""A line from 0 to 1, as if it were a model."""


def of_bins(metric: str, where: str) -> str:
    """A number of each bin of each model. All API processes tell the same: one is taken."""
    return f'max by (model, bin) ({metric}{{model=~"$model", {where}}})'


def reliability(where: str) -> xychart.Panel:
    """How often the rain came against the probability that was told, a line for each model."""
    enough = f"{of_bins('nowcast_reliability_cells', where)} >= {FEWEST}"
    both = [
        now(f"({of_bins(f'nowcast_reliability_{name}_ratio', where)} and {enough}) or {DIAGONAL}")
        for name in ("told", "came")
    ]
    panel = placed(
        xychart.Panel(),
        "How often it came",
        "Across: the probability told; up: how often it rained so much then. On the line both are "
        f"the same, below it rain is told too often. Bins of under {FEWEST} cells are left out.",
        both,
        8,
        9,
    )
    panel = panel.transformations(
        [
            step("merge"),
            step("sortBy", sort=[{"field": "bin"}]),
            organized({"model": "model", "Value #A": "told", "Value #B": "came"}, "bin"),
            step(
                "partitionByValues", fields=["model"], keepFields=False, naming={"asLabels": True}
            ),
        ]
    )
    panel = panel.mapping(SeriesMapping.AUTO).show(XYShowMode.POINTS_AND_LINES)
    panel = panel.line_width(2).legend(legend()).tooltip(tooltip()).color_scheme(by_name())
    panel = panel.override_by_regexp(f".*{PERFECT}.*", [fixed(GREY)])
    return panel.unit("percentunit").min(0).max(1)


def probabilities(where: str, skill: str, by_lead: str) -> Sequence[Panel]:
    """The row of them.

    Args:
        where: Lead, threshold and window, as labels.
        skill: Expression of the Brier skill by model.
        by_lead: The same by model and lead.
    """
    cells = bars(
        "How often each was told",
        "Cells by the least probability of their tenth. Who always tells the same is of no use, "
        "however reliable.",
        of_bins("nowcast_reliability_cells", where),
        "bin",
        "model",
        "told from",
        width=8,
    ).height(9)
    logarithmic = common.ScaleDistributionConfig().type(ScaleDistribution.LOG).log(10)
    over_time = lines(
        "Brier skill",
        "1 is best; at 0 the probabilities are worth no more than the mean frequency of such rain, "
        "which nobody knows beforehand.",
        query(skill, "{{model}}"),
        width=8,
        steps=((-1, "transparent"), (0, GREY)),
    ).height(9)
    leads = bars(
        "Brier skill by lead",
        "Of rain of $threshold mm/h or more, over the same forecasts of models that tell it.",
        by_lead,
        "lead_minutes",
        "model",
        "minutes ahead",
        width=24,
    )
    return [reliability(where), cells.scale_distribution(logarithmic), per_model(over_time), leads]
