"""The rules of one programme, read from a TOML text and checked.

Owns what a rules file may say and its bounds. Must not know a city by name, nor connections or the database.
Invariant: a `Rules` that exists can decide and print every transaction without an error.
Source of the numbers: programme documents, see the comments of each programme's TOML file.
"""

from __future__ import annotations

import string
import unicodedata
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from protocol import limits
from switch.rules.calendar import Calendar, CalendarError
from switch.rules.text import is_plain

Grosze = Annotated[int, Meta(ge=1, le=100_000_000)]
PointsPositive = Annotated[int, Meta(ge=1, le=10_000_000)]
Line = Annotated[str, Meta(max_length=48)]
Lines = Annotated[tuple[Line, ...], Meta(max_length=8)]

WIDEST = {
    "time": "2026-12-31 23:59",
    "card": "****1234",
    "amount": "-10000000000,00 zł",
    "points": str(limits.INT64_MIN),
    "balance": str(limits.INT64_MIN),
    "value": "-" + "9" * 19 + ",00 zł",
    "original": str(limits.STAN_MAX),
    "reason": "x" * limits.RESULT_TEXT_BYTES_MAX,
}
"""The placeholders of a receipt, each at its longest."""
WITH_REASON = {"decline", "nothing_to_reverse", "original_unseen"}
"""The parts of a receipt that are for more than one result, and may say which."""


class RulesError(Exception):
    """A rules file that cannot be used; the message names the file and the key."""


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    pass


class Identity(_Part, frozen=True):
    """Which programme a rules file belongs to. `number` is the programme's key in the registry.

    Days end at midnight in `time_zone`. An offline sale may arrive up to `advice_age_max_days` after it was
    made. Changes of the rules are published `notice_days` ahead (Zgierz, annex §34).
    """

    number: Annotated[int, Meta(ge=1, le=32_767)]
    code: Annotated[str, Meta(pattern="^[a-z][a-z0-9_]{0,31}$")]
    name: Annotated[str, Meta(min_length=1, max_length=32)]
    time_zone: str = "Europe/Warsaw"
    advice_age_max_days: Annotated[int, Meta(ge=0, le=31)] = 7
    notice_days: Annotated[int, Meta(ge=0, le=365)] = 7


class Earn(_Part, frozen=True):
    """How a payment becomes points: floor(paid / step), one point a step."""

    step_grosze: Grosze
    amount_max_grosze: Grosze


class Tier(_Part, frozen=True):
    """One fixed exchange: `points` off the card give a rebate of `value_grosze`."""

    points: PointsPositive
    value_grosze: Grosze


class Redeem(_Part, frozen=True):
    """The tiers points can be exchanged at, one tier a redemption."""

    tiers: Annotated[tuple[Tier, ...], Meta(min_length=1, max_length=16)]


class Settlement(_Part, frozen=True):
    """What a point costs the partner that awards it (net), and what a redeeming partner is credited."""

    point_value_grosze: Grosze


class Receipt(_Part, frozen=True):
    """The lines a terminal prints: `header`, what is said of the outcome, `footer` (not under a refusal).

    Placeholders: {time} {card} {amount} {points} {balance} {value} {original}, and {reason} where nothing was
    done. `nothing_to_reverse` and `original_unseen` are for reversals without an effect: they must not read
    like a return that was accepted.
    """

    header: Lines
    earn: Lines
    advice: Lines
    redeem: Lines
    balance: Lines
    reversal: Lines
    nothing_to_reverse: Lines
    original_unseen: Lines
    decline: Lines
    footer: Lines = ()


class Rules(_Part, frozen=True):
    """One version of a programme's rules. A programme without points has neither `earn` nor `redeem`."""

    programme: Identity
    settlement: Settlement
    receipt: Receipt
    earn: Earn | None = None
    redeem: Redeem | None = None

    def tier_value_grosze(self, points: int) -> int | None:
        """The rebate for a tier of exactly `points`, or None if there is no such tier."""
        for tier in self.redeem.tiers if self.redeem else ():
            if tier.points == points:
                return tier.value_grosze
        return None


def parse_rules(text: str | bytes, *, source: str = "programme rules") -> Rules:
    """Parse and check one rules file. Raises `RulesError` naming `source` and the key."""
    try:
        written = text.decode() if isinstance(text, bytes) else text
        raw = msgspec.toml.decode(unicodedata.normalize("NFC", written), type=dict[str, Any])
        rules = msgspec.convert(raw, Rules)
    except msgspec.ValidationError as error:
        problem, _, where = str(error).partition(" - at `$")
        key = where.strip(".`") or "(top level)"
        raise RulesError(f"{source}: key '{key}': {problem}") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RulesError(f"{source}: not valid TOML: {error}") from None
    _check_time_zone(rules.programme, source)
    _check_tiers(rules, source)
    _check_receipt(rules.receipt, source)
    return rules


def _check_time_zone(programme: Identity, source: str) -> None:
    try:
        Calendar(programme.time_zone)
    except CalendarError as error:
        raise RulesError(f"{source}: key 'programme.time_zone': {error}") from None


def _check_tiers(rules: Rules, source: str) -> None:
    points = [tier.points for tier in rules.redeem.tiers] if rules.redeem else []
    if len(set(points)) != len(points):
        raise RulesError(f"{source}: key 'redeem.tiers': two tiers of the same points")


def _check_receipt(receipt: Receipt, source: str) -> None:
    sections = receipt.__struct_fields__
    for section in sections:
        for line in getattr(receipt, section):
            _check_line(line, section, source)
    around = (*receipt.header, *receipt.footer)
    for section in set(sections) - {"header", "footer"}:
        size = len("\n".join((*around, *getattr(receipt, section))).format_map(WIDEST).encode())
        if size > limits.RECEIPT_BYTES_MAX:
            raise RulesError(
                f"{source}: key 'receipt.{section}': with header and footer up to {size} bytes,"
                f" and a terminal takes {limits.RECEIPT_BYTES_MAX}"
            )


def _check_line(line: str, section: str, source: str) -> None:
    where = f"{source}: key 'receipt.{section}'"
    if not is_plain(line):
        raise RulesError(f"{where}: a character that is not one column wide in {line!r}")
    try:
        parsed = list(string.Formatter().parse(line))
    except ValueError as error:
        raise RulesError(f"{where}: {error} in {line!r}") from None
    if any(layout or conversion for _, _, layout, conversion in parsed):
        raise RulesError(f"{where}: a placeholder takes no format: {line!r}")
    allowed = WIDEST.keys() if section in WITH_REASON else WIDEST.keys() - {"reason"}
    if unknown := {name for _, name, _, _ in parsed if name is not None} - allowed:
        raise RulesError(f"{where}: unknown placeholder {sorted(unknown)[0]!r}")
