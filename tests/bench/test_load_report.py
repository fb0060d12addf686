"""The report of a load test: both sides on one page, and honest about what is not known of either."""

import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing

from bench.charts import Chart, Line, Unit, draw, figure
from bench.command import Exit
from bench.load import run as load
from bench.load import server_side
from bench.load.page import Run, locust_page
from bench.load.server_side import READ
from bench.load.watch import Round, Watch, parse
from tests.bench.scripted_switch import CITY, closed_port, scripted_switch
from tests.patience import HANG_S

HISTORY = """Timestamp,User Count,Type,Name,Requests/s,Failures/s,50%,95%,99%
{0},2,terminal,earn,9.000000,0.000000,5,6,7
{0},2,,Aggregated,10.000000,1.000000,N/A,N/A,N/A
{1},3,,Aggregated,20.000000,0.000000,5,6,7
"""


def page_of(replies: int, *, started: int = 1, fast: int | None = None) -> str:
    """A worker's /metrics after so many replies, `fast` of them (all, unless told) within 10 ms."""
    fast = replies if fast is None else fast
    return f"""# HELP cityswitch_replies_total Replies
cityswitch_build_info{{version="9.9"}} 1.0
cityswitch_start_time_seconds {started}
cityswitch_replies_total{{message="Earn",code="0",result="approved",class="approved"}} {replies - 1}
cityswitch_replies_total{{message="Earn",code="45",result="card_blocked",class="declined"}} 1
cityswitch_request_duration_seconds_bucket{{le="0.01"}} {fast}
cityswitch_request_duration_seconds_bucket{{le="0.05"}} {replies}
cityswitch_request_duration_seconds_bucket{{le="+Inf"}} {replies}
cityswitch_commit_duration_seconds_bucket{{le="0.01"}} {replies}
cityswitch_commit_duration_seconds_bucket{{le="+Inf"}} {replies}
cityswitch_batch_postings_sum {3 * replies}
cityswitch_batch_postings_count {replies}
cityswitch_queue_age_seconds 0.25
process_cpu_seconds_total {replies / 100}
"""


def rounds_of(*seconds: tuple[str | None, ...]) -> list[Round]:
    """Rounds a second apart, of what each worker's page said; None: no answer."""
    return [
        Round(float(at_s), [None if page is None else parse(page, READ) for page in pages])
        for at_s, pages in enumerate(seconds)
    ]


class Pages(ThreadingHTTPServer):
    """A worker's pages: `answers` of them, each with ten replies more, then the line is cut."""

    daemon_threads = True
    answers = 10**9
    asked = 0


class _Handler(BaseHTTPRequestHandler):
    server: Pages

    def do_GET(self) -> None:
        self.server.asked += 1
        if self.server.asked > self.server.answers:
            self.connection.close()
            return
        body = page_of(10 * self.server.asked).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def pages(answers: int = 10**9) -> Iterator[tuple[Pages, str]]:
    with Pages(("127.0.0.1", 0), _Handler) as server:
        server.answers = answers
        thread = threading.Thread(target=server.serve_forever, args=(0.005,))
        thread.start()
        try:
            yield server, f"127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def run_of(directory: Path, watch: Watch, *arguments: str, is_own: bool = False) -> Run:
    options = load.parse(["--headless", "--users", "2", *arguments])
    return Run(options, "127.0.0.1:7070", is_own, directory / "load-steady", watch)


def watched(*seconds: tuple[str | None, ...]) -> Watch:
    watch = Watch(["http://127.0.0.1:9101"] * len(seconds[0]), READ)
    watch.rounds = rounds_of(*seconds)
    return watch


def only_page(directory: Path) -> str:
    (path,) = directory.glob("load-steady-*.html")
    return path.read_text()


def lines_of(charts: list[Chart], title: str) -> Mapping[str, list[tuple[float, float]]]:
    (chart,) = [chart for chart in charts if chart.title.startswith(title)]
    return {line.name: list(line.points) for line in chart.lines}


