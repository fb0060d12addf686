"""What the registry's commands share: pages, programmes, dates, card numbers, who does it, why and whether.

Owns the reading of these options. Must not know what a command does. Invariants: a card number can always be
given without standing in the list of processes; an act that cannot be taken back in a moment is asked about,
or was confirmed with --yes.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Final

from cyclopts import Group, Parameter

from ledger.postgres.database import Connection
from ledger.registry.audit import Actor
from ledger.registry.card_states import Hand
from ledger.registry.programmes import list_programmes
from ledger.registry.reads import Status
from ledger.registry.secrets import MasterKey
from ops.errors import CommandError
from ops.exit_codes import Exit
from ops.office.acting import this_user
from ops.output import Form, print_json, print_line, say, work_is_done
from ops.place.options import Place
from ops.till.cards import typed_card
from protocol import parse_card

Json = Annotated[bool, Parameter(help="JSON instead of a table or a sentence.")]
Programme = Annotated[
    str | None, Parameter(name="--programme", help="Number or code; not needed while there is only one.")
]
CardNumber = Annotated[
    str,
    Parameter(
        show_default=False,
        allow_leading_hyphen=True,
        help="Card number, or track 2 as a reader gives it. Without it, or with -, it is read from standard "
        "input: so it stands in no list of processes.",
    ),
]


@Parameter(name="*", group=Group("Page", sort_key=7))
@dataclass(frozen=True, kw_only=True)
class Page:
    """Which part of a long list."""

    after: Annotated[int, Parameter(help="Begin after this number.")] = 0
    limit: Annotated[int, Parameter(help="At most so many rows, up to 1000.")] = 100


FIRST_PAGE: Final = Page()


@Parameter(name="*", group=Group("Format", sort_key=8))
@dataclass(frozen=True, kw_only=True)
class Format:
    """How rows are printed."""

    json: Json = False
    csv: Annotated[bool, Parameter(help="CSV instead of a table: all fields, a header line.")] = False

    def check(self) -> None:
        """Raise `CommandError` where both are asked for."""
        if self.json and self.csv:
            raise CommandError(Exit.USAGE, "--json and --csv exclude each other.")

    @property
    def kind(self) -> Form:
        """Return what `print_rows` takes."""
        return Form.JSON if self.json else Form.CSV if self.csv else Form.TABLE


TABLE: Final = Format()


@Parameter(name="*", group=Group("Who and why", sort_key=8))
@dataclass(frozen=True, kw_only=True)
class By:
    """Who does it and why, for `cityswitch audit`."""

    actor: Annotated[str | None, Parameter(help="Who does it; the user of this system.")] = None
    second: Annotated[
        str,
        Parameter(
            help="Who else agreed, another person: wanted for many rows at once, where the settings say so, "
            "and for what the programme's rules want two persons for. It is kept as you name it, and not "
            "asked of that person."
        ),
    ] = ""
    reason: Annotated[str, Parameter(help="Why.")] = ""

    def told(self, source: str = "", hand: Hand = Hand.DESK) -> Actor:
        """Return who is to be named in the trail, and by whose hand it is."""
        return Actor(self.actor or this_user(), self.reason, source, hand, self.second)

    def agreed(self, place: Place, rows: int) -> None:
        """Raise `CommandError` where so many rows want a second person, and none is named.

        That it is another one than the first the registry sees to.
        """
        most = place.settings().second_person_over_rows
        if most and rows > most and not self.second.strip():
            raise CommandError(
                Exit.USAGE,
                f"{rows} rows at once want a second person (second_person_over_rows = {most}).",
                "Name who agreed: --second maria.",
            )


@Parameter(name="*", group=Group("Who and why", sort_key=8))
@dataclass(frozen=True, kw_only=True)
class BySure(By):
    """The same for an act that is asked about."""

    reason: Annotated[str, Parameter(help="Why; needed here.")] = ""
    yes: Annotated[bool, Parameter(help="Do it without asking.")] = False

    def told(self, source: str = "", hand: Hand = Hand.DESK) -> Actor:
        """Return who is to be named in the trail. Raises `CommandError` without a reason."""
        if not self.reason.strip():
            raise CommandError(
                Exit.USAGE,
                "this wants a reason, which is kept.",
                "Name it with --reason 'lost by the holder'.",
            )
        return super().told(source, hand)

    def confirm(self, what: str) -> None:
        """Ask whether to do it, where somebody sits at a terminal. Raises `CommandError` unless confirmed."""
        confirm(what, yes=self.yes)


def confirm(what: str, *, yes: bool) -> None:
    """Ask whether to do it, where somebody sits at a terminal. Raises `CommandError` unless confirmed."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise CommandError(Exit.USAGE, f"not confirmed: {what[:1].lower()}{what[1:]}.", "Add --yes.")
    say(f"{what}? [y/N]")
    if sys.stdin.readline().strip().lower() not in {"y", "yes", "t", "tak"}:
        raise CommandError(Exit.USAGE, "not confirmed: nothing was done.")


