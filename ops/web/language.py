"""Which language a page is in, and how numbers and times read in it.

Owns the choice (a link's first folder, /pl/ or /en/; else what the browser asks for), and a language with its
words and time zone (`Speech`); its forms are `ops.written`'s. Must not know any page's words: those stand
beside the page (`Words`).
Invariant: whatever is asked for, a page is in one of `LANGUAGES`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, tzinfo
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from ops import written
from ops.written import NO_BREAK

LANGUAGES: Final = ("pl", "en")
DEFAULT: Final = LANGUAGES[0]
ACCEPT_CHARACTERS_MAX: Final = 200
NAMES: Final = {"pl": "Polski", "en": "English"}

Words = Mapping[str, tuple[str, str]]
"""Of each text its Polish and its English; `{…}` in both is filled in."""


def negotiate(accepted: str) -> str:
    """Return the language that an Accept-Language header (RFC 9110, section 12.5.4) likes best."""
    best, best_weight = DEFAULT, 0.0
    for part in accepted[:ACCEPT_CHARACTERS_MAX].split(","):
        tag, _, parameter = part.strip().partition(";")
        name, _, number = parameter.strip().partition("=")
        try:
            weight = float(number) if name.strip() == "q" else 1.0
        except ValueError:
            continue
        language = tag.strip().lower().partition("-")[0]
        if language in LANGUAGES and best_weight < weight <= 1.0:
            best, best_weight = language, weight
    return best


class LanguageChoice:
    """Takes the language off a path (/en/… is the page … in English) and leaves it in the request's state."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Choose, and go on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        first, _, rest = scope["path"].removeprefix("/").partition("/")
        named = first in LANGUAGES
        state = dict(scope.get("state") or {})
        state["language"] = first if named else negotiate(_header(scope, b"accept-language"))
        path = f"/{rest}" if named else scope["path"]
        state["page"] = path
        await self._app({**scope, "path": path, "raw_path": path.encode(), "state": state}, receive, send)


def _header(scope: Scope, name: bytes) -> str:
    return next((value.decode("latin-1") for key, value in scope["headers"] if key == name), "")


class Speech:
    """A language as a page speaks it: its words, its numbers, its times in one time zone."""

    def __init__(self, language: str, words: Words, zone: tzinfo = UTC) -> None:
        self.language = language
        self._column = LANGUAGES.index(language)
        self._words = words
        self._zone = zone

    def say(self, key: str, **values: object) -> str:
        """Return a text with its values filled in."""
        text = self._words[key][self._column]
        return text.format(**values) if values else text

    def word(self, key: str) -> str | None:
        """Return a text without values; None where there is none of that key."""
        texts = self._words.get(key)
        return None if texts is None else texts[self._column]

    def number(self, value: float, digits: int = 0) -> str:
        """Return a number with groups of three, as this language writes it."""
        return written.number(value, self.language, digits)

    def percent(self, value: str | int) -> str:
        """Return a percentage that is written with a point."""
        return written.percent(value, self.language)

    def zloty(self, grosze: int) -> str:
        """Return a sum."""
        return written.zloty(grosze, self.language)

    def counted(self, count: int, key: str) -> str:
        """Return a number with its noun, whose forms are the text of that key (`ops.written.counted`)."""
        return written.counted(count, self.say(key))

    def share(self, part: float, whole: float) -> str:
        """Return a share in per cent; nothing of nothing is a dash."""
        if not whole:
            return "–"
        return self.percent(f"{100 * part / whole:.1f}")

    def clock(self, at_s: float) -> str:
        """Return the time of day to the second."""
        return f"{datetime.fromtimestamp(at_s, self._zone):%H:%M:%S}"

    def minute(self, at_s: float) -> str:
        """Return the time of day to the minute."""
        return f"{datetime.fromtimestamp(at_s, self._zone):%H:%M}"

    def day(self, on: date | None) -> str:
        """Return a day; a dash where there is none."""
        return written.day(on, self.language)

    def moment(self, at: datetime | None) -> str:
        """Return a day and its minute; the day alone at midnight, a dash where there is no moment."""
        return written.moment(at, self.language, self._zone)

    def lasting(self, seconds: float) -> str:
        """Return a length of time in its two largest parts."""
        whole = max(0, int(seconds))
        for size, unit, below, small in (
            (86_400, "d", 3_600, "h"),
            (3_600, "h", 60, "min"),
            (60, "min", 1, "s"),
        ):
            if whole >= size:
                rest = whole % size // below
                return f"{whole // size}{NO_BREAK}{unit}" + (f" {rest}{NO_BREAK}{small}" if rest else "")
        return f"{whole}{NO_BREAK}s"
