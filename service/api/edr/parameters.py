"""Parameters of the collections, as CoverageJSON and as collection metadata describe them."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from ingest.accumulation import AMOUNT, amount_name, minutes_of
from ingest.precipitation import (
    EXCEEDANCE_PROBABILITY,
    NAME,
    exceedance_probability_name,
)
from service.errors import BadQuery

UCUM = "http://www.opengis.net/def/uom/UCUM/"
STANDARD_NAMES = "http://vocab.nerc.ac.uk/standard_name/"
AVERAGING = "-PT5M"
"""Period before its time that a rate is the mean of."""


class Parameter(NamedTuple):
    """A parameter.

    Attributes:
        name: Its name in queries and answers.
        label: Short label.
        description: What its values are.
        unit: Label of the unit.
        symbol: UCUM symbol of the unit.
        property_id: URI of the observed property, or None.
        property_label: Label of the observed property.
        decimals: Decimals of its values.
        method: How a value comes about from those of its period.
        period: Period before its time that a value is of.
    """

    name: str
    label: str
    description: str
    unit: str
    symbol: str
    property_id: str | None
    property_label: str
    decimals: int
    method: str = "mean"
    period: str = AVERAGING

    def coverage_json(self) -> dict[str, Any]:
        """The parameter in CoverageJSON."""
        about = {"label": {"en": self.property_label}}
        return {
            "type": "Parameter",
            "description": {"en": self.description},
            "unit": {
                "label": {"en": self.unit},
                "symbol": {"value": self.symbol, "type": UCUM},
            },
            "observedProperty": {"id": self.property_id, **about} if self.property_id else about,
        }

    def metadata(self) -> dict[str, Any]:
        """The parameter in the metadata of a collection."""
        about = {"label": self.property_label}
        return {
            "type": "Parameter",
            "id": self.name,
            "label": self.label,
            "description": self.description,
            "data-type": "float",
            "unit": {"label": self.unit, "symbol": {"value": self.symbol, "type": UCUM}},
            "observedProperty": {"id": self.property_id, **about} if self.property_id else about,
            "measurementType": {"method": self.method, "duration": self.period},
        }


RATE = Parameter(
    NAME,
    "Rainfall rate",
    "Rainfall rate, mean of the five minutes before the time; null is no data",
    "millimetres per hour",
    "mm/h",
    f"{STANDARD_NAMES}{NAME}/",
    "Rainfall rate",
    2,
)


def probability_parameter(threshold: float) -> Parameter:
    """The exceedance probability of a threshold in mm/h."""
    event = f"a rainfall rate of {threshold:g} mm/h or more"
    return Parameter(
        exceedance_probability_name(threshold),
        f"Probability of {threshold:g} mm/h",
        f"Probability of {event}, 0 to 1; null is no data",
        "one",
        "1",
        None,
        f"Probability of {event}",
        3,
    )


def amount_parameter(minutes: int) -> Parameter:
    """The rain sum of a period of a length in minutes."""
    return Parameter(
        amount_name(minutes),
        f"Rain in {minutes} minutes",
        f"Rain sum of the {minutes} minutes before the time, of radar and forecast (CF "
        "cell_methods time: sum); 1 kg/m2 is 1 mm; null is no data",
        "kilograms per square metre",
        "kg/m2",
        f"{STANDARD_NAMES}{AMOUNT}/",
        "Precipitation amount",
        2,
        "sum",
        f"-PT{minutes}M",
    )


def parameter(name: str) -> Parameter:
    """The parameter of a name that a field has."""
    if name.startswith(AMOUNT):
        return amount_parameter(minutes_of(name))
    if name == NAME:
        return RATE
    return probability_parameter(float(name.removeprefix(EXCEEDANCE_PROBABILITY)))


def selected_parameters(asked: str | None, available: Iterable[str]) -> list[str]:
    """The parameters that a query names, in the order of the collection; all by default.

    Args:
        asked: Names separated by commas, or None.
        available: Names that the collection has.

    Raises:
        BadQuery: One of them is unknown.
    """
    names = list(available)
    if asked is None:
        return names
    wanted = [name.strip() for name in asked.split(",")]
    for name in wanted:
        if name not in names:
            raise BadQuery(
                f"parameter-name has {name[:60]!r}, should be of {', '.join(names) or 'none'}"
            )
    return [name for name in names if name in wanted]
