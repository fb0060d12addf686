"""Owns the applications people make: taken down, moved from state to state, listed.

Rows of schema `people`. What an application holds (`form`) is the caller's: bytes, sealed like the reason
under the holder's key, or one of the applicant's own. What may follow what, and that a second person decides
where one is needed, the database holds whoever writes (migrations, 0088). A write that names the digest of
what was shown is of just that, or refused. Takes the owner's connection or a programme's; every write takes
its actor. No error repeats what was typed.
"""

from datetime import date
from typing import Any, Final, NamedTuple

from ledger.errors import HolderErased, NotInRegistry, RegistryRefused
from ledger.postgres.database import Connection
from ledger.registry.acceptances import Acceptance, put_acceptance
from ledger.registry.audit import Actor, is_same_person, writing
from ledger.registry.bounds import INT64_MAX, check_number, check_page, check_text
from ledger.registry.card_states import Hand
from ledger.registry.going_on import going_on
from ledger.registry.people import is_known
from ledger.registry.sealed import erase_key, key_in, key_of, new_keys, place, seal, unseal, unseal_bytes
from ledger.registry.vault import Vault

KINDS: Final = ("first", "renewal", "duplicate")
WAYS: Final = ("desk", "web", "post", "api")
OPEN: Final = ("received", "called", "verified", "granted", "ready")
CHANGEABLE: Final = ("received", "called")
"""The states in which what an application says can be put anew."""
DECIDABLE: Final = ("received", "called", "verified")
"""The states in which an application is granted or refused."""
TOLD: Final = ("person", "letter", "telephone", "email", "message")
"""Which way whoever asked tells a desk that an application is withdrawn, or what it says removed."""
OWN_HANDS: Final = (Hand.HOLDER_ONLINE, Hand.GUARDIAN_ONLINE, Hand.PROXY_ONLINE)
"""By which whoever asked withdraws it without a desk."""
KEEP_DAYS: Final = 30
"""So long what a refused or withdrawn one says is kept where no rules say it."""
ENDED: Final = ("refused", "withdrawn", "collected", "done")
TO_ISSUE: Final = ("received", "verified", "granted")
"""The states in which the clock runs: until the card lies ready."""
REASON_CHARACTERS_MAX: Final = 2_000
FORM_BYTES_MAX: Final = 16_384
DIGEST_CHARACTERS: Final = 64
"""Of all that an application is, as it is shown: hexadecimal digits."""


class Which(NamedTuple):
    """One application, and the programme whose it has to be."""

    programme: int
    number: int


class NewApplication(NamedTuple):
    """An application as it comes. `account` None: of somebody who has no card."""

    programme: int
    kind: str
    via: str
    form: bytes
    due_on: date
    desk: str = ""
    account: int | None = None
    second_needed: bool = False
    accepted: Acceptance | None = None
    keep_days: int = KEEP_DAYS


class Step(NamedTuple):
    """What becomes of an application: its state, and what is written with it (None: as it was)."""

    state: str
    reason: str | None = None
    due_on: date | None = None
    complete_until: date | None = None
    account: int | None = None
    token: int | None = None
    """The card's that was made for it."""
    withdrawn_via: str | None = None
    """Of a withdrawal at a desk: which way it was told, of `TOLD`."""


class ApplicationChanged(RegistryRefused):
    """An application is not the one that was shown to who deals with it: it is looked at again."""

    def __init__(self) -> None:
        super().__init__("it has changed since you opened it: look at it again")


NEXT_NUMBER: Final = "select nextval(pg_get_serial_sequence($1, 'number'))"
"""Of a row of a table, before it is written: it is part of what seals it."""
_VIEW: Final = """number, programme, kind, via, desk, state, account, carrier, issue, received_on,
    received_at, due_on, complete_until, second_needed, taken_by, looked_by, verified_by, decided_by, reason,
    form, changed_at, withdrawn_via, keep_until, keep_until - keep_days as ended_on"""
_DUE: Final = f"""select {_VIEW}, registry.today_of(programme) as today from people.application
  where programme = $1 and state = any($2::text[])
    and ($3 = '' or desk in ($3, '') or taken_by = $7)
    and (coalesce(due_on, complete_until, 'infinity'), number) > ($4::date, $5::bigint)
  order by coalesce(due_on, complete_until, 'infinity'), number limit $6"""  # noqa: S608 a fixed list


