"""Makes Grafana's JSON of the dashboards, by its foundation SDK (a tool of development).

    python -m ops.monitoring.dashboards.grafana       writes ops/monitoring/grafana/*.json anew

Owns how our panels become Grafana's. Must not know queries. The switch never imports this: what is installed
are the JSON files, and a test holds them to what is made here. Invariants: the same data makes the same
bytes; every panel reads the data source of a variable, so that the files fit any Grafana.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from grafana_foundation_sdk.builders import common as commons
from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.builders import prometheus as queries
from grafana_foundation_sdk.builders import stat as stats
from grafana_foundation_sdk.builders import timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import common as common_models
from grafana_foundation_sdk.models import dashboard as models

from ops.monitoring.dashboards.boards import DASHBOARDS
from ops.monitoring.dashboards.panel import Dashboard, Kind, Panel, Query

FOLDER: Final = Path(__file__).resolve().parent.parent / "grafana"
SOURCE: Final = models.DataSourceRef(type_val="prometheus", uid="${datasource}")
ANY: Final = ".*"
STEADY_DECIMALS: Final = 2
REFRESH: Final = "10s"
TAG: Final = "cityswitch"


def main() -> None:
    """Write the files."""
    FOLDER.mkdir(exist_ok=True)
    for dashboard in DASHBOARDS:
        (FOLDER / file_name(dashboard)).write_text(make_json(dashboard), encoding="utf-8")


def file_name(dashboard: Dashboard) -> str:
    """Return the name of a dashboard's file."""
    return f"{dashboard.uid}.json"


def make_json(dashboard: Dashboard) -> str:
    """Return the file of a dashboard."""
    made = json.dumps(build(dashboard), cls=JSONEncoder, indent=2, sort_keys=True, ensure_ascii=False)
    return made + "\n"


def build(dashboard: Dashboard) -> models.Dashboard:
    """Return a dashboard as Grafana's model."""
    builder = (
        builders.Dashboard(dashboard.title)
        .uid(dashboard.uid)
        .description(dashboard.description)
        .tags([TAG])
        .readonly()
        .tooltip(models.DashboardCursorSync.CROSSHAIR)
        .refresh(REFRESH)
        .time("now-1h", "now")
        .timezone("browser")
        .link(_links())
        .with_variable(builders.DatasourceVariable("datasource").label("Prometheus").type("prometheus"))
        .with_variable(_variable("job", "Job", "label_values(cityswitch_build_info, job)"))
        .with_variable(
            _variable("instance", "Worker", 'label_values(cityswitch_build_info{job=~"$job"}, instance)')
        )
    )
    if dashboard.has_programme:
        asked = 'label_values(cityswitch_cards{job=~"$job"}, programme)'
        builder = builder.with_variable(_variable("programme", "Programme", asked))
    number = 0
    for section in dashboard.sections:
        number += 1
        builder = builder.with_row(builders.Row(section.title).id(number))
        for panel in section.panels:
            number += 1
            builder = builder.with_panel(_panel(panel, number))
    return builder.build()


def _links() -> builders.DashboardLink:
    """Return the menu of all our dashboards, which keeps the time and the variables."""
    menu = builders.DashboardLink("cityswitch").type(models.DashboardLinkType.DASHBOARDS).tags([TAG])
    return menu.as_dropdown(True).include_vars(True).keep_time(True)


def _variable(name: str, label: str, query: str) -> builders.QueryVariable:
    """Return a variable of a label's values; all of them unless some are chosen."""
    everything = models.VariableOption(selected=True, text=["All"], value=["$__all"])
    return (
        builders.QueryVariable(name)
        .label(label)
        .datasource(SOURCE)
        .query(query)
        .refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(models.VariableSort.ALPHABETICAL_ASC)
        .multi(True)
        .include_all(True)
        .all_value(ANY)
        .current(everything)
    )


def _panel(panel: Panel, number: int) -> timeseries.Panel | stats.Panel:
    return _series(panel, number) if panel.kind is Kind.SERIES else _stat(panel, number)


def _series(panel: Panel, number: int) -> timeseries.Panel:
    made = timeseries.Panel().id(number).title(panel.title).description(panel.description)
    made = made.datasource(SOURCE).unit(panel.unit.value).min(0).height(panel.height).span(panel.width)
    made = made.legend(_legend()).tooltip(_tooltip()).span_nulls(False).line_width(1)
    made = made.fill_opacity(30 if panel.stacked else 0).show_points(common_models.VisibilityMode.NEVER)
    made = made.thresholds(_thresholds(panel)).thresholds_style(_threshold_lines(panel))
    if panel.stacked:
        made = made.stacking(commons.StackingConfig().mode(common_models.StackingMode.NORMAL))
    if panel.most is not None:
        made = made.max(panel.most)
    for letter, query in zip("ABCDEF", panel.queries, strict=False):
        made = made.with_target(_target(query, letter).range())
    return made


def _stat(panel: Panel, number: int) -> stats.Panel:
    made = stats.Panel().id(number).title(panel.title).description(panel.description)
    made = made.datasource(SOURCE).unit(panel.unit.value).height(panel.height).span(panel.width)
    made = made.thresholds(_thresholds(panel)).color_mode(common_models.BigValueColorMode.VALUE)
    made = made.graph_mode(common_models.BigValueGraphMode.NONE).decimals(STEADY_DECIMALS)
    made = made.reduce_options(commons.ReduceDataOptions().calcs(["lastNotNull"]))
    for letter, query in zip("ABCDEF", panel.queries, strict=False):
        made = made.with_target(_target(query, letter).instant())
    return made


def _target(query: Query, letter: str) -> queries.Dataquery:
    made = queries.Dataquery().expr(query.grafana).legend_format(query.legend)
    return made.ref_id(letter).datasource(SOURCE)


def _thresholds(panel: Panel) -> builders.ThresholdsConfig:
    steps = [models.Threshold(value=None, color=panel.floor.value)]
    steps += [models.Threshold(value=step.value, color=step.colour.value) for step in panel.thresholds]
    return builders.ThresholdsConfig().mode(models.ThresholdsMode.ABSOLUTE).steps(steps)


def _threshold_lines(panel: Panel) -> commons.GraphThresholdsStyleConfig:
    mode = common_models.GraphTresholdsStyleMode
    return commons.GraphThresholdsStyleConfig().mode(mode.DASHED if panel.thresholds else mode.OFF)


def _legend() -> commons.VizLegendOptions:
    legend = commons.VizLegendOptions().show_legend(True)
    legend = legend.display_mode(common_models.LegendDisplayMode.LIST)
    return legend.placement(common_models.LegendPlacement.BOTTOM)


def _tooltip() -> commons.VizTooltipOptions:
    tooltip = commons.VizTooltipOptions().mode(common_models.TooltipDisplayMode.MULTI)
    return tooltip.sort(common_models.SortOrder.DESCENDING)


if __name__ == "__main__":
    main()
