"""`cityswitch office demo`: the demo's switch and cities, with the office's site and logins beside them.

Owns which logins there are. Must not know the steps of a demo (`ops.demo`) nor pages. Invariants: it is
served on loopback alone; its passwords are no secrets, and stand in no installation but a demo's.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from ledger.errors import EmbeddedFault, EmbeddedPostgresError, RegistryRefused
from ledger.postgres.database import Connection
from ledger.registry.audit import Actor
from ledger.registry.cards import find_cards
from ledger.registry.holder_imports import NewHolder, add_holders
from ledger.registry.holders import find_holder
from ledger.registry.logins import ROLES, Kind
from ledger.registry.numbers import Numbers
from ledger.registry.partners import list_partners
from ledger.registry.people import Person, find_person
from ledger.registry.secrets import MasterKey
from ops.demo.fleet import Scenario
from ops.demo.steps import play
from ops.exit_codes import Exit
from ops.place.database import running_server
from ops.place.options import Place
from ops.place.running import RunningNote
from ops.web.identity.making import make_login
from ops.web.identity.passwords import Passwords
from ops.web.identity.second_factor import code_at, typed_secret
from ops.web.office_run import OfficeOptions, running_office
from ops.web.offices import Office, open_offices
from simulators.city.example import CITIES, City
from switch.config import Config

RATE_PER_S: Final = 20.0
PASSWORD: Final = "karta na pokaz 2026"  # noqa: S105 a demo's: it is printed
SECRET: Final = b"a demo's secret only"
ACTOR: Final = Actor("office demo", "logins to try the site with")
TRIED: Final = 400
"""Among so many of a city's first cards, with which its fleet trades, a holder is looked for."""


async def play_office(place: Place) -> Exit:
    """Run it until Ctrl-C."""

    @asynccontextmanager
    async def pages(config: Config, _running: RunningNote) -> AsyncIterator[Sequence[str]]:
        owner = (
            place.dsn
            or (
                await running_server(
                    config.state_path / "postgres",
                    EmbeddedPostgresError(EmbeddedFault.NOT_STARTED, "the embedded Postgres does not run"),
                )
            ).owner
        )
        master = MasterKey.load(config.master_key_path)
        async with open_offices(owner, master) as offices:
            for city in CITIES:
                await _logins(offices[city.population.programme], city)
        async with running_office(config, owner, OfficeOptions(or_any=True)) as url:
            yield _told(url)

    return await play(place, Scenario(seconds=None, rate_per_s=RATE_PER_S), pages)


def _told(url: str) -> list[str]:
    return [
        f"Office: {url} (development: these logins are no secrets)",
        f"  password of all: {PASSWORD}",
        "  login holder, in each of the three cities",
        "  login officer, second factor below; login partner",
        f"  second factor: secret {typed_secret(SECRET)}, now {code_at(SECRET, time.time())}",
    ]


async def _logins(office: Office, city: City) -> None:
    passwords = Passwords()

    async def find(connection: Connection) -> tuple[int | None, int | None]:
        return await _holder(connection, office.master, city), await _partner(connection, office)

    account, partner = await office.database.run(find, timeout_s=60.0)
    wanted: list[tuple[Kind, str, dict[str, Any]]] = [
        ("officer", "officer", {"shown": "Officer", "roles": ROLES, "second": SECRET})
    ]
    if account is not None:
        wanted.append(("holder", "holder", {"account": account}))
    if partner is not None:
        wanted.append(("partner", "partner", {"shown": "Partner", "partner": partner}))
    for kind, name, more in wanted:
        try:
            await make_login(office, passwords, ACTOR, kind, name, password=PASSWORD, **more)
        except RegistryRefused:
            continue  # an earlier demo made it


async def _holder(connection: Connection, master: MasterKey, city: City) -> int | None:
    """A card the fleet trades with, whose holder is known; made known where nothing is kept of the holder."""
    numbers = await Numbers.of(connection, master, city.population.programme)
    tokens = [numbers.token(city.population.card_digits(index)) for index in range(TRIED)]
    await numbers.reenter(connection, ACTOR)
    rows = {row["token"]: row for row in await find_cards(connection, tokens) if row["status"] == 0}
    spare = None
    for each in tokens:
        if (row := rows.get(each)) is None:
            continue
        if await find_person(connection, master.vault, row["account"]) is not None:
            return int(row["account"])
        if spare is None and await find_holder(connection, row["account"]) is None:
            spare = row
    if spare is None:
        return None
    new = NewHolder(spare["token"], person=Person("Osoba na pokaz", email="holder@example.org"))
    await add_holders(connection, ACTOR, master.vault, city.population.programme, [new])
    return int(spare["account"])


async def _partner(connection: Connection, office: Office) -> int | None:
    rows = await list_partners(connection, limit=1)
    return int(rows[0]["id"]) if rows else None
