"""The page of all metrics and a running worker: each has what the other has."""

import re
import ssl
from pathlib import Path

import pytest
import trio
from prometheus_client.parser import text_string_to_metric_families

from ledger.books import gauges
from ledger.postgres.database import Database
from protocol import Earn, EarnAdvice
from switch.clock import clock_ms
from switch.metrics import Kind, Metric
from switch.metrics import city_catalogue as city
from switch.metrics.reference import SECTIONS, declared, of_workers, reference
from switch.process.keeper import JOBS
from tests.entries import SWIPED
from tests.patience import HANG_S
from tests.postgres import FreshDatabase
from tests.publish import METRICS
from tests.switch.authority import Authority
from tests.switch.certificates import make_certificate
from tests.switch.city import http_get
from tests.switch.memory import CARD, Line
from tests.switch.test_worker import Running, running_worker

LATE_S = 240


def test_the_page_is_what_the_declarations_say() -> None:
    """`make published` was run after the last change."""
    assert METRICS.read_text(encoding="utf-8") == reference()


def test_every_metric_stands_on_the_page_once() -> None:
    """Under one heading each, with advice; and the names keep the conventions."""
    page = reference()
    names = [metric.name for metric in declared()]
    assert re.findall(r"^### (\S+)$", page, re.MULTILINE) == sorted(
        names, key=lambda name: page.index(f"### {name}\n")
    )
    assert len(set(names)) == len(names)
    assert len({title for title, _, _ in SECTIONS}) == len(SECTIONS)
    for metric in declared():
        assert metric.advice.endswith(".")
        assert metric.help[-1] not in ".!?"
        assert metric.name.endswith("_total") == (metric.kind is Kind.COUNTER)


async def scrape(running: Running) -> str:
    status, body = await http_get(running.ready.http, "/metrics")
    assert status == 200
    return body.decode()


def exposed(page: str) -> dict[str, str]:
    """The names on a scraped page, each with its type."""
    return dict(re.findall(r"^# TYPE (\S+) (\S+)$", page, re.MULTILINE))


def of_family(name: str) -> str:
    """The name of a metric as prometheus_client's parser has it."""
    return name.removesuffix("_total")


async def sell(running: Running, own: Path) -> None:
    """A sale, and one made four minutes ago, over TLS, with the terminal's own certificate."""
    context = ssl.create_default_context()
    context.load_cert_chain(own)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    async with trio.SSLStream(await trio.open_tcp_stream("127.0.0.1", running.port), context) as stream:
        line = Line(stream)
        assert await line.sign_in()
        now_s = clock_ms() // 1_000
        assert (await line.ask(Earn(1, now_s, CARD, SWIPED, 10_000))).code == 0
        assert (await line.ask(EarnAdvice(2, now_s - LATE_S, CARD, SWIPED, 10_000))).code == 0


async def test_page_and_scrape_are_the_same(
    fresh: FreshDatabase, owner: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a real worker, elected, with TLS and a list of revoked certificates: the same names and types both
    ways, and no label or value of a closed set that the page does not have.
    """
    certificate, key = make_certificate(tmp_path)
    authority = Authority(tmp_path)
    own, _ = authority.issue("urn:cityswitch:terminal:1")
    settings = {
        "tls": "on", "tls_certificate": str(certificate), "tls_key": str(key),
        "tls_client_ca": str(authority.ca), "tls_client_crl": str(authority.revoke([])),
    }  # fmt: skip
    by_name = {metric.name: metric for metric in of_workers()}

    def is_whole(page: str) -> bool:
        return set(by_name) <= set(exposed(page)) and "\ncityswitch_ready 1.0\n" in page

    monkeypatch.setattr(gauges, "LIMIT_MS", 0)
    async with running_worker(fresh, owner, tmp_path, **settings) as running:
        await sell(running, own)
        with trio.fail_after(HANG_S):
            while not is_whole(page := await scrape(running)):  # noqa: ASYNC110 a page
                await trio.sleep(0.1)
        assert exposed(page) == {name: metric.kind.word for name, metric in by_name.items()}
        families = {family.name: family for family in text_string_to_metric_families(page)}
        for metric in by_name.values():
            check_labels(metric, [sample.labels for sample in families[of_family(metric.name)].samples])
        told = {
            (sample.name, *sample.labels.values()): sample.value
            for family in families.values()
            for sample in family.samples
        }
        assert told["cityswitch_replies_total", "EarnAdvice", "0", "approved", "approved"] == 1
        assert told["cityswitch_advice_age_seconds_bucket", "21600.0"] == 1
        assert told["cityswitch_advice_age_seconds_sum",] >= LATE_S
        assert told["cityswitch_sent_bytes_total",] > 100
        assert told["cityswitch_cards", "czestochowa", "active"] == 1
        assert told["cityswitch_scrape_errors_total",] == told["cityswitch_city_figures_failed_total",] == 0


def check_labels(metric: Metric, samples: list[dict[str, str]]) -> None:
    values = {label.name: label.values for label in metric.labels}
    for labels in samples:
        found = {name: value for name, value in labels.items() if name != "le"}
        assert set(found) == set(values), metric.name
        for name, value in found.items():
            assert not values[name] or value in values[name], (metric.name, name, value)


def test_every_job_is_on_the_page() -> None:
    """The keeper's jobs are the values that the page has of the label."""
    assert {job.name for job in JOBS} < set(city.TASK.values)