async def add_application(connection: Connection, actor: Actor, vault: Vault, new: NewApplication) -> int:
    """Take an application down; return its number."""
    if new.kind not in KINDS or new.via not in WAYS:
        raise RegistryRefused("an application is one of {kinds}, and comes by {ways}", kinds=KINDS, ways=WAYS)
    if len(new.form) > FORM_BYTES_MAX:
        raise RegistryRefused("the application is too long")
    check_text("the desk", new.desk, 64, least=0)
    async with writing(connection, actor):
        if new.account is not None:
            await _check_holder(connection, vault, new.programme, new.account)
            waiting = await connection.fetchval(
                "select number from people.application where account = $1 and kind = $2 "
                "and state = any($3::text[]) limit 1",
                new.account,
                new.kind,
                list(OPEN),
            )
            if waiting is not None:
                raise RegistryRefused(
                    "application {number} of this kind is open: complete or withdraw that one", number=waiting
                )
        if new.account is None:
            (key,) = await new_keys(connection, vault, new.programme, [None])
        else:
            key = await key_of(connection, vault, new.programme, new.account)
        number: int = await connection.fetchval(NEXT_NUMBER, "people.application")
        await connection.execute(
            "insert into people.application (number, form, programme, kind, via, due_on, desk, account, "
            "second_needed, keep_days, received_on) "
            "values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, registry.today_of($3))",
            number,
            seal(vault, key, new.form, _place(new.programme, number, "form")),
            new.programme,
            new.kind,
            new.via,
            new.due_on,
            new.desk,
            new.account,
            new.second_needed,
            new.keep_days,
        )
        if new.accepted is not None:
            await put_acceptance(connection, actor, new.programme, number, new.accepted)
    return number


async def _check_holder(connection: Connection, vault: Vault, programme: int, account: int) -> None:
    """Raise NotInRegistry for an account that is none of the programme's, RegistryRefused where nobody is
    known by it or the contract has ended: what is asked for could not be done.
    """
    if not await connection.fetchval(
        "select true from registry.card where account = $1 and programme = $2 limit 1", account, programme
    ):
        raise NotInRegistry("there is no such holder here")
    if not await going_on(connection, [account]):
        raise RegistryRefused("the contract has ended: a new application is needed, at a desk or on the page")
    if not await is_known(connection, vault, account):
        raise RegistryRefused("nobody is known by this account")


def _place(programme: int, number: int, column: str) -> bytes:
    return place(programme, number, f"application.{column}")


def form_in(vault: Vault, row: Any) -> bytes | None:
    """Return what an application says; None where the key of who it is of was destroyed."""
    try:
        return unseal_bytes(vault, row["form"], _place(row["programme"], row["number"], "form"))
    except HolderErased:
        return None


def reason_in(vault: Vault, row: Any) -> str:
    """Return why somebody was called or refused, or what a desk noted of a withdrawal; nothing where the key
    was destroyed.
    """
    try:
        return unseal(vault, row["reason"], _place(row["programme"], row["number"], "reason"))
    except HolderErased:
        return ""


async def the_application(connection: Connection, which: Which) -> Any:
    """One application of a programme, with its `digest`. Raises NotInRegistry, also for one of another
    programme.
    """
    programme, number = which
    check_number("the number of an application", number, 1, INT64_MAX)
    row = await connection.fetchrow(
        f"select {_VIEW}, registry.today_of(programme) as today, "  # noqa: S608 a fixed list
        "people.application_digest_v1(number) as digest "
        "from people.application where number = $1 and programme = $2",
        number,
        programme,
    )
    if row is None:
        raise NotInRegistry("there is no application {number}", number=number)
    return row


async def list_due(
    connection: Connection,
    programme: int,
    states: tuple[str, ...] = OPEN,
    *,
    desk: str = "",
    by: str = "",
    after: tuple[date, int] = (date.min, 0),
    limit: int = 100,
) -> list[Any]:
    """A page of applications in these states, what is due first first; `desk`: one desk's, nobody's, and
    those that `by` took down for any.
    """
    check_page(limit, after[1])
    rows: list[Any] = await connection.fetch(_DUE, programme, list(states), desk, *after, limit, by)
    return rows


async def applications_of(connection: Connection, programme: int, account: int) -> list[Any]:
    """The applications of an account, the newest first."""
    rows: list[Any] = await connection.fetch(
        f"select {_VIEW} from people.application "  # noqa: S608 a fixed list
        "where programme = $1 and account = $2 order by number desc limit 100",
        programme,
        account,
    )
    return rows


def check_shown(application: Any, digest: str | None) -> None:
    """Raise ApplicationChanged where an application is another than the one of this digest; None: nobody was
    shown it. Within `writing`, so that it stays as it is until it is written.
    """
    if digest is not None and application["digest"] != digest:
        raise ApplicationChanged


def decider_fault(application: Any, name: str) -> RegistryRefused | None:
    """Return why nobody of this name decides an application; None where this may be."""
    if not application["second_needed"]:
        return None
    if application["looked_by"] is None:
        return RegistryRefused(
            "nobody has looked at it yet: one verifies it or calls for what is missing, another one decides"
        )
    if is_same_person(name, application["looked_by"]):
        return RegistryRefused("a second person decides here: another one than whoever looked at it last")
    return None


