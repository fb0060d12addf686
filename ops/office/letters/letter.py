"""The letters of a desk as text and as tagged PDF (PDF/UA-1), in Polish and English.

Owns their words. Must not know where they go, nor look anything up. Invariant: what a person typed reaches
the page as text alone, never as markup.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

import msgspec

Kind = Literal["call", "refusal", "withdrawal", "receipt"]
REASONED: Final = ("call", "refusal", "withdrawal")
"""The letters that say why; a receipt does not, though its application may keep an earlier call's text."""
TEMPLATE: Final = Path(__file__).with_name("letter.typ")
_LANGUAGES: Final = ("pl", "en")

_WORDS: Final[Mapping[str, tuple[str, str]]] = {
    "call": ("Wezwanie do uzupełnienia wniosku", "Call to complete an application"),
    "refusal": ("Odmowa", "Refusal"),
    "withdrawal": ("Potwierdzenie wycofania wniosku", "Confirmation that an application is withdrawn"),
    "receipt": ("Pokwitowanie odbioru karty", "Receipt for a card"),
    "first": ("o wydanie karty", "for a card"),
    "renewal": ("o przedłużenie", "for a renewal"),
    "duplicate": ("o wydanie duplikatu", "for a duplicate"),
    "about": (
        "Wniosek nr {number} {what} złożony {received}, program „{programme}”.",
        "Application no. {number} {what} of {received}, programme “{programme}”.",
    ),
    "call_text": (
        "We wniosku brakuje tego, co wymieniono niżej. Prosimy uzupełnić go do {until} włącznie. "
        "Czas na rozpatrzenie liczy się od dnia, w którym wniosek będzie kompletny.",
        "What is named below is missing from the application. Please complete it by {until}. "
        "The time to decide is counted from the day the application is complete.",
    ),
    "call_after": (
        "Bez uzupełnienia w tym terminie wniosku nie można rozpatrzyć pozytywnie.",
        "Without it the application cannot be granted.",
    ),
    "refusal_text": (
        "Wniosek rozpatrzono negatywnie. Powód:",
        "The application was refused. The reason:",
    ),
    "refusal_after": (
        "Nowy wniosek można złożyć w każdej chwili, gdy warunki programu będą spełnione.",
        "You may apply again at any time once the conditions of the programme are met.",
    ),
    "withdrawal_text": (
        "Wniosek wycofano dnia {day}: punkt obsługi zapisał, że poproszono o to {told}.",
        "The application was withdrawn on {day}: the desk took down that this was asked for {told}.",
    ),
    "withdrawal_after": (
        "Jeśli nikt o to nie prosił, prosimy o kontakt z punktem obsługi. To, co zawiera wniosek, "
        "przechowujemy do {until}, chyba że poproszą Państwo o usunięcie wcześniej. Nowy wniosek można "
        "złożyć w każdej chwili.",
        "If nobody asked for it, please tell the service desk. What the application says is kept until "
        "{until}, unless you want it removed earlier. You may apply again at any time.",
    ),
    "told_person": ("osobiście", "in person"),
    "told_letter": ("listem", "by letter"),
    "told_telephone": ("telefonicznie", "by telephone"),
    "told_email": ("e-mailem", "by e-mail"),
    "told_message": ("wiadomością na stronie", "by a message on the web page"),
    "receipt_text": (
        "Kartę o numerze kończącym się na {last4} odebrano {day} w punkcie: {desk}.",
        "The card with a number that ends in {last4} was collected on {day} at the desk: {desk}.",
    ),
    "receipt_after": ("Karta jest ważna od tej chwili.", "The card is valid from now on."),
    "clerk": ("Wydał: {name}", "For the desk: {name}"),
    "holder": ("Odebrał", "Collected by"),
    "day": ("dnia {day}", "{day}"),
}


class Letter(NamedTuple):
    """What a letter is about.

    `reason`: why somebody was called or refused, or what was noted of a withdrawal, whichever letter it is;
    `until`: of a call, or until when a withdrawn application is kept; `told`: which way a desk was told of a
    withdrawal; `day`: of that, or of the collection; `last4` of a receipt; `to`: name and address, in lines.
    """

    kind: Kind
    language: str
    programme: str
    number: int
    what: str
    received: date
    today: date
    to: tuple[str, ...]
    desk: str = ""
    clerk: str = ""
    reason: str = ""
    until: date | None = None
    last4: str = ""
    day: date | None = None
    told: str = ""


def content_of(letter: Letter) -> dict[str, Any]:
    """Return what a letter says, part by part."""

    def say(word: str, **values: object) -> str:
        return _WORDS[word][_LANGUAGES.index(letter.language)].format(**values)

    about = say(
        "about",
        number=letter.number,
        what=say(letter.what),
        received=_day(letter.received, letter.language),
        programme=letter.programme,
    )
    until = _day(letter.until or letter.today, letter.language)
    text = say(
        f"{letter.kind}_text",
        until=until,
        last4=letter.last4,
        day=_day(letter.day or letter.today, letter.language),
        desk=letter.desk or "–",
        told=say(f"told_{letter.told}") if letter.told else "",
    )
    signatures = [say("clerk", name=letter.clerk)]
    if letter.kind == "receipt":
        signatures.append(say("holder"))
    return {
        "lang": letter.language,
        "title": say(letter.kind),
        "organiser": letter.programme,
        "place_and_day": say("day", day=_day(letter.today, letter.language)),
        "to": [line for line in letter.to if line],
        "parts": [about, text],
        "reason": letter.reason if letter.kind in REASONED else "",
        "after": [say(f"{letter.kind}_after", until=until)],
        "signatures": signatures,
    }


def as_text(letter: Letter) -> str:
    """Return a letter as plain text, for whoever reads it on a screen or gets it by e-mail."""
    said = content_of(letter)
    parts = [said["title"], *said["to"], *said["parts"], said["reason"], *said["after"], *said["signatures"]]
    return "\n\n".join(part for part in parts if part) + "\n"


def as_pdf(letter: Letter) -> bytes:
    """Return a letter as a PDF with tags; some tenths of a second of a processor: not for an event loop."""
    import typst  # noqa: PLC0415 - of the extra `office`; a letter by e-mail needs none

    data = msgspec.json.encode(content_of(letter)).decode()
    made: bytes = typst.compile(TEMPLATE.read_bytes(), sys_inputs={"data": data}, pdf_standards="ua-1")
    return made


def _day(day: date, language: str) -> str:
    return f"{day:%d.%m.%Y}" if language == "pl" else f"{day:%-d %B %Y}"
