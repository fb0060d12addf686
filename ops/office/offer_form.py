"""An offer as a form asks for it: every key, with one benefit and up to three limits; and back.

Owns the fields. Pure. What an offer may say is `switch.rules.offers`'. Must not know a page. Invariant: the
fields of an offer that fits into the form make the same offer again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from ledger.phrase import Phrase
from switch.rules.offer_faults import OfferError
from switch.rules.offers import CHECK_BITS, DAYS, KINDS, Offer, read_offer
from switch.rules.programme import LANGUAGES

BENEFITS: Final = tuple(str(kind.__struct_config__.tag) for kind in KINDS)
LIMITS_MAX: Final = 3
TEXTS: Final = {"name": 32, "text": 500, "goods": 64}
VALUES: Final = {"percent": "percent", "fixed_price": "price_grosze", "amount_off": "off_grosze"}
FIELDS: Final[dict[str, int]] = {
    **{f"{text}_{language}": most for text, most in TEXTS.items() for language in LANGUAGES},
    **dict.fromkeys(("number", "partner"), 8),
    **{"kind": 16, "value": 12, "for": 200, "flags": 200, "outlets": 600, "from": 10, "to": 10},
    **{"days": 40, "hours": 120, "combines": 3, "confirm": 60, "limits": 120, "max_discount": 12},
}
"""Of each field how many characters it may have."""
COMBINES: Final = {"": None, "yes": True, "no": False}
_AMOUNT: Final = re.compile(r"([0-9]{1,7})(?:[.,]([0-9]{1,2}))?")


def offer_of(fields: Mapping[str, str]) -> Offer:
    """Return the offer that was filled in. Raises `OfferError` naming the field; it repeats no more of it
    than its key.
    """
    values: dict[str, Any] = {name: _number(fields[name], name) for name in ("number", "partner")}
    values["benefits"] = [_benefit(fields)]
    for name in TEXTS:
        said = {language: text for language in LANGUAGES if (text := fields[f"{name}_{language}"])}
        if said or name != "goods":
            values[name] = said
    for name in ("days", "hours", "confirm"):
        values[name] = fields[name].split()
    values["outlets"] = [_number(each, "outlets") for each in fields["outlets"].split()]
    values["limits"] = [_limit(each) for each in fields["limits"].split()]
    values |= {name: fields[name] for name in ("from", "to") if fields[name]}
    if fields["combines"] not in COMBINES:
        raise OfferError(Phrase("is neither yes nor no"), "combines")
    if (combines := COMBINES[fields["combines"]]) is not None:
        values["combines"] = combines
    if fields["max_discount"]:
        values["max_discount_grosze"] = _amount(fields["max_discount"], "max_discount")
    return read_offer(values)


def fields_of(offer: Offer) -> dict[str, str] | None:
    """Return an offer as it stands in the form; None where the form cannot hold it."""
    if len(offer.benefits) != 1 or len(offer.limits) > LIMITS_MAX:
        return None
    (benefit,) = offer.benefits
    kind = str(benefit.__struct_config__.tag)
    value = getattr(benefit, VALUES[kind]) if kind in VALUES else ""
    fields = dict.fromkeys(FIELDS, "")
    for name in TEXTS:
        words = getattr(offer, name)
        for language, text in words.spoken().items() if words else ():
            fields[f"{name}_{language}"] = text
    fields |= {
        "number": str(offer.number),
        "partner": str(offer.partner),
        "kind": kind,
        "value": str(value) if kind in ("percent", "") or value == "" else _zloty(int(value)),
        "for": " ".join(benefit.kinds),
        "flags": " ".join(benefit.flags),
        "outlets": " ".join(map(str, offer.outlets)),
        "from": str(offer.from_day or ""),
        "to": str(offer.to_day or ""),
        "days": " ".join(offer.days),
        "hours": " ".join(offer.hours),
        "combines": "" if offer.combines is None else ("no", "yes")[offer.combines],
        "confirm": " ".join(offer.confirm),
        "limits": " ".join(f"{limit.uses}/{limit.per}/{limit.every}" for limit in offer.limits),
        "max_discount": _zloty(offer.max_discount_grosze) if offer.max_discount_grosze else "",
    }
    return fields


def hints() -> dict[str, str]:
    """Return what may stand in the fields that hold words from a list."""
    return {"days": " ".join(DAYS), "confirm": " ".join(CHECK_BITS)}


def _benefit(fields: Mapping[str, str]) -> dict[str, Any]:
    kind, value = fields["kind"], fields["value"]
    benefit: dict[str, Any] = {"kind": kind, "for": fields["for"].split(), "flags": fields["flags"].split()}
    if value:
        if (key := VALUES.get(kind)) is None:
            raise OfferError(Phrase("belongs to percent, fixed_price and amount_off alone"), "value")
        benefit[key] = value if key == "percent" else _amount(value, "value")
    return benefit


def _amount(text: str, key: str) -> int:
    if not (found := _AMOUNT.fullmatch(text)):
        raise OfferError(Phrase("is no sum like 5.00"), key)
    return int(found[1]) * 100 + int((found[2] or "0").ljust(2, "0"))


def _zloty(grosze: int) -> str:
    return f"{grosze // 100}.{grosze % 100:02}"


def _number(text: str, key: str) -> int:
    if not re.fullmatch("[0-9]{1,8}", text):
        raise OfferError(Phrase("is no number"), key)
    return int(text)


def _limit(text: str) -> dict[str, Any]:
    parts = text.split("/")
    if len(parts) != 3 or not re.fullmatch("[0-9]{1,10}", parts[0]):
        raise OfferError(Phrase("are written like 2/card_and_offer/week, with spaces between them"), "limits")
    return {"uses": int(parts[0]), "per": parts[1], "every": parts[2]}
