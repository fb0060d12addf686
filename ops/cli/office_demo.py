"""`cityswitch office demo`: the demo's switch and cities, with the office's site and logins beside them.

Owns which logins there are, and where the demo's letters go. Must not know the steps of a demo (`ops.demo`)
nor pages. Invariants: it is served on loopback alone; its passwords are no secrets, and stand in no
installation but a demo's; nothing is sent to anybody, for every letter is a file.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import date
from pathlib import Path
from typing import Any, Final

import trio

from ledger.errors import EmbeddedFault, EmbeddedPostgresError, RegistryRefused
from ledger.postgres.database import Connection, open_database
from ledger.registry.agreements import give_consent, list_agreements
from ledger.registry.audit import Actor
from ledger.registry.cards import find_cards
from ledger.registry.holder_imports import NewHolder, add_holders
from ledger.registry.holders import find_holder
from ledger.registry.logins import ROLES, Kind
from ledger.registry.numbers import Numbers
from ledger.registry.partners import list_partners
from ledger.registry.people import Person, is_known
from ledger.registry.programmes import today_of
from ledger.registry.secrets import MasterKey
from ops.demo.fleet import Scenario
from ops.demo.steps import play
from ops.exit_codes import Exit
from ops.notices.addresses import addresses
from ops.notices.channels import Channel, FileChannel
from ops.notices.mail import From
from ops.notices.mail_folder import MailFolder
from ops.notices.sender import Sender
from ops.place.database import running_server
from ops.place.options import Place
from ops.place.running import RunningNote
from ops.web.identity.mail import Mail
from ops.web.identity.making import make_login
from ops.web.identity.passwords import Passwords
from ops.web.identity.second_factor import code_at, typed_secret
from ops.web.office_run import OfficeOptions, running_office
from ops.web.offices import Office, open_offices
from simulators.city.example import CITIES, City
from simulators.city.holders import SENIOR, Holder, holder_of, kinds_on
from switch.config import Config

RATE_PER_S: Final = 20.0
FROM: Final = From("karta@example.org", "Karta na pokaz")
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
        letters = config.state_path / "mail"
        async with (
            _sending(owner, master, letters),
            running_office(
                config, owner, Mail(lambda: MailFolder(letters, FROM)), OfficeOptions(or_any=True)
            ) as url,
        ):
            yield _told(url, letters)

    return await play(place, Scenario(seconds=None, rate_per_s=RATE_PER_S), pages)


@asynccontextmanager
async def _sending(owner: str, master: MasterKey, letters: Path) -> AsyncIterator[None]:
    """Tell holders what happened, as `notices run` does, into the folder of letters."""
    await trio.Path(letters).mkdir(parents=True, exist_ok=True, mode=0o700)
    channels: dict[str, Channel] = {
        "email": MailFolder(letters, FROM),
        "sms": FileChannel(letters / "sms.jsonl"),
    }
    async with (
        open_database(owner, connections_max=2, application_name="cityswitch office demo") as database,
        trio.open_nursery() as nursery,
    ):
        nursery.start_soon(Sender(database, addresses(master.vault), channels).run)
        yield
        nursery.cancel_scope.cancel()


def _told(url: str, letters: Path) -> list[str]:
    return [
        f"Office: {url} (development: these logins are no secrets)",
        f"  password of all: {PASSWORD}",
        "  logins holder, officer, second (another officer: where two persons are wanted), admin (of logins)",
        "    and partner, in each of the three cities; officers and admin have the second factor below",
        f"  letters: {letters}",
        f"  second factor: secret {typed_secret(SECRET)}, now {code_at(SECRET, time.time())}",
    ]


async def _logins(office: Office, city: City) -> None:
    passwords = Passwords()

    async def find(connection: Connection) -> tuple[int | None, int | None]:
        return await _holder(connection, office.master, city), await _partner(connection, office)

    account, partner = await office.database.run(find, timeout_s=60.0)
    wanted: list[tuple[Kind, str, dict[str, Any]]] = [
        ("officer", name, {"shown": shown, "roles": roles, "second": SECRET})
        for name, shown, roles in (
            ("officer", "Officer", ROLES),
            ("second", "Second officer", ROLES),
            ("admin", "Administrator", ("admin",)),
        )
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
    """A card the fleet trades with, whose holder is known and a grown-up; made known where nothing is kept of
    the holder. The holder has agreed to what is kept.
    """
    population = city.population
    numbers = await Numbers.of(connection, master, population.programme)
    day = await today_of(connection, population.programme)
    tokens = [
        numbers.token(population.card_digits(index))
        for index in range(TRIED)
        if _is_grown_up(holder_of(population, index), day)
    ]
    await numbers.reenter(connection, ACTOR)
    rows = {row["token"]: row for row in await find_cards(connection, tokens) if row["status"] == 0}
    spare = None
    for each in tokens:
        if (row := rows.get(each)) is None:
            continue
        if await is_known(connection, master.vault, row["account"]):
            return await _agreed(connection, master, row)
        if spare is None and await find_holder(connection, row["account"]) is None:
            spare = row
    if spare is None:
        return None
    new = NewHolder(spare["token"], person=Person("Osoba na pokaz", email="holder@example.org"))
    await add_holders(connection, ACTOR, master.vault, population.programme, [new])
    return await _agreed(connection, master, spare)


def _is_grown_up(holder: Holder, day: date) -> bool:
    """Whether a holder, where a city keeps anything of one, is neither a child nor a senior by any mark."""
    return holder.born_on is None or (kinds_on(holder, day) == {"adult"} and not holder.flags & SENIOR)


async def _agreed(connection: Connection, master: MasterKey, card: Any) -> int:
    """Take down that a card's holder has agreed to what is kept, if it is not there; return the account."""
    consents, _ = await list_agreements(connection, master.vault, card["token"])
    if not any(row["kind"] == "data" and row["withdrawn_at"] is None for row in consents):
        await give_consent(connection, ACTOR, card["token"], "data")
    return int(card["account"])


async def _partner(connection: Connection, office: Office) -> int | None:
    rows = await list_partners(connection, limit=1)
    return int(rows[0]["id"]) if rows else None
