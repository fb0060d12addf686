"""What campaigns promise: each sale's bonus once, its share taken back, at 1, 4 and 8 buckets, broken off
anywhere; entered by two people for days to come.
"""

from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any

import pytest

from ledger.books.campaigns import Terms, award_slice, spans_to_look_at
from ledger.books.hand import Work, hand_terminal, work_of
from ledger.books.posting import AccountKind, Kind, Outcome, Posting, account_id
from ledger.books.rebucket import change_buckets
from ledger.books.rollup import roll_up
from ledger.books.statements import history
from ledger.errors import DatabaseMisconfigured, NotInRegistry, RegistryRefused, StatementRefused
from ledger.postgres.database import Connection, Database
from ledger.registry.audit import Actor, writing
from ledger.registry.campaigns import Campaign, add_campaign, end_campaign, list_campaigns
from tests.ledger.books import PARTNER, PROGRAMME, TESTER, Books, write_registry
from tests.ledger.test_races import assert_sound
from tests.patience import HANG_S

ANNA = Actor("anna", "the mayor's order 7", second="maria")
STRICT, LOOSE = Terms(1, may_go_below=False), Terms(1, may_go_below=True)
NOON = 12 * 60


class Cut(Exception):
    """The connection was lost."""


class CutConnection:
    """A connection that is lost before its n-th statement."""

    def __init__(self, connection: Connection, statements: int) -> None:
        self._connection = connection
        self._left = statements

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._connection, name)
        if name not in {"fetch", "fetchrow", "fetchval", "execute"}:
            return found

        async def ask(*arguments: object) -> Any:
            if not self._left:
                raise Cut
            self._left -= 1
            return await found(*arguments)

        return ask


class Town:
    """Books in so many buckets, sales of the day after tomorrow, and the keeper's look at them."""

    def __init__(self, owner: Database, books: Books, day: date) -> None:
        self.owner, self.books, self.day = owner, books, day
        self.stans = count(1)

    @classmethod
    async def open(cls, owner: Database, database: Database, buckets: int = 1) -> "Town":
        books = await Books.open(owner, database, cards=16)
        if buckets > 1:
            await change_buckets(owner, TESTER, buckets, HANG_S)
            books.buckets = buckets
        day = await owner.run(lambda c: c.fetchval("select registry.today_of(1::smallint) + 2"))
        return cls(owner, books, day)

    def at(self, minute: int = NOON, days: int = 0) -> int:
        """A moment in ms of the programme's clock, Warsaw's: summer or winter time is Postgres' to know."""
        midnight = datetime.combine(self.day + timedelta(days=days), datetime.min.time(), UTC)
        return int(midnight.timestamp() * 1000) + minute * 60_000

    async def campaign(self, days: int = 0, **fields: Any) -> int:
        first = self.day + timedelta(days=days)
        made = Campaign(
            **{"name": "Double day", "starts_on": first, "ends_on": first, "percent": 100} | fields
        )
        return await self.owner.run(lambda c: add_campaign(c, ANNA, PROGRAMME, made))

    async def post(self, posting: Posting, at_ms: int) -> Outcome:
        posting.accepted_at_ms, posting.terminal_time = at_ms, at_ms // 1000
        return await self.books.post(posting)

    async def sale(self, points: int, card: int = 0, minute: int = NOON, days: int = 0, step: int = 0) -> int:
        """A sale at a minute of UTC; the programme's own clock is an hour or two ahead of it."""
        stan = next(self.stans)
        posting = self.books.earn(stan, points, card=card)
        posting.step_grosze = step
        assert (await self.post(posting, self.at(minute, days))).code == 0
        return stan

    async def look(self, terms: Terms = LOOSE, statements: int = 10_000) -> bool:
        """Roll up and look; False: cut off before the n-th statement."""

        async def work(connection: Connection) -> bool:
            cut: Any = CutConnection(connection, statements)
            try:
                for span in await spans_to_look_at(cut, 0):
                    left = span
                    while left.through < left.until:
                        left, _ = await award_slice(cut, left, {PROGRAMME: terms}, next(self.books.clock))
            except Cut:
                return False
            return True

        await self.owner.run(lambda c: roll_up(c, self.at(), wait_s=60))
        return await self.books.database.run(work)

    async def balances(self, cards: int) -> list[int]:
        rows = await self.owner.run(lambda c: c.fetch("select id, balance from ledger.account"))
        found = {row["id"]: row["balance"] for row in rows}
        return [found[account] for account in self.books.accounts[:cards]]


