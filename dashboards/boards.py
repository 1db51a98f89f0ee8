"""Elements of a dashboard: rows, variables, annotations and links."""

from collections.abc import Sequence

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DashboardLinkType,
    VariableOption,
    VariableRefresh,
    VariableSort,
)

from dashboards.panels import SOURCE, Panel

TAG = "nowcast"


def board(uid: str, title: str, says: str, hours: int) -> dashboard.Dashboard:
    """Return an empty dashboard of the last hours."""
    others = dashboard.DashboardLink("Other dashboards").type(DashboardLinkType.DASHBOARDS)
    return (
        dashboard.Dashboard(title)
        .uid(uid)
        .description(says)
        .tags([TAG])
        .link(others.tags([TAG]).as_dropdown(as_dropdown=True).keep_time(keep_time=True))
        .time(f"now-{hours}h", "now")
        .timezone("utc")
        .refresh("30s")
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .readonly()
    )


def choice(name: str, label: str, values: Sequence[str], chosen: str) -> dashboard.CustomVariable:
    """Return a variable with fixed values."""
    options = [VariableOption(value == chosen, value, value) for value in values]
    variable = dashboard.CustomVariable(name).label(label).values(",".join(values)).options(options)
    return variable.current(VariableOption(True, chosen, chosen))  # noqa: FBT003  its own way


def labels(name: str, label: str, of: str, chosen: str = "") -> dashboard.QueryVariable:
    """Return a variable with the values of a label; all of them if there is no default."""
    variable = dashboard.QueryVariable(name).label(label).datasource(SOURCE).query(of)
    variable = variable.refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
    if chosen:
        variable = variable.sort(VariableSort.NUMERICAL_ASC)
        return variable.current(VariableOption(True, chosen, chosen))  # noqa: FBT003  its own way
    variable = variable.sort(VariableSort.ALPHABETICAL_ASC).multi(multi=True)
    variable = variable.include_all(include_all=True).all_value(".+")
    return variable.current(VariableOption(True, ["All"], ["$__all"]))  # noqa: FBT003  its own way


def note(name: str, expression: str, colour: str) -> dashboard.AnnotationQuery:
    """Return an annotation of every panel while a query has a value."""
    annotation = dashboard.AnnotationQuery().name(name).datasource(SOURCE).expr(expression)
    return annotation.enable(enable=True).icon_color(colour)


def rows(
    board: dashboard.Dashboard, parts: Sequence[tuple[str, Sequence[Panel]]]
) -> dashboard.Dashboard:
    """Add titled rows of panels, numbered from 1, to a dashboard."""
    number = 0
    for title, panels in parts:
        number += 1
        board = board.with_row(dashboard.Row(title).id(number))
        for panel in panels:
            number += 1
            board = board.with_panel(panel.id(number))
    return board
