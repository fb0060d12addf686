"""What a rules file is made of: the programme itself, its terminals and partners, points and what they cost.

Owns the shapes of these tables and the bounds of their values. Must not know a city by name. Every table
names the section of the document it comes from (`source`).
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

import msgspec
from msgspec import Meta

from protocol import limits

Grosze: TypeAlias = Annotated[int, Meta(ge=1, le=100_000_000)]
Fee: TypeAlias = Annotated[int, Meta(ge=0, le=100_000_000)]
PointsPositive: TypeAlias = Annotated[int, Meta(ge=1, le=10_000_000)]
Months: TypeAlias = Annotated[int, Meta(ge=0, le=240)]
Code: TypeAlias = Annotated[str, Meta(pattern="^[a-z][a-z0-9_]{0,31}$")]
Name: TypeAlias = Annotated[str, Meta(min_length=1, max_length=32)]
Names: TypeAlias = dict[str, Name]
"""A name in each of the programme's languages."""
Bit: TypeAlias = Annotated[int, Meta(ge=0, le=15)]
"""A place in a set of 16; it keeps its meaning for ever, for such sets are stored."""
Language: TypeAlias = Literal["pl", "en"]
LANGUAGES: tuple[Language, ...] = ("pl", "en")
"""In the order of their numbers in the books."""
EntryName: TypeAlias = Literal["swiped", "scanned", "tapped", "keyed"]
ENTRIES: tuple[EntryName, ...] = ("swiped", "scanned", "tapped", "keyed")
"""How a card can be read, in the order of their numbers on the wire, which begin with 1."""


class RulesError(Exception):
    """A rules file that cannot be used; the message names the file and the key."""


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A piece of a table; other keys than its own are refused."""


TOPICS = frozenset({"states", "active", "blocked", "published", "limits"})
"""What a section may be about that is no key: whether a programme runs, whether a card does, the list of
offers, and how often one may be used."""


class Rule(Part, frozen=True, kw_only=True):
    """A table of rules, and where they stand: sections of documents, or "silent: …" for a default.

    `at`: where several do, in which of them a key stands, or a topic (`TOPICS`).
    """

    source: Annotated[
        tuple[Annotated[str, Meta(min_length=3, max_length=80)], ...], Meta(min_length=1, max_length=16)
    ]
    at: dict[str, str] = {}

    def sections(self, key: str) -> tuple[str, ...]:
        """Return where a key or a topic stands: its section, or those of the document, or the defaults."""
        if key in self.at:
            return (self.at[key],)
        told = tuple(source for source in self.source if not source.startswith("silent: "))
        return told or self.source


class Identity(Rule, frozen=True):
    """Which programme a rules file belongs to. `number` is the programme's key in the registry.

    Days end at midnight in `time_zone`. The first of `languages` is taken where a terminal asks for none of
    them. An offline sale may arrive up to `advice_age_max_days` after it was made. Changes of the rules are
    published `notice_days` ahead (Zgierz § 34).
    """

    number: Annotated[int, Meta(ge=1, le=9_999)]
    code: Code
    name: Name
    time_zone: str = "Europe/Warsaw"
    languages: Annotated[tuple[Language, ...], Meta(min_length=1, max_length=len(LANGUAGES))] = LANGUAGES
    advice_age_max_days: Annotated[int, Meta(ge=0, le=31)] = 7
    notice_days: Annotated[int, Meta(ge=0, le=365)] = 7


class Terminals(Rule, frozen=True):
    """How cards may be read (Zgierz § 17), and whether partners keep cards (Żywiec § 4).

    With `retain` a terminal is told to keep a wanted card, and its report of misuse stops a card at once.
    """

    entries: Annotated[tuple[EntryName, ...], Meta(min_length=1, max_length=len(ENTRIES))] = ENTRIES
    retain: bool = False

    def entry_bits(self) -> int:
        """The allowed ways of reading a card, 1 << number on the wire each."""
        return sum(2 << ENTRIES.index(entry) for entry in set(self.entries))


class Partners(Rule, frozen=True):
    """How many Main Partners there may be, and whether partners' adverts are printed on receipts."""

    main_max: Annotated[int, Meta(ge=0, le=1_000)] = 0
    adverts: bool = False


class Earn(Rule, frozen=True):
    """How a payment becomes points: floor(paid / step), one point a step.

    `excluded` names the kinds of goods that do not count, in each language: the till sends the amount that
    counts, and the receipt says what was left out.
    """

    step_grosze: Grosze
    amount_max_grosze: Grosze
    excluded: Annotated[tuple[Names, ...], Meta(max_length=8)] = ()
    expire_months: Months = 0


class Tier(Part, frozen=True):
    """One fixed exchange: `points` off the card give a rebate of `value_grosze`."""

    points: PointsPositive
    value_grosze: Grosze


class Redeem(Rule, frozen=True):
    """The tiers points can be exchanged at, one tier a redemption."""

    tiers: Annotated[tuple[Tier, ...], Meta(min_length=1, max_length=limits.TIERS_MAX)]


class Refund(Rule, frozen=True):
    """A sale taken back in part or whole; `below_zero`: also where the card has spent its points since."""

    below_zero: bool = True


class Corrections(Rule, frozen=True):
    """What an office may change of a card's points without a till: at most `points_max` of a card at once;
    `below_zero`: also more than it has.
    """

    points_max: PointsPositive = 100_000
    below_zero: bool = False


UNSTATED_CORRECTIONS = Corrections(source=("silent: corrections",))
"""Where a rules file has no [corrections]."""


class Settlement(Rule, frozen=True):
    """What a point costs who awards it (net, VAT apart), and what a redeeming partner is credited.

    `vat_percent`: one of the rates that documents know (`ledger.settlement.vat`).
    """

    point_value_grosze: Grosze
    point_price_grosze: Grosze
    vat_percent: Annotated[int, Meta(ge=0, le=100)]


class LeasePrice(Part, frozen=True):
    """What a terminal costs a month, net, from a month of the contract on (1: the first)."""

    from_month: Annotated[int, Meta(ge=1, le=240)]
    monthly_grosze: Fee


class Lease(Rule, frozen=True):
    """What terminals are leased for, net; one price for all months with other services of the operator."""

    contract_months_min: Annotated[int, Meta(ge=1, le=240)]
    with_services_grosze: Fee
    prices: Annotated[tuple[LeasePrice, ...], Meta(min_length=1, max_length=16)]