@pytest.mark.parametrize("buckets", [1, 4, 8])
async def test_each_bonus_once_wherever_it_is_broken_off(
    owner: Database, database: Database, buckets: int
) -> None:
    """Cut off before its first statement, its second, and so on: each sale's points once, books sound."""
    town = await Town.open(owner, database, buckets)
    await town.campaign()
    for card in range(16):
        await town.sale(10 + card, card=card)
    cuts = 0
    while not await town.look(statements=cuts):
        cuts += 3
    assert cuts > 10 * (buckets > 1)
    assert await town.balances(16) == [2 * (10 + card) for card in range(16)]
    assert await town.look()
    assert await town.balances(16) == [2 * (10 + card) for card in range(16)]
    newest = (await database.run(lambda c: history(c, town.books.accounts[3])))[0]
    assert (newest.kind, newest.points, newest.balance) == (Kind.ADJUSTMENT, 13, 26)
    assert newest.counter_account == account_id(PROGRAMME, AccountKind.ORGANISER)
    assert work_of(newest.terminal) is Work.CAMPAIGN
    assert newest.terminal == hand_terminal(Work.CAMPAIGN, PROGRAMME)
    await assert_sound(town.books)


async def test_a_ledger_that_is_rebucketed_gives_nothing_twice(owner: Database, database: Database) -> None:
    """Bonuses go with their cards, and sales that were looked at before are not looked at anew."""
    town = await Town.open(owner, database)
    await town.campaign()
    stans = [await town.sale(10, card=card) for card in range(8)]
    await town.look()
    for buckets in (8, 1, 4):
        await change_buckets(owner, TESTER, buckets, HANG_S)
        town.books.buckets = buckets
        await town.sale(5, card=9)
        assert await town.look()
    await town.post(town.books.reversal(next(town.stans), stans[3], card=3), town.at())
    assert await town.look()
    assert await town.balances(10) == [20, 20, 20, 0, 20, 20, 20, 20, 0, 30]
    await assert_sound(town.books)


async def test_what_is_undone_of_a_sale_takes_its_share_of_the_bonus(
    owner: Database, database: Database
) -> None:
    """Half refunded, half the bonus; reversed, all of it; undone before it was looked at, none is given."""
    town = await Town.open(owner, database)
    await town.campaign(percent=50)
    halved, undone, never = [await town.sale(10, card=card, step=1_000) for card in range(3)]
    await town.post(town.books.reversal(next(town.stans), never, card=2), town.at())
    await town.look()
    assert await town.balances(3) == [15, 15, 0]
    await town.post(town.books.refund(next(town.stans), halved, 3_500), town.at())
    await town.post(town.books.reversal(next(town.stans), undone, card=1), town.at())
    await town.look()
    assert await town.balances(3) == [6 + 3, 0, 0]
    await town.post(town.books.refund(next(town.stans), halved, 6_500), town.at())
    await town.look()
    assert await town.balances(3) == [0, 0, 0]
    await assert_sound(town.books)


@pytest.mark.parametrize(("terms", "left"), [(LOOSE, -12), (STRICT, -8)])
async def test_a_card_goes_below_zero_by_it_only_where_a_refund_may(
    owner: Database, database: Database, terms: Terms, left: int
) -> None:
    """Where it may not, as many points as are there are taken, and the rest is never asked for again."""
    town = await Town.open(owner, database)
    await town.campaign(percent=40)
    sale = await town.sale(10)
    await town.look(terms)
    await town.post(town.books.redeem(next(town.stans), 12), town.at())
    await town.post(town.books.reversal(next(town.stans), sale), town.at())
    await town.look(terms)
    assert await town.balances(1) == [left]
    await town.sale(20, days=5)
    await town.look(LOOSE)
    assert await town.balances(1) == [left + 20]
    await assert_sound(town.books)


