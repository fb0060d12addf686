"""Who acts for whom on the web: codes taken, proxies given and ended, sessions that act.

Owns the use cases. Must not write SQL (`ledger.registry.acting_for` does), nor know pages. Invariant: of a
code its hash alone gets here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from ledger.postgres.database import Connection, Database
from ledger.registry import acting_for, agreements
from ledger.registry.acting_for import Represented
from ledger.registry.agreements import Representative
from ledger.registry.audit import Actor
from ledger.registry.secrets import MasterKey
from ops.office.account_cards import any_card

CODE_HOURS: Final = 14 * 24


@dataclass(frozen=True)
class Circle:
    """A holder, those the holder acts for, and those who act for the holder."""

    database: Database
    master: MasterKey
    programme: int
    account: int

    async def represented(self, login: int) -> list[Represented]:
        """Return for whom a login may act today."""
        return await self.database.run(lambda c: acting_for.represented(c, self.master.vault, login))

    async def act_for(self, session: bytes, account: int | None) -> bool:
        """Let a session act for an account, or for its own holder again; whether it may."""
        return await self.database.run(lambda c: acting_for.act_for(c, session, account))

    async def take_code(self, actor: Actor, code: bytes, login: int) -> None:
        """Let a login act for whom a code names. Raises RegistryRefused."""
        await self.database.run(lambda c: acting_for.take_code(c, actor, self.programme, code, login))

    async def representatives(self) -> list[dict[str, Any]]:
        """Return who may act for the holder: role, name, until, and whether by a login (None: at a desk)."""

        async def job(connection: Connection) -> list[dict[str, Any]]:
            token = await self._token(connection)
            _, rows = await agreements.list_agreements(connection, self.master.vault, token)
            linked = await acting_for.linked_numbers(connection, self.account)
            return [{**row, "has_login": linked.get(row["number"])} for row in rows]

        return await self.database.run(job)

    async def give_proxy(self, actor: Actor, name: str, until: date | None, code: bytes) -> None:
        """Name a proxy until a day, whom a code makes one; of one who has used none yet, named again, another
        code takes the place of the one before. Raises RegistryRefused.
        """
        who = Representative("proxy", name, until=until)

        async def job(connection: Connection) -> None:
            token = await self._token(connection)
            vault = self.master.vault
            if (waiting := await self._waiting(connection, token, who)) is not None:
                link = acting_for.NewLink(self.programme, self.account, waiting, code)
                await acting_for.put_code(connection, actor, link, hours=CODE_HOURS)
                return
            await acting_for.give_proxy(connection, actor, vault, token, who, code=code, hours=CODE_HOURS)

        await self.database.run(job)

    async def end_proxy(self, actor: Actor, number: int) -> None:
        """End a proxy, at once. Raises NotInRegistry."""

        async def job(connection: Connection) -> None:
            await acting_for.end_proxy(connection, actor, await self._token(connection), number)

        await self.database.run(job)

    async def _waiting(self, connection: Connection, token: int, who: Representative) -> int | None:
        """Return the number of the proxy of this name and day whose code was not used yet; None: there is
        none.
        """
        _, rows = await agreements.list_agreements(connection, self.master.vault, token)
        linked = await acting_for.linked_numbers(connection, self.account)
        for row in rows:
            is_same = (row["role"], row["name"], row["until"]) == (who.role, who.name, who.until)
            if is_same and linked.get(row["number"]) is False:
                return int(row["number"])
        return None

    async def _token(self, connection: Connection) -> int:
        return int((await any_card(connection, self.account))["token"])
