"""What the desk's site may publish and decide: what the database refuses it, and whose pages decide what."""

import msgspec
import pytest

from ledger.errors import LedgerError
from ledger.postgres.database import Connection, Database
from ledger.registry import proposals
from ledger.registry.audit import Actor
from ledger.registry.offers import NewOffer, import_offers
from switch.rules.offers import encode_offer
from tests.ops.test_second_person import OFFERS
from tests.web.desk_offers import PROGRAMME, proposed
from tests.web.office_stage import CITIES, OfficeStage

CITY = "zgierz"


@pytest.fixture(scope="module")
def partner() -> int:
    """A partner of the city."""
    return CITIES[1].partner_id(1)


def test_nothing_is_published_by_the_site_that_nobody_approved(office: OfficeStage, partner: int) -> None:
    """The database itself refuses a programme's role to publish, to withdraw, and to publish what was changed
    since it was approved; whoever it names as the second person.
    """
    terms = encode_offer(msgspec.structs.replace(OFFERS[0], number=840, partner=partner))
    new = NewOffer(840, partner, (), terms)
    office.run(lambda owner: owner.run(lambda c: import_offers(c, Actor("eve"), PROGRAMME, [new])))
    one = f"where programme = {PROGRAMME} and number = 840"
    publish = f"update registry.offer set state = 1, effective_from = now() {one}"
    withdraw = (
        "insert into registry.offer (programme, number, version, partner, state, effective_from, terms) "
        f"select programme, number, 2, partner, 2, now(), terms from registry.offer {one}"
    )
    stale = (
        "with made as (insert into registry.proposal (programme, act, subject, terms, second_needed) "
        f"values ({PROGRAMME}, 'publish_offers', '840', "
        "jsonb_build_object('offers', jsonb_build_object('840', "
        f"registry.offer_as_it_stands({PROGRAMME}::smallint, 840))), false) returning number) "
        "insert into mine select * from made"
    )
    approved = "update registry.proposal set state = 2 where number = (select number from mine)"
    changed = f"update registry.offer set terms = terms || ' ' {one} and state = 0"
    assert "approved proposal" in refused(office, publish)
    assert "approved proposal" in refused(office, withdraw)
    assert "approved proposal" in refused(office, stale, publish)
    assert "approved proposal" in refused(office, stale, approved, changed, publish)
    assert "approved proposal" in refused(
        office, stale, approved, publish.replace("now()", "now(), terms = '{}'")
    )
    assert refused(office, stale, approved, publish) == ""


def refused(office: OfficeStage, *steps: str) -> str:
    """What the database says of steps that the site takes in one transaction; empty: it takes them."""

    async def job(c: Connection) -> None:
        async with c.transaction():
            await c.execute("set local cityswitch.actor = 'dan'")
            await c.execute("set local cityswitch.second = 'eve'")
            await c.execute("create temp table mine (number bigint) on commit drop")
            for sql in steps:
                await c.execute(sql)

    async def run(_owner: Database) -> str:
        try:
            await office.offices[PROGRAMME].database.run(job)
        except LedgerError as error:
            return str(error)
        return ""

    return office.run(run)


def test_each_kind_of_proposal_is_decided_on_its_own_pages(office: OfficeStage, partner: int) -> None:
    """Who keeps the accounts approves no offer on the months' page, nor an editor a month on the offers'."""
    for name, role in (("only-editor-8", "editor"), ("only-accounts-8", "accounts")):
        office.officer(PROGRAMME, name, role, desk="")
    editor, accounts = (office.signed_in(CITY, f"only-{role}-8") for role in ("editor", "accounts"))
    offer = proposed(office, partner)
    what: tuple[proposals.Act, str] = ("correct_statement", f"{partner}/2025-02")
    terms = {"net_grosze": 5, "vat_rate": 23, "origin": "x"}
    month = office.run(
        lambda owner: owner.run(lambda c: proposals.propose(c, Actor("one"), PROGRAMME, what, terms))
    )
    for client, path, number, status in (
        (editor, "offers/proposals", month, 404), (editor, "proposals", month, 403),
        (accounts, "proposals", offer, 409), (accounts, "offers/proposals", offer, 403),
    ):  # fmt: skip
        client.get("/en/account/sessions")
        for act in ("approve", "refuse"):
            assert client.post(f"/en/desk/{path}/{number}", act=act, sure="yes").status == status
    states = office.sql(
        "select state from registry.proposal where number = any($1::bigint[])", [offer, month]
    )
    assert [row["state"] for row in states] == [1, 1]
    office.run(lambda owner: owner.run(lambda c: proposals.refuse(c, Actor("one"), month)))
