"""`cityswitch explain`: why a request was answered as it was.

Owns the showing. Must not find anything out itself (`ops.office.explain` does). Invariant: no card number, no
name, no date of birth, for none is known.
"""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal

from cyclopts import App, Parameter

from ledger.books.hand import is_hand_terminal
from ledger.postgres.database import Connection
from ops.cli.help_texts import examples
from ops.cli.registry_options import Json
from ops.errors import CommandError
from ops.exit_codes import Exit
from ops.office.explain import Explanation
from ops.office.explain import explain as explain_row
from ops.output import print_json, print_line
from ops.place.database import looking
from ops.place.options import HERE, Place
from protocol import limits
from switch.rules.silent import in_polish

HEADS: Final = {
    "pl": ("Wynik", "Dlaczego", "Podstawa", "Zasady", "Chwila", "Uwaga"),
    "en": ("Result", "Why", "Paragraph", "Rules", "Moment", "Beware"),
}
TILL_MAX: Final = 99_999_999
NOT_AGAIN: Final = {
    "pl": "dziś rozstrzygnięto by inaczej niż zapisano",
    "en": "decided again it is not what is stored",
}

app = App(
    name="explain",
    help_epilogue=examples(
        "explain 10010001/17", "explain 10010001/17 --lang en --json", "explain 2000020001/5"
    ),
)


@app.default
async def explain(
    request: Annotated[str, Parameter(help="Terminal and STAN, as TERMINAL/STAN.")],
    /,
    *,
    lang: Annotated[Literal["pl", "en"], Parameter(help="Language of the explanation.")] = "pl",
    json: Json = False,
    place: Place = HERE,
) -> None:
    """Explain why a request was answered as it was: the rule, its paragraph, and what decided."""
    terminal, stan = ids_of(request)

    async def job(connection: Connection) -> Explanation:
        return await explain_row(connection, terminal, stan)

    async with looking(place) as database:
        told = await database.run(job)
    if json:
        print_json(fields(told))
    else:
        for line in lines(told, lang):
            print_line(line)


def ids_of(request: str) -> tuple[int, int]:
    """Return terminal and STAN. Raises `CommandError`."""
    found = re.fullmatch(r"([0-9]{1,10})/([0-9]{1,10})", request)
    if found is None or not _may_be(int(found[1]), int(found[2])):
        raise CommandError(
            Exit.USAGE, "that names no request.", "Write TERMINAL/STAN, like 10010001/17; a receipt has both."
        )
    return int(found[1]), int(found[2])


def _may_be(terminal: int, stan: int) -> bool:
    """Whether a row may have the id: a till's, or one that the office's hand posted."""
    return (terminal <= TILL_MAX or is_hand_terminal(terminal)) and 0 < stan <= limits.STAN_MAX


def lines(told: Explanation, lang: Literal["pl", "en"]) -> list[str]:
    """Return an explanation for people."""
    is_polish = lang == "pl"
    code, row = told.code, told.row
    values = (
        f"{int(code)} {code.name}: {code.text_pl if is_polish else code.text_en}",
        told.reason_pl if is_polish else told.reason_en,
        "; ".join(map(in_polish, told.paragraphs) if is_polish else told.paragraphs) or "-",
        f"{told.programme}, {told.rules_version}",
        told.judged_at,
    )
    heads = HEADS[lang]
    rows = [("", f"{row.terminal}/{row.stan} {told.kind.name}"), *zip(heads, values, strict=False)]
    rows += [(fact.name_pl, fact.pl) if is_polish else (fact.name_en, fact.en) for fact in told.facts]
    if told.problem:
        rows.append((heads[-1], f"{NOT_AGAIN[lang]}: {told.problem}"))
    width = max(len(name) for name, _ in rows)
    return [f"{name + ':' if name else '':{width + 2}}{value}" for name, value in rows]


def fields(told: Explanation) -> dict[str, object]:
    """Return an explanation for scripts, in both languages."""
    row, code = told.row, told.code
    return {
        "terminal": row.terminal,
        "stan": row.stan,
        "operation": told.kind.name.lower(),
        "code": int(code),
        "result": code.name,
        "text": {"pl": code.text_pl, "en": code.text_en},
        "reason": {"pl": told.reason_pl, "en": told.reason_en},
        "paragraphs": told.paragraphs,
        "programme": told.programme,
        "rules_version": told.rules_version,
        "registry_number": row.registry_number,
        "judged_at": told.judged_at,
        "facts": {fact.key: {"pl": fact.pl, "en": fact.en} for fact in told.facts},
        "decided_again": told.problem or ("by hand" if told.is_by_hand else "the same"),
    }