async def test_a_campaign_is_for_its_days_hours_partners_and_no_more_points_than_its_cap(
    owner: Database, database: Database
) -> None:
    """Of the programme's clock; points a sale; the cap counts what stands, so a refund makes room again."""
    town = await Town.open(owner, database)
    await town.campaign(percent=0, points=7, card_points_max=16)
    for minute in (NOON, NOON + 1, NOON + 2, NOON + 3):
        last = await town.sale(1, card=0, minute=minute)
    for days in (-1, 1):
        await town.sale(1, card=1, days=days)
    await town.sale(1, card=2, minute=-61)  # 22:59 or 23:59 of the day before, in UTC and in Warsaw
    await town.sale(1, card=3, minute=24 * 60 - 121)  # 23 o'clock and something, of the day itself
    await town.look()
    assert await town.balances(3) == [4 + 16, 2, 1 + 7 * (await offset(town) > 60)]
    assert (await town.balances(4))[3] == 8
    await town.post(town.books.reversal(next(town.stans), last - 3), town.at())
    await town.look()
    await town.sale(1, card=0)
    await town.look()
    assert await town.balances(1) == [4 + 16]
    await assert_sound(town.books)


async def offset(town: Town) -> int:
    """By how many minutes the programme's clock is ahead of UTC on the day of the sales."""
    seconds = await town.owner.run(
        lambda c: c.fetchval(
            "select extract(epoch from ($1::date::timestamp at time zone 'UTC' "
            "- $1::date::timestamp at time zone z))::int from registry.zone_of_v1(1::smallint, now()) z",
            town.day,
        )
    )
    return int(seconds) // 60


async def test_hours_weekdays_and_partners_narrow_a_campaign(owner: Database, database: Database) -> None:
    """From a minute that counts to one that does not; another partner, another weekday: nothing."""
    town = await Town.open(owner, database)
    ahead = await offset(town)
    today = 1 << town.day.weekday()
    await town.campaign(from_minute=NOON, until_minute=NOON + 60, weekdays=today, partners=(PARTNER,))
    await town.campaign(weekdays=127 - today)
    for card, minute in enumerate((NOON - 1, NOON, NOON + 59, NOON + 60)):
        await town.sale(10, card=card, minute=minute - ahead)
    await town.look()
    assert await town.balances(4) == [10, 20, 20, 10]


async def test_kinds_and_flags_say_whose_sale_it_is(owner: Database, database: Database) -> None:
    """A kind counts on the day of the sale, a flag as it stands; who is neither has nothing."""
    town = await Town.open(owner, database)
    rows = (
        (0, 0, 2, 0),
        (1, 1, 2, 1),
        (2, 2, 4, 1),
        (3, 8, 1, 8),
    )  # card, kinds today, from tomorrow on, flags
    for card, kinds, later, flags in rows:
        await owner.run(
            lambda c, row=(town.books.accounts[card], kinds, later, flags, town.day): write_registry(
                c,
                "insert into registry.holder "
                "(account, programme, kinds, kinds_from, kinds_next, next_from, flags) "
                "values ($1, 1, $2, $5::date - 999, $3, $5::date, $4)",
                *row,
            )
        )
    await town.campaign(kinds=2, flags=8)
    for card in range(5):
        await town.sale(10, card=card)
    await town.look()
    assert await town.balances(5) == [20, 20, 10, 20, 10]


async def test_two_campaigns_add_up_and_an_ended_one_gives_nothing_more(
    owner: Database, database: Database
) -> None:
    """What was given stays; a reversal still takes it back when the campaign is over."""
    town = await Town.open(owner, database)
    first, second = await town.campaign(percent=20), await town.campaign(percent=0, points=3)
    sale = await town.sale(10)
    await town.look()
    assert await town.balances(1) == [15]
    for number in (first, second):
        await owner.run(lambda c, n=number: end_campaign(c, ANNA, n))
    await town.sale(10, card=1)
    await town.post(town.books.reversal(next(town.stans), sale), town.at())
    await town.look()
    assert await town.balances(2) == [0, 10]
    rows = await owner.run(lambda c: list_campaigns(c, every=True))
    assert [(row["number"], row["is_over"], row["points_given"]) for row in rows] == [
        (first, True, 0), (second, True, 0),
    ]  # fmt: skip
    assert await owner.run(list_campaigns) == []
    with pytest.raises(RegistryRefused, match="over already"):
        await owner.run(lambda c: end_campaign(c, ANNA, first))
    kinds = await owner.run(lambda c: c.fetch("select kind from registry.outbox order by number"))
    assert [row["kind"] for row in kinds] == ["campaign.added"] * 2 + ["campaign.ended"] * 2
    await assert_sound(town.books)