NOBODY: Final = By()
UNSURE: Final = BySure()
"""The defaults of the two: the system's user, no reason, nothing confirmed."""


def status_name(kind: str, status: int) -> str:
    """Return what a status is called, everywhere it is shown: of a programme, a partner or a terminal."""
    if status == Status.ACTIVE:
        return "active"
    if status == Status.WITHOUT_CONTRACT:
        return "without contract"
    return "suspended" if kind == "programme" else "blocked"


def tell_status(kind: str, number: int, status: Status, *, as_json: bool) -> None:
    """Say what a partner or a terminal has become."""
    now = status_name(kind, status)
    tell_done(
        f"{kind.capitalize()} {number} is {now}.",
        {"id": number, "status": now},
        as_json=as_json,
        again=f"{kind}s show {number}",
    )


def master_key(place: Place) -> MasterKey:
    """Return the master key of the place, whose pepper turns numbers into tokens. Raises `SecretsError`."""
    return MasterKey.load(place.settings().master_key_path)


def digits_of(number: str, what: str = "Card") -> str:
    """Return the digits of a card: given, or read from standard input. Raises `CommandError`."""
    return parse_card(typed_card(number, what))


def tell_done(text: str, fields: dict[str, Any], *, as_json: bool, again: str = "") -> None:
    """Tell what was done: a sentence, or its fields as JSON. `again`: the command that shows it once more."""
    work_is_done(f"See: cityswitch {again}" if again else "")
    if as_json:
        print_json(fields)
    else:
        print_line(text)


async def pick_programme(connection: Connection, wanted: str | None) -> int:
    """Return the number of the programme wanted, or of the only one. Raises `CommandError`."""
    programmes: list[Any] = await list_programmes(connection)
    if wanted is None and len(programmes) == 1:
        return int(programmes[0]["id"])
    for programme in programmes:
        if wanted in (str(programme["id"]), programme["code"]):
            return int(programme["id"])
    if not programmes:
        raise CommandError(
            Exit.NOT_FOUND, "there is no programme yet.", "Add one with `cityswitch programmes apply FILE`."
        )
    known = ", ".join(f"{programme['id']} {programme['code']}" for programme in programmes)
    cause = f"there is no programme '{wanted}'." if wanted else "there are several programmes."
    raise CommandError(
        Exit.NOT_FOUND if wanted else Exit.USAGE, cause, f"Name one with --programme: {known}."
    )


def parse_day(text: str) -> date | None:
    """Return the date of "2031-05-31", None for an empty text. Raises ValueError."""
    if not text:
        return None
    if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        try:
            return date.fromisoformat(text)
        except ValueError:
            pass
    raise ValueError("is no date like 2031-05-31")


def parse_yes(text: str) -> bool:
    """Return what yes/no, 1/0, true/false, tak/nie mean; an empty text is no. Raises ValueError."""
    folded = text.lower()
    if folded in {"", "no", "0", "false", "nie"}:
        return False
    if folded in {"yes", "1", "true", "tak"}:
        return True
    raise ValueError("is neither yes nor no")
