"""Skill: how good the forecasts are, by model, lead, rain rate and time, and against baselines."""

from collections.abc import Sequence

from grafana_foundation_sdk.builders import table
from grafana_foundation_sdk.builders.dashboard import Dashboard

from dashboards.boards import board, choice, labels, note, rows
from dashboards.panels import (
    BLUE,
    GREEN,
    GREY,
    RED,
    YELLOW,
    Panel,
    bars,
    coloured,
    lines,
    matrix,
    per_model,
    query,
    shaded,
)
from dashboards.probabilities import probabilities

SCORES = ("csi", "hss", "pod", "far", "fbias", "ets", "fss_10km", "fss_20km", "fss_40km")
COLUMNS = {"model": "model"} | {
    name: name.upper().replace("_", " ").replace("KM", " km") for name in SCORES
}
RATES = {"lead_minutes": "minutes ahead"} | {
    rate: f"{rate} mm/h" for rate in ("0.1", "0.5", "1", "2", "5", "10")
}
RATE_COLUMNS = [name for name in RATES.values() if "mm/h" in name]
RIVALS = {"model": "model"} | {name: name for name in ("persistence", "advection", "dwd-rv")}
GOOD = ((0, RED), (0.1, "orange"), (0.2, YELLOW), (0.35, "light-green"), (0.5, GREEN))
"""Of scores whose best value is 1; what is good depends on lead and rate."""
BAD = ((0, GREEN), (0.5, "light-green"), (0.65, YELLOW), (0.8, "orange"), (0.9, RED))
GAIN = ((-1, RED), (-0.02, "orange"), (0, "light-green"), (0.05, GREEN))
DIFFERENCE = ((-1, "orange"), (-0.02, GREY), (0.02, BLUE))
BIAS = ((0, RED), (0.5, YELLOW), (0.75, GREEN), (1.33, YELLOW), (2, RED))
HERE = 'lead_minutes="$lead", threshold="$threshold", window="$window"'
NEW_WEIGHTS = (
    "max by (model, version) (nowcast_model_info)"
    " unless max by (model, version) (nowcast_model_info offset 10m)"
)


def score(name: str, *, where: str = HERE, by: str = "model", models: str = "$model") -> str:
    """The expression of a score. All API processes tell the same: one of them is taken."""
    chosen = f'model=~"{models}", score=~"{name}", {where}'
    return f"max by ({by}) (nowcast_skill_score{{{chosen}}})"


def gain(name: str) -> str:
    """How much a score is above that of each baseline, by model and baseline."""
    each = (
        f"label_replace({score(name)} - on () group_left () {score(name, models=rival)}"
        f', "baseline", "{rival}", "", "")'
        for rival in RIVALS
        if rival != "model"
    )
    return " or ".join(each)


def skill() -> Dashboard:
    """The dashboard of the scientist."""
    made = board("nowcast-skill", "Skill", "How good the forecasts are, and better than what.", 48)
    for variable in (
        labels("model", "Models", "label_values(nowcast_skill_forecasts, model)"),
        labels("lead", "Minutes ahead", "label_values(nowcast_skill_score, lead_minutes)", "60"),
        labels("threshold", "Rain from", "label_values(nowcast_skill_score, threshold)", "0.5"),
        choice("window", "Over the last", ("6h", "24h", "7d", "30d"), "24h"),
        choice("score", "Score of grids", SCORES, "csi"),
    ):
        made = made.with_variable(variable)
    made = made.annotation(note("New weights", NEW_WEIGHTS, BLUE))
    return rows(
        made,
        [
            ("$lead minutes ahead, rain of $threshold mm/h or more, last $window", at_a_glance()),
            ("Over time", over_time()),
            ("By lead and rain rate, last $window", by_lead_and_rate()),
            ("Probabilities, $lead minutes ahead, last $window", of_probabilities()),
            ("How sure", how_sure()),
        ],
    )


def at_a_glance() -> Sequence[Panel]:
    scores = matrix(
        "Scores",
        "All models on the same forecasts and cells. CSI, HSS, POD, ETS and FSS are best at 1, FAR "
        "at 0, FBIAS at 1. Empty where undefined.",
        score("|".join(SCORES), by="model, score"),
        "model",
        "score",
        COLUMNS,
        width=14,
    ).decimals(2)
    scores = coloured(
        scores, GOOD, "CSI", "HSS", "POD", "ETS", "FSS 10 km", "FSS 20 km", "FSS 40 km"
    )
    scores = coloured(coloured(scores, BAD, "FAR"), BIAS, "FBIAS")
    gains = matrix(
        "CSI above a baseline",
        "Above 0 the model is worth having. Small differences over few forecasts mean nothing.",
        gain("csi"),
        "model",
        "baseline",
        RIVALS,
        width=10,
    ).decimals(3)
    return [scores, coloured(gains, GAIN, *[name for name in RIVALS if name != "model"])]


