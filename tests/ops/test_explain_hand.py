"""What no till asked for is explained too: a correction, an opening balance, a campaign, an expiry."""

from datetime import UTC, datetime, timedelta

import pytest

from ledger.books.adjusting import post_adjustments
from ledger.books.hand import Work, hand_terminal
from ledger.books.rollup import roll_up
from ledger.books.transaction_ids import TransactionIds
from ledger.errors import NotInRegistry
from ledger.postgres.database import Database
from ledger.registry.adjustments import AdjustmentKind, NewRow, Terms, approve, propose
from ledger.registry.audit import Actor
from ledger.registry.campaigns import Campaign, add_campaign
from ledger.registry.programmes import add_rules
from ops.cli.explain import fields, lines
from ops.office.explain import Explanation, explain
from switch.metrics import Meters
from switch.process.campaigns import Campaigns
from switch.process.expiry import Expiry
from tests.cli.office import RULES
from tests.ledger.books import PROGRAMME, TESTER, Books

TEXT = RULES.read_text(encoding="utf-8").replace("expire_months = 0", "expire_months = 2")
CARD_IN_REASON = "9005 0112 3456 7892"
ANNA = Actor("anna", f"order 7, card {CARD_IN_REASON}", second="maria")


async def in_force(owner: Database) -> None:
    begin = datetime(2016, 1, 1, tzinfo=UTC)
    await owner.run(lambda c: add_rules(c, TESTER, programme=1, effective_from=begin, rules_toml=TEXT))


async def told(owner: Database, work: Work, stan: int) -> Explanation:
    """Explain a row; in neither language is there the number that somebody typed into the reason."""
    found = await owner.run(lambda c: explain(c, hand_terminal(work, PROGRAMME), stan))
    text = "\n".join([*lines(found, "pl"), *lines(found, "en"), str(fields(found))])
    assert CARD_IN_REASON not in text
    assert fields(found)["decided_again"] == "by hand"
    return found


def english(found: Explanation) -> dict[str, str]:
    return {fact.key: fact.en for fact in found.facts}


@pytest.mark.parametrize(
    ("kind", "says"),
    [(AdjustmentKind.CORRECTION, "A correction of the office"), (AdjustmentKind.OPENING, "opening balance")],
)
async def test_an_adjustment_says_its_number_its_reasons_and_both_people(
    owner: Database, database: Database, kind: AdjustmentKind, says: str
) -> None:
    """Posted or declined: whose word it was stands beside the result."""
    books = await Books.open(owner, database, cards=2)
    await in_force(owner)
    token = await owner.run(
        lambda c: c.fetchval("select token from registry.card where account = $1", books.accounts[0])
    )
    terms = Terms(1, 1_000, may_go_below=False)
    _, number = await owner.run(
        lambda c: propose(
            c, ANNA, [NewRow(token, 25, "old 4711")], programme=PROGRAMME, kind=kind, terms=terms
        )
    )
    assert number is not None
    await owner.run(lambda c: approve(c, Actor("maria", "slip seen"), number, 25))
    now_ms = int(datetime.now(UTC).timestamp() * 1000)
    await database.run(lambda c: post_adjustments(c, now_ms))
    row = await owner.run(lambda c: c.fetchval("select number from registry.adjustment_row"))
    found = await told(owner, Work.ADJUSTMENT, row)
    facts = english(found)
    assert says in found.reason_en
    assert found.paragraphs
    assert (facts["adjustment"], facts["by"], facts["approved_by"]) == (str(number), "anna", "maria")
    assert (facts["order"], facts["decision"]) == ("order 7, card ****", "slip seen")
    assert (facts["points"], facts["balance"]) == ("+25", "25")


async def test_a_campaign_s_points_name_the_campaign_and_the_sale(
    owner: Database, database: Database
) -> None:
    """Who entered it, who agreed, and which sale it was for."""
    books = await Books.open(owner, database, cards=1)
    await in_force(owner)
    campaigns = Campaigns(Meters())
    day = await owner.run(lambda c: c.fetchval("select registry.today_of(1::smallint) + 2"))
    made = Campaign(name="Double", starts_on=day, ends_on=day, percent=100)
    number = await owner.run(lambda c: add_campaign(c, ANNA, 1, made))
    posting = books.earn(1, 30)
    noon = datetime.combine(day, datetime.min.time(), UTC) + timedelta(hours=12)
    posting.accepted_at_ms = int(noon.timestamp() * 1000)
    posting.transaction_id = TransactionIds(2).next(posting.accepted_at_ms)
    await books.post(posting)
    assert await owner.run(lambda c: roll_up(c, posting.accepted_at_ms + 600_000, wait_s=60))
    await database.run(campaigns.work)
    found = await told(owner, Work.CAMPAIGN, 1)
    facts = english(found)
    assert "campaign for a sale" in found.reason_en
    assert (facts["campaign"], facts["sale"]) == (f"{number} Double", f"{posting.terminal}/1")
    assert (facts["by"], facts["approved_by"], facts["points"]) == ("anna", "maria", "+30")


async def test_expired_points_cite_the_rules(owner: Database, database: Database) -> None:
    """Nobody's word but the rules': the paragraph stands there."""
    books = await Books.open(owner, database, cards=1)
    await in_force(owner)
    posting = books.earn(1, 30)
    posting.accepted_at_ms = int((datetime.now(UTC) - timedelta(days=100)).timestamp() * 1000)
    await books.post(posting)
    await database.run(Expiry().work)
    found = await told(owner, Work.EXPIRY, 1)
    assert found.paragraphs
    assert "term was over" in found.reason_en
    assert (english(found)["points"], english(found)["balance"]) == ("-30", "0")
    with pytest.raises(NotInRegistry, match="has no STAN 9"):
        await owner.run(lambda c: explain(c, hand_terminal(Work.EXPIRY, PROGRAMME), 9))
