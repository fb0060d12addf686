"""A duplicate's fee that was paid, and taken back: what the tests of isolation have of it."""

from ledger.postgres.database import Connection
from ledger.registry.audit import writing
from ledger.registry.programme_roles import role_name
from tests.ledger.books import TESTER

PAID_FEE = (
    "insert into registry.card_fee (account, carrier, issue, programme, why, grosze) "
    "values ($1, 1, 1, $2, '', 1000)",
    "insert into registry.card_fee_payment (fee, how, grosze) "
    "select number, 'cash', grosze from registry.card_fee where account = $1 and programme = $2",
)
"""Statements, each with account and programme."""
PAID_FORBIDDEN = (
    "insert into registry.card_fee_payment (fee, how, grosze, at) values (1, 'card', 1000, now())",
    "update registry.card_fee_payment set how = 'card'",
)
"""What no programme's role does: say when it was, or change it."""
_TAKE_BACK = """insert into registry.card_fee_payment (fee, how, grosze, takes_back)
  values ($1, 'cash', -1000, $2)"""


async def take_back(c: Connection, programme: int, *, by: int) -> None:
    """Take the payment of a programme's fee back, with the role of a programme (`by`)."""
    paid = await c.fetchrow(
        "select fee, number from registry.card_fee_payment where programme = $1", programme
    )
    async with writing(c, TESTER._replace(reason="given back")):
        await c.execute(f"set local role {role_name(by)}")
        await c.execute(_TAKE_BACK, paid["fee"], paid["number"])
