"""What the table of commands in test_roles.py is made of: the two sides, and kinds of rows."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Final, NamedTuple

from ops.exit_codes import Exit
from tests.cli.office import RULES, SURE
from tests.cli.office import card as card_of
from tests.days import today

OK, REFUSED, NOT_FOUND, ROLE = Exit.OK, Exit.USAGE, Exit.NOT_FOUND, Exit.CONFIGURATION
CODES: Final = {"own": "zgierz", "other": "czestochowa"}
PREFIXES: Final = {"own": "96162", "other": "96160"}
FIRST: Final = {"own": 100, "other": 200}
"""Whose a partner, a terminal, an outlet, an offer is."""


class Whose(NamedTuple):
    """One side: what a command line is made of."""

    side: str
    folder: Path

    def card(self, number: int) -> str:
        return card_of(number, PREFIXES[self.side])

    def there(self, number: int) -> str:
        """One of the cards that the other side has from the beginning; of her own those made since, too."""
        return self.card(number if self.side == "own" else 1 + number % 4)

    def id(self, number: int = 0) -> str:
        return str(FIRST[self.side] + number)

    def file(self, name: str, *lines: str) -> str:
        path = self.folder / f"{self.side}-{name}"
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return str(path)

    def out(self, name: str) -> str:
        return str(self.folder / f"{self.side}-{name}")

    @property
    def rules(self) -> str:
        """Its city's, with a QR code in both, so that every command has something to do."""
        text = RULES.with_name(f"{CODES[self.side]}.toml").read_text(encoding="utf-8")
        return self.file("rules.toml", text.replace("further_carriers = []", 'further_carriers = ["qr"]'))

    @property
    def invoice(self) -> str:
        """The number of the one document it has from the beginning."""
        return f"F/{self.code.upper()}/{today().year}/1"

    @property
    def code(self) -> str:
        return CODES[self.side]


class Row(NamedTuple):
    """One command: its words after its name, what is typed, and how it ends on one's own and on another's."""

    words: Callable[[Whose], tuple[str, ...]]
    own: int
    other: int
    typed: Callable[[Whose], str] = lambda _: ""


def on_card(number: int, *words: str, own: int = OK, more: str = "") -> Row:
    """A command that asks for a card's number."""
    return Row(lambda _: words, own, NOT_FOUND, lambda w: f"{w.there(number)}\n{more}")


def on_id(*words: str, own: int = OK, other: int = NOT_FOUND, number: int = 0) -> Row:
    """A command that names a partner, a terminal or an offer by number."""
    return Row(lambda w: (w.id(number), *words), own, other)


def in_programme(*words: str, own: int = OK, other: int = NOT_FOUND, typed: int = 0) -> Row:
    """A command that names a programme by an option."""
    return Row(
        lambda w: (*words, "--programme", w.code), own, other, lambda w: w.card(typed) if typed else ""
    )


TAXPAYER: Final = ("--nip", "5265877635", "--name", "Gmina", "--address", "Rynek 1")
OFFERS: Final = "number,partner,name_pl,name_en,text_pl,text_en,kind"


def offers_file(w: Whose) -> str:
    return w.file("offers.csv", OFFERS, f"2,{w.id()},a,a,a,a,free_entry")


def both(words: Callable[[Whose], tuple[str, ...]], own: int = OK, other: int = NOT_FOUND) -> Row:
    """A command whose words are made of the side."""
    return Row(words, own, other)


def the_owner_s(*words: str) -> Row:
    """What is the whole installation's: no programme's role may do it."""
    return Row(lambda _: words, ROLE, ROLE)


def seen(*words: str) -> Row:
    """A list, which shows what is one's own, whatever is asked."""
    return Row(lambda _: words, OK, OK)


def later(days: int) -> str:
    """A day to come, or today."""
    return (today() + timedelta(days)).isoformat()


MONTH: Final = "2026-01"
"""One that is over, before anything was posted."""
MONTH_END: Final[dict[str, Row]] = {
    "contracts declare": Row(lambda w: (w.id(7), "Kwiaty", "--programme", w.code), OK, NOT_FOUND),
    "contracts verify": on_id(number=7),
    "contracts agree": both(lambda w: (w.id(7), "--from", later(0))),
    "contracts details": on_id("--address", "Rynek 1"),
    "contracts end": on_id("--on", "2030-12-31", *SURE, number=7),
    "contracts refuse": on_id(*SURE, number=7, own=REFUSED),  # it is agreed already
    "contracts list": seen(),
    "contracts show": on_id(),
    "campaigns add": both(
        lambda w: (
            *("Double", "--from", later(3), "--until", later(3), "--points", "5", "--programme", w.code),
            *("--reason", "x", "--second", "maria"),
        ),
        own=REFUSED,  # Zgierz has no points
    ),
    "campaigns list": in_programme(),
    "campaigns end": Row(lambda _: ("1", *SURE, "--second", "maria"), NOT_FOUND, NOT_FOUND),
    "settlement correct": on_id(
        *("5.00", "--month", MONTH, "--reason", "x", "--second", "maria"),
    ),
    "settlement run": in_programme("--month", MONTH),
    "settlement show": in_programme("--month", MONTH),
    "settlement statement": both(lambda w: (w.id(), "--month", MONTH, "--programme", w.code)),
    "settlement export": both(lambda w: (w.out("month"), "--month", MONTH, "--programme", w.code)),
    "settlement close": in_programme("--month", MONTH, *SURE, "--second", "maria"),
}
"""Contracts of partners, campaigns, and a month settled and closed."""
