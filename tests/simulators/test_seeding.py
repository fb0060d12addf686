"""The seeded city in a real registry: complete, idempotent, and never mixed with another seed's."""

from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
import pytest

from ledger.postgres.database import Connection, Database
from ledger.registry.card_states import CardStatus
from ledger.registry.invoice_parties import check_nip, the_seller
from ledger.registry.invoices import Numbered
from ledger.registry.partner_contracts import Details, set_details
from ledger.registry.secrets import MasterKey
from ledger.settlement.closing import compute
from ledger.settlement.prices import Lease
from ops.invoices.drafts import drafts_of
from ops.invoices.fa3 import Parties
from ops.invoices.issuing import write_document
from simulators.city.example import CITIES, development_key
from simulators.city.holders import ENTITLED_UNTIL, LAPSED_ON, holder_of
from simulators.city.offers import offers_of
from simulators.city.parties import made_up_nip
from simulators.city.places import PLACES
from simulators.city.population import Peculiarity, Population
from simulators.city.seeding import SEEDER, SeedConflict, SeedReport, seed_city
from switch.rules.offer_checks import check_codes
from switch.rules.offers import codes_of, parse_offers
from switch.rules.programme import parse_rules
from tests.prices import lasting_prices

CITY = Population("test", cards=600, partners=4, terminals=6)


@pytest.fixture
def master(tmp_path: Path) -> MasterKey:
    return MasterKey.create(tmp_path / "master.key")


async def count(connection: Connection) -> dict[str, int]:
    tables = (
        "programme",
        "programme_version",
        "partner",
        "outlet",
        "terminal",
        "terminal_key",
        "card",
        "offer",
    )
    found = {name: await connection.fetchval(f"select count(*) from registry.{name}") for name in tables}
    found["account"] = await connection.fetchval("select count(*) from ledger.account")
    for status in CardStatus:
        found[status.name] = await connection.fetchval(
            "select count(*) from registry.card where status = $1", int(status)
        )
    return found


async def test_a_city_is_written_once(owner: Database, master: MasterKey) -> None:
    """Everything is there after the first run; the second adds nothing; growing adds only what is new."""
    progress: list[tuple[str, int, int]] = []
    report = await seed_city(owner, CITY, master, on_progress=lambda *step: progress.append(step))
    assert report == SeedReport(
        partners=4, terminals=6, keys=6, cards=600, duplicates=2, offers=2, holders=188
    )
    written = await owner.run(count)
    assert written["card"] == 602
    assert written["account"] == 600
    assert (written["BLOCKED"], written["WANTED"], written["REPLACED"]) == (3, 2, 2)
    assert progress[-1] == ("cards", 600, 600)
    assert await seed_city(owner, CITY, master) == SeedReport(0, 0, 0, 0, 0)
    assert await owner.run(count) == written
    larger = Population("test", cards=700, partners=5)
    assert await seed_city(owner, larger, master) == SeedReport(1, 0, 0, 100, 1, offers=1, holders=32)


@pytest.mark.usefixtures("within_a_day")
async def test_every_partner_of_a_city_can_be_invoiced(owner: Database, master: MasterKey) -> None:
    """Seller and partners have what the schema of e-invoices asks for; what somebody typed since stays."""
    await seed_city(owner, CITY, master)
    mine = Details("Piekarnia sp. z o.o.", "8982145677", "Rynek 2")
    await owner.run(lambda c: set_details(c, SEEDER, CITY.partner_id(0), mine))
    await seed_city(owner, CITY, master)
    month = datetime.now(ZoneInfo("Europe/Warsaw")).strftime("%Y-%m")
    prices = lasting_prices({1: 10}, Lease(((1, 100),), 100))
    statements = (await owner.run(lambda c: compute(c, 1, month, prices))).statements
    seller = await owner.run(lambda c: the_seller(c, 1))
    assert statements[0].tax_id == mine.tax_id
    for statement in statements:
        closed = msgspec.structs.replace(statement, closed_at_ms=1_800_000_000_000)
        numbered = Numbered("F/1", date(2026, 12, 1), datetime(2026, 12, 1, tzinfo=UTC))
        (draft,) = drafts_of(closed)
        write_document(closed, draft, Parties(seller, None), numbered, None)  # checked against the schema
    assert len({statement.tax_id for statement in statements}) == CITY.partners


def test_a_made_up_tax_number_is_a_nip_and_nobody_else_has_it() -> None:
    """Of each number, of which one in eleven has no check digit under the first prefix."""
    numbers = [made_up_nip(number) for number in [*range(1, 3_000), 999_999]]
    assert all(check_nip("it", number) == number for number in numbers)
    assert len(set(numbers)) == len(numbers)


