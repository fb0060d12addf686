"""The public list of a programme as one HTML page, in the programme's first language.

Owns the page. Must not know where the list comes from (`public_list`), nor how terms are told
(`offer_words`). Invariant: every text from outside is escaped.
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any, Final, NamedTuple

from ops.office.offer_words import OfferWords
from switch.rules.programme import Rules

_WORDS: Final[dict[str, tuple[str, str]]] = {
    "title": ("Partnerzy i oferty", "Partners and offers"),
    "main": ("Partner główny", "Main partner"),
    "none": ("Brak ofert.", "No offers."),
    "outlets": ("Punkty", "Outlets"),
    "always": ("Z dokumentem ze zdjęciem.", "With a photo document."),
    "in_doubt": ("W razie wątpliwości z dokumentem.", "In doubt with a document."),
}


def public_page(listed: Mapping[str, Any], rules: Rules) -> str:
    """Return a list (`public_list`) as one HTML page."""
    return _Page(listed, rules).text()


class OfferLine(NamedTuple):
    """An offer as it is told: its name, its text, and every limit."""

    name: str
    text: str
    terms: list[str]


class PartnerLines(NamedTuple):
    """A partner of a list, and what it offers."""

    name: str
    is_main: bool
    outlets: list[str]
    offers: list[OfferLine]


def lines_of(listed: Mapping[str, Any], rules: Rules, language: str) -> list[PartnerLines]:
    """Return a list (`public_list`) as texts, in a language the programme speaks, else in its first."""
    return _Page(listed, rules, language).lines()


class _Page:
    """The page of a list, in one language."""

    def __init__(self, listed: Mapping[str, Any], rules: Rules, language: str = "") -> None:
        self._listed = listed
        outlets = {o["number"]: o["name"] for partner in listed["partners"] for o in partner["outlets"]}
        self._terms = OfferWords(rules, language, outlets)
        self._language = self._terms.language
        self._words = {key: words[self._language == "en"] for key, words in _WORDS.items()}

    def text(self) -> str:
        """Return the page."""
        title = escape(f"{self._listed['programme']['name']}: {self._words['title']}")
        limits = "".join(f"<li>{escape(self._terms.limit(limit))}</li>" for limit in self._listed["limits"])
        asked = self._words.get(self._listed["identity"], "")
        published = self._terms.moment(self._listed["published"])
        body = "\n".join(map(self._partner, self._listed["partners"], self.lines()))
        return (
            f'<!DOCTYPE html>\n<html lang="{self._language}">\n<head><meta charset="utf-8">'
            f"<title>{title}</title></head>\n<body>\n<h1>{title}</h1>\n<p>{escape(published)}</p>\n"
            f"<p>{asked}</p>\n<ul>{limits}</ul>\n{body}\n</body>\n</html>\n"
        )

    def lines(self) -> list[PartnerLines]:
        """Return its texts."""
        told = []
        for partner in self._listed["partners"]:
            offers = [
                OfferLine(
                    offer["name"][self._language],
                    offer["text"][self._language],
                    list(self._terms.terms(offer)),
                )
                for offer in partner["offers"]
            ]
            outlets = [", ".join(filter(None, (o["name"], o["address"]))) for o in partner["outlets"]]
            told.append(PartnerLines(partner["name"], partner["main_partner"], outlets, offers))
        return told

    def _partner(self, partner: Mapping[str, Any], told: PartnerLines) -> str:
        main = f" <strong>{self._words['main']}</strong>" if told.is_main else ""
        where = f"<p>{self._words['outlets']}: {escape('; '.join(told.outlets))}</p>" if told.outlets else ""
        offers = "\n".join(
            f"<li><strong>{escape(offer.name)}</strong>: {escape(offer.text)} "
            f"({escape('; '.join(offer.terms))})</li>"
            for offer in told.offers
        )
        return (
            f'<section id="partner-{partner["number"]}">\n<h2>{escape(told.name)}{main}</h2>\n{where}'
            f"<ul>\n{offers or '<li>' + self._words['none'] + '</li>'}\n</ul>\n</section>"
        )
