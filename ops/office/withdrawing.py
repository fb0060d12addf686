"""What a withdrawn application leaves behind: no fee unreturned, no holder by a card that nobody was handed.

Owns these steps; each is one write. Must not know who may withdraw (`ledger.registry.applications` does).
"""

from ledger.postgres.database import Connection
from ledger.registry import applications as kept
from ledger.registry.applications import Step, Which
from ledger.registry.audit import Actor, writing
from ledger.registry.card_fees import check_given_back
from ledger.registry.card_states import CardStatus, check_move
from ledger.registry.contracts import end_account
from ledger.registry.erasures import forget_account
from ledger.registry.vault import Vault


async def withdraw(
    connection: Connection, actor: Actor, vault: Vault, which: Which, step: Step, *, digest: str | None
) -> None:
    """Withdraw an application; the account of a first card that lies ready ends with it.

    Raises RegistryRefused where a fee was paid and not given back, and what `move_application` raises.
    """
    async with writing(connection, actor):
        row = await kept.move_application(connection, actor, vault, which, step, digest=digest)
        if row["carrier"] is not None:
            await check_given_back(connection, row)
        if row["state"] == "ready" and row["kind"] == "first":
            check_move(CardStatus.READY, CardStatus.CLOSED, actor.hand)
            await end_account(connection, actor, row["account"], CardStatus.CLOSED)


async def remove(
    connection: Connection, actor: Actor, vault: Vault, which: Which, via: str | None = None
) -> None:
    """Remove what an application that has ended says; of a first one that was withdrawn when its card lay
    ready the holder whom it made, too, whatever other account the same person has.
    """
    async with writing(connection, actor):
        row = await kept.remove_application(connection, actor, vault, which, via)
        if row["state"] == "withdrawn" and row["kind"] == "first" and row["account"] is not None:
            await forget_account(connection, actor, vault, which.programme, row["account"])
