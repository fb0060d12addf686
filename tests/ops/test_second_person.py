"""Four eyes: an act of the office wants a second person where its programme's rules say so, and no other."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ledger.errors import LedgerError, RegistryRefused
from ledger.postgres.database import Connection, Database
from ledger.registry.adjustments import NewRow
from ledger.registry.audit import Actor
from ledger.registry.campaigns import Campaign, add_campaign, end_campaign
from ledger.registry.imports import Mode
from ledger.registry.invoice_parties import set_seller
from ledger.registry.partners import NewPartner, import_partners
from ledger.settlement.closing import close, correct
from ledger.settlement.prices import Prices
from ops.deploy.second_person import ACTS
from ops.invoices.issuing import issue_all
from ops.office.adjustments import AccountsDesk, approve
from ops.office.applications import ApplicationDesk
from ops.office.holder_file import HolderFile
from ops.office.publish_offers import When, keep_drafts, publish_offers, withdraw_offers
from ops.office.rules_in_force import second_person
from ops.office.seen import digest_of
from ops.settlement.month_desk import MonthDesk
from switch.rules.offers import parse_offers
from switch.rules.programme import SecondPerson, parse_rules
from tests.days import today
from tests.ledger.books import write_registry
from tests.ops.statements import SELLER, points, statement
from tests.ops.test_applications import ADULT, found, granted, number_of
from tests.prices import lasting_prices
from tests.switch.memory import MASTER_KEY

RULES = Path(__file__).parents[2] / "switch" / "rules" / "programmes" / "czestochowa.toml"
CITY, PARTNER = 1, 7
ANNA, JAN = Actor("Anna (1)", "order 7"), Actor("Jan (2)", "order 7")
KEYS = [key for key in SecondPerson.__struct_fields__ if key not in ("source", "at")]
Act = Callable[[Database, Actor], Awaitable[object]]
"""Begun by Anna, and agreed to by the actor, who may be Anna."""


def this_month() -> str:
    return f"{today():%Y-%m}"


def last_month() -> str:
    return f"{today().replace(day=1) - timedelta(days=1):%Y-%m}"


async def city(owner: Database, key: str, *, is_needed: bool) -> ApplicationDesk:
    """A city whose rules say of one act whether it wants two persons."""
    said = f'[second_person]\nsource = ["order 8"]\n{key} = {str(is_needed).lower()}\n\n[programme]'
    desk = await found(owner, CITY, RULES.read_text(encoding="utf-8").replace("[programme]", said))
    await owner.run(lambda c: import_partners(c, ANNA, CITY, [NewPartner(PARTNER, "Piekarnia")]))
    return desk


def second_of(other: Actor) -> str:
    return "" if other.name == ANNA.name else other.name


async def application(owner: Database, other: Actor) -> None:
    desk = ApplicationDesk(owner, MASTER_KEY, CITY)
    number = await desk.take(ANNA, "first", "desk", ADULT)
    await desk.verify(ANNA, number)
    await desk.grant(other, number)


async def month_close(owner: Database, other: Actor) -> None:
    desk, month = MonthDesk(owner, CITY), last_month()
    await owner.run(lambda c: correct(c, ANNA, PARTNER, month, 500, prices=Prices(), second_needed=False))
    await desk.run(ANNA, month)
    await desk.approve(other, await desk.propose_close(ANNA, month))


async def statement_correction(owner: Database, other: Actor) -> None:
    desk = MonthDesk(owner, CITY)
    await desk.approve(other, await desk.propose_correction(ANNA, PARTNER, this_month(), 500))


async def point_correction(owner: Database, other: Actor) -> None:
    desk = AccountsDesk(owner, MASTER_KEY)
    await approve(owner, other, await desk.propose(ANNA, number_of("96160", 1), 25), 25)


async def opening_balance(owner: Database, other: Actor) -> None:
    desk = AccountsDesk(owner, MASTER_KEY)
    numbers = await desk.numbers(CITY)
    row = NewRow(numbers.token(number_of("96160", 1)), 40, "old 1")
    _, number = await desk.import_balances(ANNA, numbers, [row], Mode.WHOLE)
    assert number is not None
    await approve(owner, other, number, 40)


async def campaign(owner: Database, other: Actor) -> None:
    needed = (await second_person(owner, CITY)).campaigns
    actor = ANNA._replace(second=second_of(other))
    day = today() + timedelta(days=3)
    made = Campaign(name="Double", starts_on=day, ends_on=day, percent=100)
    number = await owner.run(lambda c: add_campaign(c, actor, CITY, made, second_needed=needed))
    await owner.run(lambda c: end_campaign(c, actor, number))


async def documents(owner: Database, other: Actor) -> None:
    await owner.run(lambda c: set_seller(c, ANNA, CITY, SELLER))
    month = statement(points(9), partner=PARTNER)
    outcome = await issue_all(owner, ANNA._replace(second=second_of(other)), CITY, [month])
    assert len(outcome.issued) == 1


async def erasure(owner: Database, other: Actor) -> None:
    desk = ApplicationDesk(owner, MASTER_KEY, CITY)
    number = await granted(desk, "first", ADULT)
    await desk.ready(ANNA, number, number_of("96160", 0))
    account = (await desk.show(number)).row["account"]
    file = HolderFile(owner, MASTER_KEY, CITY)
    await file.propose_erasure(ANNA, account)
    seen = {"proposal": digest_of((await file.erasures_waiting())[0]["number"])}
    await file.approve_erasure(other, account, seen)


OFFERS = parse_offers(
    f"""
