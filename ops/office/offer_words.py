"""What the terms of an offer, and the limits of a programme, say: in words of one language.

Owns the words of every key. Must not know where they are read (the public list, a desk, a partner's page),
nor what terms mean. Invariant: a key says the same wherever it is read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from ops import written
from switch.rules.programme import Language, Rules

_WORDS: Final[dict[str, tuple[str, str]]] = {
    "for": ("dla", "for"),
    "everybody": ("wszystkich", "everybody"),
    "only": ("tylko", "only"),
    "valid_from": ("obowiązuje od", "holds from"),
    "valid_until": ("do", "until"),
    "from": ("od", "from"),
    "to": ("do", "to"),
    "limit": ("limit", "limit"),
    "uses": ("użycie|użycia|użyć", "use|uses"),
    "most": ("najwyżej", "at most"),
    "alone": ("nie łączy się z innymi zniżkami", "not together with other discounts"),
    "together": ("łączy się z innymi zniżkami", "together with other discounts"),
    "photo_id": ("z dokumentem ze zdjęciem", "with a photo document"),
    "guardian_id": ("za niepełnoletniego: z dokumentem opiekuna", "of a minor: with a guardian's document"),
    "no_other_discount": ("bez innej zniżki", "with no other discount"),
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
    "percent": ("zniżka {percent}", "{percent} off"),
    "fixed_price": ("cena {price_grosze}", "price {price_grosze}"),
    "amount_off": ("taniej o {off_grosze}", "{off_grosze} off"),
    "free_entry": ("bezpłatnie", "free"),
    "second_free": ("druga sztuka gratis", "the second one free"),
    "privilege": ("przywilej", "privilege"),
}
LISTED: Final = (
    *("valid_from", "valid_until", "benefits", "goods", "outlets", "from", "to", "days", "hours", "limits"),
    *("max_discount_grosze", "confirm"),
)
"""The keys of terms in the order in which they are read; beside them stand name, text and `combines`."""


class OfferWords:
    """The terms of offers in one language, by the names that a programme's rules give.

    `language`: one the programme speaks, else its first; `outlets`: the names of outlets, by number.
    """

    def __init__(self, rules: Rules, language: str = "", outlets: Mapping[int, str] | None = None) -> None:
        spoken = rules.programme.languages
        self.language: Language = next((each for each in spoken if each == language), spoken[0])
        self._words = {key: words[self.language == "en"] for key, words in _WORDS.items()}
        kinds, flags = (rules.holders.kinds, rules.holders.flags) if rules.holders else ((), ())
        self._kinds = {kind.code: kind.name[self.language] for kind in kinds}
        self._flags = {flag.code: flag.name[self.language] for flag in flags}
        self._combines = bool(rules.benefits and rules.benefits.stacks)
        self._zone = ZoneInfo(rules.programme.time_zone)
        self._outlets = outlets or {}
        self._tellers: dict[str, Callable[[Any], Iterable[str]]] = {
            "valid_from": lambda at: [f"{self._words['valid_from']} {self.moment(at)}"],
            "valid_until": lambda at: [f"{self._words['valid_until']} {self.moment(at)}"],
            "benefits": lambda benefits: map(self._benefit, benefits),
            "goods": lambda said: [said.get(self.language) or next(iter(said.values()))],
            "outlets": lambda numbers: [self._where(numbers)],
            "from": lambda on: [f"{self._words['from']} {self._day(on)}"],
            "to": lambda on: [f"{self._words['to']} {self._day(on)}"],
            "days": lambda days: [" ".join(self._words[each] for each in days)],
            "hours": lambda hours: hours,
            "limits": lambda limits: map(self.limit, limits),
            "max_discount_grosze": lambda most: [f"{self._words['most']} {self._zloty(most)}"],
            "confirm": lambda checks: map(self._words.__getitem__, checks),
            "combines": lambda does: [self._words["together" if does else "alone"]],
        }

    def terms(self, offer: Mapping[str, Any]) -> Iterator[str]:
        """Yield what an offer says beside its name and text: its keys as `msgspec.to_builtins` gives them,
        perhaps with the moments from and until which it holds.
        """
        for key in LISTED:
            if offer.get(key):
                yield from self.told(key, offer[key])
        if not (self._combines and offer.get("combines", True)):
            yield self._words["alone"]

    def told(self, key: str, value: Any) -> Iterator[str]:
        """Yield what one key says; a name or text in all its languages."""
        if (teller := self._tellers.get(key)) is not None:
            yield from teller(value)
        elif isinstance(value, Mapping):
            yield from map(str, value.values())
        else:
            yield str(value)

    def moment(self, text: str) -> str:
        """Return a moment (ISO 8601, with its zone) by the programme's clock."""
        return written.moment(datetime.fromisoformat(text), self.language, self._zone)

    def limit(self, limit: Mapping[str, Any]) -> str:
        """Return what a limit says: of an offer, or of the programme's rules."""
        words, whom = self._words, self._whom(limit)
        uses = written.counted(limit["uses"], words["uses"])
        told = f"{words['limit']}: {uses} {words[limit['every']]} {words[limit['per']]}"
        return f"{told} ({words['for']}: {whom})" if whom else told

    def _benefit(self, benefit: Mapping[str, Any]) -> str:
        said = {key: self._zloty(value) for key, value in benefit.items() if key.endswith("_grosze")}
        if "percent" in benefit:
            said["percent"] = written.percent(benefit["percent"], self.language)
        what = self._words[benefit["kind"]].format_map(said)
        return f"{what} {self._words['for']}: {self._whom(benefit) or self._words['everybody']}"

    def _where(self, numbers: Sequence[int]) -> str:
        return f"{self._words['only']} {', '.join(self._outlets.get(each, str(each)) for each in numbers)}"

    def _whom(self, entry: Mapping[str, Any]) -> str:
        """Return the kinds and flags that something is for; an empty text: everybody."""
        kinds = " / ".join(self._kinds.get(code, code) for code in entry.get("for", ()))
        flags = " / ".join(self._flags.get(code, code) for code in entry.get("flags", ()))
        return " + ".join(filter(None, (kinds, flags)))

    def _day(self, text: str) -> str:
        return written.day(date.fromisoformat(text), self.language)

    def _zloty(self, grosze: int) -> str:
        return written.zloty(grosze, self.language)
