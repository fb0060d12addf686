"""Making a login for somebody: what is typed becomes what is kept.

Owns the bounds of a login's name. Must not know how a person is asked. Invariants: neither the name nor the
password is kept, logged or repeated; a code is given out by somebody, for a reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ledger.errors import NotInRegistry, RegistryRefused
from ledger.phrase import Phrase
from ledger.postgres.database import Connection, Database
from ledger.registry import acting_for, logins
from ledger.registry.acting_for import NewLink
from ledger.registry.audit import Actor
from ledger.registry.bounds import text_fault
from ledger.registry.contact import EMAIL_CHARACTERS_MAX
from ledger.registry.logins import Kind, NewCode, NewLogin
from ledger.registry.people import is_known
from ledger.registry.secrets import MasterKey
from ops.office.acting import with_reason
from ops.office.numbers import card_of
from ops.web.identity.passwords import Passwords, password_fault
from ops.web.identity.secrets import Keys, folded_name, hash_of, new_code, plain_code
from ops.web.offices import Office
from protocol import mask_card

ACTIVATION_HOURS: Final = 14 * 24
NAME_CHARACTERS_MIN: Final = 3
NAME_CHARACTERS_MAX: Final = EMAIL_CHARACTERS_MAX
"""The login may be the e-mail address (Zgierz § 5.6)."""
NAME_TYPED_MAX: Final = 2 * NAME_CHARACTERS_MAX
"""So much is read of one, so that a longer one is told as such and never cut."""
THIS_ACCOUNT: Final = Phrase("this account")
FAULTS: Final = {
    "pw_length": Phrase("a password has 12 to 200 characters"),
    "pw_easy": Phrase("that password is too easy"),
}


def name_fault(name: str) -> str:
    """Return what is wrong with a login's name; empty where nothing is."""
    return text_fault(folded_name(name), NAME_CHARACTERS_MAX, least=NAME_CHARACTERS_MIN) or (
        Phrase("has a space") if " " in name.strip() else ""
    )


async def activation_code(database: Database, master: MasterKey, actor: Actor, digits: str) -> str:
    """Return a code with which the holder of a card makes a login, or sets its name and password anew, once;
    an older one is void. Raises NotInRegistry where nobody is known by the card, RegistryRefused without a
    reason.
    """
    card = await database.run(lambda c: card_of(c, master, digits))
    whose = Phrase("card {card}", card=mask_card(digits))
    return await holder_code(database, master, actor, card["programme"], card["account"], whose=whose)


async def holder_code(
    database: Database,
    master: MasterKey,
    actor: Actor,
    programme: int,
    account: int,
    *,
    whose: Phrase = THIS_ACCOUNT,
    is_for_first: bool = False,
) -> str:
    """Return what `activation_code` does, by the account of the holder; raises as it does.

    `is_for_first`: of who has no login yet; RegistryRefused for others, whom somebody has to see at a desk.
    """
    with_reason(actor)
    code = new_code()

    async def job(connection: Connection) -> None:
        if not await is_known(connection, master.vault, account):
            raise NotInRegistry("{whose}: nobody is known by this card", whose=whose)
        if is_for_first and await logins.login_of_account(connection, account) is not None:
            raise RegistryRefused("{whose}: its holder has a login", whose=whose)
        new = NewCode(programme, "activate", hash_of(plain_code(code)), account)
        await logins.put_code(connection, actor, new, hours=ACTIVATION_HOURS)

    await database.run(job)
    return code


async def representative_code(
    database: Database, master: MasterKey, actor: Actor, digits: str, number: int
) -> str:
    """Return a code with which a representative of a card's holder acts for the holder, once: under the own
    login, or one made with it by who has no card; an older one is void.

    Raises NotInRegistry without such a representative, RegistryRefused where it has a login, or without a
    reason.
    """
    card = await database.run(lambda c: card_of(c, master, digits))
    return await account_code(database, actor, card["programme"], card["account"], number)


async def account_code(database: Database, actor: Actor, programme: int, account: int, number: int) -> str:
    """Return what `representative_code` does, by the account of the holder; raises as it does."""
    with_reason(actor)
    code = new_code()
    link = NewLink(programme, account, number, hash_of(plain_code(code)))
    await database.run(lambda c: acting_for.put_code(c, actor, link, hours=ACTIVATION_HOURS))
    return code


async def reset_login(
    database: Database, passwords: Passwords, actor: Actor, login: int, password: str
) -> None:
    """Put the password of an officer's or a partner's login anew; a second factor is set up anew at the next
    sign-in. Raises RegistryRefused, without a reason as well.
    """
    with_reason(actor)
    if word := password_fault(password, ""):
        raise RegistryRefused("{why}", why=FAULTS[word])
    hashed = await passwords.hash(password)
    await database.run(lambda c: logins.reset_login(c, actor, login, hashed))


async def make_login(
    office: Office,
    passwords: Passwords,
    actor: Actor,
    kind: Kind,
    name: str,
    *,
    password: str,
    shown: str = "",
    account: int | None = None,
    partner: int | None = None,
    desk: str = "",
    roles: Sequence[str] = (),
    second: bytes | None = None,
) -> int:
    """Add a login; `second`: the secret of its second factor, where it has one from the start. Returns its
    number. Raises RegistryRefused.
    """
    if why := name_fault(name):
        raise RegistryRefused("the login {why}", why=why)
    if word := password_fault(password, name.strip()):
        raise RegistryRefused("{why}", why=FAULTS[word])
    keys = Keys(office.master)
    new = NewLogin(
        office.programme,
        kind,
        keys.name_key(office.programme, name),
        await passwords.hash(password),
        shown,
        account,
        partner,
        desk,
        roles,
    )

    async def job(connection: Connection) -> int:
        number = await logins.add_login(connection, actor, new)
        if second is not None:
            await logins.set_second_factor(connection, actor, number, keys.seal(number, second))
        return number

    return await office.database.run(job)
