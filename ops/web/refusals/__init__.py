"""What the ledger and the office refuse, as a page tells it: in the language of the page.

Owns the Polish of every refusal that can reach a page, by its English template (`POLISH`), and the one place
where a refusal becomes text. Must not know why anything is refused. Invariants: a Polish text has the places
of its English one (tests/web/test_refusals.py); what has no Polish is marked as English (WCAG 3.1.2).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from typing import Final

from markupsafe import Markup, escape

from ledger.errors import DatabaseContended, RegistryRefused
from ledger.phrase import Phrase
from ops.web.language import Speech
from ops.web.refusals.accounts import DOCUMENTS, FORMS, MONTHS, POINTS
from ops.web.refusals.cards import CARDS
from ops.web.refusals.holders import APPLICATIONS, LOGINS, PERSONS
from ops.web.refusals.names import ENGLISH, NAMES, PAGE_WORDS
from ops.web.refusals.partners import OFFERS, PARTNERS, RULES, TERMS
from switch.rules.offer_faults import OfferError

CATALOGUES: Final = (
    *(CARDS, PERSONS, APPLICATIONS, LOGINS, PARTNERS, OFFERS, TERMS, RULES),
    *(FORMS, POINTS, MONTHS, DOCUMENTS),
)
POLISH: Final[Mapping[str, str]] = {key: text for each in CATALOGUES for key, text in each.items()}
CONTENDED: Final = Phrase("somebody else works on this just now: try again")


def fault_of(error: Exception | None) -> str:
    """Return what a page tells of a failure by `tell`; an empty text of none."""
    if error is None:
        return ""
    if isinstance(error, RegistryRefused | OfferError):
        return error.phrase
    return CONTENDED if isinstance(error, DatabaseContended) else Phrase("{why}", why=str(error))


def tell(speech: Speech, fault: str) -> Markup:
    """Return what is at fault in the language of a page, escaped; empty where nothing is."""
    return _polish(speech, fault) if fault and speech.language == "pl" else escape(_english(speech, fault))


def _english(speech: Speech, fault: object) -> str:
    """Return a text, days and moments as pages write them."""
    if isinstance(fault, date):
        return _when(speech, fault)
    if isinstance(fault, tuple):
        return ", ".join(_english(speech, each) for each in fault)
    if not isinstance(fault, Phrase) or not fault.parts:
        return str(fault)
    parts = {name: _moment_of(speech, name, part) or part for name, part in fault.parts.items()}
    return fault.template.format(**{name: _english(speech, part) for name, part in parts.items()})


def _polish(speech: Speech, fault: str) -> Markup:
    if not isinstance(fault, Phrase) or fault.template not in POLISH:
        return Markup('<span lang="en">{}</span>').format(str(fault))
    parts = {name: _part(speech, name, part) for name, part in fault.parts.items()}
    text = escape(POLISH[fault.template])
    return text.format(**parts) if parts else text


def _part(speech: Speech, name: str, part: object) -> object:
    """Return what stands in a place, as Polish pages show it."""
    if isinstance(part, tuple):
        return Markup(", ").join(escape(_part(speech, name, each)) for each in part)
    if isinstance(part, Phrase):
        return _polish(speech, part)
    if isinstance(part, date):
        return _when(speech, part)
    if not isinstance(part, str):
        return part
    known = _known(speech, name, part)
    if known is None and name in ENGLISH:
        return Markup('<span lang="en">{}</span>').format(part)
    return part if known is None else known


def _known(speech: Speech, name: str, part: str) -> str | None:
    """Return the Polish of a part, by what it is called; None where it has none."""
    if name == "zloty":
        return part.replace(".", ",")
    if name in PAGE_WORDS:
        return speech.word(PAGE_WORDS[name] + part)
    return _moment_of(speech, name, part) or _name(name, part)


def _when(speech: Speech, on: date) -> str:
    return speech.moment(on) if isinstance(on, datetime) else speech.day(on)


def _moment_of(speech: Speech, name: str, part: object) -> str:
    """Return the moment, written as text, from which what is announced may hold; "" of every other part."""
    is_one = name == "first" and isinstance(part, str)
    return speech.moment(datetime.fromisoformat(str(part))) if is_one else ""


def _name(name: str, part: str) -> str | None:
    """Return what a part is called; `days[1]` is the second of its kind, `int | str` either."""
    if " | " in part:
        return " albo ".join(_name(name, each) or each for each in part.split(" | "))
    known = NAMES.get(name, {}).get(re.sub(r"\[\d+\]", "", part))
    places = [int(place) + 1 for place in re.findall(r"\[(\d+)\]", part)]
    return f"{known} ({', '.join(map(str, places))})" if known and any(p > 1 for p in places) else known