async def test_an_offline_sale_counts_on_the_day_it_was_made(owner: Database, database: Database) -> None:
    """By the terminal's clock, as far as it is not ahead of the switch's."""
    town = await Town.open(owner, database)
    await town.campaign()
    for card, (sold, came) in enumerate(((0, 3), (1, 3), (3, 0))):
        posting = town.books.request(Kind.EARN_ADVICE, next(town.stans), points=10, card=card)
        posting.accepted_at_ms, posting.terminal_time = town.at(days=came), town.at(days=sold) // 1000
        assert (await town.books.post(posting)).code == 0
    await town.look()
    assert await town.balances(3) == [20, 10, 20]


BAD = {
    "gives percent": {"points": 3},
    "one of the two": {"percent": 0},
    "must be 0 to 1000$": {"percent": 1001},
    "each partner once": {"partners": (PARTNER, PARTNER)},
    "none of programme": {"partners": (PARTNER, 8)},
    "the minute it ends": {"from_minute": 60, "until_minute": 60},
    "the weekdays": {"weekdays": 0},
    "spaces alone": {"name": "  "},
    "printable": {"name": "a\nb"},
    "the most points of a card": {"card_points_max": -1},
    "begins on a day to come": {"starts_on": date(2020, 1, 1), "ends_on": date(2020, 1, 2)},
    "up to 366 days": {"ends_on": date(2000, 1, 1)},
}


async def test_what_no_campaign_can_be_is_refused(owner: Database, database: Database) -> None:
    """Each bound with its own line; nothing is written."""
    town = await Town.open(owner, database)
    for why, fields in BAD.items():
        with pytest.raises(RegistryRefused, match=why):
            await town.campaign(**fields)
    for actor in (ANNA._replace(second=""), ANNA._replace(reason=" "), ANNA._replace(second=" Anna ")):
        day = Campaign(name="x", starts_on=town.day, ends_on=town.day, points=1)
        with pytest.raises(RegistryRefused):
            await owner.run(lambda c, a=actor, d=day: add_campaign(c, a, PROGRAMME, d))
    with pytest.raises(NotInRegistry):
        await owner.run(lambda c: end_campaign(c, ANNA, 5))
    assert await owner.run(lambda c: list_campaigns(c, every=True)) == []


NEW = "insert into registry.campaign (programme, name, points, starts_on, ends_on{}) values (1, 'x', 1, {})"
SOON = "current_date + 3, current_date + 3"
FORBIDDEN = (
    ("", NEW.format("", SOON)),
    ("maria", NEW.format("", "current_date - 3, current_date")),
    ("maria", NEW.format(", partners", f"{SOON}, '{{99}}'")),
    ("maria", NEW.format(", agreed_by", f"{SOON}, 'eva'")),
    ("maria", "update registry.campaign set percent = 900"),
    ("maria", "update registry.campaign set ends_on = ends_on + 1, ended_at = now()"),
    ("", "update registry.campaign set ended_at = now()"),
    ("maria", "delete from registry.campaign"),
)


async def test_the_database_holds_it_whatever_writes(owner: Database, database: Database) -> None:
    """Two people, days to come, its own partners, and nothing but the end changes; the service does none."""
    town = await Town.open(owner, database)
    await town.campaign()

    async def write(connection: Connection, second: str, sql: str) -> None:
        async with writing(connection, Actor("eve", "x", second=second)):
            await connection.execute(sql)

    for second, sql in FORBIDDEN:
        with pytest.raises(StatementRefused):
            await owner.run(lambda c, second=second, sql=sql: write(c, second, sql))
    for sql in (
        "update registry.campaign set ended_at = now()",
        "update ledger.bonus set points = 1",
        "delete from ledger.bonus",
    ):
        with pytest.raises(DatabaseMisconfigured, match="permission denied"):
            await database.run(lambda c, sql=sql: write_registry(c, sql))
