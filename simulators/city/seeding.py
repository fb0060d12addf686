"""Writes a `Population` into the registry of a migrated database; a second run adds nothing.

Owns the order of things (programme, rules, partners, outlets, offers, terminals, keys, cards, holders,
duplicates) and what the peculiarities mean in the registry. **For development only**: the terminals' keys
follow from the seed.

Must not know: SQL (that is `ledger.registry`'s), sockets, how a card number is hashed (`MasterKey.token`).

Invariants: nothing that is there already is changed; a registry that holds the same terminals with other
keys (another seed) is refused before anything is written.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final, TypeAlias

from ledger.errors import NotInRegistry, SecretsError
from ledger.postgres.database import Connection, Database
from ledger.registry.audit import Actor
from ledger.registry.card_states import CardStatus
from ledger.registry.cards import CardRow, find_cards, import_cards
from ledger.registry.duplicates import replace_card
from ledger.registry.holder_imports import NewHolder, add_holders
from ledger.registry.imports import Import, Mode
from ledger.registry.installation import adopt_master_key
from ledger.registry.invoice_parties import set_seller, the_seller
from ledger.registry.keys import first_keys, issue_keys
from ledger.registry.numbers import Numbers
from ledger.registry.offers import NewOffer, import_offers, list_offers, publish_draft
from ledger.registry.outlets import NewOutlet, import_outlets
from ledger.registry.partner_contracts import add_details
from ledger.registry.partners import NewPartner, import_partners
from ledger.registry.people import Person
from ledger.registry.programmes import add_programme, add_rules, list_programmes, list_rules
from ledger.registry.secrets import MasterKey
from ledger.registry.terminals import NewTerminal, import_terminals
from simulators.city.holders import holder_of
from simulators.city.offers import offers_of
from simulators.city.parties import details_of, seller_of
from simulators.city.population import Peculiarity, Population
from switch.clock import clock_ms
from switch.rules.calendar import Calendar
from switch.rules.dates import day_of_number
from switch.rules.entitlement import steps_of
from switch.rules.offers import Offer, encode_offer
from switch.rules.programme import Rules, parse_rules

SEEDER: Final = Actor("simulators", "a simulated city")
STEP_S_MAX: Final = 120.0
CARDS_S_MAX: Final = 3_600.0
_EXPIRED_ON: Final = date(2020, 12, 31)
_PAGE_ROWS: Final = 1_000

Progress: TypeAlias = Callable[[str, int, int], None]
"""Called with (what is being written, how many are done, how many there will be)."""


class SeedConflict(Exception):
    """The registry holds a city of another seed or under another master key; use an empty database."""


@dataclass(frozen=True)
class SeedReport:
    """How many rows a run added; all zero when the city was there already."""

    partners: int
    terminals: int
    keys: int
    cards: int
    duplicates: int
    offers: int = 0
    holders: int = 0


async def seed_city(
    database: Database,
    population: Population,
    master: MasterKey,
    *,
    on_progress: Progress = lambda what, done, total: None,
) -> SeedReport:
    """Write the city, under the rules and offers of its place, through the owner's `database`.

    Raises SeedConflict, RegistryRefused, and the errors of `Database.run`.
    """
    place = population.place
    rules = parse_rules(place.rules_toml, source=f"{place.code}.toml")
    programme = rules.programme.number
    missing_keys = await database.run(
        lambda c: _terminals_without_key(c, population, master), timeout_s=STEP_S_MAX
    )

    on_progress("partners", 0, population.partners)
    await database.run(lambda c: _ensure_programme(c, population, rules))
    partners = await database.run(
        lambda c: import_partners(c, SEEDER, programme, _partners(population, rules), Mode.GOOD_ROWS),
        timeout_s=STEP_S_MAX,
    )
    await database.run(lambda c: _name_parties(c, population, rules), timeout_s=STEP_S_MAX)
    await database.run(
        lambda c: import_outlets(c, SEEDER, _outlets(population), Mode.GOOD_ROWS), timeout_s=STEP_S_MAX
    )
    offers = await database.run(
        lambda c: _seed_offers(c, population, offers_of(population)), timeout_s=STEP_S_MAX
    )
    on_progress("partners", population.partners, population.partners)

    on_progress("terminals", 0, population.terminals)
    terminals = await database.run(
        lambda c: import_terminals(c, SEEDER, _terminals(population), Mode.GOOD_ROWS), timeout_s=STEP_S_MAX
    )
    if missing_keys:
        keys = {population.terminal_id(index): population.terminal_key(index) for index in missing_keys}
        await database.run(lambda c: issue_keys(c, SEEDER, master, keys), timeout_s=STEP_S_MAX)
    on_progress("terminals", population.terminals, population.terminals)

    on_progress("cards", 0, population.cards)
    numbers = await database.run(lambda c: Numbers.of(c, master, programme), timeout_s=STEP_S_MAX)
    cards = await database.run(
        lambda c: _seed_cards(c, population, rules, numbers, on_progress), timeout_s=CARDS_S_MAX
    )
    holders = await database.run(
        lambda c: add_holders(
            c, SEEDER, master.vault, programme, _holders(population, numbers), mode=Mode.GOOD_ROWS
        ),
        timeout_s=CARDS_S_MAX,
    )
    on_progress("cards", population.cards, population.cards)
    duplicates = await database.run(lambda c: _seed_duplicates(c, population, numbers), timeout_s=STEP_S_MAX)
    return SeedReport(
        partners.added, terminals.added, len(missing_keys), cards.added, duplicates, offers, holders.added
    )


async def _ensure_programme(connection: Connection, population: Population, rules: Rules) -> None:
    place, identity = population.place, rules.programme
    known = {row["id"]: row["code"] for row in await list_programmes(connection)}
    if identity.number not in known:
        await add_programme(
            connection, SEEDER, programme=identity.number, code=identity.code, name=identity.name
        )
    elif known[identity.number] != identity.code:
        there = known[identity.number]
        raise SeedConflict(
            f"programme {identity.number} is {there!r} in this registry, not {identity.code!r}"
        )
    if not await list_rules(connection, identity.number):
        await add_rules(
            connection,
            SEEDER,
            programme=identity.number,
            effective_from=place.begins,
            rules_toml=place.rules_toml,
            time_zone=identity.time_zone,
            kind_steps=steps_of(rules),
        )


async def _name_parties(connection: Connection, population: Population, rules: Rules) -> None:
    """Say who sells and who buys, for invoices; who is named already stays so."""
    identity = rules.programme
    try:
        await the_seller(connection, identity.number)
    except NotInRegistry:
        await set_seller(connection, SEEDER, identity.number, seller_of(population, identity.name))
    details = {
        population.partner_id(index): details_of(population, index) for index in range(population.partners)
    }
    await add_details(connection, SEEDER, identity.number, details)


async def publish_offers(database: Database, population: Population, offers: Iterable[Offer]) -> int:
    """Publish further offers of a city that is there; those whose numbers are there stay as they are."""
    return await database.run(lambda c: _seed_offers(c, population, offers), timeout_s=STEP_S_MAX)


async def _seed_offers(connection: Connection, population: Population, offers: Iterable[Offer]) -> int:
    """Publish the offers whose numbers the registry does not have; they hold since the programme began."""
    place = population.place
    known: set[int] = set()
    while rows := await list_offers(
        connection, place.programme, after=max(known, default=0), limit=_PAGE_ROWS
    ):
        known |= {row["number"] for row in rows}
    new = [offer for offer in offers if offer.number not in known]
    drafts = [NewOffer(offer.number, offer.partner, offer.outlets, encode_offer(offer)) for offer in new]
    async with connection.transaction():
        await import_offers(connection, SEEDER, place.programme, drafts)
        for offer in new:
            await publish_draft(
                connection,
                SEEDER,
                programme=place.programme,
                number=offer.number,
                effective_from=place.begins,
            )
    return len(new)


async def _terminals_without_key(
    connection: Connection, population: Population, master: MasterKey
) -> list[int]:
    """Return the indexes of terminals to give a key to; raise SeedConflict where another key is known."""
    try:
        await adopt_master_key(connection, SEEDER, master)
    except SecretsError as error:
        raise SeedConflict(str(error)) from None
    wrapped = await first_keys(
        connection, population.terminal_id(0), population.terminal_id(population.terminals - 1)
    )
    missing = []
    for index in range(population.terminals):
        terminal = population.terminal_id(index)
        if terminal not in wrapped:
            missing.append(index)
            continue
        try:
            key = master.unwrap(terminal, 1, wrapped[terminal])
        except SecretsError as error:
            raise SeedConflict(str(error)) from None
        if key != population.terminal_key(index):
            raise SeedConflict(f"terminal {terminal} has a key of another seed in this registry")
    return missing


def _partners(population: Population, rules: Rules) -> Iterator[NewPartner]:
    for index in range(population.partners):
        # A limited number of main partners (Częstochowa, Główni Partnerzy); here every hundredth shop.
        has_main = rules.partners is not None and rules.partners.main_max > 0
        is_main = has_main and index % 100 == 0
        yield NewPartner(population.partner_id(index), population.partner_name(index), is_main)


def _outlets(population: Population) -> Iterator[NewOutlet]:
    """Each partner has one, of the partner's number and name."""
    for index in range(population.partners):
        partner = population.partner_id(index)
        yield NewOutlet(partner, partner, population.partner_name(index))


