"""How to read a report: what its words mean."""

TERMS = {
    "Forecast field": (
        "One lead of one forecast, compared cell by cell (5 km) with the radar frame of its "
        "time, where both have data. No data counts nowhere: it is not dry."
    ),
    "CSI": (
        "Of all cells with rain, forecast or seen, the share that was both. 1 is perfect. It "
        "falls with the rain rate and with every minute ahead, for everybody."
    ),
    "HSS": "The share that is right of what chance alone would have got wrong; 0 is chance.",
    "POD, FAR": (
        "The share of the rain that was forecast, and the share of the forecast rain that did "
        "not come. One is easily bought with the other."
    ),
    "FBIAS": "Forecast rain area per observed one. Below 1 it rains too little, above too much.",
    "FSS": "As CSI, but a shower counts as found within the named distance.",
    "Persistence, advection, S-PROG": (
        "What everybody can do: leave the rain where it is, move it on as it moves, or let its "
        "details fade as well. A model that is no better is not worth its electricity."
    ),
    "Same forecasts": (
        "Models are compared over the starts and cells that all of them have. Counts are summed "
        "up first and scored last; scores are never averaged."
    ),
    "Bold": (
        "In tables of scores the best of each lead; in differences those that a bootstrap over "
        "blocks of six hours calls more than chance (90 %)."
    ),
    "\N{EN DASH}": "Not defined: there was nothing of the kind, so there is no score. It is not 0.",
}
CHANCE_TERMS = {
    "Brier score, Brier skill": (
        "The mean squared error of the probability, 0 is best; and how much less that is than if "
        "one had always told how often such rain came in the period, which nobody knows "
        "beforehand. 1 is best, 0 as good, below 0 worse."
    ),
}
"""Of probabilities, where there are any."""
