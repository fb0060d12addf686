"""The dashboards: Grafana's files are what the code makes, and each panel shows something of a switch."""

import json
import math
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import trio

from ledger.books.posting import Kind as Posted
from ops.monitoring.dashboards.boards import DASHBOARDS
from ops.monitoring.dashboards.grafana import FOLDER, file_name, make_json
from ops.monitoring.dashboards.overview import OVERVIEW
from ops.monitoring.dashboards.panel import COLUMNS, Dashboard, Panel, Query, legend_of
from ops.monitoring.picture import LABEL, draw_dashboard
from protocol import ResultCode
from switch.metrics import Metric, catalogue, city_catalogue
from tests.monitoring.debian_prometheus import need_prometheus
from tests.monitoring.watched_switch import Seen, all_queries, live_through
from tests.postgres import Server

ROOT = Path(__file__).resolve().parents[2]
PANELS = [(board, panel) for board in DASHBOARDS for panel in board.panels]
PANEL_IDS = [f"{board.uid}: {panel.title}" for board, panel in PANELS]
each_panel = pytest.mark.parametrize(("board", "panel"), PANELS, ids=PANEL_IDS)


@pytest.fixture(scope="module")
def seen(postgres_server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seen]:
    """What a Prometheus saw of a switch under the scripted load."""
    need_prometheus()
    fresh = postgres_server.create()
    yield trio.run(live_through, fresh, tmp_path_factory.mktemp("watched"))
    postgres_server.drop(fresh)


def query_of(uid: str, title: str, legend: str = "") -> Query:
    """Return a query of a panel, by its legend if the panel has several."""
    (found,) = [
        query
        for board, panel in PANELS
        for query in panel.queries
        if board.uid == uid and panel.title == title and legend in query.legend
    ]
    return found


def test_the_files_are_what_the_code_makes() -> None:
    """`python -m ops.monitoring.dashboards.grafana` would change nothing: no file more, none less."""
    made = {file_name(board): make_json(board) for board in DASHBOARDS}
    kept = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.json")}
    assert sorted(kept) == sorted(made)
    assert [name for name in made if kept[name] != made[name]] == []


def test_the_switch_does_not_need_the_sdk() -> None:
    """The SDK is a tool of development: one module imports it, and nothing that is installed imports that."""
    sdk, ours = "grafana_foundation_sdk", "ops.monitoring.dashboards.grafana"
    importers: dict[str, list[str]] = {sdk: [], ours: []}
    for package in ("protocol", "ledger", "switch", "simulators", "bench", "ops"):
        for path in sorted((ROOT / package).rglob("*.py")):
            text = path.read_text(encoding="utf-8")
            for name, found in importers.items():
                if re.search(rf"^\s*(from|import) {re.escape(name)}\b", text, re.MULTILINE):
                    found.append(path.relative_to(ROOT).as_posix())
    assert importers == {sdk: ["ops/monitoring/dashboards/grafana.py"], ours: []}