async def test_another_seed_is_refused_before_anything_is_written(owner: Database, master: MasterKey) -> None:
    """A second city would share terminal numbers with the first and lock its terminals out."""
    await seed_city(owner, CITY, master)
    written = await owner.run(count)
    with pytest.raises(SeedConflict, match="another seed"):
        await seed_city(owner, Population("other", cards=600, partners=4), master)
    assert await owner.run(count) == written


async def test_three_cities_stand_side_by_side(owner: Database, master: MasterKey) -> None:
    """One registry holds all three: numbers never meet, offers are published, and every kind of holder is
    there with the kinds that the day of birth gives.
    """
    for programme in PLACES:
        await seed_city(owner, Population(f"test {programme}", 600, 12, 13, programme), master)
    offers = await owner.run(
        lambda c: c.fetch(
            "select programme, count(*), min(state), max(state) from registry.offer group by 1 order by 1"
        )
    )
    assert [tuple(row) for row in offers] == [(1, 5, 1, 1), (2, 10, 1, 1), (3, 9, 1, 1)]
    kinds = await owner.run(
        lambda c: c.fetch("select distinct kinds from registry.holder where programme = 3 order by 1")
    )
    # child, junior, youth, youth and adult at 18, adult, senior
    assert [row["kinds"] for row in kinds] == [1, 2, 4, 8, 12, 16]
    elsewhere = await owner.run(
        lambda c: c.fetchval(
            "select count(*) from registry.holder where programme <> 3 and (kinds <> 0 or flags = 0)"
        )
    )
    assert elsewhere == 0
    lapsed = await owner.run(
        lambda c: c.fetch(
            "select entitled_until, count(*) from registry.holder where programme = 3 group by 1"
        )
    )
    assert {row[0]: row[1] for row in lapsed} == {LAPSED_ON: 2, ENTITLED_UNTIL: 598}
    persons = await owner.run(lambda c: c.fetchval("select count(*) from people.person"))
    assert persons == 600
    endless = await owner.run(
        lambda c: c.fetch(
            "select programme, count(*) filter (where expires_on is null) from registry.card"
            " group by 1 order by 1"
        )
    )
    without = {row[0]: row[1] for row in endless}
    for programme, place in PLACES.items():
        assert bool(without[programme]) is not bool(parse_rules(place.rules_toml).card.validity_months)


def test_each_offers_file_is_one_an_office_could_import() -> None:
    """The files parse as they stand, for kinds and flags their programme knows, and spread over all partners
    under numbers and outlets of their own.
    """
    for place in PLACES.values():
        file = parse_offers(place.offers_toml, source=place.code)
        codes = codes_of(parse_rules(place.rules_toml))
        for offer in file.offer:
            check_codes(offer, codes)
        assert file.programme == place.code
        city = Population("a test", 10, 35, programme=place.programme)
        offers = list(offers_of(city))
        assert len({offer.number for offer in offers}) == len(offers) > 3 * len(file.offer)
        partners = {city.partner_id(index) for index in range(city.partners)}
        assert {offer.partner for offer in offers} < partners
        assert all(set(offer.outlets) <= {offer.partner} for offer in offers)


def test_cities_share_no_card_terminal_or_key() -> None:
    """What is kept for people differs by city; a card of one is a stranger in the others."""
    assert len({city.hand_terminal for city in CITIES}) == len(CITIES)
    for city in CITIES:
        assert development_key(city.hand_terminal) == city.population.terminal_key(city.fleet_terminals)
        assert city.example_card.startswith(parse_rules(city.population.place.rules_toml).card.prefix)
        others = [other.population for other in CITIES if other is not city]
        assert all(other.index_of(city.example_card) is None for other in others)
    assert development_key(CITIES[0].page_terminal + 1) is None


def test_two_terminals_of_each_city_are_for_people() -> None:
    """One for the command and one for the page in the browser, at one partner, and no fleet has either."""
    for city in CITIES:
        population = city.population
        kept = [index for index in range(population.terminals) if index >= city.fleet_terminals]
        assert [population.terminal_id(index) for index in kept] == [city.hand_terminal, city.page_terminal]
        assert {population.terminal_partner(index) for index in kept} == {population.partner_id(0)}


def test_only_where_entitlements_end_has_one_ended() -> None:
    """The card whose entitlement has ended is there in Zgierz, and is a sound card elsewhere."""
    for city in CITIES:
        population, index = city.population, 231
        assert (population.peculiarity(index) is Peculiarity.LAPSED) is (city.code == "zgierz")
        assert (holder_of(population, index).entitled_until == LAPSED_ON) is (city.code == "zgierz")
