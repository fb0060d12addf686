"""What the registry promises of offers: drafts replaced, what is published kept, both in the feed."""

from datetime import UTC, datetime, timedelta

import pytest

from ledger.errors import NotInRegistry, StatementRefused
from ledger.postgres.database import Connection, Database
from ledger.registry.audit import list_audit
from ledger.registry.imports import Import, Mode
from ledger.registry.offers import (
    OFFERS_PER_PARTNER_MAX,
    NewOffer,
    OfferState,
    import_offers,
    list_offers,
    offer_versions,
    publish_draft,
    read_public,
    withdraw_offer,
)
from ledger.registry.outlets import NewOutlet, import_outlets, list_outlets
from ledger.registry.partners import NewPartner, import_partners
from ledger.registry.reads import OfferRow, read_changes
from ledger.registry.terminals import NewTerminal, import_terminals, list_terminals, move_terminal
from tests.ledger.books import PARTNER, TERMINAL, TESTER, found_registry, write_registry

MOMENT = datetime(2027, 3, 1, tzinfo=UTC)
MOMENT_MS = int(MOMENT.timestamp() * 1000)
OTHER = 8


@pytest.fixture
async def registry(owner: Database) -> Database:
    """One programme with two partners, of which the first has outlets 1 and 2."""

    async def job(connection: Connection) -> None:
        await found_registry(connection, 1)
        await import_partners(connection, TESTER, 1, [NewPartner(OTHER, "Kino")])
        outlets = [NewOutlet(1, PARTNER, "Rynek", "Rynek 2"), NewOutlet(2, PARTNER, "Dworzec")]
        assert (await import_outlets(connection, TESTER, outlets)).added == 2

    await owner.run(job)
    return owner


def offer(
    number: int, terms: str = "{}", *, partner: int = PARTNER, outlets: tuple[int, ...] = ()
) -> NewOffer:
    return NewOffer(number, partner, outlets, terms)


async def keep(registry: Database, *offers: NewOffer, mode: Mode = Mode.WHOLE) -> Import:
    return await registry.run(lambda connection: import_offers(connection, TESTER, 1, offers, mode))


async def publish(registry: Database, number: int, moment: datetime = MOMENT) -> int:
    return await registry.run(
        lambda c: publish_draft(c, TESTER, programme=1, number=number, effective_from=moment)
    )


async def withdraw(registry: Database, number: int, moment: datetime = MOMENT) -> int:
    return await registry.run(
        lambda c: withdraw_offer(c, TESTER, programme=1, number=number, effective_from=moment)
    )


async def told(database: Database, since: int = 0) -> tuple[int, list[OfferRow]]:
    """The number of the newest change, and the offers a worker is told of."""
    found = await database.run(lambda connection: read_changes(connection, since, lambda _: None))
    return found.number, found.offers


async def test_a_draft_is_replaced_and_told_to_nobody(registry: Database, database: Database) -> None:
    """Imported: a draft; again the same: nothing; otherwise: still version 1; no worker hears of it."""
    assert await keep(registry, offer(5, "a"), offer(6)) == Import(2, 0, [])
    assert await keep(registry, offer(5, "a"), offer(6)) == Import(0, 2, [])
    assert await keep(registry, offer(5, "b"), offer(6)) == Import(1, 1, [])
    rows = await registry.run(lambda connection: list_offers(connection, 1))
    assert [(row["number"], row["version"], row["state"], row["terms"]) for row in rows] == [
        (5, 1, OfferState.DRAFT, "b"),
        (6, 1, OfferState.DRAFT, "{}"),
    ]
    assert (await told(database))[1] == []


async def test_what_is_published_stays_and_a_change_is_the_next_version(
    registry: Database, database: Database
) -> None:
    """A change of a published offer is a draft of the next version; the old one stays, whoever writes."""
    await keep(registry, offer(5, "a"))
    assert await publish(registry, 5) == 1
    number, rows = await told(database)
    assert rows == [OfferRow(1, 5, 1, PARTNER, False, MOMENT_MS, "a")]
    assert await keep(registry, offer(5, "a")) == Import(0, 1, [])
    assert await keep(registry, offer(5, "b", partner=OTHER)) == Import(1, 0, [])
    assert await told(database, number) == (number + 1, [])
    assert await publish(registry, 5, MOMENT + timedelta(days=7)) == 2
    _, rows = await told(database, number)
    assert [(row.version, row.partner, row.terms) for row in rows] == [(2, OTHER, "b")]
    with pytest.raises(NotInRegistry, match="offer 5 has no draft"):
        await publish(registry, 5)
    for change in ("terms = 'x'", "state = 2", "effective_from = now()", "partner = 8"):
        sql = f"update registry.offer set {change} where version = 1"
        with pytest.raises(StatementRefused, match="what is written there stays"):
            await registry.run(lambda c, sql=sql: write_registry(c, sql))
    with pytest.raises(StatementRefused, match="what is written there stays"):
        await registry.run(lambda c: write_registry(c, "delete from registry.offer"))


async def test_a_withdrawal_is_a_version_of_its_own(registry: Database, database: Database) -> None:
    """It says from when the offer no longer holds, gives up a draft, and the offer may come again."""
    await keep(registry, offer(5, "a"))
    with pytest.raises(NotInRegistry, match="never published"):
        await withdraw(registry, 5)
    await publish(registry, 5)
    await keep(registry, offer(5, "b"))
    assert await withdraw(registry, 5, MOMENT + timedelta(days=1)) == 2
    _, rows = await told(database)
    assert [(row.version, row.is_withdrawn, row.terms) for row in rows] == [(1, False, "a"), (2, True, "a")]
    assert await keep(registry, offer(5, "a")) == Import(1, 0, [])
    assert await publish(registry, 5, MOMENT + timedelta(days=2)) == 3
    assert await withdraw(registry, 5, MOMENT + timedelta(days=3)) == 4
    rows = await registry.run(lambda connection: offer_versions(connection, 1, 5))
    assert [row["state"] for row in rows] == [2, 1, 2, 1]


