"""Owns the end of who a holder is: rows removed, the key destroyed; and all of it again after a restore.

The vault knows every key that was destroyed. A database that still has one of them, because it was restored
from an older backup or because a write failed at its very end, is brought there by `apply_erasures`: nothing
sealed could be read there anyway, and what stands in clear beside it (a date of birth, flags) goes too. Takes
the owner's connection; every write takes its actor.
"""

from typing import Any, Final, NamedTuple

from ledger.postgres.database import Connection
from ledger.registry.audit import Actor, writing
from ledger.registry.card_fees import check_erasable
from ledger.registry.card_states import ONLINE, CardStatus, Hand, check_move
from ledger.registry.cards import the_card
from ledger.registry.contracts import end_account
from ledger.registry.holders import check_own_end
from ledger.registry.pesel_tokens import basket_of, ended_beside, renew_basket
from ledger.registry.vault import Vault

ERASED_AGAIN: Final = "an erasure done again: the key of this holder was destroyed"
_FORGET: Final = """update registry.holder set flags = 0, guardian = false, kinds = 0, kinds_from = null,
    kinds_before = 0, next_from = null, kinds_next = 0, entitled_until = null, tax_year = null, past = '{}'
  where account = $1"""
_PENDING: Final = "select key, programme, account from people.key where key = any($1::bigint[]) order by key"
# What an applicant sent who never had an account: the key stands in what it sealed (`sealed.py`).
_APPLICANTS: Final = (
    "delete from people.application where account is null and substring(form from 2 for 8) = int8send($1)"
)
_DEAD_BASKETS: Final = (
    "select programme, basket from people.token_key where key = any($1::bigint[]) order by 1, 2"
)


async def anonymise(connection: Connection, actor: Actor, vault: Vault, token: int) -> int:
    """Remove who the holder of a card is, and end its account: the books stay, nobody is known by them any
    more. Accounts of the same PESEL whose contracts ended go with it; one that goes on ends only where it is
    the one asked for.

    Returns how many carriers ended with it (Zgierz § 19.9, § 26, § 38). Raises RegistryRefused where an
    office has a fee to give back first.
    """
    async with writing(connection, actor):
        card = await the_card(connection, token)
        check_move(CardStatus.ACTIVE, CardStatus.CLOSED, actor.hand)
        await check_own_end(connection, actor, card["account"])
        carriers, keys = 0, dict[int, list[int]]()
        for account in (*await ended_beside(connection, card["account"]), card["account"]):
            if actor.hand not in ONLINE:  # nobody is kept from it on line: what was paid is given back then
                await check_erasable(connection, card["programme"], account)
            ended, keys[account] = await _forget(connection, actor, vault, card["programme"], account)
            carriers += ended
        for account, theirs in keys.items():  # the last step: only the commit comes after it
            vault.destroy(*theirs, account=account)
    return carriers


async def forget_account(
    connection: Connection, actor: Actor, vault: Vault, programme: int, account: int
) -> None:
    """Remove who the holder of one account is, as `anonymise` does, whatever others the same person has."""
    async with writing(connection, actor):
        _, keys = await _forget(connection, actor, vault, programme, account)
        vault.destroy(*keys, account=account)


async def pending_erasures(connection: Connection, vault: Vault) -> list[Any]:
    """Return the keys that were destroyed and that this database still has: key, programme, account."""
    rows: list[Any] = await connection.fetch(_PENDING, [one.key for one in vault.destroyed()])
    return rows


class KeysLeft(NamedTuple):
    """How a database stands to its vault: destroyed keys that it has still, and its newest key."""

    left_over: int
    newest: int
    drawn: int
    """Of the vault: fewer than the newest key says that the vault is an older copy."""


async def read_keys_left(connection: Connection, vault: Vault) -> KeysLeft:
    """Compare a database with its vault; with the service's rights."""
    row = await connection.fetchrow(
        "select * from registry.keys_left_v1($1)", [one.key for one in vault.destroyed()]
    )
    return KeysLeft(row["left_over"], row["newest"], vault.count())


async def apply_erasures(connection: Connection, actor: Actor, vault: Vault) -> int:
    """Erase again whom this database still has, each in a write of its own; return how many keys it had.

    What is applied already is not there any more, so it may be broken off and begun again.
    """
    pending = await pending_erasures(connection, vault)
    again = actor._replace(hand=Hand.DESK, reason=actor.reason or ERASED_AGAIN)
    dead = await connection.fetch(_DEAD_BASKETS, [row["key"] for row in pending])
    for row in dead:
        async with writing(connection, again):
            await renew_basket(connection, vault, row["programme"], row["basket"])
    for row in pending:
        async with writing(connection, again):
            keys = [row["key"]]
            if row["account"] is not None:
                _, keys = await _forget(connection, again, vault, row["programme"], row["account"])
            await connection.execute("delete from people.key where key = $1", row["key"])
            if row["account"] is None:
                await connection.execute(_APPLICANTS, row["key"])
            vault.destroy(*keys, account=row["account"] or 0)
    return len(pending)


async def _forget(
    connection: Connection, actor: Actor, vault: Vault, programme: int, account: int
) -> tuple[int, list[int]]:
    """Remove what is known of the holder of an account; return how many carriers ended, and the keys to
    destroy.
    """
    ended = await end_account(connection, actor, account, CardStatus.CLOSED)
    basket = await basket_of(connection, vault, account)
    await connection.execute("delete from people.person where account = $1", account)
    await connection.execute(_FORGET, account)
    rows = await connection.fetch("delete from people.key where account = $1 returning key", account)
    keys = [row["key"] for row in rows]
    if basket is not None:
        keys += await renew_basket(connection, vault, programme, basket)
    return ended, keys
