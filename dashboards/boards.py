"""Dashboards as such: their rows, variables, marks and links."""

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
    """An empty dashboard over the last hours."""
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
    """One of some fixed values."""
    options = [VariableOption(value == chosen, value, value) for value in values]
    variable = dashboard.CustomVariable(name).label(label).values(",".join(values)).options(options)
    return variable.current(VariableOption(True, chosen, chosen))  # noqa: FBT003  its own way


def labels(name: str, label: str, of: str, chosen: str = "") -> dashboard.QueryVariable:
    """One of the values that a label has, or all of them where none is chosen."""
    variable = dashboard.QueryVariable(name).label(label).datasource(SOURCE).query(of)
    variable = variable.refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
    if chosen:
        variable = variable.sort(VariableSort.NUMERICAL_ASC)
        return variable.current(VariableOption(True, chosen, chosen))  # noqa: FBT003  its own way
    variable = variable.sort(VariableSort.ALPHABETICAL_ASC).multi(multi=True)
    variable = variable.include_all(include_all=True).all_value(".+")
    return variable.current(VariableOption(True, ["All"], ["$__all"]))  # noqa: FBT003  its own way


def note(name: str, expression: str, colour: str) -> dashboard.AnnotationQuery:
    """A mark on the time axis of every panel while something is so."""
    annotation = dashboard.AnnotationQuery().name(name).datasource(SOURCE).expr(expression)
    return annotation.enable(enable=True).icon_color(colour)


def rows(
    board: dashboard.Dashboard, parts: Sequence[tuple[str, Sequence[Panel]]]
) -> dashboard.Dashboard:
    """A dashboard with titled rows of panels, numbered from 1."""
    number = 0
    for title, panels in parts:
        number += 1
        board = board.with_row(dashboard.Row(title).id(number))
        for panel in panels:
            number += 1
            board = board.with_panel(panel.id(number))
    return board
