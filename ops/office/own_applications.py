"""An application as whoever asked deals with it: files, completion, withdrawal.

Owns these use cases, of an application that was found to be the asker's own: by the holder's account here, by
its secret in `ops.office.online`. Must not write SQL, nor know pages. Invariant: whoever asked moves it to no
other state, whatever the table of moves lets the desk do.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import Final

from ledger.errors import NotInRegistry, RegistryRefused
from ledger.registry.applications import KINDS
from ledger.registry.audit import Actor
from ops.office.application_view import View
from ops.office.applications import ApplicationDesk
from ops.office.uploads.check import Checked

WITHDRAWABLE: Final = ("received", "called", "verified")


@dataclass(frozen=True)
class OwnApplication:
    """An application, and as whom it is written by whoever asked."""

    desk: ApplicationDesk
    actor: Actor
    view: View

    @property
    def number(self) -> int:
        """Its number."""
        return int(self.view.row["number"])

    @property
    def state(self) -> str:
        """How it stands."""
        return str(self.view.row["state"])

    async def attach(self, kind: str, checked: Checked) -> None:
        """Keep a file that was checked. Raises RegistryRefused where no more are taken."""
        await self.desk.keep(self.actor, self.number, kind, checked)

    async def complete(self, digest: str) -> date:
        """Say that what was called for has come; `digest`: of what was shown to whoever asked. Raises
        RegistryRefused where nothing was called for, or it is another by now.
        """
        if self.state != "called":
            raise RegistryRefused("nothing is called for")
        return await self.desk.complete(self.actor, self.number, digest=digest)

    async def withdraw(self, digest: str) -> None:
        """Ask no more; `digest`: of what was shown. Raises RegistryRefused once it is granted, has ended, or
        is another.
        """
        if self.state not in WITHDRAWABLE:
            raise RegistryRefused("an application that is decided is withdrawn at a desk")
        await self.desk.withdraw(self.actor, self.number, digest=digest)


async def own_application(
    desk: ApplicationDesk, actor: Actor, account: int, number: int, kinds: Collection[str] = KINDS
) -> OwnApplication:
    """Return an application of an account, of one of these kinds. Raises NotInRegistry for every other."""
    view = await desk.show(number)
    if view.row["account"] != account or view.row["kind"] not in kinds:
        raise NotInRegistry("there is no application {number}", number=number)
    return OwnApplication(desk, actor, view)
