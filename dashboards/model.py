"""Dashboard of the models: weights in service, drift of input and output."""

from collections.abc import Sequence

from grafana_foundation_sdk.builders.dashboard import Dashboard

from dashboards.boards import board, choice, labels, note, rows
from dashboards.panels import (
    BLUE,
    GREY,
    Panel,
    bars,
    coloured,
    lines,
    listing,
    number,
    query,
)
from dashboards.skill import DIFFERENCE, NEW_WEIGHTS, score

DRIFT = ((0, "orange"), (0.5, GREY), (2, BLUE))
"""Colours of ratios; the weather alone makes them vary as much."""
NEAR = 'lead_minutes="30", window="$window"'


def model() -> Dashboard:
    """The dashboard of the models in service."""
    says = "Models in service, and drift of their input or output."
    dashboard = board("nowcast-model", "Model", says, 7 * 24)
    for variable in (
        labels("model", "Models", "label_values(nowcast_skill_forecasts, model)"),
        labels("lead", "Minutes ahead", "label_values(nowcast_skill_score, lead_minutes)", "60"),
        labels("threshold", "Rain from", "label_values(nowcast_skill_score, threshold)", "0.5"),
        choice("window", "Over the last", ("6h", "24h", "7d", "30d"), "24h"),
    ):
        dashboard = dashboard.with_variable(variable)
    dashboard = dashboard.annotation(note("New weights", NEW_WEIGHTS, BLUE))
    return rows(
        dashboard,
        [
            ("In service", in_service()),
            ("Input: observed rain, last $window", of_input()),
            ("Output: forecast rain, last $window", of_output()),
        ],
    )


def in_service() -> Sequence[Panel]:
    """Make the panels of models and weights in service."""
    lag = {"model": "model", "Value": "behind the newest frame"}
    names = {"model": "model", "version": "version", "weights": "weights (SHA-256)"}
    weights = "max by (model, version, weights) (nowcast_model_info)"
    behind = coloured(
        listing("Newest forecasts", "Their lag behind the newest radar frame.",
                "nowcast:forecast_lag:seconds", lag, width=6).unit("s"),
        ((0, "transparent"), (301, "yellow"), (600, "red")),
        "behind the newest frame",
    )  # fmt: skip
    shown = listing("Models and weights", "Weights of the newest forecast of each model; baselines "
                    "have none.", weights, names, width=18)  # fmt: skip
    return [shown, behind]


def of_input() -> Sequence[Panel]:
    """Make the panels of the rain that models are given."""
    share = score("base_rate", where=NEAR, by="threshold", models=".+")
    today, usual = (
        score(
            "base_rate", where=f'lead_minutes="30", window="{window}"', by="threshold", models=".+"
        )
        for window in ("24h", "30d")
    )
    return [
        lines("Share of cells with rain", "By threshold. If one curve departs from the others, "
              "the radar's rates have changed.", query(share, "{{threshold}} mm/h or more"),
              unit="percentunit", low=0),
        number("Rain of a day relative to a month", "Frequency of each threshold, last 24 hours by "
               "last 30 days. Weather changes all by up to 5; one alone indicates a fault.",
               query(f"{today} / {usual}", "{{threshold}} mm/h"), unit="short", steps=DRIFT,
               width=6),
        lines("Area with data", "Fraction of the newest frame.",
              query("nowcast:valid_area:ratio", "{{product}}"), unit="percentunit", width=6,
              low=0, high=1),
    ]  # fmt: skip


def of_output() -> Sequence[Panel]:
    """Make the panels of the rain that models forecast."""
    share = score("forecast_rate", where='lead_minutes="$lead", window="$window"',
                  by="model, threshold")  # fmt: skip
    bias = score(
        "fbias", where='threshold="$threshold", window="$window"', by="model, lead_minutes"
    )
    by_rate = score("fbias", where='lead_minutes="$lead", window="$window"', by="model, threshold")
    day = 'lead_minutes="$lead", threshold="$threshold", window="24h"'
    month = day.replace("24h", "30d")
    drift = f"{score('fbias', where=day)} - {score('fbias', where=month)}"
    gain = f"{score('csi', where=day)} - {score('csi', where=month)}"
    return [
        lines("Share of cells with forecast rain", "$lead minutes ahead, by threshold; compare "
              "with the observed share above.", query(share, "{{model}}, {{threshold}} mm/h"),
              unit="percentunit", low=0),
        lines("Frequency bias (FBIAS)", "Of $threshold mm/h or more; below 1 the forecast rain "
              "area is too small.", query(bias, "{{model}}, {{lead_minutes}} min"), low=0,
              steps=((0, "transparent"), (1, GREY))),
        bars("FBIAS by rain rate", "$lead minutes ahead.", by_rate, "threshold", "model",
             "mm/h or more"),
        number("FBIAS of a day minus a month", "At $threshold mm/h, $lead minutes ahead.",
               query(drift, "{{model}}"), unit="short", steps=DIFFERENCE, width=6),
        number("CSI of a day minus a month", "A change of all models is due to the weather.",
               query(gain, "{{model}}"), unit="short", steps=DIFFERENCE, width=6),
    ]  # fmt: skip
