"""The real switch answers what was counted by hand, too: every case of the tables of three cities.

The cases stand in `test_auditor_czestochowa`, `test_auditor_zywiec` and `test_auditor_zgierz`; here each is
played once more, its facts and requests put to the real flow and decisions over the store in memory.
"""

import inspect
from collections.abc import Iterator
from itertools import product
from types import ModuleType
from typing import Any

import pytest

from ledger.postgres.database import open_database
from protocol import CardReport
from simulators.world.facts import CardSet
from simulators.world.memory.connection import connector
from simulators.world.memory.ledger import MemoryLedger
from tests.simulators.world import test_auditor_czestochowa, test_auditor_zgierz, test_auditor_zywiec
from tests.simulators.world.real_switch import real_switch
from tests.simulators.world.town import Judged, Town

TABLES = {
    "czestochowa": test_auditor_czestochowa,
    "zywiec": test_auditor_zywiec,
    "zgierz": test_auditor_zgierz,
}


def rows_of(test: Any) -> Iterator[dict[str, Any]]:
    """Yield the arguments of each case of a table."""
    tables: list[list[dict[str, Any]]] = []
    for mark in getattr(test, "pytestmark", ()):
        names, values = mark.args
        names = [name.strip() for name in names.split(",")] if isinstance(names, str) else names
        tables.append([dict(zip(names, row, strict=True)) for row in values])
    for rows in product(*tables):
        yield {name: value for row in rows for name, value in row.items()}


def towns(city: str, table: ModuleType) -> Iterator[tuple[str, Town]]:
    """Yield a town for each case, after the case was played in it."""
    for name, test in inspect.getmembers(table, inspect.isfunction):
        if name.startswith("test_"):
            for row in rows_of(test):
                town = Town(city)
                test(town=town, **row)
                yield f"{name} {row}", town


async def differences(town: Town) -> list[str]:
    """Play a town's tape on the real switch; return where a reply is another one."""
    found: list[str] = []
    ledger, day, number = MemoryLedger(), 0, 0
    for account in {one.account for one in town.tape if isinstance(one, CardSet)}:
        ledger.open_account(account)
    async with (
        open_database("postgresql://memory/world", connect=connector(ledger)) as database,
        real_switch(database) as switch,
    ):
        switch.now_ms = town.now
        for one in town.tape:
            if not isinstance(one, Judged):
                number += 1
                switch.learn(number, one)
                continue
            switch.now_ms = one.asked.accepted_at_ms
            if switch.now_ms // 3_600_000 != day:
                day = switch.now_ms // 3_600_000
                switch.place_holders()
            reply = await switch.ask(one.asked.terminal, one.asked.request)
            found += [f"{one.asked.request!r}: {line}" for line in one.expected.differences(reply)]
    assert not ledger.check()
    return found


@pytest.mark.parametrize("city", TABLES)
async def test_what_was_counted_by_hand(city: str) -> None:
    """Each case of a city's table, over the real flow: the replies are those that were counted."""
    played = 0
    for name, town in towns(city, TABLES[city]):
        if any(isinstance(one, Judged) and isinstance(one.asked.request, CardReport) for one in town.tape):
            continue  # a report goes through the registry: test_auditor_office plays them
        played += 1
        found = await differences(town)
        assert not found, f"{name}: {found}"
    assert played >= 50