def test_rates_and_quantiles_are_those_of_all_workers() -> None:
    """Growth is summed over workers and taken a second; quantiles are interpolated as Prometheus does it."""
    rounds = rounds_of(
        (page_of(10), page_of(20)), (page_of(30), page_of(60)), (page_of(70, fast=30), page_of(60))
    )
    charts = server_side.charts_of(rounds)
    replies = lines_of(charts, "Replies")
    assert replies["approved"] == [(1.0, 60.0), (2.0, 40.0)]
    assert replies["declined"] == [(1.0, 0.0), (2.0, 0.0)]
    times = lines_of(charts, "Response time")
    assert times["p50"] == [(1.0, pytest.approx(0.005)), (2.0, pytest.approx(0.03))]
    assert lines_of(charts, "Postings")["mean"] == [(1.0, 3.0), (2.0, 3.0)]
    assert lines_of(charts, "Processor")["worker 1"] == [(1.0, pytest.approx(0.4)), (2.0, 0.0)]
    assert lines_of(charts, "Age")["oldest"] == [(0.0, 0.25), (1.0, 0.25), (2.0, 0.25)]
    summary = server_side.summary_of(rounds)
    assert summary.replies == {"approved": 100.0, "declined": 0.0}
    assert summary.request_p99_s == pytest.approx(0.01 + 0.04 * (99 - 60) / 40)
    assert server_side.version_of(rounds) == "9.9"


def test_a_worker_that_is_started_anew_counts_from_nothing() -> None:
    """A counter that fell is no negative rate: what the new worker has counted is what happened."""
    rounds = rounds_of((page_of(500),), (page_of(520),), (page_of(15, started=2),))
    assert lines_of(server_side.charts_of(rounds), "Replies")["approved"] == [(1.0, 20.0), (2.0, 14.0)]


def test_a_worker_that_does_not_answer_leaves_a_gap() -> None:
    """A sum without one of its workers is no figure; the words say which, when, and how often."""
    rounds = rounds_of(
        (page_of(10), page_of(10)), (page_of(20), None), (page_of(30), None), (page_of(40), page_of(40)),
        (page_of(50), page_of(50)),
    )  # fmt: skip
    assert lines_of(server_side.charts_of(rounds), "Replies")["approved"] == [(4.0, 20.0)]
    assert server_side.gaps_of(rounds) == ["worker 1 did not answer 2 of 5 times, from 1 to 2 s"]


async def test_a_server_that_goes_midway_is_asked_on(autojump_clock: trio.testing.MockClock) -> None:
    """Pages that end after two answers: two rounds with figures, the others without, and no failure."""
    with pages(answers=2) as (_, address):
        watch = Watch([f"http://{address}", f"http://127.0.0.1:{closed_port()}"], READ)
        for _ in range(4):
            await watch.ask()
    known = [[samples is not None for samples in each.workers] for each in watch.rounds]
    assert known == [[True, False], [True, False], [False, False], [False, False]]


def test_of_a_page_only_what_is_asked_for_is_kept() -> None:
    """Comments, other metrics and broken lines are not read."""
    page = '# TYPE x counter\nother 1\nasked_a{b="c d"} 2\nasked_x y\nunasked 3\n\n'
    assert parse(page, ("asked_",)) == {'asked_a{b="c d"}': 2.0}


def test_the_page_names_what_was_measured(tmp_path: Path) -> None:
    """Target, version, commit, machine, settings, outcome and both sides; and nothing is loaded."""
    run = run_of(tmp_path, watched((page_of(10),), (page_of(30),)), is_own=True)
    began_s = round(run.began_s)
    history = tmp_path / "load-steady_stats_history.csv"
    history.write_text(HISTORY.format(began_s + 1, began_s + 2))
    locust_page(run.path).write_text('<title>Locust</title><script>x = "<"</script>')
    run.ended("Locust ended in order")
    run.add("books: 19 invariants checked, all hold")
    page = run.write().read_text()
    said = re.sub(r"<[^>]+>", " ", page)
    for word in (
        "127.0.0.1:7070 (a switch of our own, this checkout)", "9.9", "commit ", "CPUs", "workers 2",
        "users 2", "Locust ended in order; books: 19 invariants checked, all hold", "20 approved",
        "5 ms / 9.9 ms",
    ):  # fmt: skip
        assert word in said, word
    for chart in ("Requests and failures", "Terminals at work", "Replies a second", "Commit duration"):
        assert f'aria-label="{chart}' in page
    assert 'srcdoc="&lt;title&gt;Locust&lt;/title&gt;' in page
    assert not locust_page(run.path).exists()
    assert not re.search(r'\b(src|href)="', page)


