"""Writes a `Population` into the registry of a migrated database; a second run adds nothing.

Owns the order of things (programme, rules, partners, terminals, keys, cards, duplicates) and what the
peculiarities mean in the registry. **For development only**: the terminals' keys follow from the seed.

Must not know: SQL (that is `ledger.registry`'s), sockets, how a card number is hashed (`MasterKey.token`).

Invariants: nothing that is there already is changed; a registry that holds the same terminals with other
keys (another seed) is refused before anything is written.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from importlib import resources
from typing import Final, TypeAlias

from ledger.errors import SecretsError
from ledger.postgres.database import Connection, Database
from ledger.registry.audit import Actor
from ledger.registry.card_states import CardStatus
from ledger.registry.cards import CardRow, find_cards, import_cards
from ledger.registry.duplicates import replace_card
from ledger.registry.imports import Mode
from ledger.registry.installation import adopt_master_key
from ledger.registry.keys import first_keys, issue_keys
from ledger.registry.partners import NewPartner, import_partners
from ledger.registry.programmes import add_programme, add_rules, list_programmes, list_rules
from ledger.registry.secrets import MasterKey, Pepper
from ledger.registry.terminals import NewTerminal, import_terminals
from simulators.city.population import Peculiarity, Population
from switch.rules.entitlement import steps_of
from switch.rules.programme import parse_rules

SEEDER: Final = Actor("simulators", "a simulated city")
STEP_S_MAX: Final = 120.0
CARDS_S_MAX: Final = 3_600.0
_RULES_FROM: Final = datetime(2016, 12, 19, tzinfo=UTC)
"""The programme's first day (programmes, A)."""
_EXPIRED_ON: Final = date(2020, 12, 31)

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


def czestochowa_rules() -> str:
    """Return the rules of programme A as they are delivered with the switch (TOML)."""
    return resources.files("switch").joinpath("rules/programmes/czestochowa.toml").read_text(encoding="utf-8")


async def seed_city(
    database: Database,
    population: Population,
    master: MasterKey,
    *,
    rules_toml: str | None = None,
    on_progress: Progress = lambda what, done, total: None,
) -> SeedReport:
    """Write the city through the owner's `database`. `rules_toml` None: Częstochowa's.

    Raises SeedConflict, RegistryRefused, the errors of `Database.run`, and RulesError for bad rules.
    """
    text = czestochowa_rules() if rules_toml is None else rules_toml
    identity = parse_rules(text).programme
    missing_keys = await database.run(
        lambda c: _terminals_without_key(c, population, master), timeout_s=STEP_S_MAX
    )

    on_progress("partners", 0, population.partners)
    await database.run(lambda c: _ensure_programme(c, identity.number, identity.code, identity.name, text))
    partners = await database.run(
        lambda c: import_partners(c, SEEDER, identity.number, _partners(population), Mode.GOOD_ROWS),
        timeout_s=STEP_S_MAX,
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
    pepper = master.pepper(identity.number)
    cards = await database.run(
        lambda c: import_cards(
            c,
            SEEDER,
            identity.number,
            (_card(population, pepper, index) for index in range(population.cards)),
            Mode.GOOD_ROWS,
            on_stored=lambda stored: on_progress("cards", stored, population.cards),
        ),
        timeout_s=CARDS_S_MAX,
    )
    on_progress("cards", population.cards, population.cards)
    duplicates = await database.run(lambda c: _seed_duplicates(c, population, pepper), timeout_s=STEP_S_MAX)
    return SeedReport(partners.added, terminals.added, len(missing_keys), cards.added, duplicates)


async def _ensure_programme(connection: Connection, number: int, code: str, name: str, rules: str) -> None:
    known = {row["id"]: row["code"] for row in await list_programmes(connection)}
    if number not in known:
        await add_programme(connection, SEEDER, programme=number, code=code, name=name)
    elif known[number] != code:
        raise SeedConflict(f"programme {number} is {known[number]!r} in this registry, not {code!r}")
    if not await list_rules(connection, number):
        parsed = parse_rules(rules)
        await add_rules(
            connection,
            SEEDER,
            programme=number,
            effective_from=_RULES_FROM,
            rules_toml=rules,
            time_zone=parsed.programme.time_zone,
            kind_steps=steps_of(parsed),
        )


async def _terminals_without_key(
    connection: Connection, population: Population, master: MasterKey
) -> list[int]:
    """Return the indexes of terminals to give a key to; raise SeedConflict where another key is known."""
    try:
        await adopt_master_key(connection, master)
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


def _partners(population: Population) -> Iterator[NewPartner]:
    for index in range(population.partners):
        # A limited number of main partners (programmes, A); here every hundredth shop.
        yield NewPartner(population.partner_id(index), population.partner_name(index), index % 100 == 0)


def _terminals(population: Population) -> Iterator[NewTerminal]:
    for index in range(population.terminals):
        yield NewTerminal(
            population.terminal_id(index), population.terminal_partner(index), f"kasa {index + 1}"
        )


def _card(population: Population, pepper: Pepper, index: int) -> CardRow:
    digits = population.card_digits(index)
    peculiarity = population.peculiarity(index)
    status = {Peculiarity.BLOCKED: CardStatus.BLOCKED, Peculiarity.RETAIN: CardStatus.WANTED}.get(
        peculiarity, CardStatus.ACTIVE
    )
    expires_on = _EXPIRED_ON if peculiarity is Peculiarity.EXPIRED else None
    return CardRow(pepper.token(digits), digits[-4:], expires_on, status)


async def _seed_duplicates(connection: Connection, population: Population, pepper: Pepper) -> int:
    """Give every REPLACED card its duplicate; the plastic dies and the account lives on."""
    tokens = {
        pepper.token(population.card_digits(index)): index
        for index in range(population.cards)
        if population.peculiarity(index) is Peculiarity.REPLACED
    }
    rows = [row for row in await find_cards(connection, tokens) if row["status"] == CardStatus.ACTIVE]
    async with connection.transaction():
        for row in rows:
            digits = population.replacement_digits(tokens[row["token"]])
            token = pepper.token(digits)
            await replace_card(connection, SEEDER, row["token"], token, digits[-4:], handed_over=True)
    return len(rows)
