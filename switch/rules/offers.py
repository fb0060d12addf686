"""What an offer of a partner may say: read from a TOML text, bounded and checked.

Owns the keys of an offers file, their bounds, and what contradicts itself. Whom an offer is for, when it
holds and what it is worth at a till is decided in `switch.rules.benefits`. Must not know a city by name, nor
the database. Invariants: an `Offer` that exists can be granted to somebody at some time; every fault names
the key. Sources: Zgierz § 16, § 18, § 37; Żywiec § 2, § 4.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, timedelta
from functools import lru_cache
from typing import Annotated, Any, Final, Literal, NamedTuple

import msgspec
from msgspec import Meta

from ledger.phrase import Phrase
from switch.rules.offer_faults import CODE, PERCENT, OfferError, TermFault, offer_error
from switch.rules.programme import LANGUAGES, Language, Rules
from switch.rules.programme.benefits import CHECK_ALONE, CHECK_GUARDIAN, CHECK_ID
from switch.rules.text import is_plain
from switch.toml_text import TomlError, parse_toml

OFFER_MAX: Final = 99_999_999
"""An offer's number; with three bits for the limit it is the number of a quota, which is a 32-bit integer."""
LIMITS_MAX: Final = 8
NAME_BYTES_MAX: Final = 32
GROSZE_MAX: Final = 100_000_000
FILE_BYTES_MAX: Final = 16_777_216

Code = Annotated[str, Meta(pattern=CODE)]
Grosze = Annotated[int, Meta(ge=1, le=GROSZE_MAX)]
Number = Annotated[int, Meta(ge=1, le=OFFER_MAX)]
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: Final[tuple[str, ...]] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
Check = Literal["photo_id", "guardian_id", "no_other_discount"]
CHECK_BITS: Final = {"photo_id": CHECK_ID, "guardian_id": CHECK_GUARDIAN, "no_other_discount": CHECK_ALONE}
"""What the cashier confirms; the numbers are the wire's (SPEC.md, `checks`)."""
Scope = Literal["card_and_offer", "offer", "card", "programme"]
Period = Literal["day", "week", "month", "year", "ever"]


class Codes(NamedTuple):
    """The kinds of holder and the flags that a programme knows, each with its bit."""

    kinds: dict[str, int]
    flags: dict[str, int]

    @classmethod
    def of(cls, kinds: Iterable[str], flags: Iterable[str]) -> Codes:
        """Return the codes with the bits of their places."""
        return cls(
            {code: 1 << place for place, code in enumerate(kinds)},
            {code: 1 << place for place, code in enumerate(flags)},
        )


def codes_of(rules: Rules) -> Codes:
    """Return the codes of one version of a programme's rules, each with the bit it has for ever."""
    kinds = rules.holders.kinds if rules.holders else ()
    flags = rules.holders.flags if rules.holders else ()
    return Codes({kind.code: 1 << kind.bit for kind in kinds}, {flag.code: 1 << flag.bit for flag in flags})


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    pass


class Words(_Part, frozen=True):
    """A text in each of the programme's languages."""

    pl: str | None = None
    en: str | None = None

    def spoken(self) -> dict[Language, str]:
        """The languages it is there in, with the text."""
        texts = {language: getattr(self, language) for language in LANGUAGES}
        return {language: text for language, text in texts.items() if text is not None}

    def in_(self, language: Language) -> str:
        """Return it in a language, or in the one it is there in."""
        text: str | None = getattr(self, language)
        return text or self.pl or self.en or ""


class Benefit(_Part, frozen=True, tag_field="kind"):
    """One benefit and whom it is for: kinds of holder and flags, one of each; an empty list means everybody.

    Of several benefits that are for a holder the best counts.
    """

    kinds: tuple[Code, ...] = msgspec.field(default=(), name="for")
    flags: tuple[Code, ...] = ()

    @property
    def wants_amount(self) -> bool:
        """Whether it is worth nothing without an amount to pay."""
        return True

    def discount_grosze(self, amount_grosze: int) -> int:
        """Return what is taken off an amount of 0 or more: 0 to the amount itself."""
        raise AssertionError(f"{type(self).__name__} has no price")


@lru_cache(maxsize=1_024)
def _hundredths(percent: int | str) -> int:
    whole, _, part = str(percent).replace(",", ".").partition(".")
    return int(whole) * 100 + int(part.ljust(2, "0"))


class Percent(Benefit, frozen=True, kw_only=True, tag="percent"):
    """So much of a hundred off, half-up to the grosz: `percent = 10`, or `"12.5"` in quotes."""

    percent: Annotated[int, Meta(ge=0, le=1_000)] | Annotated[str, Meta(pattern=PERCENT)]

    def __post_init__(self) -> None:
        if not 0 < self.hundredths <= 10_000:
            raise TermFault("percent", Phrase("more than 0 and not over 100"))
        whole, rest = divmod(self.hundredths, 100)
        # One way of writing it, so that the same offer is the same text.
        one_way: int | str = f"{whole}.{rest:02}".rstrip("0") if rest else whole
        msgspec.structs.force_setattr(self, "percent", one_way)

    @property
    def hundredths(self) -> int:
        """The percentage in hundredths: 12.5 % is 1250."""
        return _hundredths(self.percent)

    def discount_grosze(self, amount_grosze: int) -> int:
        """Return the percentage of an amount; half a grosz counts as a whole one."""
        return (amount_grosze * self.hundredths + 5_000) // 10_000