@pytest.mark.parametrize("board", DASHBOARDS, ids=lambda board: board.uid)
def test_a_file_is_one_that_grafana_takes(board: Dashboard) -> None:
    """Ids are unique, nothing overlaps or sticks out, each query reads the data source of the variable."""
    made: dict[str, Any] = json.loads(make_json(board))
    assert 8 <= len(made["uid"]) <= 40
    ids = [panel["id"] for panel in made["panels"]]
    assert len(set(ids)) == len(ids)
    taken: set[tuple[int, int]] = set()
    for panel in made["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken, panel["title"]
        assert at["x"] + at["w"] <= COLUMNS
        taken |= cells
        for target in panel.get("targets", ()):
            assert target["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
    names = [variable["name"] for variable in made["templating"]["list"]]
    assert names == ["datasource", "job", "instance", *(["programme"] if board.has_programme else [])]


@each_panel
def test_a_panel_says_what_it_shows(board: Dashboard, panel: Panel) -> None:
    """A panel has words, a legend for every query, and the workers' variables in each."""
    assert len(panel.description) > len(panel.title)
    for query in panel.queries:
        assert query.legend
        assert 'job=~"$job",instance=~"$instance"' in query.grafana
        assert "@" not in query.grafana
        assert ("$programme" in query.grafana) <= board.has_programme
    values = [step.value for step in panel.thresholds]
    assert values == sorted(values)


def test_a_title_stands_once() -> None:
    """No dashboard has two panels of one name."""
    assert len(set(PANEL_IDS)) == len(PANEL_IDS)


@each_panel
def test_a_panel_shows_something(board: Dashboard, panel: Panel, seen: Seen) -> None:
    """Every query gives series with legends; it moves with the load, or its panel says why it may not."""
    for query in panel.queries:
        series = seen.series[query]
        assert series, f"nothing to see: {query.expression}"
        legends = [legend_of(query, one.labels) for one in series]
        assert len(set(legends)) == len(legends), legends
        assert all(legend.strip(" :") for legend in legends)
        values = [{value for _, value in one.points if not math.isnan(value)} for one in series]
        assert any(values), f"nothing but NaN: {query.expression}"
        if not panel.steady:
            assert any(len(each) > 1 for each in values), f"it stands still: {query.expression} {values}"


def test_a_worker_can_be_looked_at_alone(seen: Seen) -> None:
    """The variable of the worker narrows every query: none tells of another worker, and sums are of one."""
    told = {
        sample.labels["instance"]
        for samples in seen.of_one_worker.values()
        for sample in samples
        if "instance" in sample.labels
    }
    assert len(told) == 1
    ((_, versions),) = seen.of_one_worker[query_of("cityswitch-rules", "Versions that run")]
    assert versions == 1
    ((_, alone),) = seen.of_one_worker[query_of("cityswitch-overview", "Workers ready")]
    assert alone == 1


def test_every_metric_is_on_a_dashboard() -> None:
    """What a worker tells is looked at somewhere, but for a few that say nothing by themselves."""
    declared = {
        metric.name
        for declarations in (catalogue, city_catalogue)
        for metric in vars(declarations).values()
        if isinstance(metric, Metric)
    }
    asked = {
        re.sub("_(bucket|sum|count)$", "", name) if name not in declared else name
        for query in all_queries()
        for name in re.findall(r"\b(?:cityswitch|process)_\w+", query.expression)
    }
    assert asked <= declared
    assert declared - asked == {
        "cityswitch_feed_stale",  # the age of the registry shows it
        "process_start_time_seconds",  # cityswitch_start_time_seconds, by the kernel's account
        "process_virtual_memory_bytes",
    }


def test_replies_by_result_are_those_of_the_journal(seen: Seen) -> None:
    """Redemptions by result, counted by the panel's own query, are the journal's rows by result code."""
    query = query_of("cityswitch-rules", "Redemptions by result")
    shown = {labels["result"]: round(value) for labels, value in seen.at_count[query]}
    redeemed = {
        ResultCode(code).name.lower(): count
        for (kind, code), count in seen.at_count_journal.rows.items()
        if kind == Posted.REDEEM
    }
    assert shown == redeemed
    assert shown["approved"] > 0


def test_requests_by_message_are_those_of_the_journal(seen: Seen) -> None:
    """Replies by message, counted by the panel's own query, are the journal's rows by kind."""
    query = query_of("cityswitch-overview", "Requests by message")
    shown = {labels["message"]: round(value) for labels, value in seen.at_count[query]}
    kept: Counter[str] = Counter()
    for (kind, _), count in seen.at_count_journal.rows.items():
        kept["".join(word.title() for word in Posted(kind).name.split("_"))] += count
    assert {"Earn", "EarnAdvice", "Redeem", "BenefitUse"} <= set(kept)
    assert {message: shown[message] for message in kept} == kept


def test_points_issued_are_those_of_the_journal(seen: Seen) -> None:
    """Points issued, used and outstanding, as the panels show them at the end, are those of the journal."""

    def shown(title: str, legend: str) -> float:
        (series,) = seen.series[query_of("cityswitch-ledger", title, legend)]
        return series.points[-1][1]

    issued, used = seen.at_end_journal.points_issued, seen.at_end_journal.points_used
    assert issued > 0
    assert shown("Points issued and used", "issued") == issued
    assert shown("Points issued and used", "used") == used
    assert shown("Points outstanding", "") == issued - used


def test_the_overview_is_drawn_from_its_own_answers(seen: Seen) -> None:
    """The picture has every panel with its figures, says what it is not, and is small and well-formed."""
    drawn = draw_dashboard(OVERVIEW, seen.series, seen.started_s, seen.ended_s, ["<facts>"])
    document = ElementTree.fromstring(drawn)
    words = " ".join(text for text in document.itertext())
    assert LABEL in words
    assert "<facts>" in words
    assert [panel.title for panel in OVERVIEW.panels if panel.title not in words] == []
    assert "no figures" not in words
    assert len(drawn.encode()) < 100_000


def test_a_panel_without_an_answer_says_so() -> None:
    """Where a query was answered with nothing the picture shows no line and no number."""
    drawn = draw_dashboard(OVERVIEW, {query: [] for query in all_queries()}, 0.0, 60.0, [])
    assert drawn.count("no figures") == len(OVERVIEW.panels)
