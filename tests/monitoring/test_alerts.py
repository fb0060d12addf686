"""Rules and alerts: they load, fire when they should and only then, and each has its page.

What a live switch does to them is the drill's (`make alerts-drill`, docs/runbooks/README.md).
"""

import json
import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from cyclopts.exceptions import CycloptsError

from ops.cli.app import app
from ops.monitoring.rules import ALERTS, RECORDINGS, Alert, Group, Recording, Times, rules_text
from ops.monitoring.rules.everything import files
from switch.metrics import Metric, catalogue, city_catalogue
from tests.monitoring.alert_cases import CASES, HEALTHY_MIN, Case, values

ROOT = Path(__file__).resolve().parents[2]
RULES = ROOT / "ops/monitoring/rules"
RUNBOOKS = ROOT / "docs/runbooks"
BY_NAME = {alert.name: alert for alert in ALERTS}
SECTIONS = ["What it means", "What users feel", "See it", "What to do", "It is over when"]
METRIC = re.compile(r"\b((?:job|job_result):)?(cityswitch_\w+(?::\w+)*|process_\w+)\b")
SUFFIX = re.compile(r"_(bucket|count|sum)$")
PROGRAMS = {"curl", "promtool", "cityswitch", "psql", "openssl"}
EACH_ALERT = pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert.name)