def is_decision(actor: Actor, state: str) -> bool:
    """Whether a step into a state decides what whoever asked wanted: a withdrawal does unless it is the
    applicant's own.
    """
    return state in ("granted", "refused") or (state == "withdrawn" and actor.hand not in OWN_HANDS)


def check_told(via: str | None) -> None:
    """Raise RegistryRefused for what is no way to tell a desk something."""
    if via not in TOLD:
        raise RegistryRefused("say which way whoever asked told the desk")


async def move_application(
    connection: Connection,
    actor: Actor,
    vault: Vault,
    which: Which,
    step: Step,
    *,
    digest: str | None = None,
) -> Any:
    """Move an application to a state; return it as it was. The database holds which step may follow which.

    `digest`: of the application that is to be moved, as it was shown. Raises NotInRegistry, RegistryRefused.
    """
    check_text("the reason", (step.reason or "").replace("\n", " "), REASON_CHARACTERS_MAX, least=0)
    programme, number = which
    async with writing(connection, actor):
        row = await the_application(connection, which)
        is_decided = is_decision(actor, step.state)
        if is_decided and (fault := decider_fault(row, actor.name)):
            raise fault
        check_shown(row, digest)
        moved = await connection.fetchval(
            "select true from people.application_move where was = $1 and becomes = $2",
            row["state"],
            step.state,
        )
        if not moved:
            raise RegistryRefused(
                "an application that is {application_state} does not become {application_becomes}",
                application_state=row["state"],
                application_becomes=step.state,
            )
        if is_decided and step.state == "withdrawn":
            check_told(step.withdrawn_via)
        if step.state in ("verified", "granted") and row["account"] is not None:
            await _check_holder(connection, vault, programme, row["account"])
        at = _place(programme, number, "reason")
        reason = seal(vault, key_in(row["form"]), step.reason, at) if step.reason else None
        if step.reason == "":  # an earlier call's is not this step's
            reason = b""
        await connection.execute(
            "update people.application set state = $2, reason = coalesce($3, reason), "
            "due_on = case when $2 = 'called' then null else coalesce($4, due_on) end, "
            "complete_until = $5, account = coalesce(account, $6), "
            "(carrier, issue) = (select coalesce(max(c.carrier), application.carrier), "
            "coalesce(max(c.issue), application.issue) from registry.card c where c.token = $7), "
            "withdrawn_via = $8 "
            "where number = $1",
            number,
            step.state,
            reason,
            step.due_on,
            step.complete_until,
            step.account,
            step.token,
            step.withdrawn_via,
        )
    return row


async def change_form(
    connection: Connection,
    actor: Actor,
    vault: Vault,
    which: Which,
    form: bytes,
    *,
    accepted: Acceptance | None,
    digest: str | None = None,
) -> None:
    """Put what an application says anew, while it is not verified: what was missing has come. `digest`: of
    the application whose form it was made of.
    """
    if len(form) > FORM_BYTES_MAX:
        raise RegistryRefused("the application is too long")
    programme, number = which
    async with writing(connection, actor):
        row = await the_application(connection, which)
        check_shown(row, digest)
        if row["state"] not in CHANGEABLE:
            raise RegistryRefused(
                "an application that is {application_state} stays as it is", application_state=row["state"]
            )
        sealed = seal(vault, key_in(row["form"]), form, _place(programme, number, "form"))
        await connection.execute("update people.application set form = $2 where number = $1", number, sealed)
        await put_acceptance(connection, actor, programme, number, accepted)


async def remove_application(
    connection: Connection, actor: Actor, vault: Vault, which: Which, via: str | None = None
) -> Any:
    """Remove an application that has ended, and what came with it: the person's data, not the trail.

    A refused or withdrawn one is kept for its days; before they are over it is removed where whoever asked
    told a desk so (`via`, of `TOLD`), by another person than who ended it. The key of an applicant who became
    nobody's holder is destroyed. Returns the application as it was. Raises RegistryRefused.
    """
    async with writing(connection, actor):
        row = await the_application(connection, which)
        if row["state"] not in ENDED:
            raise RegistryRefused(
                "an application that is {application_state} is not removed: decide it first",
                application_state=row["state"],
            )
        if row["keep_until"] is not None and row["today"] <= row["keep_until"]:
            if via is None:
                raise RegistryRefused(
                    "what it says is kept until {day}: earlier only where whoever asked wants it removed",
                    day=row["keep_until"],
                )
            check_told(via)
            if is_same_person(actor.name, row["decided_by"] or ""):
                raise RegistryRefused("a second person removes it so early: another one than who ended it")
            await connection.execute(
                "update people.application set removal_via = $2 where number = $1", which.number, via
            )
        await connection.execute("delete from people.application where number = $1", which.number)
        if row["account"] is None:
            await erase_key(connection, vault, key_in(row["form"]))
    return row
