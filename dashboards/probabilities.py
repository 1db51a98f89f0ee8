"""Panels on exceedance probabilities: reliability diagram, sharpness and Brier skill."""

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

PERFECT = "perfect reliability"
DIAGONAL = " or ".join(
    f'label_replace(label_replace(vector({end}), "model", "{PERFECT}", "", ""), "bin", "{end}", '
    '"", "")'
    for end in (0, 1)
)
"""The diagonal of the diagram, as if it were a model."""
AXES = {
    "model": "model",
    "Value #A": "forecast probability",
    "Value #B": "observed frequency",
}


def of_bins(metric: str, where: str) -> str:
    """PromQL of a metric by bin and model; all API processes export the same value."""
    return f'max by (model, bin) ({metric}{{model=~"$model", {where}}})'


def reliability(where: str) -> xychart.Panel:
    """Reliability diagram: observed frequency against forecast probability, a line per model."""
    enough = f"{of_bins('nowcast_reliability_cells', where)} >= {FEWEST}"
    both = [
        now(f"({of_bins(f'nowcast_reliability_{name}_ratio', where)} and {enough}) or {DIAGONAL}")
        for name in ("forecast_probability", "observed_frequency")
    ]
    panel = placed(
        xychart.Panel(),
        "Reliability diagram",
        "Horizontal axis: forecast probability; vertical axis: observed frequency. On the diagonal "
        "both are equal, below it the probability is too high. Bins of under "
        f"{FEWEST} cells are left out.",
        both,
        8,
        9,
    )
    panel = panel.transformations(
        [
            step("merge"),
            step("sortBy", sort=[{"field": "bin"}]),
            organized(AXES, "bin"),
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
    """The panels of exceedance probabilities.

    Args:
        where: Lead, threshold and window, as labels.
        skill: Expression of the Brier skill by model.
        by_lead: The same by model and lead.
    """
    cells = bars(
        "Sharpness diagram",
        "Cells by forecast probability, in bins of 0.1. A forecast that always gives the same "
        "probability may be reliable and has no resolution.",
        of_bins("nowcast_reliability_cells", where),
        "bin",
        "model",
        "probability from",
        width=8,
    ).height(9)
    logarithmic = common.ScaleDistributionConfig().type(ScaleDistribution.LOG).log(10)
    over_time = lines(
        "Brier skill",
        "1 is best; at 0 the probabilities are no better than the observed frequency of the "
        "sample, which is not known beforehand.",
        query(skill, "{{model}}"),
        width=8,
        steps=((-1, "transparent"), (0, GREY)),
    ).height(9)
    leads = bars(
        "Brier skill by lead",
        "Of rain of $threshold mm/h or more, over the same forecasts of every such model.",
        by_lead,
        "lead_minutes",
        "model",
        "minutes ahead",
        width=24,
    )
    return [reliability(where), cells.scale_distribution(logarithmic), per_model(over_time), leads]