class FixedPrice(Benefit, frozen=True, kw_only=True, tag="fixed_price"):
    """Never more than this price."""

    price_grosze: Grosze

    def discount_grosze(self, amount_grosze: int) -> int:
        """Return what the amount is above the price."""
        return max(amount_grosze - self.price_grosze, 0)


class AmountOff(Benefit, frozen=True, kw_only=True, tag="amount_off"):
    """So much less, and nothing below zero."""

    off_grosze: Grosze

    def discount_grosze(self, amount_grosze: int) -> int:
        """Return the sum, or the amount where that is less."""
        return min(self.off_grosze, amount_grosze)


class FreeEntry(Benefit, frozen=True, kw_only=True, tag="free_entry"):
    """Nothing is to be paid."""

    @property
    def wants_amount(self) -> bool:
        """An entry may have no price at all."""
        return False

    def discount_grosze(self, amount_grosze: int) -> int:
        """Return the amount."""
        return amount_grosze


class SecondFree(Benefit, frozen=True, kw_only=True, tag="second_free"):
    """Two for the price of one: the amount is that of both, and an odd grosz is paid."""

    def discount_grosze(self, amount_grosze: int) -> int:
        """Return the price of the second."""
        return amount_grosze // 2


class Privilege(Benefit, frozen=True, kw_only=True, tag="privilege"):
    """Something that is not counted in money; the offer's name and text say what."""

    @property
    def wants_amount(self) -> bool:
        """It has no price."""
        return False

    def discount_grosze(self, amount_grosze: int) -> int:
        """Return nothing, whatever the amount."""
        return 0


AnyBenefit = Percent | FixedPrice | AmountOff | FreeEntry | SecondFree | Privilege


KINDS: Final = (Percent, FixedPrice, AmountOff, FreeEntry, SecondFree, Privilege)
"""In the order of their numbers on the wire, which begin with 1 (SPEC.md, SIGN_ON)."""


class Limit(_Part, frozen=True):
    """So many uses in a period, of each card or of all cards together (Zgierz § 18)."""

    per: Scope
    uses: Annotated[int, Meta(ge=1, le=1_000_000_000)]
    every: Period

    def __post_init__(self) -> None:
        if self.per in {"card", "programme"}:
            raise TermFault(
                "per",
                Phrase(
                    "a limit per {scope} counts every offer and stands in the programme's rules",
                    scope=self.per,
                ),
            )


class Hours(NamedTuple):
    """Minutes of a day, from the first to before the last; `until` below `start`: past midnight."""

    start: int
    until: int


def parse_hours(text: str) -> Hours:
    """Read "10:00-14:00"; "22:00-02:00" goes past midnight. Raises ValueError."""
    found = re.fullmatch(r"([01][0-9]|2[0-3]):([0-5][0-9])-(24:00|(?:[01][0-9]|2[0-3]):[0-5][0-9])", text)
    if not found:
        raise TermFault("hours", Phrase("not like 10:00-14:00"))
    until_hour, until_minute = found[3].split(":")
    hours = Hours(int(found[1]) * 60 + int(found[2]), int(until_hour) * 60 + int(until_minute))
    if hours.start == hours.until:
        raise TermFault("hours", Phrase("from a minute until the same one, which is no time at all"))
    return hours


class Offer(_Part, frozen=True):
    """What one partner grants to holders of the card.

    `outlets` are numbers of the partner's outlets, none: all of them; `goods` names the kind of goods or
    services. It holds from `from` to `to`, both included, on `days`, in `hours` of the programme's time zone
    (hours past midnight belong to the day they begin on). `combines`: with other discounts, None: as the
    programme has it, which it may tighten and not loosen (`switch.rules.offer_checks`). `confirm`: what the
    cashier confirms beside what the programme demands.
    """

    number: Number
    partner: Number
    name: Words
    text: Words
    benefits: Annotated[tuple[AnyBenefit, ...], Meta(min_length=1, max_length=8)]
    outlets: Annotated[tuple[Number, ...], Meta(max_length=64)] = ()
    goods: Words | None = None
    from_day: date | None = msgspec.field(default=None, name="from")
    to_day: date | None = msgspec.field(default=None, name="to")
    days: Annotated[tuple[Day, ...], Meta(max_length=7)] = ()
    hours: Annotated[tuple[str, ...], Meta(max_length=8)] = ()
    combines: bool | None = None
    confirm: tuple[Check, ...] = ()
    limits: Annotated[tuple[Limit, ...], Meta(max_length=LIMITS_MAX)] = ()
    max_discount_grosze: Grosze | None = None

    def __post_init__(self) -> None:
        _check_words(self)
        _check_whom(self)
        _check_when(self)
        _check_terms(self)

    def is_in(self, outlet: int) -> bool:
        """Whether it is granted in an outlet of its partner; 0: at a terminal that stands in none."""
        return not self.outlets or outlet in self.outlets


