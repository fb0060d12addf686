"""A desk's letter by e-mail: asked for at a desk, told by the outbox, made when it is sent.

Owns which letters go so, and how one is asked for and made. Must not know a page, nor how mail is sent.
Invariants: the outbox holds numbers and words of closed sets, the text is made of what is kept at the moment
it goes; a receipt is signed, so it goes on paper alone; no letter holds a code or more of a card than none.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from ledger.errors import RegistryRefused
from ledger.postgres.database import Connection
from ledger.registry.applications import Which, check_shown, reason_in, the_application
from ledger.registry.audit import be_alone
from ledger.registry.notices import letters_of
from ledger.registry.outbox import tell
from ledger.registry.vault import Vault
from ops.notices.words import LANGUAGES, LETTER, Text
from ops.office.letters.letter import Kind, Letter, as_text, content_of

BY_MAIL: Final[dict[str, Kind]] = {"called": "call", "refused": "refusal", "withdrawn": "withdrawal"}
"""Of an application's states those whose letter may go by e-mail."""
BETWEEN: Final = "\n--\n\n"
"""What stands between two languages of one e-mail."""
A_DAY_MAX: Final = 3
"""Letters of one application: who asks twice by mistake floods nobody."""


def by_mail(row: Any) -> Kind | None:
    """Return which letter of an application may go by e-mail; None where it has none: also withdrawn by its
    applicant, on line, it has none.
    """
    is_own = row["state"] == "withdrawn" and row["withdrawn_via"] is None
    return None if is_own else BY_MAIL.get(row["state"])


class Asked(NamedTuple):
    """Which letter is asked for: of what, in which language, by which login."""

    which: Which
    language: str
    login: int


async def ask(connection: Connection, asked: Asked, digest: str | None = None) -> None:
    """Ask for the letter of an application's state to be sent; `digest`: of the application as it was shown.
    Raises RegistryRefused.
    """
    if asked.language not in LANGUAGES:
        raise RegistryRefused("a letter is in Polish or English")
    async with connection.transaction():
        await be_alone(connection)  # who asks at the same moment sees this letter
        row = await the_application(connection, asked.which)
        check_shown(row, digest)
        kind = by_mail(row)
        if kind is None:
            raise RegistryRefused(
                "an application that is {application_state} has no letter by e-mail",
                application_state=row["state"],
            )
        of_late = [each for each in await letters_of(connection, *asked.which) if each["is_of_today"]]
        if len(of_late) >= A_DAY_MAX:
            raise RegistryRefused(
                "{most} letters of this application were asked for today already", most=A_DAY_MAX
            )
        if any(each["state"] in (None, 0) for each in of_late):
            raise RegistryRefused("a letter of this application waits to be sent already")
        data = {"application": asked.which.number, "letter": kind, "language": asked.language}
        await tell(
            connection,
            asked.which.programme,
            LETTER,
            account=row["account"],
            data={**data, "by": asked.login},
        )


def maker(vault: Vault, row: Any, data: dict[str, Any], name: str) -> Callable[[str], Text] | None:
    """Return what makes the letter of an application, by the programme's name; None where its state is
    another by now, or the event asks for none there is. One that no officer asked for names no language: it
    is in all of them.
    """
    kind, language = data.get("letter"), data.get("language")
    if kind is None or by_mail(row) != kind or language not in (None, *LANGUAGES):
        return None

    def make(programme: str) -> Text:
        of = LANGUAGES if language is None else (str(language),)
        letters = [_letter(vault, row, each, programme, name) for each in of]
        title = content_of(letters[0])["title"]
        return Text(f"{programme}: {title}", BETWEEN.join(as_text(each) for each in letters), "")

    return make


def _letter(vault: Vault, row: Any, language: str, programme: str, name: str) -> Letter:
    return Letter(
        BY_MAIL[row["state"]],
        language,
        programme,
        row["number"],
        row["kind"],
        row["received_on"],
        row["today"],
        (name,),
        desk=row["desk"],
        clerk=row["desk"] or programme,
        reason=reason_in(vault, row),
        until=row["keep_until"] or row["complete_until"],
        day=row["ended_on"],
        told=row["withdrawn_via"] or "",
    )
