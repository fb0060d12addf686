"""An offer as a form asks for it: every key, with one benefit and up to three limits; and back.

Owns the fields, and which of them a fault is in. Pure. What an offer may say is `switch.rules.offers`'. Must
not know a page. Invariant: the fields of an offer that fits into the form make the same offer again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from ledger.phrase import Phrase
from switch.rules.offer_faults import OfferError
from switch.rules.offers import GROSZE_MAX, KINDS, Offer, Period, Scope, read_offer
from switch.rules.programme import LANGUAGES

BENEFITS: Final = tuple(str(kind.__struct_config__.tag) for kind in KINDS)
LIMITS: Final = range(3)
SCOPES: Final[tuple[Scope, ...]] = ("card_and_offer", "offer")
"""What a limit of an offer may be of."""
PERIODS: Final[tuple[Period, ...]] = ("day", "week", "month", "year", "ever")
TEXTS: Final = {"name": 32, "text": 500, "goods": 64}
VALUES: Final = {"percent": "percent", "fixed_price": "price_grosze", "amount_off": "off_grosze"}
"""The benefits of which a number is asked for, and its key."""
FIELDS: Final[dict[str, int]] = {
    **{f"{text}_{language}": most for text, most in TEXTS.items() for language in LANGUAGES},
    **dict.fromkeys(("number", "partner"), 8),
    **{"kind": 16, "value": 12, "outlets": 600, "from": 10, "to": 10, "hours": 120, "combines": 3},
    **{f"{field}_{at}": most for at in LIMITS for field, most in (("uses", 9), ("per", 16), ("every", 8))},
    "max_discount": 12,
}
"""Of each field that is typed, or chosen one of, how many characters it may have."""
CHOICES: Final = ("for", "flags", "days", "confirm")
"""The fields of which several may be ticked."""
COMBINES: Final = {"": None, "yes": True, "no": False}
_AMOUNT: Final = re.compile(r"([0-9]{1,7})(?:[.,]([0-9]{1,2}))?")
_PERCENT: Final = re.compile(r"[0-9]{1,3}([.,][0-9]{1,2})?")
_NUMBER: Final = re.compile(r"[1-9][0-9]{0,8}")
_FIELD_OF: Final = {
    **{f"benefits.{key}": "value" for key in VALUES.values()},
    **{"benefits.for": "for", "benefits.flags": "flags", "benefits": "kind"},
    "max_discount_grosze": "max_discount",
}


class Filled(NamedTuple):
    """A form that is filled in: what stands in each of `FIELDS`, and what is ticked of each of `CHOICES`."""

    fields: Mapping[str, str]
    chosen: Mapping[str, Sequence[str]]

    def shown(self) -> dict[str, object]:
        """Return all of it, by field."""
        return {**self.fields, **self.chosen}


EMPTY: Final = Filled(dict.fromkeys(FIELDS, ""), dict.fromkeys(CHOICES, ()))


def offer_of(filled: Filled) -> Offer:
    """Return the offer that was filled in. Raises `OfferError` naming the key; it repeats no more of it than
    that.
    """
    fields, chosen = filled
    values: dict[str, Any] = {name: _number(fields[name], name) for name in ("number", "partner")}
    values["benefits"] = [benefit_of(fields["kind"], fields["value"], chosen["for"], chosen["flags"])]
    for name in TEXTS:
        said = {language: text for language in LANGUAGES if (text := fields[f"{name}_{language}"])}
        if said or name != "goods":
            values[name] = said
    values |= {"days": chosen["days"], "confirm": chosen["confirm"], "hours": fields["hours"].split()}
    values["outlets"] = [_number(each, "outlets") for each in fields["outlets"].split()]
    values["limits"] = [_limit(fields, at) for at in LIMITS if fields[f"uses_{at}"]]
    values |= {name: fields[name] for name in ("from", "to") if fields[name]}
    if fields["combines"] not in COMBINES:
        raise OfferError(Phrase("is neither yes nor no"), "combines")
    if (combines := COMBINES[fields["combines"]]) is not None:
        values["combines"] = combines
    if fields["max_discount"]:
        values["max_discount_grosze"] = _amount(fields["max_discount"], "max_discount_grosze")
    return read_offer(values)


def fields_of(offer: Offer) -> Filled | None:
    """Return an offer as it stands in the form; None where the form cannot hold it."""
    if len(offer.benefits) != 1 or len(offer.limits) > len(LIMITS):
        return None
    (benefit,) = offer.benefits
    kind = str(benefit.__struct_config__.tag)
    fields = dict.fromkeys(FIELDS, "")
    for name in TEXTS:
        words = getattr(offer, name)
        for language, text in words.spoken().items() if words else ():
            fields[f"{name}_{language}"] = text
    for at, limit in enumerate(offer.limits):
        fields |= {f"uses_{at}": str(limit.uses), f"per_{at}": limit.per, f"every_{at}": limit.every}
    fields |= {
        "number": str(offer.number),
        "partner": str(offer.partner),
        "kind": kind,
        "value": shown_value(kind, getattr(benefit, VALUES[kind], "")) if kind in VALUES else "",
        "outlets": " ".join(map(str, offer.outlets)),
        "from": str(offer.from_day or ""),
        "to": str(offer.to_day or ""),
        "hours": " ".join(offer.hours),
        "combines": "" if offer.combines is None else ("no", "yes")[offer.combines],
        "max_discount": _zloty(offer.max_discount_grosze) if offer.max_discount_grosze else "",
    }
    chosen = {"for": benefit.kinds, "flags": benefit.flags, "days": offer.days, "confirm": offer.confirm}
    return Filled(fields, chosen)


def benefit_of(kind: str, value: str, kinds: Sequence[str], flags: Sequence[str]) -> dict[str, Any]:
    """Return a benefit as a file of offers says it, of what was chosen and typed. Raises `OfferError`."""
    benefit: dict[str, Any] = {"kind": kind, "for": kinds, "flags": flags}
    key = VALUES.get(kind)
    if key is None:
        if value:
            raise OfferError(Phrase("belongs to percent, fixed_price and amount_off alone"), "value")
        return benefit
    if key == "percent" and not _PERCENT.fullmatch(value):
        raise OfferError(Phrase("is written like 10 or 12.5"), "value")
    benefit[key] = value if key == "percent" else _amount(value, "value")
    return benefit


def shown_value(kind: str, value: object) -> str:
    """Return the number of a benefit as it is typed."""
    return str(value) if kind == "percent" else _zloty(int(str(value)))


def field_of(key: str) -> str:
    """Return the field of the form that a key of an offer is asked for by, as faults name keys."""
    if found := re.fullmatch(r"limits\[(\d)\]\.(uses|per|every)", key):
        return f"{found[2]}_{found[1]}"
    name = re.sub(r"\[\d+\]", "", key)
    if name.partition(".")[0] in TEXTS:
        return name.replace(".", "_") if "." in name else f"{name}_{LANGUAGES[0]}"
    return _FIELD_OF.get(name) or name.partition(".")[0]


def _amount(text: str, key: str) -> int:
    if not (found := _AMOUNT.fullmatch(text.replace(" ", ""))):
        raise OfferError(Phrase("is no sum like 5.00"), key)
    grosze = int(found[1]) * 100 + int((found[2] or "0").ljust(2, "0"))
    if not 0 < grosze <= GROSZE_MAX:
        raise OfferError(Phrase("is out of bounds"), key)
    return grosze


def _zloty(grosze: int) -> str:
    return f"{grosze // 100}.{grosze % 100:02}"


def _number(text: str, key: str) -> int:
    if not _NUMBER.fullmatch(text):
        raise OfferError(Phrase("is no number"), key)
    return int(text)


def _limit(fields: Mapping[str, str], at: int) -> dict[str, Any]:
    uses = _number(fields[f"uses_{at}"], f"limits[{at}].uses")
    return {"uses": uses, "per": fields[f"per_{at}"], "every": fields[f"every_{at}"]}
