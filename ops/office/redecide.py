"""A whole journal decided again: by the registry as it was at each row, and by the books before it.

Owns the use case. Must not print. What is left out stands in `switch.flow.again` and `ledger.books.again`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import NamedTuple

from ledger.books.again import AccountAgain, Asked, in_order
from ledger.books.recorded import Recorded, read_journal
from ledger.postgres.database import Connection
from ledger.registry.history import Change, read_history
from switch.flow.again import Past, decide_again, difference


class Difference(NamedTuple):
    """A row that is not as it is decided now."""

    terminal: int
    stan: int
    problem: str


class Redecided(NamedTuple):
    """How many rows were decided again, and which of them are not as they were."""

    rows: int
    differences: list[Difference]


async def redecide(connection: Connection, from_ms: int, to_ms: int) -> Redecided:
    """Decide again what was accepted from a moment until before another (ms since 1970)."""
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        changes = await read_history(connection)
        rows = await read_journal(connection, from_ms, to_ms)
    wanted = {(row.terminal, row.stan) for row in rows if row.is_wanted}
    found = {
        (row.terminal, row.stan): Difference(row.terminal, row.stan, problem)
        for row, problem in _differences(rows, changes)
        if (row.terminal, row.stan) in wanted
    }
    return Redecided(len(wanted), sorted(found.values()))


def _differences(rows: list[Recorded], changes: list[Change]) -> Iterator[tuple[Recorded, str]]:
    past = Past(changes)
    of_account: dict[int, list[Asked]] = {}
    for row in rows:
        asked = Asked(row, row.code, row.points)
        if row.is_decided_by_switch:
            decision = decide_again(past, row)
            if decision is None:
                yield row, "the registry of then knows no such terminal or card"
            else:
                if problem := difference(decision, row):
                    yield row, problem
                quotas = decision.more.quotas if decision.more else ()
                asked = Asked(row, decision.code, decision.points, quotas)
        of_account.setdefault(row.account, []).append(asked)
    by_id = {(row.terminal, row.stan): row for row in rows}

    def find(terminal: int, stan: int) -> Recorded | None:
        return by_id.get((terminal, stan))

    alone: Iterable[list[Asked]] = ([asked] for asked in of_account.pop(0, []))
    accounts = (in_order(group) for group in of_account.values())
    for group in chain(alone, accounts):
        yield from AccountAgain(find).differences(group)