def over_time() -> Sequence[Panel]:
    def curve(title: str, says: str, name: str, high: float | None = None) -> Panel:
        drawn = query(score(name), "{{model}}")
        return per_model(lines(title, says, drawn, width=8, low=0, high=high))

    return [
        curve("CSI", "Hits per hit, miss and false alarm.", "csi"),
        curve("HSS", "Share of what chance leaves that is right.", "hss"),
        curve("FSS, 20 km", "As CSI, but rain up to 20 km off counts.", "fss_20km", high=1),
        per_model(
            lines(
                "FBIAS",
                "Forecast rain area per observed one: below 1 it rains too little.",
                query(score("fbias"), "{{model}}"),
                width=8,
                low=0,
                steps=((0, "transparent"), (1, GREY)),
            )
        ),
        curve("POD", "Share of the rain that was forecast.", "pod", high=1),
        curve("FAR", "Share of the forecast rain that did not come.", "far", high=1),
        lines(
            "CSI above a baseline",
            "Below 0 the baseline is better.",
            query(gain("csi"), "{{model}} over {{baseline}}"),
            width=24,
            steps=((-1, "transparent"), (0, GREY)),
        ),
    ]


def by_lead_and_rate() -> Sequence[Panel]:
    axes, last = "lead_minutes, threshold", 'window="$window"'
    mine = score("$score", where=last, by=axes)
    theirs = score("$score", where=last, by=axes, models="persistence")
    grid = matrix(
        "$score of $model",
        "By minutes ahead and rain rate; the darker the higher. What is rare or far ahead is "
        "forecast worse.",
        mine,
        "lead_minutes",
        "threshold",
        RATES,
    )
    difference = matrix(
        "$score of $model minus that of persistence",
        "By minutes ahead and rain rate, on the same forecasts and cells; orange is lower, blue is "
        "higher. Of FAR less is better.",
        f"{mine} - {theirs}",
        "lead_minutes",
        "threshold",
        RATES,
    )
    by_lead = score("$score", where=f'threshold="$threshold", {last}', by="model, lead_minutes")
    by_rate = score("$score", where=f'lead_minutes="$lead", {last}', by="model, threshold")
    by_scale = score("fss_[124]0km", by="model, score")
    return [
        bars("$score by lead", "Of rain of $threshold mm/h or more.", by_lead,
             "lead_minutes", "model", "minutes ahead", width=8),
        bars("$score by rain rate", "$lead minutes ahead.", by_rate,
             "threshold", "model", "mm/h or more", width=8),
        bars("FSS by width of the neighbourhood", "High where rain is right but for its place.",
             by_scale, "score", "model", "neighbourhood", width=8),
        side_by_side(shaded(grid, *RATE_COLUMNS)),
        side_by_side(coloured(difference, DIFFERENCE, *RATE_COLUMNS)),
    ]  # fmt: skip


def side_by_side(panel: table.Panel) -> Panel:
    """One for each chosen model, side by side."""
    return panel.decimals(2).repeat("model").repeat_direction("h").max_per_row(2).span(24)


def of_probabilities() -> Sequence[Panel]:
    by_lead = 'threshold="$threshold", window="$window"'
    return probabilities(
        HERE, score("brier_skill"), score("brier_skill", where=by_lead, by="model, lead_minutes")
    )


def how_sure() -> Sequence[Panel]:
    of = 'model=~"$model", lead_minutes="$lead", window="$window"'
    rain = score("base_rate", by="window", models=".+")
    return [
        lines(
            "Forecasts compared",
            "The same ones of every model. Below some dozens a score tells of one situation.",
            query(f"max by (model) (nowcast_skill_forecasts{{{of}}})", "{{model}}"),
            width=8,
            low=0,
        ),
        lines(
            "Share of cells with rain",
            "From $threshold mm/h on. Where it does not rain, scores are of a few cells.",
            query(rain, "radar"),
            unit="percentunit",
            width=8,
            low=0,
        ),
        lines(
            "Forecasts without truth",
            "Whose radar frame never came: they count neither for nor against.",
            query(f"max by (model) (nowcast_skill_missing_forecasts{{{of}}})", "{{model}}"),
            width=8,
            low=0,
        ),
    ]
