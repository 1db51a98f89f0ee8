"""Dashboard of forecast skill by model, lead, rain rate and time, and against baselines."""

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
from service.skill.scores import FSS_SCORES, SCORES, Score

SHOWN = SCORES | {name: score for name, score in FSS_SCORES.items() if name != "fss_5km"}
"""Scores of the panels; the FSS of a single cell is left out."""
COLUMNS = {"model": "model"} | {name: score.title for name, score in SHOWN.items()}
RATES = {"lead_minutes": "minutes ahead"} | {
    rate: f"{rate} mm/h" for rate in ("0.1", "0.5", "1", "2", "5", "10")
}
RATE_COLUMNS = [name for name in RATES.values() if "mm/h" in name]
RIVALS = {"model": "model"} | {name: name for name in ("persistence", "advection", "dwd-rv")}
GOOD = ((0, RED), (0.1, "orange"), (0.2, YELLOW), (0.35, "light-green"), (0.5, GREEN))
"""Colours of scores whose best value is 1; what is good depends on lead and rate."""
BAD = ((0, GREEN), (0.5, "light-green"), (0.65, YELLOW), (0.8, "orange"), (0.9, RED))
GAIN = ((-1, RED), (-0.02, "orange"), (0, "light-green"), (0.05, GREEN))
DIFFERENCE = ((-1, "orange"), (-0.02, GREY), (0.02, BLUE))
BIAS = ((0, RED), (0.5, YELLOW), (0.75, GREEN), (1.33, YELLOW), (2, RED))
HERE = 'lead_minutes="$lead", threshold="$threshold", window="$window"'
BOARD_WIDTH, CURVE_WIDTH = 24, 8
NEW_WEIGHTS = (
    "max by (model, version) (nowcast_model_info)"
    " unless max by (model, version) (nowcast_model_info offset 10m)"
)


def score(name: str, *, where: str = HERE, by: str = "model", models: str = "$model") -> str:
    """PromQL of a score; all API processes export the same value, so the maximum is taken."""
    chosen = f'model=~"{models}", score=~"{name}", {where}'
    return f"max by ({by}) (nowcast_skill_score{{{chosen}}})"


def gain(name: str) -> str:
    """PromQL of the difference of a score to that of each baseline, by model and baseline."""
    each = (
        f"label_replace({score(name)} - on () group_left () {score(name, models=rival)}"
        f', "baseline", "{rival}", "", "")'
        for rival in RIVALS
        if rival != "model"
    )
    return " or ".join(each)


def skill() -> Dashboard:
    """The dashboard of forecast skill."""
    dashboard = board(
        "nowcast-skill",
        "Skill",
        "Verification scores of the forecasts, and their gain over baselines.",
        48,
    )
    for variable in (
        labels("model", "Models", "label_values(nowcast_skill_forecasts, model)"),
        labels("lead", "Minutes ahead", "label_values(nowcast_skill_score, lead_minutes)", "60"),
        labels("threshold", "Rain from", "label_values(nowcast_skill_score, threshold)", "0.5"),
        choice("window", "Over the last", ("6h", "24h", "7d", "30d"), "24h"),
        choice("score", "Score of grids", list(SHOWN), "csi"),
    ):
        dashboard = dashboard.with_variable(variable)
    dashboard = dashboard.annotation(note("New weights", NEW_WEIGHTS, BLUE))
    return rows(
        dashboard,
        [
            ("$lead minutes ahead, rain of $threshold mm/h or more, last $window", at_a_glance()),
            ("Over time", over_time()),
            ("By lead and rain rate, last $window", by_lead_and_rate()),
            ("Probabilities, $lead minutes ahead, last $window", of_probabilities()),
            ("Rain sums of the hour up to $lead minutes ahead, last $window", of_sums()),
            ("Places called dry for two hours, last $window", of_dry_claims()),
            ("How sure", how_sure()),
        ],
    )


def at_a_glance() -> Sequence[Panel]:
    """Make the tables of scores, and of gains over the baselines."""
    scores = matrix(
        "Scores",
        "All models on the same forecasts and cells. Empty where undefined. Best values: "
        + ", ".join(
            f"{score_of_model.title} {score_of_model.best:g}" for score_of_model in SHOWN.values()
        )
        + ".",
        score("|".join(SHOWN), by="model, score"),
        "model",
        "score",
        COLUMNS,
        width=14,
    ).decimals(2)
    for shown_score in SHOWN.values():
        scores = coloured(scores, colours(shown_score), shown_score.title)
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


def colours(score: Score) -> Sequence[tuple[float, str]]:
    """Colour steps of the values of a score."""
    if score.is_ratio:
        return BIAS
    return GOOD if score.best == 1 else BAD


def over_time() -> Sequence[Panel]:
    """A curve of each score, and of the gain in CSI over baselines."""
    shown = SCORES | {"fss_20km": FSS_SCORES["fss_20km"]}
    curves = [curve(name, shown_score) for name, shown_score in shown.items()]
    used = CURVE_WIDTH * len(curves) % BOARD_WIDTH
    return [
        *curves,
        lines(
            "CSI above a baseline",
            "Below 0 the baseline is better.",
            query(gain("csi"), "{{model}} over {{baseline}}"),
            width=BOARD_WIDTH - used,
            steps=((-1, "transparent"), (0, GREY)),
        ),
    ]


