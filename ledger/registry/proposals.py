"""Owns what is proposed at a desk before it is done, and approved or refused: by another, where rules say so.

The database holds the second person and the one decision (migrations, 0095), and refuses to the office's site
a month's close and documents, a correction and offers that were not approved. Takes the owner's connection,
or a programme's own role. Must not know how anything approved is done. Invariant: a proposal stays as it was
made.
"""

from collections.abc import Mapping
from enum import IntEnum
from typing import Any, Final, Literal

import msgspec

from ledger.errors import NotInRegistry, RegistryRefused
from ledger.postgres.database import Connection
from ledger.registry.audit import Actor, is_same_person, writing
from ledger.registry.bounds import INT64_MAX, check_number, check_page, check_text

Act = Literal[
    "close_month", "correct_statement", "anonymise", "publish_offers", "withdraw_offers", "issue_documents"
]
ONCE: Final[frozenset[Act]] = frozenset({"close_month", "anonymise"})
"""What is done once on a subject: proposed or approved, it is not proposed again."""
ONE_AT_A_TIME: Final[frozenset[Act]] = frozenset({"issue_documents"})
"""What is proposed again once it was decided: a month's documents that could not be issued then."""
SUBJECT_CHARACTERS_MAX: Final = 64
TERMS_BYTES_MAX: Final = 32_768
"""Of what an act needs beside its subject, as the database writes it: the acts keep within it (0095)."""
_COLUMNS: Final = (
    "number, act, subject, terms::text as terms, reason, second_needed, state, proposed_by, proposed_at, "
    "decided_by, decided_at"
)


class ProposalState(IntEnum):
    """Of a proposal."""

    PROPOSED = 1
    APPROVED = 2
    REFUSED = 3


async def propose(
    connection: Connection,
    actor: Actor,
    programme: int,
    what: tuple[Act, str],
    terms: Mapping[str, object] | None = None,
    *,
    second_needed: bool = True,
) -> int:
    """Propose an act on a subject; return its number. RegistryRefused: that is so already.

    `second_needed`: another person approves it, by the rules in force.
    """
    act, subject = what
    check_text("what it is about", subject, SUBJECT_CHARACTERS_MAX)
    async with writing(connection, actor):
        there = await newest(connection, programme, act, subject, open_only=True)
        if there is not None and (
            act in ONCE or (act in ONE_AT_A_TIME and there["state"] == ProposalState.PROPOSED)
        ):
            raise RegistryRefused("this is proposed already, or was approved")
        number: int = await connection.fetchval(
            "insert into registry.proposal (programme, act, subject, terms, reason, second_needed) "
            "values ($1, $2, $3, $4::text::jsonb, $5, $6) returning number",
            programme,
            act,
            subject,
            msgspec.json.encode(dict(terms or {})).decode(),
            actor.reason,
            second_needed,
        )
    return number


async def approve(connection: Connection, actor: Actor, number: int) -> Any:
    """Approve a proposal, as another person than made it where it wants one; return it.

    Raises NotInRegistry, RegistryRefused.
    """
    async with writing(connection, actor):
        row = await find(connection, number)
        check_approver(actor, row)
        await _decide(connection, number, ProposalState.APPROVED)
    return row


def check_approver(actor: Actor, proposal: Any) -> None:
    """Raise RegistryRefused where this person cannot approve a proposal, or it was decided."""
    _check_proposed(proposal)
    if proposal["second_needed"] and is_same_person(actor.name, proposal["proposed_by"]):
        raise RegistryRefused("another person approves it than proposed it")


def both(actor: Actor, proposal: Any) -> Actor:
    """Return who carries an approved proposal out, and who else agreed: who approved it, else who proposed
    it; nobody, where one person did all. Beside a third person the proposal itself names who proposed it.
    """
    people = (proposal["decided_by"] or actor.name, proposal["proposed_by"])
    others = [name for name in people if not is_same_person(name, actor.name)]
    return actor._replace(second=others[0] if others else "")


async def refuse(connection: Connection, actor: Actor, number: int) -> Any:
    """Refuse a proposal, or take one's own back; return it. Raises NotInRegistry, RegistryRefused."""
    async with writing(connection, actor):
        row = await find(connection, number)
        _check_proposed(row)
        await _decide(connection, number, ProposalState.REFUSED)
    return row


async def find(connection: Connection, number: int) -> Any:
    """Return a proposal. Raises NotInRegistry."""
    check_number("the number of a proposal", number, 1, INT64_MAX)
    row = await connection.fetchrow(
        f"select {_COLUMNS} from registry.proposal where number = $1",  # noqa: S608 a fixed list
        number,
    )
    if row is None:
        raise NotInRegistry("there is no proposal {number}", number=number)
    return row


async def newest(
    connection: Connection, programme: int, act: Act, subject: str, *, open_only: bool = False
) -> Any | None:
    """The newest proposal of an act on a subject; `open_only`: that was not refused."""
    return await connection.fetchrow(
        f"select {_COLUMNS} from registry.proposal where programme = $1 and act = $2 and subject = $3 "  # noqa: S608 a fixed list
        "and ($4 or state < 3) order by number desc limit 1",
        programme,
        act,
        subject,
        not open_only,
    )


async def list_proposals(
    connection: Connection, programme: int, acts: tuple[Act, ...], *, after: int = 0, limit: int = 100
) -> list[Any]:
    """A page of the proposals of some acts that wait for a decision, oldest first."""
    check_page(limit, after)
    rows: list[Any] = await connection.fetch(
        f"select {_COLUMNS} from registry.proposal where programme = $1 and act = any($2::text[]) "  # noqa: S608 a fixed list
        "and state = 1 and number > $3 order by number limit $4",
        programme,
        list(acts),
        after,
        limit,
    )
    return rows


def _check_proposed(proposal: Any) -> None:
    if proposal["state"] != ProposalState.PROPOSED:
        raise RegistryRefused(
            "this is {proposal_state} already", proposal_state=ProposalState(proposal["state"]).name.lower()
        )


async def _decide(connection: Connection, number: int, state: ProposalState) -> None:
    await connection.execute("update registry.proposal set state = $2 where number = $1", number, int(state))
