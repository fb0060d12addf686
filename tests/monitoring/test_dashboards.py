"""The dashboards: Grafana's files are what the code makes, and each panel says what it shows."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from ops.monitoring.dashboards.boards import DASHBOARDS
from ops.monitoring.dashboards.grafana import FOLDER, file_name, make_json
from ops.monitoring.dashboards.panel import COLUMNS, Dashboard, Panel

ROOT = Path(__file__).resolve().parents[2]
PANELS = [(board, panel) for board in DASHBOARDS for panel in board.panels]
PANEL_IDS = [f"{board.uid}: {panel.title}" for board, panel in PANELS]
each_panel = pytest.mark.parametrize(("board", "panel"), PANELS, ids=PANEL_IDS)


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