def _terminals(population: Population) -> Iterator[NewTerminal]:
    for index in range(population.terminals):
        partner = population.terminal_partner(index)
        yield NewTerminal(population.terminal_id(index), partner, f"kasa {index + 1}", partner)


def _today(rules: Rules) -> date:
    """The day it is in the city: its cards are issued on it."""
    return day_of_number(Calendar(rules.programme.time_zone).day(clock_ms()))


def _card(population: Population, numbers: Numbers, index: int) -> CardRow:
    digits = population.card_digits(index)
    peculiarity = population.peculiarity(index)
    status = {Peculiarity.BLOCKED: CardStatus.BLOCKED, Peculiarity.RETAIN: CardStatus.WANTED}.get(
        peculiarity, CardStatus.ACTIVE
    )
    expires_on = _EXPIRED_ON if peculiarity is Peculiarity.EXPIRED else None
    return CardRow(numbers.token(digits), digits[-4:], expires_on, status)


def _holders(population: Population, numbers: Numbers) -> Iterator[NewHolder]:
    for index in range(population.cards):
        holder = holder_of(population, index)
        if not holder.is_kept:
            continue
        born_on = holder.born_on
        yield NewHolder(
            numbers.token(population.card_digits(index)),
            flags=holder.flags,
            entitled_until=holder.entitled_until,
            person=Person(f"Osoba {index + 1}", born_on=born_on, email=f"osoba{index + 1}@poczta.example")
            if born_on
            else None,
        )


