"""Owns how what is known of a person is sealed: under the holder's own key, bound to the place it stands in.

A sealed value says by which key it opens, and opens in its own place alone: a column of one row of one
programme (AES-256-GCM, the place as associated data). Once the key is destroyed it is noise wherever a copy
of it lies: in tables, logs, dumps and backups. An empty text is an empty value, for that nobody said
something is no secret. Which key is whose stands in `people.key`; an applicant has one before there is an
account, and keeps it. No error repeats what was sealed.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from cryptography.exceptions import InvalidTag

from ledger.errors import HolderErased, NotInRegistry, SecretsError
from ledger.postgres.database import Connection
from ledger.registry.vault import Vault

_VERSION: Final = b"\1"
_KEY_END: Final = 9
_NONCE_END: Final = 21
OVERHEAD_BYTES: Final = 37
"""By which a sealed value is longer than the text: version, key, nonce and tag."""

_KEYS: Final = "select account, key from people.key where account = any($1::bigint[])"
_LAST: Final = "select coalesce(max(key), 0) from people.key"
_REGISTER: Final = """insert into people.key (key, programme, account)
  select r.key, $1, r.account from unnest($2::bigint[], $3::bigint[]) as r(key, account)"""


def place(programme: int, row: int, column: str) -> bytes:
    """Return where a value stands: an account (or another row's number) and a column, "person.name"."""
    return f"{programme}/{row}/{column}".encode()


def seal(vault: Vault, key: int, text: str | bytes, at: bytes) -> bytes:
    """Seal a text, or bytes, under a key of the vault for its place; an empty one stays empty.

    Raises HolderErased for a key that was destroyed.
    """
    if not text:
        return b""
    head = _VERSION + key.to_bytes(_KEY_END - 1, "big")
    nonce = vault.random(_NONCE_END - _KEY_END)
    plain = text.encode() if isinstance(text, str) else text
    return head + nonce + vault.cipher(key).encrypt(nonce, plain, head + at)


def unseal_bytes(vault: Vault, sealed: bytes, at: bytes) -> bytes:
    """Return what `seal` sealed for this place. Raises HolderErased, or SecretsError if it was tampered
    with.
    """
    if not sealed:
        return b""
    head, nonce = sealed[:_KEY_END], sealed[_KEY_END:_NONCE_END]
    if len(sealed) <= OVERHEAD_BYTES or head[:1] != _VERSION:
        raise SecretsError("what is sealed here was damaged")
    try:
        return vault.cipher(key_in(sealed)).decrypt(nonce, sealed[_NONCE_END:], head + at)
    except InvalidTag:
        raise SecretsError("what is sealed here was damaged, or put here from another place") from None


def unseal(vault: Vault, sealed: bytes, at: bytes) -> str:
    """Return the text that `seal` sealed for this place; see `unseal_bytes`."""
    return unseal_bytes(vault, sealed, at).decode()


def key_in(sealed: bytes) -> int:
    """Return the number of the key that opens a sealed value."""
    return int.from_bytes(sealed[1:_KEY_END], "big")


async def new_keys(
    connection: Connection, vault: Vault, programme: int, accounts: Iterable[int | None]
) -> list[int]:
    """Draw keys for accounts that have none, or (None) for who has no account yet, within a write that has
    begun; return their numbers.
    """
    whose = list(accounts)
    if not whose:
        return []
    if (last := await connection.fetchval(_LAST)) > vault.count():
        raise SecretsError(
            f"the vault of holders' keys is older than the database, which knows key {last}: "
            "restore its newest copy"
        )
    keys = vault.draw(len(whose))
    await connection.execute(_REGISTER, programme, keys, whose)
    return keys


async def find_keys(connection: Connection, accounts: Iterable[int]) -> dict[int, int]:
    """Return the keys of those accounts that have one."""
    rows = await connection.fetch(_KEYS, list(accounts))
    return {row["account"]: row["key"] for row in rows}


async def key_of(connection: Connection, vault: Vault, programme: int, account: int) -> int:
    """Return the key of an account, drawn at its first use, within a write that has begun."""
    found = await find_keys(connection, [account])
    return found[account] if found else (await new_keys(connection, vault, programme, [account]))[0]


async def give_key(connection: Connection, key: int, account: int) -> None:
    """Let the key of an applicant be that of the account that was made of it, within a write that has begun.

    What the applicant had sealed with it is erased with the account.
    """
    given = await connection.fetchval(
        "update people.key set account = $2 where key = $1 and account is null returning true", key, account
    )
    if not given:
        raise NotInRegistry("that key is no applicant's")


async def erase_key(connection: Connection, vault: Vault, key: int) -> None:
    """Destroy a key and with it whatever was sealed by it: the last step of a write that has begun.

    Should the write then fail, the erasure is done again by `erasures.apply_erasures`.
    """
    account = await connection.fetchval(
        "delete from people.key where key = $1 returning coalesce(account, 0)", key
    )
    if account is not None:
        vault.destroy(key, account=account)


__all__ = [
    "OVERHEAD_BYTES",
    "HolderErased",
    "erase_key",
    "find_keys",
    "give_key",
    "key_in",
    "key_of",
    "new_keys",
    "place",
    "seal",
    "unseal",
    "unseal_bytes",
]