def curve(name: str, shown: Score) -> Panel:
    """A score over time, a curve for each model; a ratio with a line at its best value."""
    steps = ((0, "transparent"), (shown.best, GREY)) if shown.is_ratio else ()
    says = f"{shown.meaning} {shown.best:g} is perfect."
    drawn = query(score(name), "{{model}}")
    return per_model(lines(shown.title, says, drawn, width=CURVE_WIDTH, low=0, steps=steps))


def by_lead_and_rate() -> Sequence[Panel]:
    """Make the tables of a score by lead and threshold."""
    axes, last = "lead_minutes, threshold", 'window="$window"'
    mine = score("$score", where=last, by=axes)
    theirs = score("$score", where=last, by=axes, models="persistence")
    grid = matrix(
        "$score of $model",
        "By lead time and threshold; darker is higher. Skill falls with lead and rate.",
        mine,
        "lead_minutes",
        "threshold",
        RATES,
    )
    difference = matrix(
        "$score of $model minus that of persistence",
        "By lead time and threshold, on the same forecasts and cells; orange is lower, blue is "
        "higher. Low FAR is good.",
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
        bars("FSS by width of the neighbourhood", "High where rain is near its observed place.",
             by_scale, "score", "model", "neighbourhood", width=8),
        side_by_side(shaded(grid, *RATE_COLUMNS)),
        side_by_side(coloured(difference, DIFFERENCE, *RATE_COLUMNS)),
    ]  # fmt: skip


def side_by_side(panel: table.Panel) -> Panel:
    """A panel for each chosen model, side by side."""
    return panel.decimals(2).repeat("model").repeat_direction("h").max_per_row(2).span(24)


def of_probabilities() -> Sequence[Panel]:
    """Make the panels of Brier skill."""
    by_lead = 'threshold="$threshold", window="$window"'
    return probabilities(
        HERE, score("brier_skill"), score("brier_skill", where=by_lead, by="model, lead_minutes")
    )


def of_sums() -> Sequence[Panel]:
    """Make the panels of rain sums by threshold in mm."""

    def by_threshold(name: str) -> str:
        labels_of = f'model=~"$model", score="{name}", lead_minutes="$lead", window="$window"'
        return f"max by (model, threshold) (nowcast_sum_skill_score{{{labels_of}}})"

    shown = (
        ("csi", "CSI", "Of the rain sum of an hour; it is verified 60 and 120 minutes ahead."),
        ("fbias", "FBIAS", "Above 1 large sums are forecast too often, below 1 too rarely."),
        (
            "brier_skill",
            "Brier skill",
            "Of the probability of the ensemble, against the frequency.",
        ),
    )
    return [
        bars(f"{title} of sums", says, by_threshold(name), "threshold", "model", "mm or more",
             width=8)
        for name, title, says in shown
    ]  # fmt: skip


def of_dry_claims() -> Sequence[Panel]:
    """Make the panels of places called dry: how often wrongly, and how many dry places are."""

    def by_model(metric: str) -> str:
        return f'max by (model) ({metric}{{model=~"$model", window="$window"}})'

    shown = (
        (
            "Called dry and got rain",
            "Share of places called dry that got 0.5 mm/h or more; at most 3 % should.",
            "nowcast_dry_claims_wrong_ratio",
            ((0, "transparent"), (0.03, RED)),
        ),
        (
            "Dry places called dry",
            "Share of places without 0.5 mm/h that were called dry; half at least should be.",
            "nowcast_dry_places_called_ratio",
            ((0, RED), (0.5, "transparent")),
        ),
    )
    ratios = [
        lines(
            title,
            says,
            query(by_model(metric), "{{model}}"),
            unit="percentunit",
            width=8,
            low=0,
            steps=steps,
        )
        for title, says, metric, steps in shown
    ]
    number = lines(
        "Forecasts whose dry places are compared",
        "Those of each half hour whose radar of two hours is complete.",
        query(by_model("nowcast_dry_claims_forecasts"), "{{model}}"),
        width=8,
        low=0,
    )
    return [*map(per_model, ratios), per_model(number)]


def how_sure() -> Sequence[Panel]:
    """Make the panels of the number of forecasts and events behind the scores."""
    of = 'model=~"$model", lead_minutes="$lead", window="$window"'
    rain = score("base_rate", by="window", models=".+")
    return [
        lines(
            "Forecasts compared",
            "The same ones for every model. With fewer than some dozens, a score represents one "
            "weather situation.",
            query(f"max by (model) (nowcast_skill_forecasts{{{of}}})", "{{model}}"),
            width=8,
            low=0,
        ),
        lines(
            "Share of cells with rain",
            "Base rate of $threshold mm/h or more. Where it is low, scores rest on few cells.",
            query(rain, "radar"),
            unit="percentunit",
            width=8,
            low=0,
        ),
        lines(
            "Forecasts without observation",
            "Their radar frame never arrived; they do not count.",
            query(f"max by (model) (nowcast_skill_missing_forecasts{{{of}}})", "{{model}}"),
            width=8,
            low=0,
        ),
    ]
