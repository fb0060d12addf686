"""The table of statements: what a worker may ask has a public name in its module, and an answer here."""

import re
from types import ModuleType

import pytest

from ledger.books import (
    batch,
    campaigns,
    expiry,
    layout,
    node,
    quotas,
    rollup,
    rows,
    shares,
    statements,
    write_path,
)
from ledger.engine import shards
from ledger.postgres import database, election, fitness, lineage, pooling
from ledger.registry import (
    adjustments,
    audit,
    card_cases,
    holders,
    installation,
    key_over_wire,
    keys,
    kinds,
    outbox,
    partner_contracts,
    reads,
)
from simulators.world.memory.statements import HANDLERS

SQL = re.compile(r"\s*(select|insert|update|with|set|begin|commit)\b")
MODULES = (
    *(batch, campaigns, expiry, layout, node, quotas, rollup, rows, shares, statements, write_path),
    *(database, election, fitness, lineage, pooling, shards),
    *(adjustments, audit, card_cases, holders, installation, key_over_wire, keys, kinds),
    *(outbox, partner_contracts, reads),
)


def statements_of(module: ModuleType) -> set[str]:
    """The statements that a module names for others: constants without an underscore before them."""
    return {
        value
        for name, value in vars(module).items()
        if name.isupper() and not name.startswith("_") and isinstance(value, str) and SQL.match(value)
    }


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_every_statement_of_a_worker_is_answered(module: ModuleType) -> None:
    """A statement that somebody adds to a worker's modules is added to the store in memory, too."""
    assert statements_of(module)
    assert statements_of(module) <= HANDLERS.keys()


def test_nothing_else_is_answered() -> None:
    """What no module asks any more is not kept here."""
    assert set().union(*map(statements_of, MODULES)) == HANDLERS.keys()