def test_a_page_without_the_servers_side_says_how_to_have_it(tmp_path: Path) -> None:
    """No HTTP known: no figures are made up, and the setting that names the addresses is named."""
    page = run_of(tmp_path, Watch([], READ)).write().read_text()
    assert "LOAD_HTTP=127.0.0.1:9101" in page
    assert "not known: its /metrics were not read" in page
    assert "Locust left no figures" in page
    assert "cut short" in page


def test_a_page_says_who_did_not_answer(tmp_path: Path) -> None:
    """A server gone midway is told above the charts; one that never answered, by its address."""
    page = run_of(tmp_path, watched((page_of(1),), (page_of(2),), (None,))).write().read_text()
    assert "worker 0 did not answer 1 of 3 times, from 2 s" in page
    page = run_of(tmp_path, watched((None,))).write().read_text()
    assert "no worker answered to /metrics on http://127.0.0.1:9101" in page


def test_text_from_outside_is_escaped(tmp_path: Path) -> None:
    """A setting or a version with markup is shown, not obeyed."""
    bad = page_of(1).replace("9.9", "<script>")
    page = run_of(tmp_path, watched((bad,), (bad,)), "--seed", "<b>town</b>").write().read_text()
    assert "<script>" not in page
    assert "&lt;b&gt;town&lt;/b&gt;" in page


async def test_a_headless_run_leaves_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Locust against a switch that runs already, whose pages end midway: status 0, one page, both sides."""
    monkeypatch.setattr(load, "REPORTS", tmp_path)
    with scripted_switch() as switch, pages(answers=3) as (_, http):
        arguments = ["--headless", "--users", "2", "--seconds", "4", "--pause-s", "0.05", "--seed", CITY.seed]
        arguments += ["--cards", str(CITY.cards), "--partners", str(CITY.partners), "--http", http]
        with trio.fail_after(HANG_S):
            status = await load.load(load.parse([*arguments, "--port", str(switch.port)]), trio.Event())
    assert status == Exit.OK
    page = only_page(tmp_path)
    assert "a switch that ran already" in page
    assert "worker 0 did not answer" in page
    assert page.count("<path d=") >= 4
    assert "Locust&#x27;s own report" in page or "Locust's own report" in page


async def test_a_switch_that_ends_midway_leaves_a_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the run is cut short by whatever fails, the page is written of what there is."""

    async def ends(*_: object) -> int:
        raise ConnectionError("the switch ended by itself")

    monkeypatch.setattr(load, "REPORTS", tmp_path)
    monkeypatch.setattr(load, "run_locust", ends)
    with scripted_switch() as switch:
        options = load.parse(
            ["--headless", "--users", "2", "--port", str(switch.port), "--seed", CITY.seed, "--cards",
             str(CITY.cards), "--partners", str(CITY.partners)]
        )  # fmt: skip
        with pytest.RaisesGroup(ConnectionError):
            await load.load(options, trio.Event())
    assert "it was cut short" in only_page(tmp_path)


@pytest.mark.parametrize(
    ("value", "unit", "said"),
    [
        (0.0123, Unit.SECONDS, "12.3 ms"), (1.5, Unit.SECONDS, "1.5 s"), (0.9995, Unit.SHARE, "100 %"),
        (0.5, Unit.SHARE, "50 %"), (1234.5, Unit.PER_SECOND, "1,234/s"), (12_300_000, Unit.BYTES, "12.3 MB"),
        (0.25, Unit.CORES, "0.25 cores"), (7, Unit.COUNT, "7"),
    ],
)  # fmt: skip
def test_a_figure_reads_with_its_unit(value: float, unit: Unit, said: str) -> None:
    """Figures are rounded to what can be read, in the unit that people say."""
    assert figure(value, unit) == said


def test_a_chart_does_not_join_what_is_apart() -> None:
    """Points further apart than a gap are two strokes; a point alone is a dot; nothing is an empty chart."""
    line = Line("<a>", [(0, 1), (1, 2), (2, 1), (9, 1)])
    drawn = draw(Chart("t", Unit.COUNT, [line, Line("none", [])]), width=400, height=200, seconds=10)
    assert drawn.count('fill="none"') == 1
    assert drawn.count("<circle") == 1
    assert "&lt;a&gt;" in drawn
    assert "none" not in drawn.replace('fill="none"', "")
    assert "no figures" in draw(Chart("t", Unit.COUNT, []), width=400, height=200, seconds=10)
