"""When points end by the rules: months of the version, days of the programme; and the keeper's job for it."""

from datetime import UTC, date, datetime, timedelta

import pytest

from ledger.books.posting import Posting
from ledger.postgres.database import Database
from ledger.registry.programmes import add_rules
from switch.process.expiry import Expiry, ends_by
from switch.rules.dates import day_number
from switch.rules.programme import parse_rules
from switch.rules.versions import Version
from tests.cli.office import RULES
from tests.ledger.books import TESTER, Books
from tests.ledger.test_races import assert_sound

TEXT = RULES.read_text(encoding="utf-8")


def version(number: int, months: int, zone: str = "Europe/Warsaw") -> Version:
    text = TEXT.replace("expire_months = 0", f"expire_months = {months}").replace("Europe/Warsaw", zone)
    return Version.of(number, 0, parse_rules(text))


@pytest.mark.parametrize(
    ("awarded", "months", "last"),
    [
        ("2027-01-31 12:00", 1, "2027-02-28"),
        ("2027-08-31 12:00", 6, "2028-02-29"),
        ("2028-02-29 12:00", 12, "2029-02-28"),
        ("2027-03-15 12:00", 24, "2029-03-15"),
        ("2027-06-30 21:59", 1, "2027-07-30"),
        ("2027-06-30 22:00", 1, "2027-08-01"),  # 1 July already, on the clocks of Warsaw
    ],
)
def test_points_end_on_the_day_of_the_same_number(awarded: str, months: int, last: str) -> None:
    """Or on the month's last where there is none (Civil Code, art. 112); the day is the programme's."""
    at_ms = int(datetime.fromisoformat(awarded).replace(tzinfo=UTC).timestamp() * 1000)
    assert ends_by({4: version(4, months)})(at_ms, 4) == day_number(date.fromisoformat(last))


def test_points_of_rules_without_a_term_never_end() -> None:
    """Nor do those of a version that nobody knows; a term of another version is not theirs."""
    ends = ends_by({1: version(1, 0), 2: version(2, 12)})
    assert (ends(0, 1), ends(0, 3)) == (None, None)
    assert ends(0, 2) is not None


async def test_the_keeper_expires_what_has_ended(owner: Database, database: Database) -> None:
    """By the rules in the registry, each day once; a programme whose points never expire is not looked at."""
    books = await Books.open(owner, database, cards=2)
    now = datetime.now(UTC)

    def sale(stan: int, days_ago: int, card: int) -> Posting:
        posting = books.earn(stan, 30, card=card)
        posting.accepted_at_ms = int((now - timedelta(days=days_ago)).timestamp() * 1000)
        return posting

    async def rules(months: int) -> None:
        text = TEXT.replace("expire_months = 0", f"expire_months = {months}")
        begin = datetime(2016, 1, 1, tzinfo=UTC)
        await owner.run(lambda c: add_rules(c, TESTER, programme=1, effective_from=begin, rules_toml=text))

    async def balances() -> list[int]:
        rows = await owner.run(lambda c: c.fetch("select balance from ledger.account order by id"))
        return [row["balance"] for row in rows]

    for stan, days_ago, card in ((1, 100, 0), (2, 10, 0), (3, 10, 1)):
        await books.post(sale(stan, days_ago, card))
    expiry = Expiry()
    await rules(0)
    await database.run(expiry.job.work)
    assert await balances() == [60, 30]
    await owner.run(lambda c: c.execute("update ledger.journal set rules_version = 2"))
    await rules(2)
    for _ in range(2):
        await database.run(expiry.work)
    assert await balances() == [30, 30]
    await database.run(Expiry().work)
    assert await balances() == [30, 30]
    await assert_sound(books)
