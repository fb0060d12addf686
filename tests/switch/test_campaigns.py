"""What the keeper does for campaigns: bonuses by the rules in the registry, counted."""

from datetime import UTC, datetime, timedelta

from ledger.books.rollup import roll_up
from ledger.books.transaction_ids import TransactionIds
from ledger.books.verify import verify
from ledger.postgres.database import Database
from ledger.registry.audit import Actor
from ledger.registry.campaigns import Campaign, add_campaign
from ledger.registry.programmes import add_rules
from switch.metrics import Meters
from switch.metrics import city_catalogue as of
from switch.process.campaigns import Campaigns, terms_of
from switch.rules.programme import parse_rules
from switch.rules.versions import Version
from tests.cli.office import RULES
from tests.ledger.books import TESTER, Books

TEXT = RULES.read_text(encoding="utf-8")


def test_a_card_goes_below_zero_by_a_bonus_taken_back_where_a_refund_may() -> None:
    """`[refund] below_zero` decides; a programme without refunds lets no card go below."""
    for text, may in (
        (TEXT, True),
        (TEXT.replace("below_zero = true", "below_zero = false"), False),
    ):
        assert terms_of(Version.of(4, 0, parse_rules(text))) == (4, may)


async def test_the_keeper_posts_what_campaigns_give(owner: Database, database: Database) -> None:
    """Once, under the version in force, and counted by the programme's code; again and again nothing more."""
    books = await Books.open(owner, database, cards=2)
    keeper = Campaigns(meters := Meters())
    await database.run(keeper.work)
    begin = datetime(2016, 1, 1, tzinfo=UTC)
    await owner.run(lambda c: add_rules(c, TESTER, programme=1, effective_from=begin, rules_toml=TEXT))
    day = await owner.run(lambda c: c.fetchval("select registry.today_of(1::smallint) + 2"))
    made = Campaign(name="Double", starts_on=day, ends_on=day, percent=100)
    await owner.run(lambda c: add_campaign(c, Actor("anna", "order 7", second="maria"), 1, made))
    posting = books.earn(1, 30)
    noon = datetime.combine(day, datetime.min.time(), UTC) + timedelta(hours=12)
    posting.accepted_at_ms = int(noon.timestamp() * 1000)
    posting.transaction_id = TransactionIds(2).next(posting.accepted_at_ms)
    await books.post(posting)
    assert await owner.run(lambda c: roll_up(c, posting.accepted_at_ms + 600_000, wait_s=60))
    for _ in range(2):
        await database.run(keeper.job.work)
    rows = await owner.run(lambda c: c.fetch("select balance from ledger.account order by id"))
    assert [row["balance"] for row in rows] == [60, 0]
    given = {("czestochowa", "given"): 30, ("czestochowa", "taken_back"): 0, ("czestochowa", "waived"): 0}
    assert meters.readings[of.CAMPAIGN_POINTS]() == given
    assert not [finding for finding in await database.run(verify) if finding.count]
