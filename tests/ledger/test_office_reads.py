"""The ways an office reads the books: each tells a role what is its programme's, and nothing of another's."""

import pytest

from ledger.errors import DatabaseMisconfigured
from ledger.postgres.database import Connection, Database
from ledger.registry.bounds import INT64_MAX
from ledger.registry.programme_roles import role_name
from tests.ledger.test_isolation import A, B, as_role, two_cities

__all__ = ["two_cities"]

READS = {
    "account_v1": "office.account_v1({bucket}, {account})",
    "chain_v1": "office.chain_v1({bucket}, {terminal}, 1, 10)",
    "row_v1": "office.row_v1({terminal}, 1)",
    "rows_below_v1": "office.rows_below_v1({terminal}, 100, 10)",
    "rows_of_transaction_v1": "office.rows_of_transaction_v1({transaction})",
    "rows_between_v1": "office.rows_between_v1(0, {newest}, 1000) j where j.terminal = {terminal}",
    "balance_v1": "office.balance_v1({partner} << 3 | 1) b where b <> 0",
    "moved_v1": "office.moved_v1({programme}::smallint, 0, {newest}, 'UTC')",
    "moved_before_v1": "office.moved_before_v1({programme}::smallint, {newest}) b where b",
    "given_v1": "office.given_v1(array[{campaign}])",
    "bonus_v1": "office.bonus_v1({bonus})",
    "bonuses_v1": "office.bonuses_v1({programme}::smallint, 0, {newest}, 'Europe/Warsaw')",
}
"""Each way an office reads the books, as it would read one programme's of them."""
ASIDE = {
    "serves_all",
    "reader",
    "reads_all",
    "programmes",
    "buckets",
    "is_account_of",
    "is_terminal_of",
    "partners_of",
}
"""Functions of schema office that read no books."""
OF_PROGRAMME = """select j.bucket, j.terminal, j.account, j.counter_account >> 3 as partner,
    j.transaction_id as transaction, j.transaction_id + 1 as bonus
  from ledger.journal j join registry.partner p on p.id = j.counter_account >> 3 where p.programme = $1"""


async def test_a_city_s_role_reads_no_books_of_another(two_cities: Database) -> None:
    """Every function of schema office is tried as each city's role, on either city's books: it tells what is
    the role's own, and nothing of the other's; the owner is told of both.
    """
    await two_cities.run(bonuses)
    names = await two_cities.run(
        lambda c: c.fetch("select proname from pg_proc where pronamespace = 'office'::regnamespace")
    )
    assert {row["proname"] for row in names} == READS.keys() | ASIDE
    for programme in (A, B):
        named = await two_cities.run(lambda c, p=programme: c.fetchrow(OF_PROGRAMME, p))  # type: ignore[misc]
        for name, read in READS.items():
            of_it = {**dict(named), "programme": programme, "campaign": 100 + programme}
            sql = f"select * from {read.format(**of_it, newest=INT64_MAX)}"
            for role, is_told in ((role_name(programme), True), (role_name(A + B - programme), False)):
                told = await two_cities.run(lambda c, r=role, q=sql: as_role(c, r, q))  # type: ignore[misc]
                assert bool(told) is is_told, (name, programme, role)
            assert await two_cities.run(lambda c, q=sql: c.fetch(q)), name  # type: ignore[misc]


async def test_what_takes_programmes_as_an_argument_is_nobody_s_to_call(two_cities: Database) -> None:
    """With another programme's number it would tell whose an account or a terminal is."""
    for sql in (
        "select office.is_account_of(8, '{2}')",
        "select office.is_terminal_of(80, '{2}')",
        "select office.partners_of(2::smallint)",
    ):
        for role in (role_name(A), "cityswitch_service"):
            with pytest.raises(DatabaseMisconfigured, match="permission denied"):
                await two_cities.run(lambda c, r=role, q=sql: as_role(c, r, q))  # type: ignore[misc]


async def bonuses(c: Connection) -> None:
    """What a campaign of each city gave for its sale."""
    await c.execute(
        """insert into ledger.bonus (bucket, terminal, stan, campaign, number, programme, partner, account,
             granted, points, waived, transaction_id, bonus_stan)
           select j.bucket, j.terminal, j.stan, 100 + p.programme, 1, p.programme, p.id, j.account, 1, 1, 0,
             j.transaction_id + 1, 1
           from ledger.journal j join registry.partner p on p.id = j.counter_account >> 3"""
    )