async def _seed_cards(
    connection: Connection, population: Population, rules: Rules, numbers: Numbers, on_progress: Progress
) -> Import:
    rows = [_card(population, numbers, index) for index in range(population.cards)]
    await numbers.reenter(connection, SEEDER)
    return await import_cards(
        connection,
        SEEDER,
        numbers.programme,
        rows,
        Mode.GOOD_ROWS,
        on_stored=lambda stored: on_progress("cards", stored, population.cards),
        last_day=rules.card.valid_until(_today(rules)),
        pepper=numbers.pepper,
    )


async def _seed_duplicates(connection: Connection, population: Population, numbers: Numbers) -> int:
    """Give every REPLACED card its duplicate; the plastic dies and the account lives on."""
    tokens = {
        numbers.token(population.card_digits(index)): index
        for index in range(population.cards)
        if population.peculiarity(index) is Peculiarity.REPLACED
    }
    rows = [row for row in await find_cards(connection, tokens) if row["status"] == CardStatus.ACTIVE]
    async with connection.transaction():
        for row in rows:
            digits = population.replacement_digits(tokens[row["token"]])
            token = numbers.token(digits)
            await numbers.reenter(connection, SEEDER)
            await replace_card(
                connection, SEEDER, row["token"], token, digits[-4:], handed_over=True, pepper=numbers.pepper
            )
    return len(rows)