programme = "czestochowa"
[[offer]]
number = 5
partner = {PARTNER}
name = {{ pl = "Bułka", en = "Roll" }}
text = {{ pl = "Taniej", en = "Cheaper" }}
benefits = [{{ kind = "percent", percent = 10 }}]
""".encode(),
    source="a test",
).offer


async def drafted(owner: Database) -> None:
    now = datetime.now(UTC)
    await owner.run(lambda c: keep_drafts(c, ANNA, CITY, OFFERS, Mode.WHOLE, now=now))


async def offers(owner: Database, other: Actor) -> None:
    await drafted(owner)
    pair, when = ANNA._replace(second=second_of(other)), When(None, datetime.now(UTC), urgent=True)
    for act in (publish_offers, withdraw_offers):
        await owner.run(lambda c, act=act: act(c, pair, CITY, [5], when))


async def written(owner: Database) -> set[str]:
    """Whose names the trail has, as who wrote or as the second person."""
    names = "select actor from registry.audit union select second from registry.audit"
    return {row[0] for row in await owner.run(lambda c: c.fetch(names))}


DONE: dict[str, Act] = {
    "applications": application,
    "month_close": month_close,
    "month_documents": documents,
    "statement_corrections": statement_correction,
    "point_corrections": point_correction,
    "opening_balances": opening_balance,
    "campaigns": campaign,
    "erasures": erasure,
    "offers": offers,
}


@pytest.mark.parametrize("key", KEYS)
async def test_each_act_wants_a_second_person_where_its_programme_says_so(owner: Database, key: str) -> None:
    """With true one person alone is refused, and two do it."""
    await city(owner, key, is_needed=True)
    with pytest.raises(RegistryRefused, match=r"second person|another person"):
        await DONE[key](owner, ANNA)


@pytest.mark.parametrize("key", KEYS)
async def test_two_persons_do_what_wants_two(owner: Database, key: str) -> None:
    """With true another one than began it agrees, and it is done: the trail has both."""
    await city(owner, key, is_needed=True)
    before = await written(owner)
    await DONE[key](owner, JAN)
    assert JAN.name in await written(owner) - before


@pytest.mark.parametrize("key", KEYS)
async def test_one_person_does_what_wants_one(owner: Database, key: str) -> None:
    """With false whoever began an act agrees to it, too."""
    await city(owner, key, is_needed=False)
    await DONE[key](owner, ANNA)
    assert ANNA.name in await written(owner)


@pytest.mark.parametrize(
    "sql",
    [
        "insert into registry.settlement_period (programme, month, first_id, through_id, zone) "
        "values (1, '2020-01', 1, 2, 'x')",
        "insert into registry.settlement_correction (programme, partner, month, net_grosze, vat_rate) "
        "values (1, 7, '2030-01', 5, 23)",
        "insert into registry.campaign (programme, name, points, starts_on, ends_on, reason) "
        "values (1, 'x', 1, current_date + 3, current_date + 3, 'x')",
        "insert into registry.invoice (programme, series, year, number, text, kind, partner, month, "
        "statement, issued_on, made_at, net_grosze, vat_grosze, gross_grosze, second_needed, seller_nip) "
        "values (1, 'F', 2026, 1, 'F/1', 'invoice', 7, '2026-01', 's', '2026-02-01', now(), 1, 0, 1, true, "
        "'8982145677')",
        "insert into registry.offer (programme, number, version, partner, state, effective_from, terms, "
        "second_needed) values (1, 5, 1, 7, 1, now(), '{}', true)",
        "insert into registry.offer (programme, number, version, partner, state, effective_from, terms, "
        "second_needed) values (1, 5, 1, 7, 2, now(), '{}', true)",
    ],
)
async def test_the_database_wants_the_second_person_too(owner: Database, sql: str) -> None:
    """Whatever writes: a row that wants a second person is refused without one."""
    await city(owner, "campaigns", is_needed=True)
    with pytest.raises(LedgerError, match="second person"):
        await owner.run(lambda c: write_registry(c, sql))


async def test_what_was_wanted_stays_with_the_row(owner: Database) -> None:
    """Who entered a campaign by two persons ends it by two, whatever the rules say by then."""
    await city(owner, "campaigns", is_needed=True)
    day = today() + timedelta(days=3)
    made = Campaign(name="Double", starts_on=day, ends_on=day, percent=100)
    pair = ANNA._replace(second=JAN.name)
    number = await owner.run(lambda c: add_campaign(c, pair, CITY, made))
    with pytest.raises(RegistryRefused, match="second person"):
        await owner.run(lambda c: end_campaign(c, ANNA, number))
    await owner.run(lambda c: end_campaign(c, pair, number))


async def test_a_command_asks_the_same(owner: Database) -> None:
    """A month closed and an account corrected by one person, where the caller says that one is enough."""
    await city(owner, "month_close", is_needed=False)

    async def job(c: Connection) -> None:
        await close(c, ANNA, CITY, last_month(), lasting_prices({1: 10}), second_needed=False)
        await correct(c, ANNA, PARTNER, this_month(), 5, prices=Prices(), second_needed=False)

    await owner.run(job)
    assert await owner.run(lambda c: c.fetchval("select net_grosze from registry.settlement_correction")) == 5
    closed = "select month from registry.settlement_period"
    assert await owner.run(lambda c: c.fetchval(closed)) == last_month()


def test_every_key_is_explained_and_done_here() -> None:
    """The reference has words for each act, and for nothing else; so has this file a way to do each."""
    assert list(ACTS) == KEYS == list(DONE)


def test_a_file_that_says_nothing_has_what_the_reference_says() -> None:
    """Unsaid, what changes books or persons wants two; what comes every day one."""
    unsaid = parse_rules(RULES.read_text(encoding="utf-8")).of_second_person()
    wanted = {key for key in KEYS if getattr(unsaid, key)}
    assert wanted == set(KEYS) - {"applications", "month_documents", "offers"}
