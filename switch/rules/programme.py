"""The rules of one programme, read from a TOML text and checked.

Owns what a rules file may say and its bounds. Must not know a city by name, nor connections or the database.
Invariant: a `Rules` that exists can decide and print every transaction without an error.
Source of the numbers: programme documents, see the comments of each programme's TOML file.
"""

from __future__ import annotations

import string
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from switch.rules.calendar import Calendar, CalendarError

Grosze = Annotated[int, Meta(ge=1, le=100_000_000)]
PointsPositive = Annotated[int, Meta(ge=1, le=10_000_000)]
Line = Annotated[str, Meta(max_length=48)]
Lines = Annotated[tuple[Line, ...], Meta(max_length=8)]

RECEIPT_FIELDS = {"card", "amount", "points", "balance", "value", "original"}


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
    """The lines a terminal prints. Placeholders: {card} {amount} {points} {balance} {value} {original}."""

    header: Lines
    earn: Lines
    advice: Lines
    redeem: Lines
    balance: Lines
    reversal: Lines
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
        raw: dict[str, Any] = msgspec.toml.decode(text, type=dict[str, Any])
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
    for section in receipt.__struct_fields__:
        for line in getattr(receipt, section):
            try:
                parsed = list(string.Formatter().parse(line))
            except ValueError as error:
                raise RulesError(f"{source}: key 'receipt.{section}': {error} in {line!r}") from None
            fields = {name for _, name, _, _ in parsed if name is not None}
            if any(layout or conversion for _, _, layout, conversion in parsed):
                raise RulesError(
                    f"{source}: key 'receipt.{section}': a placeholder takes no format: {line!r}"
                )
            if unknown := fields - RECEIPT_FIELDS - ({"reason"} if section == "decline" else set()):
                raise RulesError(
                    f"{source}: key 'receipt.{section}': unknown placeholder {sorted(unknown)[0]!r}"
                )
