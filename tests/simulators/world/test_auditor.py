"""The auditor against the real decisions and the real books: not one reply he did not foretell."""

import os
from collections import Counter

import pytest

from ledger.postgres.database import Database
from protocol import Reply, Request
from simulators.world.auditor import Auditor, Committed
from simulators.world.facts import Fact
from tests.simulators.world.chance import CITIES, DAY_MS, Chance
from tests.simulators.world.chance_requests import Requests
from tests.simulators.world.real_switch import RealSwitch, open_accounts, real_switch

SEEDS = range(14, 14 + int(os.environ.get("AUDITOR_SEEDS", "1")))
"""More of them on demand: RELIABILITY.md."""
REQUESTS = 700


class Both:
    """Switch and auditor in one city, told the same and asked the same."""

    def __init__(self, switch: RealSwitch, seed: int, city: str) -> None:
        self.switch, self.auditor = switch, Auditor()
        self.city = Chance(seed, city)
        self.requests = Requests(self.city)
        self._number = self._order = self._day = 0
        self._replies: dict[int, Reply] = {}
        self.codes: Counter[tuple[str, int]] = Counter()

    def learn(self, facts: list[Fact]) -> None:
        self.switch.now_ms = self.city.now_ms
        for fact in facts:
            self._number += 1
            self.switch.learn(self._number, fact)
            self.auditor.learn(self._number, fact)

    async def step(self) -> tuple[Request, list[str]]:
        """Let time pass and something happen; return a request, and where its reply was not foretold."""
        city = self.city
        city.pass_time()
        if city.random.random() < 0.06:
            self.learn(city.news())
        self.switch.now_ms = city.now_ms
        if city.now_ms // DAY_MS != self._day:
            self._day = city.now_ms // DAY_MS
            self.switch.place_holders()
        terminal, request = self.requests.next()
        self._order += 1
        reply = self._replies[self._order] = await self.switch.ask(terminal, request)
        asked = Committed(self._order, terminal, request, self._number, city.now_ms)
        expected = self.auditor.judge(asked)
        self.codes[type(request).__name__, reply.code] += 1
        self.requests.note(terminal, request, reply)
        lines = expected.differences(reply)
        if expected.first_order and self._replies[expected.first_order] != reply:
            lines.append(f"not the reply first given: {self._replies[expected.first_order]!r}")
        return request, lines


async def play(database: Database, owner: Database, seed: int, city: str, requests: int) -> Both:
    """Play a city; raises AssertionError at the first reply that was not foretold."""
    async with real_switch(database) as switch:
        both = Both(switch, seed, city)
        await open_accounts(owner, both.city.accounts)
        both.learn(both.city.beginning())
        for count in range(requests):
            request, lines = await both.step()
            assert not lines, f"{city}, seed {seed}, {count} at {both.city.now_ms}: {request!r}: {lines}"
    return both


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("city", CITIES)
async def test_every_reply_is_foretold(city: str, seed: int, owner: Database, database: Database) -> None:
    """Random facts and requests round every edge of the rules: each reply is the auditor's."""
    both = await play(database, owner, seed, city, REQUESTS)
    assert len(both.codes) > 50, "so few outcomes show nothing"
