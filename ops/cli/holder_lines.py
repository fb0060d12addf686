"""Lines of holders and persons, as files and standard input have them, read by the rules in force.

Owns the columns, and what a line means: masks of flags and kinds, until when somebody is entitled. Must not
know the registry, nor where a line comes from. Invariant: no message repeats what stood there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from ledger.registry.holder_imports import NewHolder
from ledger.registry.numbers import Numbers
from ledger.registry.people import Person
from ops.cli.csv_import import Columns, LineError, whole_number
from ops.cli.registry_options import parse_day, parse_yes
from ops.errors import CommandError
from ops.exit_codes import Exit
from protocol import CardNumberError, parse_card
from switch.rules.programme import Rules

PERSONAL = Person._fields
DECIDING = ("flags", "kinds", "guardian", "tax_year", "applied_on")
COLUMNS = Columns(required=("number",), optional=(*PERSONAL, *DECIDING))
FILE_HELP = (
    f"CSV: number and, if wanted, {','.join(DECIDING)}; of a person name and, if wanted, "
    f"{','.join(column for column in PERSONAL if column != 'name')}."
)


def person_lines(text: str) -> dict[str, str]:
    """Return the fields of a person from lines like "name: Anna". Raises `CommandError`, repeating
    nothing.
    """
    fields: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        name, separator, value = line.partition(":")
        if not separator or name.strip() not in PERSONAL:
            raise CommandError(
                Exit.USAGE,
                f"line {number} of the person begins with none of {', '.join(PERSONAL)}.",
                "Write it like name: Anna Nowak.",
            )
        fields[name.strip()] = value.strip()
    return fields


def person_of(fields: Mapping[str, str]) -> dict[str, Any]:
    """Return the fields of a person as the registry takes them. Raises `LineError`."""
    found: dict[str, Any] = {name: text for name, text in fields.items() if name in PERSONAL}
    if "born_on" in found:
        try:
            found["born_on"] = parse_day(found["born_on"])
        except ValueError as error:
            raise LineError("born_on", str(error)) from None
    return found


def code_mask(column: str, text: str, rules: Rules) -> int:
    """Return the mask of codes of flags or kinds, by the rules in force. Raises `LineError`."""
    codes = text.split()
    try:
        mask: int = getattr(rules.holders, f"{column}_mask")(codes) if codes and rules.holders else 0
    except KeyError:
        raise LineError(column, "has a code that the rules do not have") from None
    if codes and not mask:
        raise LineError(column, "has a code that the rules do not have")
    return mask


def deciding_of(row: Mapping[str, str], rules: Rules, today: date) -> dict[str, Any]:
    """Return what decides: masks of flags and kinds, days. Raises `LineError`."""
    tax_year = whole_number(row, "tax_year", 1990, 2200) if row.get("tax_year") else None
    return {
        "guardian": _yes(row.get("guardian", "")),
        "flags": code_mask("flags", row.get("flags", ""), rules),
        "kinds": code_mask("kinds", row.get("kinds", ""), rules),
        "tax_year": tax_year,
        "entitled_until": _entitled_until(row.get("applied_on", ""), tax_year, rules, today),
    }


def _yes(text: str) -> bool:
    try:
        return parse_yes(text)
    except ValueError as error:
        raise LineError("guardian", str(error)) from None


def _entitled_until(applied_on: str, tax_year: int | None, rules: Rules, today: date) -> date | None:
    """Return until when a proof entitles, or an application that needed none."""
    try:
        applied = parse_day(applied_on)
    except ValueError as error:
        raise LineError("applied_on", str(error)) from None
    rule = rules.entitlement
    if rule is None:
        if tax_year or applied:
            raise LineError("tax_year" if tax_year else "applied_on", "decides nothing in this programme")
        return None
    if tax_year:
        if why := rule.proof_fault(tax_year, today):
            raise LineError("tax_year", why)
        return rule.until(tax_year)
    if applied is None:
        return None
    if (until := rule.until_without_proof(applied)) is None:
        days = f"{rule.transition.applied_from} to {rule.transition.applied_until}" if rule.transition else ""
        raise LineError("applied_on", f"entitles to nothing without proof: only {days or 'a tax_year'} does")
    return until


def holder_reader(numbers: Numbers, rules: Rules, today: date) -> Callable[[Mapping[str, str]], NewHolder]:
    """Return the function that reads one line of a file."""

    def read(row: Mapping[str, str]) -> NewHolder:
        try:
            digits = parse_card(row["number"])
        except CardNumberError as error:
            raise LineError("number", f"is no card: {error}") from None
        person = Person(**person_of(row)) if any(row[name] for name in PERSONAL) else None
        return NewHolder(numbers.token(digits), person=person, **deciding_of(row, rules, today))

    return read
