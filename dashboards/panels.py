"""Queries and kinds of panels, with their style.

A model has the same colour on every panel; baselines are grey, blue and brown.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

from grafana_foundation_sdk.builders import (
    barchart,
    common,
    dashboard,
    stat,
    table,
    timeseries,
    xychart,
)
from grafana_foundation_sdk.builders.prometheus import Dataquery
from grafana_foundation_sdk.models.common import (
    BigValueColorMode,
    BigValueGraphMode,
    GraphDrawStyle,
    GraphThresholdsStyleMode,
    LegendDisplayMode,
    LegendPlacement,
    SortOrder,
    StackingMode,
    TableCellBackgroundDisplayMode,
    TableCellHeight,
    TableColoredBackgroundCellOptions,
    TooltipDisplayMode,
    VisibilityMode,
)
from grafana_foundation_sdk.models.dashboard import (
    DataSourceRef,
    DataTransformerConfig,
    DynamicConfigValue,
    FieldColorModeId,
    Threshold,
    ThresholdsMode,
)
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

SOURCE = DataSourceRef(type_val="prometheus", uid="prometheus")
"""Data source of deploy/grafana/provisioning/datasources."""
GREEN, YELLOW, RED, BLUE, GREY = "green", "yellow", "red", "blue", "#8e8e8e"
BASELINES = {"persistence": GREY, "advection": "#5794f2", "dwd-rv": "#b07d48"}
ADDED = ("Time", "Value", "__name__", "instance", "job")
"""Columns of every table that Prometheus answers with."""

Step = tuple[float, str]
Panel = timeseries.Panel | stat.Panel | table.Panel | barchart.Panel | xychart.Panel
P = TypeVar("P", timeseries.Panel, stat.Panel, table.Panel, barchart.Panel, xychart.Panel)


def query(expression: str, legend: str = "") -> Dataquery:
    """Return a query over time."""
    return Dataquery().expr(expression).legend_format(legend or "__auto").range()


def now(expression: str) -> Dataquery:
    """Return a query at the end of the time range, as a table."""
    return Dataquery().expr(expression).instant().format(PromQueryFormat.TABLE)


def lines(
    title: str,
    says: str,
    *queries: Dataquery,
    unit: str = "short",
    width: int = 12,
    low: float | None = None,
    high: float | None = None,
    steps: Sequence[Step] = (),
) -> timeseries.Panel:
    """Return a panel of curves over time; `steps` are horizontal lines."""
    panel = placed(timeseries.Panel(), title, says, queries, width, 8).unit(unit)
    panel = panel.line_width(2).fill_opacity(0).show_points(VisibilityMode.NEVER)
    panel = panel.span_nulls(float(10 * 60 * 1000)).legend(legend()).tooltip(tooltip())
    panel = panel.color_scheme(by_name())
    if low is not None:
        panel = panel.min(low)
    if high is not None:
        panel = panel.max(high)
    if steps:
        style = common.GraphThresholdsStyleConfig().mode(GraphThresholdsStyleMode.DASHED)
        panel = panel.thresholds(limits(steps)).thresholds_style(style)
    return panel


def per_model(panel: timeseries.Panel) -> timeseries.Panel:
    """Give curves named after models their colours; baselines are dashed."""
    dashed = DynamicConfigValue("custom.lineStyle", {"fill": "dash", "dash": [8, 6]})
    for model, colour in BASELINES.items():
        panel = panel.override_by_name(model, [fixed(colour), dashed])
    return panel


def stacked(panel: timeseries.Panel, colours: Mapping[str, str]) -> timeseries.Panel:
    """Draw stacked bars instead of curves."""
    stacking = common.StackingConfig().mode(StackingMode.NORMAL).group("A")
    panel = panel.draw_style(GraphDrawStyle.BARS).fill_opacity(80).line_width(0).stacking(stacking)
    for name, colour in colours.items():
        panel = panel.override_by_name(name, [fixed(colour)])
    return panel


def number(
    title: str,
    says: str,
    *queries: Dataquery,
    unit: str,
    steps: Sequence[Step],
    width: int = 4,
    none: str = "unknown",
) -> stat.Panel:
    """Return a panel with the value of each series, coloured by the step it has reached."""
    panel = placed(stat.Panel(), title, says, queries, width, 4).unit(unit).no_value(none)
    panel = panel.thresholds(limits(steps)).color_mode(BigValueColorMode.BACKGROUND)
    return panel.graph_mode(BigValueGraphMode.NONE).reduce_options(
        common.ReduceDataOptions().calcs(["lastNotNull"])
    )


def matrix(
    title: str,
    says: str,
    expression: str,
    rows: str,
    columns: str,
    order: Mapping[str, str],
    *,
    width: int = 12,
    height: int = 7,
) -> table.Panel:
    """Return a table of values by two labels; `order` has order and names of the columns."""
    panel = listing(title, says, expression, width=width, height=height)
    first = f"{rows}\\{columns}"
    names = {first: order.get(rows, rows), **order}
    return panel.transformations(
        [
            *sorted_by(rows),
            step("groupingToMatrix", rowField=rows, columnField=columns, valueField="Value"),
            organized(names),
        ]
    )


def coloured(panel: table.Panel, steps: Sequence[Step], *columns: str) -> table.Panel:
    """Colour cells of some columns by the step their value has reached."""
    reached = DynamicConfigValue("thresholds", limits(steps).build())
    return filled(panel, columns, reached, DynamicConfigValue("color", {"mode": "thresholds"}))


def shaded(panel: table.Panel, *columns: str) -> table.Panel:
    """Shade cells of some columns: the higher the value, the darker."""
    return filled(panel, columns, DynamicConfigValue("color", {"mode": "continuous-blues"}))


def filled(
    panel: table.Panel, columns: Iterable[str], *properties: DynamicConfigValue
) -> table.Panel:
    """Fill the cells of columns with the colour of their value."""
    background = TableColoredBackgroundCellOptions(TableCellBackgroundDisplayMode.BASIC)
    cell = DynamicConfigValue("custom.cellOptions", background)
    for column in columns:
        panel = panel.override_by_name(column, [cell, *properties])
    return panel


def listing(
    title: str,
    says: str,
    expression: str,
    names: Mapping[str, str] | None = None,
    *,
    width: int = 12,
    height: int = 7,
) -> table.Panel:
    """Return a table with a row for each series and the labels in `names` as columns."""
    panel = placed(table.Panel(), title, says, [now(expression)], width, height)
    panel = panel.cell_height(TableCellHeight.SM).show_header(show_header=True)
    return panel if names is None else panel.transformations([organized(names)])


def bars(
    title: str,
    says: str,
    expression: str,
    rows: str,
    columns: str,
    axis: str,
    *,
    width: int = 12,
    unit: str = "short",
) -> barchart.Panel:
    """Return groups of bars: a group for each value of a label, a bar for each of another."""
    panel = placed(barchart.Panel(), title, says, [now(expression)], width, 8).unit(unit)
    panel = panel.transformations(
        [
            *sorted_by(rows),
            step("groupingToMatrix", rowField=rows, columnField=columns, valueField="Value"),
            step("convertFieldType", conversions=[converted(f"{rows}\\{columns}", "string")]),
            step("organize", renameByName={f"{rows}\\{columns}": axis}),
        ]
    )
    panel = panel.x_field(axis).legend(legend()).tooltip(tooltip()).fill_opacity(80)
    panel = panel.color_scheme(by_name())
    for model, colour in BASELINES.items():
        panel = panel.override_by_name(model, [fixed(colour)])
    return panel


# what panels are made of


def placed(
    panel: P, title: str, says: str, queries: Iterable[Dataquery], width: int, height: int
) -> P:
    """Give a panel its title, description, size and queries."""
    placed_panel = (
        panel.title(title).description(says).datasource(SOURCE).span(width).height(height)
    )
    for letter, target in zip("ABCDEFGH", queries, strict=False):
        placed_panel = placed_panel.with_target(target.ref_id(letter).datasource(SOURCE))
    return placed_panel


def limits(steps: Sequence[Step]) -> dashboard.ThresholdsConfig:
    """Return the colours of steps; the first also holds below its value."""
    (_, lowest), *others = steps
    found = [Threshold(None, lowest), *(Threshold(value, colour) for value, colour in others)]
    return dashboard.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(found)


def by_name() -> dashboard.FieldColor:
    """Colour series by their names."""
    return dashboard.FieldColor().mode(FieldColorModeId.PALETTE_CLASSIC_BY_NAME)


def fixed(colour: str) -> DynamicConfigValue:
    """Colour a series or column always alike."""
    return DynamicConfigValue("color", {"mode": "fixed", "fixedColor": colour})


def legend() -> common.VizLegendOptions:
    """Make a legend below a panel."""
    shown = common.VizLegendOptions().show_legend(show_legend=True)
    return shown.display_mode(LegendDisplayMode.LIST).placement(LegendPlacement.BOTTOM)


def tooltip() -> common.VizTooltipOptions:
    """Make a tooltip of all series, the highest first."""
    return common.VizTooltipOptions().mode(TooltipDisplayMode.MULTI).sort(SortOrder.DESCENDING)


def step(kind: str, **options: object) -> DataTransformerConfig:
    """Make a step in the transformation of a table."""
    return DataTransformerConfig(id_val=kind, options=options)


def converted(field: str, kind: str) -> dict[str, str]:
    """Make the conversion of a field to a kind of value."""
    return {"targetField": field, "destinationType": kind}


def sorted_by(label: str) -> list[DataTransformerConfig]:
    """Sort rows by a label, numerically if it is a number."""
    numbers = label in ("lead_minutes", "threshold")
    kind = [step("convertFieldType", conversions=[converted(label, "number")])] if numbers else []
    return [*kind, step("sortBy", sort=[{"field": label}])]


def organized(names: Mapping[str, str], *without: str) -> DataTransformerConfig:
    """Order, rename and hide columns."""
    return step(
        "organize",
        indexByName={name: position for position, name in enumerate(names)},
        renameByName=dict(names),
        excludeByName={name: True for name in (*ADDED, *without) if name not in names},
    )