async def test_an_import_is_all_or_nothing(registry: Database) -> None:
    """A partner of no programme, an outlet of another partner, a number twice: told, and nothing is kept."""
    wrong = [
        offer(1),
        offer(2, partner=99),
        offer(3, partner=OTHER, outlets=(1,)),
        offer(4, outlets=(1, 2)),
        offer(4),
        offer(0),
        offer(6, terms="\0"),
    ]
    done = await keep(registry, *wrong)
    assert done.added == 0
    assert sorted((refusal.key, refusal.column) for refusal in done.refused) == [
        (0, "number"), (2, "partner"), (3, "outlets"), (4, ""), (6, "terms"),
    ]  # fmt: skip
    assert await registry.run(lambda connection: list_offers(connection, 1)) == []
    assert (await keep(registry, *wrong, mode=Mode.DRY_RUN)).added == 2
    assert (await keep(registry, *wrong, mode=Mode.GOOD_ROWS)).added == 2
    rows = await registry.run(lambda connection: list_offers(connection, 1, partner=PARTNER))
    assert [row["number"] for row in rows] == [1, 4]
    with pytest.raises(NotInRegistry, match="no programme 2"):
        await registry.run(lambda connection: import_offers(connection, TESTER, 2, [offer(1)]))


async def test_a_partner_has_so_many_offers_and_no_more(registry: Database) -> None:
    """The bound counts what is not withdrawn; another partner's are its own, and a change is none more."""
    many = [offer(number) for number in range(1, OFFERS_PER_PARTNER_MAX + 3)]
    done = await keep(registry, *many, offer(9_000, partner=OTHER), mode=Mode.GOOD_ROWS)
    assert (done.added, [refusal.key for refusal in done.refused]) == (501, [501, 502])
    assert (await keep(registry, offer(1, "b"))).added == 1
    assert (await keep(registry, offer(501))).refused[0].column == "partner"
    await publish(registry, 1)
    await withdraw(registry, 1)
    assert (await keep(registry, offer(501))).added == 1


async def test_every_write_leaves_its_trail(registry: Database) -> None:
    """Who kept, published and withdrew an offer, with the terms before and after."""
    await keep(registry, offer(5, "a"))
    await publish(registry, 5)
    await withdraw(registry, 5)
    rows = await registry.run(list_audit)
    trail = [(row["actor"], row["key"]) for row in rows if row["object"] == "offer"]
    assert trail == [("tests", "1/5/2"), ("tests", "1/5/1"), ("tests", "1/5/1")]


async def test_a_terminal_stands_in_an_outlet_of_its_partner(registry: Database, database: Database) -> None:
    """In one of its own partner's or in none; another's is refused, by the database in any case."""
    done = await registry.run(
        lambda c: import_terminals(
            c, TESTER, [NewTerminal(90, PARTNER, outlet=2), NewTerminal(91, OTHER, outlet=2)], Mode.GOOD_ROWS
        )
    )
    assert (done.added, [refusal.column for refusal in done.refused]) == (1, ["outlet"])
    await registry.run(lambda c: move_terminal(c, TESTER, TERMINAL, 1))
    found = await database.run(lambda connection: read_changes(connection, 0, lambda _: None))
    assert [(row.id, row.outlet) for row in found.terminals] == [(TERMINAL, 1), (TERMINAL + 1, 0), (90, 2)]
    await registry.run(lambda c: move_terminal(c, TESTER, TERMINAL, None))
    rows = await registry.run(list_terminals)
    assert [row["outlet"] for row in rows] == [None, None, 2]
    for terminal, outlet in ((TERMINAL, 3), (99, 1)):
        with pytest.raises(NotInRegistry):
            await registry.run(lambda c, t=terminal, o=outlet: move_terminal(c, TESTER, t, o))
    with pytest.raises(StatementRefused):
        await registry.run(
            lambda c: write_registry(c, "update registry.terminal set partner = 8 where id = 90")
        )


async def test_the_public_list_is_made_of_what_was_published(registry: Database) -> None:
    """Versions without drafts, the programme's partners and their outlets, by number."""
    await keep(registry, offer(5, "a"), offer(6))
    await publish(registry, 5)
    public = await registry.run(lambda connection: read_public(connection, 1))
    assert [(row["number"], row["version"]) for row in public.versions] == [(5, 1)]
    assert [row["id"] for row in public.partners] == [PARTNER, OTHER]
    assert [(row["id"], row["partner"], row["address"]) for row in public.outlets] == [
        (1, PARTNER, "Rynek 2"),
        (2, PARTNER, ""),
    ]
    assert [row["id"] for row in await registry.run(lambda c: list_outlets(c, partner=PARTNER, after=1))] == [
        2
    ]


async def test_an_outlet_is_added_once(registry: Database) -> None:
    """The same again changes nothing; another name, or a partner that is not there, is refused."""
    again = [
        NewOutlet(1, PARTNER, "Rynek", "Rynek 2"),
        NewOutlet(2, PARTNER, "Dworzec II"),
        NewOutlet(3, 99, "x"),
    ]
    done = await registry.run(lambda connection: import_outlets(connection, TESTER, again))
    assert (done.added, done.unchanged) == (0, 1)
    assert sorted((refusal.key, refusal.column) for refusal in done.refused) == [(2, "name"), (3, "partner")]
