"""Owns how a PESEL is known again without being readable: one number, one account that goes on (Zgierz § 7).

Who resigned, and asks for a card anew (§ 28), has two accounts: the old one stays as it is, and is found by
the number beside the new one, for as long as it tells who that is.

A token is a basket, of 256, and the HMAC of the number under the key of that basket, which lies in the vault.
Eleven digits could be tried through by whoever has the key, so a basket gets another one whenever somebody of
it is erased: the rest have new tokens, and the old key is destroyed with the holder's. Takes the owner's
connection; writes are within one that has begun.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from ledger.errors import HolderErased, SecretsError
from ledger.postgres.database import Connection
from ledger.registry.going_on import going_on
from ledger.registry.sealed import new_keys, place, unseal
from ledger.registry.vault import Vault

_TOKEN_BYTES: Final = 16
_KEYS: Final = (
    "select basket, key from people.token_key where programme = $1 and basket = any($2::smallint[])"
)
_SET_KEYS: Final = """insert into people.token_key (programme, basket, key)
  select $1, r.basket, r.key from unnest($2::smallint[], $3::bigint[]) as r(basket, key)
  on conflict (programme, basket) do update set key = excluded.key"""
_SET_TOKENS: Final = """insert into people.pesel_token (programme, token, account, is_current)
  select $1, r.token, r.account, r.is_current
  from unnest($2::bytea[], $3::bigint[], $4::boolean[]) as r(token, account, is_current)"""
_OF_TOKENS: Final = """select token, account from people.pesel_token
  where programme = $1 and token = any($2::bytea[]) order by is_current desc, account desc"""
_ENDED: Final = (
    "update people.pesel_token set is_current = false where account = any($1::bigint[]) and is_current"
)
_BESIDE: Final = """select o.account
  from people.pesel_token t join people.pesel_token o using (programme, token)
  where t.account = $1 and o.account <> t.account order by 1"""
_IN_BASKET: Final = """select t.account, p.pesel
  from people.pesel_token t join people.person p using (account)
  where t.programme = $1 and substring(t.token from 1 for 1) = $2 order by 1"""


async def known_pesels(
    connection: Connection, vault: Vault, programme: int, pesels: Iterable[str]
) -> set[str]:
    """Return those of the PESELs that somebody of the programme has whose contract goes on."""
    baskets = {pesel: vault.basket(pesel) for pesel in pesels if pesel}
    keys = await _keys(connection, programme, baskets.values())
    by_token = {
        _token(vault, keys[basket], pesel): pesel for pesel, basket in baskets.items() if basket in keys
    }
    rows = await connection.fetch(_OF_TOKENS, programme, list(by_token))
    going = await going_on(connection, [row["account"] for row in rows])
    return {by_token[bytes(row["token"])] for row in rows if row["account"] in going}


async def accounts_of_pesel(connection: Connection, vault: Vault, programme: int, pesel: str) -> list[int]:
    """Return the accounts of whoever has a PESEL in a programme: the one that goes on, then the newest."""
    basket = vault.basket(pesel)
    keys = await _keys(connection, programme, [basket])
    if basket not in keys:
        return []
    rows = await connection.fetch(_OF_TOKENS, programme, [_token(vault, keys[basket], pesel)])
    return [row["account"] for row in rows]


async def ended_beside(connection: Connection, account: int) -> list[int]:
    """Return the other accounts of the PESEL of an account whose contracts have ended."""
    others = [row["account"] for row in await connection.fetch(_BESIDE, account)]
    going = await going_on(connection, others)
    return [other for other in others if other not in going]


async def set_pesels(connection: Connection, vault: Vault, programme: int, pesels: Mapping[int, str]) -> None:
    """Let accounts be known by these PESELs, and no more by others; an empty one is none."""
    await connection.execute("delete from people.pesel_token where account = any($1::bigint[])", list(pesels))
    baskets = {account: vault.basket(pesel) for account, pesel in pesels.items() if pesel}
    keys = await _keys(connection, programme, baskets.values())
    missing = sorted(set(baskets.values()) - keys.keys())
    drawn = await new_keys(connection, vault, programme, [None] * len(missing))
    if missing:
        await connection.execute(_SET_KEYS, programme, missing, drawn)
    keys |= dict(zip(missing, drawn, strict=True))
    tokens = [_token(vault, keys[basket], pesels[account]) for account, basket in baskets.items()]
    had = {row["account"] for row in await connection.fetch(_OF_TOKENS, programme, tokens)}
    going = await going_on(connection, had | baskets.keys())
    await connection.execute(_ENDED, list(had - going))
    await connection.execute(
        _SET_TOKENS, programme, tokens, list(baskets), [account in going for account in baskets]
    )


async def renew_basket(connection: Connection, vault: Vault, programme: int, basket: int) -> list[int]:
    """Give a basket another key, and who is in it new tokens; return the keys to destroy at the end."""
    old = await connection.fetch(
        "delete from people.token_key where programme = $1 and basket = $2 returning key", programme, basket
    )
    rows = await connection.fetch(_IN_BASKET, programme, bytes([basket]))
    pesels = {}
    for row in rows:
        try:
            pesels[row["account"]] = unseal(
                vault, row["pesel"], place(programme, row["account"], "person.pesel")
            )
        except HolderErased:  # is to be erased here as well: nobody asks for this number again
            pesels[row["account"]] = ""
    await set_pesels(connection, vault, programme, pesels)
    keys = [row["key"] for row in old]
    await connection.execute("delete from people.key where key = any($1::bigint[])", keys)
    return keys


async def basket_of(connection: Connection, vault: Vault, account: int) -> int | None:
    """Return the basket the PESEL of an account lies in; None where it has none, or was erased: its basket
    has another key then.
    """
    row = await connection.fetchrow("select programme, pesel from people.person where account = $1", account)
    if row is None:
        return None
    try:
        pesel = unseal(vault, row["pesel"], place(row["programme"], account, "person.pesel"))
    except HolderErased:
        return None
    return vault.basket(pesel) if pesel else None


async def _keys(connection: Connection, programme: int, baskets: Iterable[int]) -> dict[int, int]:
    rows = await connection.fetch(_KEYS, programme, sorted(set(baskets)))
    return {row["basket"]: row["key"] for row in rows}


def _token(vault: Vault, key: int, pesel: str) -> bytes:
    try:
        return bytes([vault.basket(pesel)]) + vault.mac(key, pesel)[: _TOKEN_BYTES - 1]
    except HolderErased:
        raise SecretsError(
            "somebody was erased whom this database still has: run `cityswitch holders erasures --apply`"
        ) from None