def _check_words(offer: Offer) -> None:
    spoken = offer.name.spoken()
    if not spoken:
        raise TermFault("name", Phrase("there in none of the languages"))
    for language, name in spoken.items():
        if not 0 < len(name.encode()) <= NAME_BYTES_MAX or not is_plain(name):
            raise TermFault(
                f"name.{language}", Phrase("1 to {most} bytes that a printer can show", most=NAME_BYTES_MAX)
            )
    for key, words, most in (("text", offer.text, 500), ("goods", offer.goods, 64)):
        if words is None:
            continue
        for language in words.spoken().keys() ^ spoken:
            where = key if language in spoken else "name"
            raise TermFault(
                f"{where}.{language}", Phrase("missing, and there in this language is something else")
            )
        for language, text in words.spoken().items():
            if not 0 < len(text) <= most or not text.isprintable():
                raise TermFault(f"{key}.{language}", Phrase("1 to {most} printable characters", most=most))


def _check_whom(offer: Offer) -> None:
    for key, values in (("outlets", offer.outlets), ("days", offer.days), ("confirm", offer.confirm)):
        if len(set(values)) != len(values):
            raise TermFault(key, Phrase("one of them stands there twice"))
    if len(set(offer.benefits)) != len(offer.benefits):
        raise TermFault("benefits", Phrase("two of them are the same"))


def _check_when(offer: Offer) -> None:
    for hours in offer.hours:
        parse_hours(hours)
    first, last = offer.from_day, offer.to_day
    if first and last:
        if first > last:
            raise TermFault("to", Phrase("is before from, so the offer never holds"))
        span = min((last - first).days, 6)
        if offer.days and not {DAYS[(first + timedelta(n)).weekday()] for n in range(span + 1)} & set(
            offer.days
        ):
            raise TermFault("days", Phrase("none of them lies between from and to, so the offer never holds"))


def _check_terms(offer: Offer) -> None:
    scopes = [(limit.per, limit.every) for limit in offer.limits]
    if len(set(scopes)) != len(scopes):
        raise TermFault("limits", Phrase("two of the same per and every, so one of them says nothing"))
    if offer.max_discount_grosze is not None and all(isinstance(b, Privilege) for b in offer.benefits):
        raise TermFault("max_discount_grosze", Phrase("a privilege has no discount"))
    if "guardian_id" in offer.confirm and "photo_id" not in offer.confirm:
        raise TermFault(
            "confirm", Phrase("a guardian's document stands for a minor's own, so photo_id belongs to it")
        )
    if offer.combines and "no_other_discount" in offer.confirm:
        raise TermFault("combines", Phrase("it does, so no_other_discount cannot be confirmed"))


class OfferFile(_Part, frozen=True):
    """Offers of one programme, which is named by its code."""

    programme: Code
    offer: Annotated[tuple[Offer, ...], Meta(min_length=1, max_length=10_000)]


def kind_number(offer: Offer) -> int:
    """Return the number of an offer's kind on the wire; 0: it has benefits of several kinds."""
    kinds = {KINDS.index(type(benefit)) + 1 for benefit in offer.benefits}
    return kinds.pop() if len(kinds) == 1 else 0


def parse_offers(text: str | bytes, *, source: str = "offers") -> OfferFile:
    """Parse and check an offers file. Raises `OfferError` naming `source`, the key and, if it has one, the
    offer's number.
    """
    if len(text) > FILE_BYTES_MAX:
        raise OfferError(Phrase("larger than {most} bytes", most=FILE_BYTES_MAX), source=source)
    raw: dict[str, Any] = {}
    try:
        raw = parse_toml(text, is_composed=True)
        file = msgspec.convert(raw, OfferFile)
    except msgspec.ValidationError as error:
        raise offer_error(error, raw=raw, source=source) from None
    except TomlError as error:
        raise OfferError(Phrase("{why}", why=str(error)), source=source) from None
    numbers: set[int] = set()
    for offer in file.offer:
        if offer.number in numbers:
            raise OfferError(Phrase("it stands there twice"), "number", number=offer.number, source=source)
        numbers.add(offer.number)
    return file


def read_offer(values: dict[str, Any]) -> Offer:
    """Return the offer that these keys make. Raises `OfferError` naming the key."""
    try:
        return msgspec.convert(values, Offer)
    except msgspec.ValidationError as error:
        raise offer_error(error) from None


def encode_offer(offer: Offer) -> str:
    """Return an offer as the registry keeps it; the same offer always gives the same text."""
    return msgspec.json.encode(offer).decode()


def decode_offer(text: str) -> Offer:
    """Return what the registry keeps. Raises `OfferError`."""
    try:
        return msgspec.json.decode(text, type=Offer)
    except msgspec.DecodeError as error:
        raise offer_error(error) from None
