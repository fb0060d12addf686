"""What the log says of trouble with the database: its beginning, once a minute, its end."""

import logging

import pytest
import trio
from trio.testing import MockClock

from ledger.books.outage import Outage


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [line.message for line in caplog.records]


async def test_an_outage_has_few_lines(caplog: pytest.LogCaptureFixture, autojump_clock: MockClock) -> None:
    """Three parties fail ten times a second for 150 s: a line at the beginning, two on the way, an end."""
    caplog.set_level(logging.INFO, "ledger.books.outage")
    outage = Outage()
    for _ in range(1500):
        for who in "abc":
            outage.failed(who, "away")
        await trio.sleep(0.1)
    assert (outage.reason("a"), outage.reason("d")) == ("away", None)
    for who in "abcc":
        outage.works(who)
    assert said(caplog) == [
        "database_trouble", "database_trouble_goes_on", "database_trouble_goes_on", "database_trouble_over",
    ]  # fmt: skip
    over = vars(caplog.records[-1])
    assert (over["seconds"], over["failures"]) == (150.0, 4500)


async def test_one_party_in_trouble_is_one_outage(caplog: pytest.LogCaptureFixture) -> None:
    """While one fails and another works, nothing is said of an end."""
    caplog.set_level(logging.INFO, "ledger.books.outage")
    outage = Outage()
    for _ in range(100):
        outage.failed("a", "too many connections for role")
        outage.works("b")
    assert said(caplog) == ["database_trouble"]
    outage.works("a")
    outage.works("a")
    assert said(caplog) == ["database_trouble", "database_trouble_over"]