def promtool(*arguments: str | Path) -> str:
    """Run promtool; return what it said. Where it is missing the test is skipped, but not in the checks."""
    found = shutil.which("promtool")
    if found is None:
        assert os.environ.get("CI") != "true", "promtool is missing: apt install prometheus"
        pytest.skip("promtool is missing: apt install prometheus")
    done = subprocess.run([found, *arguments], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def metrics_in(text: str) -> set[str]:
    """Return the metrics that an expression reads, without the parts of histograms."""
    bare = re.sub(r"\{[^}]*\}|\"[^\"]*\"", "", text)
    return {SUFFIX.sub("", match[0]) for match in METRIC.finditer(bare)}


def test_the_committed_files_are_what_the_source_says() -> None:
    """Nobody has edited the YAML by hand: `python -m ops.monitoring.rules` writes it anew."""
    assert {path.name: path.read_text() for path in files()} == {
        path.name: text for path, text in files().items()
    }


def test_prometheus_takes_the_rules_and_the_example() -> None:
    """Debian's promtool finds no fault with the rules, nor with the settings that load them."""
    said = promtool("check", "rules", RULES / "recording.yml", RULES / "alerts.yml")
    assert f"{len(RECORDINGS)} rules found" in said
    assert f"{len(ALERTS)} rules found" in said
    promtool("check", "config", RULES / "prometheus.example.yml")


def test_shortened_rules_are_rules(tmp_path: Path) -> None:
    """The rules of the drill, with every time shortened, load as well."""
    for path, text in files(Times(60)).items():
        (tmp_path / path.name).write_text(text)
    promtool("check", "rules", *sorted(tmp_path.iterdir()))


def firing(alert: str, minute: float, number: int, labels: str = "") -> dict[str, object]:
    """Expect so many to fire at a minute, with such labels."""
    return {
        "expr": f'count(ALERTS{{alertname="{alert}",alertstate="firing"{labels}}}) or vector(0)',
        "eval_time": f"{round(minute * 60)}s",
        "exp_samples": [{"labels": "{}", "value": number}],
    }


def minutes(text: str) -> int:
    """Read a holding time of whole minutes or hours."""
    return int(text[:-1]) * {"m": 1, "h": 60}[text[-1]]


def unit_test(case: Case) -> dict[str, object]:
    """Write the test of one alert: silent, silent while it holds, firing, silent again."""
    hold = minutes(BY_NAME[case.alert].hold)
    broken = hold + case.lag + 5
    end = HEALTHY_MIN + broken + case.recovery - 1
    expected = [
        firing(case.alert, HEALTHY_MIN - 1, 0),
        firing(case.alert, HEALTHY_MIN + hold + case.lag, case.number),
        firing(case.alert, end, 0),
    ]
    if named := re.findall(r"\$labels\.(\w+)", BY_NAME[case.alert].description):
        there = "".join(f',{label}!=""' for label in named)  # or the sentence would have a hole
        expected.append(firing(case.alert, HEALTHY_MIN + hold + case.lag, case.number, there))
    if hold:
        expected.append(firing(case.alert, HEALTHY_MIN + hold - 0.5, 0))
    return {
        "name": case.alert,
        "interval": "1m",
        "input_series": [
            {"series": name, "values": values(series, broken, case.recovery)}
            for name, series in case.series.items()
        ],
        "promql_expr_test": expected,
    }


def write_unit_tests(path: Path, rules: list[Path], tests: list[dict[str, object]]) -> Path:
    """Write a file of tests for promtool (JSON is YAML)."""
    files_named = [str(file) for file in rules]
    path.write_text(json.dumps({"rule_files": files_named, "evaluation_interval": "30s", "tests": tests}))
    return path


def rules_of(case: Case, directory: Path) -> list[Path]:
    """Write the one alert of a case by itself, for promtool evaluates every rule for every test."""
    alert = BY_NAME[case.alert]
    path = directory / f"{case.alert}.yml"
    path.write_text(rules_text([Group("one", (alert,))], Times()))
    return [path, *([RULES / "recording.yml"] if ":" in alert.expr else [])]


def test_each_alert_fires_by_its_series_and_ends(tmp_path: Path) -> None:
    """Each alert is silent while all is well and while it holds, fires after, and ends with what broke."""
    assert [case.alert for case in CASES] == [alert.name for alert in ALERTS]
    promtool(
        "test",
        "rules",
        *(
            write_unit_tests(tmp_path / f"{case.alert}.json", rules_of(case, tmp_path), [unit_test(case)])
            for case in CASES
            if case.series
        ),
    )


def run_unit_tests(directory: Path, tests: list[dict[str, object]]) -> None:
    """Have promtool run tests on the committed rules."""
    rules = [RULES / "recording.yml", RULES / "alerts.yml"]
    promtool("test", "rules", write_unit_tests(directory / "tests.json", rules, tests))


def test_a_healthy_switch_is_silent(tmp_path: Path) -> None:
    """Three hours in which every metric is there and well: nothing even begins to hold, but the watchdog."""
    healthy = {name: series for case in CASES for name, series in case.series.items()}
    assert metrics_in(" ".join(healthy)) >= {
        metric for alert in ALERTS for metric in metrics_in(alert.expr) if ":" not in metric
    }
    others = 'count(ALERTS{alertname!="CityswitchWatchdog"}) or vector(0)'
    test = {
        "interval": "1m",
        "input_series": [
            {"series": name, "values": values(series, 0, 150)} for name, series in healthy.items()
        ],
        "promql_expr_test": [
            check
            for minute in (5, 30, 61, 120, 178)
            for check in (
                {"expr": others, "eval_time": f"{minute}m", "exp_samples": [{"labels": "{}", "value": 0}]},
                firing("CityswitchWatchdog", minute, 1),
            )
        ],
    }
    run_unit_tests(tmp_path, [test])


def test_one_bad_answer_at_night_wakes_nobody(tmp_path: Path) -> None:
    """Ten requests an hour of which one fails are 10 %, and still nobody's burning budget."""
    case = next(case for case in CASES if case.alert == "CityswitchAnswersBurnFast")
    approved, again = case.series
    steps = [0.0] * 60 + [0, 0, 0, 0, 0, 1] * 10
    again_steps = [0.0] * 90 + [1.0] * 2 + [0.0] * 28

    def sums(adds: list[float]) -> str:
        total, written = 0.0, []
        for add in adds:
            total += add
            written.append(f"{total:g}")
        return " ".join(written)

    run_unit_tests(
        tmp_path,
        [
            {
                "interval": "1m",
                "input_series": [
                    {"series": approved, "values": sums(steps)},
                    {"series": again, "values": sums(again_steps)},
                ],
                "promql_expr_test": [
                    {
                        "expr": "job:cityswitch_replies_indefinite:ratio_rate1h > bool 0.0072",
                        "eval_time": "100m",
                        "exp_samples": [{"labels": '{job="cityswitch"}', "value": 1}],
                    },
                    firing(case.alert, 100, 0),
                ],
            }
        ],
    )


DECLARED = {
    metric.name: metric
    for module in (catalogue, city_catalogue)
    for metric in vars(module).values()
    if isinstance(metric, Metric)
}
TARGET_LABELS = {"job", "instance", "le"}
"""What Prometheus adds. None of ours has such a name: it would arrive as `exported_job`."""


def test_every_metric_in_a_rule_is_one_the_switch_has() -> None:
    """An alert on a metric that no worker exposes would be silent for ever."""
    read = {metric for rule in (*ALERTS, *RECORDINGS) for metric in metrics_in(rule.expr)}
    recorded = {rule.name for rule in RECORDINGS}
    assert read - recorded - set(DECLARED) == set()
    assert read >= recorded


@pytest.mark.parametrize("rule", [*ALERTS, *RECORDINGS], ids=lambda rule: rule.name)
def test_every_label_in_a_selector_is_one_of_the_metric(rule: Alert | Recording) -> None:
    """A selector names labels the metric has, and of a closed set only values it can take."""
    for name, selector in re.findall(r"\b(cityswitch_\w+|process_\w+)\{([^}]*)\}", rule.expr):
        labels = {label.name: label.values for label in DECLARED[SUFFIX.sub("", name)].labels}
        for label, _, value in re.findall(r'(\w+)(=~|!~|!=|=)"([^"]*)"', selector):
            assert label in {*labels, *TARGET_LABELS}
            known = labels.get(label) or value.split("|")
            assert set(value.split("|")) <= set(known)


def test_every_recording_rule_is_read() -> None:
    """Nothing is computed that no alert and no other rule reads."""
    read = " ".join(rule.expr for rule in (*ALERTS, *RECORDINGS))
    assert [rule.name for rule in RECORDINGS if rule.name not in metrics_in(read)] == []


@EACH_ALERT
def test_an_alert_says_what_it_is(alert: Alert) -> None:
    """Each alert has a summary in one line, a description in sentences, and a page."""
    assert 10 <= len(alert.summary) <= 80
    assert not alert.summary.endswith(".")
    assert len(" ".join(alert.description.split())) >= 80
    assert alert.description.endswith(".")
    assert (ROOT / alert.runbook).is_file()


def shell_lines(page: str) -> list[str]:
    """Return the commands of a page."""
    return [
        line for block in re.findall(r"^```sh\n(.*?)^```", page, re.S | re.M) for line in block.splitlines()
    ]


@EACH_ALERT
def test_a_runbook_has_all_its_parts(alert: Alert) -> None:
    """Each page has the same sections, begins with the alert's own words, and shows at least one command."""
    page = (ROOT / alert.runbook).read_text()
    assert re.findall(r"^## (.*)$", page, re.M) == SECTIONS
    when = "at once" if alert.hold == "0m" else f"after {alert.hold}"
    head = f"# {alert.name}\n\n{alert.summary}. Severity `{alert.severity}`, fires {when}.\n"
    assert page.startswith(head)
    assert shell_lines(page)


def test_there_is_no_page_without_an_alert() -> None:
    """Every page is an alert's, and the index names them all."""
    index = (RUNBOOKS / "README.md").read_text()
    pages = {path.stem for path in RUNBOOKS.glob("*.md")} - {"README"}
    assert pages == set(BY_NAME)
    assert [name for name in sorted(pages) if f"({name}.md)" not in index] == []


def test_runbooks_name_alerts_that_there_are() -> None:
    """A page that sends the reader to another alert names one that exists."""
    named = {
        name
        for path in RUNBOOKS.glob("*.md")
        for name in re.findall(r"\bCityswitch[A-Z]\w+", path.read_text())
    }
    assert named - set(BY_NAME) == set()


def commands_on(page: str) -> list[list[str]]:
    """Return our commands that a page names in a block or in a sentence, in words."""
    inline = re.findall(r"`(cityswitch\s+[a-z][^`]*)`", page)
    lines = [line.partition("|")[0] for line in shell_lines(page) if line.startswith("cityswitch")]
    return [shlex.split(line) for line in (*lines, *inline)]


STANDS_FOR = {"NUMBER": "17", "TERMINAL/STAN": "17/1", "CODE": "zgierz", "FILE": "rules.toml"}


@EACH_ALERT
def test_the_commands_of_a_runbook_are_commands(alert: Alert) -> None:
    """Each of our commands on a page is one the command line takes; other programs are the usual ones."""
    page = (ROOT / alert.runbook).read_text()
    assert {line.split()[0] for line in shell_lines(page)} <= PROGRAMS
    for words in commands_on(page):
        given = [STANDS_FOR.get(word, word) for word in words[1:]]
        try:
            app.parse_args(given, print_error=False, exit_on_error=False)
        except CycloptsError as error:
            if len(given) > 2 or "requires an argument" not in str(error):
                raise AssertionError(f"{' '.join(words)}: {error}") from error
