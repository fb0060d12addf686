"""`cityswitch audit`: who changed what in the registry, when and why.

Owns the listing. Must not write anything. Invariants: a card is shown by its last four digits; no key
material is in the trail, so none can be shown.
"""

from __future__ import annotations

import json as json_text
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Final

from cyclopts import App, Group, Parameter

from ledger.postgres.database import Connection
from ledger.registry.audit import Wanted, list_audit
from ledger.registry.bounds import INT64_MAX
from ledger.registry.card_states import CardStatus
from ledger.registry.partners import check_partner
from ledger.registry.programmes import check_programme
from ledger.registry.terminals import check_terminal
from ops.cli.cards import card_desk
from ops.cli.help_texts import examples
from ops.cli.registry_options import Json, digits_of, status_name
from ops.errors import CommandError
from ops.exit_codes import Exit
from ops.output import Cell, Row, print_rows
from ops.place.database import looking
from ops.place.options import HERE, Place

SHOWN: Final = ("id", "at", "actor", "hand", "second", "object", "key", "change", "reason", "source")
NARROW: Final = ("id", "at", "actor", "object", "key", "change")
OBJECTS: Final = {
    "buckets": "layout",
    "master-key": "installation",
    "programmes": "programme",
    "rules": "programme_version",
    "partners": "partner",
    "outlets": "outlet",
    "offers": "offer",
    "terminals": "terminal",
    "keys": "terminal_key",
    "cards": "card",
    "endings": "ending",
    "cases": "card_case",
    "fees": "card_fee",
    "fee-payments": "card_fee_payment",
    "invoices": "invoice",
    "invoices-sent": "invoice_delivery",
    "invoices-elsewhere": "invoice_elsewhere",
    "organisers": "invoice_seller",
    "cities": "invoice_city",
    "adjustments": "adjustment",
    "campaigns": "campaign",
    "contracts": "partner_contract",
    "corrections": "settlement_correction",
    "months": "settlement_period",
    "logins": "login",
    "login-codes": "login_code",
    "passkeys": "passkey",
}

app = App(
    name="audit",
    help_epilogue=examples(
        "audit", "audit --partner 1001", "audit --card - < number.txt", "audit --by anna --since 2027-01-01"
    ),
)


@Parameter(name="*", group=Group("Which", sort_key=6))
@dataclass(frozen=True, kw_only=True)
class Which:
    """Which rows of the trail."""

    object: Annotated[str | None, Parameter(help=f"Of one kind: {', '.join(OBJECTS)}.")] = None
    programme: Annotated[int | None, Parameter(help="Of one programme, by number.")] = None
    partner: Annotated[int | None, Parameter(help="Of one partner.")] = None
    terminal: Annotated[int | None, Parameter(help="Of one terminal.")] = None
    card: Annotated[
        str | None,
        Parameter(allow_leading_hyphen=True, help="Of one card: its number, or - to read it from input."),
    ] = None
    by: Annotated[str | None, Parameter(help="By one actor.")] = None
    since: Annotated[
        str | None, Parameter(help="Since a moment, 2027-01-01 or with a time and zone; UTC.")
    ] = None

    def wanted(self) -> Wanted:
        """Return what the registry is asked for. Raises `CommandError`."""
        if self.object is not None and self.object not in OBJECTS:
            raise CommandError(Exit.USAGE, f"--object is none of {', '.join(OBJECTS)}.")
        named = [
            (kind, str(key))
            for kind, key in (
                ("programme", self.programme),
                ("partner", self.partner),
                ("terminal", self.terminal),
            )
            if key is not None
        ]
        if len(named) + (self.object is not None) + (self.card is not None) > 1:
            raise CommandError(Exit.USAGE, "name one object, or one kind of objects.")
        kind, key = named[0] if named else (OBJECTS[self.object] if self.object else None, None)
        return Wanted(kind, key, self.by, parse_since(self.since))

    async def check_named(self, connection: Connection) -> None:
        """Raise NotInRegistry for what is not there: an empty trail would say that it was left alone."""
        for number, check in (
            (self.programme, check_programme),
            (self.partner, check_partner),
            (self.terminal, check_terminal),
        ):
            if number is not None:
                await check(connection, number)


ALL: Final = Which()


def parse_since(text: str | None) -> datetime | None:
    """Return a moment; one without a zone is UTC. Raises `CommandError`."""
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):  # the latter: in UTC it would be in no year there is
        raise CommandError(Exit.USAGE, f"'{text}' is no moment.", "Write it like 2027-01-01.") from None


@app.default
async def audit(
    *,
    which: Which = ALL,
    before: Annotated[int | None, Parameter(help="Rows with an id below this: the next page.")] = None,
    limit: Annotated[int, Parameter(help="At most so many rows, up to 1000.")] = 100,
    json: Json = False,
    place: Place = HERE,
) -> None:
    """List who changed what in the registry, newest first: programmes, partners, terminals, keys, cards."""
    wanted, below = which.wanted(), INT64_MAX if before is None else before
    if which.card is not None:
        digits = digits_of(which.card)
        async with card_desk(place, to_look=True) as desk:
            rows = await desk.history(digits, before=below, limit=limit)
    else:

        async def job(connection: Connection) -> list[Any]:
            await which.check_named(connection)
            return await list_audit(connection, wanted, before=below, limit=limit)

        async with looking(place) as database:
            rows = await database.run(job)
    print_rows(
        [shown(row, as_json=json) for row in rows], SHOWN, as_json=json, empty="Nothing there.", narrow=NARROW
    )


def shown(row: Any, *, as_json: bool) -> dict[str, Any]:
    """Return a row of the trail as it is shown."""
    before, after = (json_text.loads(text) if text else {} for text in (row["before"], row["after"]))
    fields: dict[str, Any] = {
        "id": row["id"],
        "at": f"{row['at']:%Y-%m-%d %H:%M:%S}Z",
        "actor": row["actor"],
        "hand": row["hand"],
        "second": row["second"] or None,
        "object": row["object"],
        "key": key_of(row, after),
        "change": change(row, before, after),
        "reason": row["reason"] or None,
        "source": row["source"] or None,
    }
    if as_json:
        fields |= {
            "role": row["role"],
            "rows": row["rows"],
            "before": before or None,
            "after": after,
        }
    return fields


def key_of(row: Row | Any, after: dict[str, Any]) -> str:
    """Return which object it was, a card by its last four digits."""
    if row["object"] != "card":
        return str(row["key"])
    return f"****{after['last4']}" if row["key"] else f"{row['rows']} cards"


def change(row: Any, before: dict[str, Any], after: dict[str, Any]) -> str:
    """Return in words what became of the object."""
    if not before:
        return "added"
    kind = row["object"]
    changed = [
        f"{name}: {in_words(kind, name, before.get(name))} -> {in_words(kind, name, value)}"
        for name, value in after.items()
        if before.get(name) != value
    ]
    return ", ".join(changed) or "written anew, the same"


def in_words(kind: str, name: str, value: Cell) -> str:
    """Return a value as it is shown: a status by its name."""
    if name == "status" and isinstance(value, int):
        return CardStatus(value).name.lower() if kind == "card" else status_name(kind, value)
    return "-" if value is None else str(value)
