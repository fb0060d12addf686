"""The public list of a programme as one HTML page, in the programme's first language.

Owns the page and its words. Must not know where the list comes from (`public_list`). Invariant: every text
from outside is escaped.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any, Final, NamedTuple

from switch.rules.filling import money
from switch.rules.programme import Rules

_WORDS: Final[dict[str, tuple[str, str]]] = {
    "title": ("Partnerzy i oferty", "Partners and offers"),
    "main": ("Partner główny", "Main partner"),
    "none": ("Brak ofert.", "No offers."),
    "outlets": ("Punkty", "Outlets"),
    "always": ("Z dokumentem ze zdjęciem.", "With a photo document."),
    "in_doubt": ("W razie wątpliwości z dokumentem.", "In doubt with a document."),
    "photo_id": ("z dokumentem ze zdjęciem", "with a photo document"),
    "for": ("dla", "for"),
    "everybody": ("wszystkich", "everybody"),
    "only": ("tylko", "only"),
    "since": ("obowiązuje od", "holds from"),
    "until": ("do", "until"),
    "from": ("od", "from"),
    "to": ("do", "to"),
    "limit": ("limit", "limit"),
    "uses": ("użyć", "uses"),
    "most": ("najwyżej", "at most"),
    "alone": ("nie łączy się z innymi zniżkami", "not together with other discounts"),
    "mon": ("pn", "Mon"),
    "tue": ("wt", "Tue"),
    "wed": ("śr", "Wed"),
    "thu": ("cz", "Thu"),
    "fri": ("pt", "Fri"),
    "sat": ("so", "Sat"),
    "sun": ("nd", "Sun"),
    "day": ("dziennie", "a day"),
    "week": ("tygodniowo", "a week"),
    "month": ("miesięcznie", "a month"),
    "year": ("rocznie", "a year"),
    "ever": ("łącznie", "altogether"),
    "card_and_offer": ("na kartę", "for each card"),
    "offer": ("dla wszystkich razem", "for all together"),
    "card": ("na kartę we wszystkich ofertach", "for each card over all offers"),
    "programme": ("w całym programie", "in the whole programme"),
    "percent": ("zniżka {percent} %", "{percent} % off"),
    "fixed_price": ("cena {price_grosze}", "price {price_grosze}"),
    "amount_off": ("taniej o {off_grosze}", "{off_grosze} off"),
    "free_entry": ("bezpłatnie", "free"),
    "second_free": ("druga sztuka gratis", "the second one free"),
    "privilege": ("przywilej", "privilege"),
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
        spoken = rules.programme.languages
        self._language = language if language in spoken else spoken[0]
        self._words = {key: words[self._language == "en"] for key, words in _WORDS.items()}
        kinds, flags = (rules.holders.kinds, rules.holders.flags) if rules.holders else ((), ())
        self._kinds = {kind.code: kind.name[self._language] for kind in kinds}
        self._flags = {flag.code: flag.name[self._language] for flag in flags}
        self._combines = bool(rules.benefits and rules.benefits.stacks)

    def text(self) -> str:
        """Return the page."""
        title = escape(f"{self._listed['programme']['name']}: {self._words['title']}")
        limits = "".join(f"<li>{escape(self._limit(limit))}</li>" for limit in self._listed["limits"])
        asked = self._words.get(self._listed["identity"], "")
        body = "\n".join(self._partner(partner) for partner in self._listed["partners"])
        return (
            f'<!DOCTYPE html>\n<html lang="{self._language}">\n<head><meta charset="utf-8">'
            f"<title>{title}</title></head>\n<body>\n<h1>{title}</h1>\n<p>{escape(self._listed['published'])}</p>\n"
            f"<p>{asked}</p>\n<ul>{limits}</ul>\n{body}\n</body>\n</html>\n"
        )

    def lines(self) -> list[PartnerLines]:
        """Return its texts."""
        told = []
        for partner in self._listed["partners"]:
            names = {outlet["number"]: outlet["name"] for outlet in partner["outlets"]}
            offers = [
                OfferLine(
                    offer["name"][self._language],
                    offer["text"][self._language],
                    list(self._terms(offer, names)),
                )
                for offer in partner["offers"]
            ]
            outlets = [", ".join(filter(None, (o["name"], o["address"]))) for o in partner["outlets"]]
            told.append(PartnerLines(partner["name"], partner["main_partner"], outlets, offers))
        return told

    def _partner(self, partner: Mapping[str, Any]) -> str:
        name = escape(partner["name"])
        main = f" <strong>{self._words['main']}</strong>" if partner["main_partner"] else ""
        outlets = "; ".join(", ".join(filter(None, (o["name"], o["address"]))) for o in partner["outlets"])
        where = f"<p>{self._words['outlets']}: {escape(outlets)}</p>" if outlets else ""
        names = {outlet["number"]: outlet["name"] for outlet in partner["outlets"]}
        offers = "\n".join(
            f"<li><strong>{escape(offer['name'][self._language])}</strong>: "
            f"{escape(offer['text'][self._language])} ({escape('; '.join(self._terms(offer, names)))})</li>"
            for offer in partner["offers"]
        )
        return (
            f'<section id="partner-{partner["number"]}">\n<h2>{name}{main}</h2>\n{where}'
            f"<ul>\n{offers or '<li>' + self._words['none'] + '</li>'}\n</ul>\n</section>"
        )

    def _terms(self, offer: Mapping[str, Any], outlets: Mapping[int, str]) -> Iterator[str]:
        words = self._words
        yield f"{words['since']} {offer['valid_from'][:16].replace('T', ' ')}"
        if offer["valid_until"]:
            yield f"{words['until']} {offer['valid_until'][:16].replace('T', ' ')}"
        for benefit in offer["benefits"]:
            grosze = {key: money(value) for key, value in benefit.items() if key.endswith("_grosze")}
            what = words[benefit["kind"]].format_map(benefit | grosze)
            yield f"{what} {words['for']}: {self._whom(benefit) or words['everybody']}"
        yield from self._where_and_when(offer, outlets)
        yield from (self._limit(limit) for limit in offer.get("limits", ()))
        if "max_discount_grosze" in offer:
            yield f"{words['most']} {money(offer['max_discount_grosze'])}"
        if "photo_id" in offer.get("confirm", ()):
            yield words["photo_id"]
        if not (self._combines and offer.get("combines", True)):
            yield words["alone"]

    def _where_and_when(self, offer: Mapping[str, Any], outlets: Mapping[int, str]) -> Iterator[str]:
        words = self._words
        if "goods" in offer:
            yield str(offer["goods"][self._language])
        if "outlets" in offer:
            yield f"{words['only']} {', '.join(outlets.get(n, str(n)) for n in offer['outlets'])}"
        for key in ("from", "to"):
            if key in offer:
                yield f"{words[key]} {offer[key]}"
        if "days" in offer:
            yield " ".join(words[day] for day in offer["days"])
        yield from offer.get("hours", ())

    def _whom(self, entry: Mapping[str, Any]) -> str:
        """Return the kinds and flags that something is for; an empty text: everybody."""
        kinds = " / ".join(self._kinds.get(code, code) for code in entry.get("for", ()))
        flags = " / ".join(self._flags.get(code, code) for code in entry.get("flags", ()))
        return " + ".join(filter(None, (kinds, flags)))

    def _limit(self, limit: Mapping[str, Any]) -> str:
        words, whom = self._words, self._whom(limit)
        told = (
            f"{words['limit']}: {limit['uses']} {words['uses']} {words[limit['every']]} {words[limit['per']]}"
        )
        return f"{told} ({words['for']}: {whom})" if whom else told
