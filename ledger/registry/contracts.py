"""Owns how a holder's contract ends: resignation, the organiser's word, the deletion of the account.

What ends a contract ends every carrier of the account at once, those that wait too; the books stay. Who
resigns, and whose account is deleted, has no login from then on. Takes the owner's connection, or one of a
programme; every write takes its actor, by whose hand it is.
"""

from ledger.postgres.database import Connection
from ledger.registry.audit import Actor, writing
from ledger.registry.card_states import HANDS, CardStatus, check_move
from ledger.registry.cards import move, the_card
from ledger.registry.holders import check_own_end
from ledger.registry.logins import remove_of_account


async def end_contract(connection: Connection, actor: Actor, token: int, status: CardStatus) -> int:
    """End the contract of a card's holder: RESIGNED (Zgierz § 31), VOID (§ 32) or CLOSED (§ 26).

    Returns how many carriers ended with it. Raises RegistryRefused where the card named cannot, and where a
    guardian does it.
    """
    async with writing(connection, actor):
        card = await the_card(connection, token)
        check_move(CardStatus(card["status"]), status, actor.hand)
        await check_own_end(connection, actor, card["account"])
        return await end_account(connection, actor, card["account"], status)


async def end_account(connection: Connection, actor: Actor, account: int, status: CardStatus) -> int:
    """End every carrier of an account that can still end so, within a write that has begun; return how
    many.
    """
    rows = await connection.fetch("select token, status from registry.card where account = $1", account)
    ending = [
        row["token"] for row in rows if actor.hand in HANDS.get((CardStatus(row["status"]), status), ())
    ]
    await move(connection, ending, status)
    if status in (CardStatus.RESIGNED, CardStatus.CLOSED):
        await remove_of_account(connection, account)
    if status is CardStatus.RESIGNED:
        await connection.execute(
            "update registry.holder set resigned_on = registry.today_of(programme) where account = $1",
            account,
        )
    return len(ending)
