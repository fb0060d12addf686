"""Result codes: a closed enum in order of precedence, with class, ISO 8583 code and texts for receipts.

Owns the numbers (stable for ever: a number is never given another meaning) and the texts; knows no rule that
leads to a code. Source: the reasons a terminal can meet, programmes A to C; ISO 8583:1987 field 39 for the
two-character codes. Invariants: where several codes apply the lowest number from 10 up wins; every text is at
most `RESULT_TEXT_BYTES_MAX` bytes of UTF-8.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum
from typing import Final

from protocol.limits import CODE_MAX, RESULT_TEXT_BYTES_MAX


class ResultClass(StrEnum):
    """What a terminal does with a code (SPEC.md, "Results")."""

    APPROVE = "approve"
    """Done, and final."""
    DECLINE = "decline"
    """Refused, and final: this STAN never posts."""
    PICK_UP = "pick_up"
    """Refused, and final; the cashier keeps the card."""
    RETRY = "retry"
    """Not decided: send the same request again, or reverse it."""
    FAULT = "fault"
    """The terminal or the switch is at fault: stop, and call for service."""


class ResultCode(IntEnum):
    """A result code; the value is the number on the wire.

    Each member carries `result_class`, `iso_8583` (field 39), `text_pl` and `text_en`.
    """

    result_class: ResultClass
    iso_8583: str
    text_pl: str
    text_en: str

    def __new__(
        cls, number: int, result_class: ResultClass, iso_8583: str, text_pl: str, text_en: str
    ) -> ResultCode:
        """Make a member whose value is the number alone."""
        member = int.__new__(cls, number)
        member._value_ = number
        member.result_class = result_class
        member.iso_8583 = iso_8583
        member.text_pl = text_pl
        member.text_en = text_en
        return member

    APPROVED = 0, ResultClass.APPROVE, "00", "Zaakceptowano", "Approved"
    # A reversal that came before its original: the original, should it still come, is refused.
    APPROVED_ORIGINAL_UNSEEN = (
        1,
        ResultClass.APPROVE,
        "00",
        "Transakcja nie dotarła i nie będzie przyjęta",
        "The transaction never arrived and will not count",
    )
    # The original was declined, cancelled, or is reversed already. Final, so an approval to the terminal; the
    # text must not read like one, for nothing happened.
    APPROVED_NOTHING_TO_REVERSE = (
        2,
        ResultClass.APPROVE,
        "00",
        "Bez zmian: transakcja nieprzyjęta lub już anulowana",
        "No change: it was not accepted or is reversed already",
    )
    TOTALS_DIFFER = 3, ResultClass.APPROVE, "95", "Sumy terminala i systemu są różne", "Totals differ"

    TRY_AGAIN = 10, ResultClass.RETRY, "19", "Spróbuj ponownie", "Try again"
    # Redemptions and benefits: it is not known for certain which cards are blocked, and which offers hold.
    FEED_STALE = (
        11,
        ResultClass.RETRY,
        "91",
        "Chwilowo niedostępne, ponów później",
        "Unavailable for now, send again later",
    )
    SYSTEM_ERROR = (
        12,
        ResultClass.FAULT,
        "96",
        "Błąd systemu, wezwij serwis",
        "System error, call for service",
    )
    # Advices only: the sale is made, so the terminal keeps it until the suspension ends.
    SUSPENDED_FOR_NOW = (
        13,
        ResultClass.RETRY,
        "91",
        "Program lub partner zawieszony, ponów później",
        "Programme or partner suspended, send again later",
    )

    NOT_SUPPORTED = 20, ResultClass.FAULT, "40", "Operacja nieobsługiwana", "Operation not supported"
    STAN_CONFLICT = (
        21,
        ResultClass.FAULT,
        "94",
        "Numer transakcji już użyty",
        "Transaction number already used",
    )
    ORIGINAL_MISMATCH = (
        22,
        ResultClass.FAULT,
        "12",
        "Nie ta transakcja: sprawdź jej numer i kartę",
        "Not that transaction: check its number and card",
    )
    ORIGINAL_NOT_REVERSIBLE = (
        23,
        ResultClass.FAULT,
        "12",
        "Tej operacji nie można anulować",
        "This operation cannot be reversed",
    )
    ORIGINAL_CANCELLED = (
        24,
        ResultClass.DECLINE,
        "17",
        "Odmowa: tę transakcję wcześniej anulowano",
        "Refused: this transaction was cancelled earlier",
    )
    STAN_UNKNOWN = (
        25,
        ResultClass.DECLINE,
        "25",
        "Takiej transakcji nie było i nie będzie",
        "No such transaction, and there never will be",
    )
    # Of a refund: what it names cannot be given back.
    ORIGINAL_NOT_REFUNDABLE = (
        26,
        ResultClass.FAULT,
        "12",
        "Tej operacji nie można zwrócić",
        "This operation cannot be refunded",
    )
    ORIGINAL_UNKNOWN = 27, ResultClass.DECLINE, "25", "Nie ma takiej sprzedaży", "No such sale"

    PROGRAMME_SUSPENDED = 30, ResultClass.DECLINE, "58", "Program jest zawieszony", "Programme is suspended"
    PARTNER_SUSPENDED = 31, ResultClass.DECLINE, "03", "Partner jest zawieszony", "Partner is suspended"
    # An advice is judged by the time of its sale: too long ago, or ahead of the switch's clock, it cannot be
    # judged and goes to the desk.
    ADVICE_OUT_OF_TIME = (
        32,
        ResultClass.DECLINE,
        "68",
        "Sprzedaż zgłoszona za późno lub z błędną datą",
        "Sale reported too late or with a wrong date",
    )
    PROGRAMME_ENDED = 33, ResultClass.DECLINE, "58", "Program został zakończony", "The programme has ended"
    # Benefits only, where the programme wants the card verified first: none is granted offline.
    OFFLINE_NOT_ALLOWED = (
        34,
        ResultClass.DECLINE,
        "58",
        "Ulgi nie udziela się bez połączenia",
        "No benefit is granted offline",
    )

    CARD_NUMBER_INVALID = 40, ResultClass.DECLINE, "14", "Nieprawidłowy numer karty", "Invalid card number"
    CARD_UNKNOWN = 41, ResultClass.DECLINE, "56", "Karta nieznana", "Card unknown"
    CARD_OTHER_PROGRAMME = 42, ResultClass.DECLINE, "15", "Karta innego programu", "Card of another programme"
    CARD_RETAIN = 43, ResultClass.PICK_UP, "04", "Zatrzymaj kartę", "Retain the card"
    CARD_REPLACED = 44, ResultClass.DECLINE, "62", "Karta wymieniona na nową", "Card has been replaced"
    CARD_BLOCKED = 45, ResultClass.DECLINE, "62", "Karta zablokowana", "Card is blocked"
    CARD_NOT_ACTIVE = 46, ResultClass.DECLINE, "57", "Karta nieaktywna", "Card is not active"
    CARD_EXPIRED = 47, ResultClass.DECLINE, "54", "Karta straciła ważność", "Card has expired"
    ENTITLEMENT_ENDED = 48, ResultClass.DECLINE, "57", "Uprawnienie wygasło", "The entitlement has ended"
    ENTRY_NOT_ALLOWED = (
        49,
        ResultClass.DECLINE,
        "58",
        "Odczytaj kartę, nie wpisuj numeru",
        "Read the card, do not type its number",
    )

    AMOUNT_ZERO = 50, ResultClass.DECLINE, "13", "Kwota wynosi zero", "Amount is zero"
    AMOUNT_NEGATIVE = 51, ResultClass.DECLINE, "13", "Kwota jest ujemna", "Amount is negative"
    AMOUNT_OVER_LIMIT = 52, ResultClass.DECLINE, "61", "Kwota przekracza limit", "Amount exceeds the limit"
    TIER_UNKNOWN = 53, ResultClass.DECLINE, "13", "Nie ma takiego progu wymiany", "No such redemption tier"
    REFUND_OVER_SALE = 54, ResultClass.DECLINE, "64", "Zwrot przekracza sprzedaż", "Refund exceeds the sale"
    BENEFIT_UNKNOWN = 55, ResultClass.DECLINE, "12", "Nie ma takiej ulgi", "No such benefit"
    BENEFIT_NOT_FOR_CARD = (
        56,
        ResultClass.DECLINE,
        "57",
        "Ulga nie przysługuje tej karcie",
        "The benefit is not for this card",
    )
    BENEFIT_NOT_NOW = (
        57,
        ResultClass.DECLINE,
        "58",
        "Ulga teraz nie obowiązuje",
        "The benefit does not hold now",
    )
    CONFIRMATION_MISSING = (
        58,
        ResultClass.DECLINE,
        "12",
        "Brak potwierdzenia kasjera",
        "The cashier's confirmation is missing",
    )
    BENEFIT_OTHER_PARTNER = 59, ResultClass.DECLINE, "03", "Ulga w innym miejscu", "Benefit of another place"

    POINTS_INSUFFICIENT = 60, ResultClass.DECLINE, "51", "Za mało punktów", "Not enough points"
    QUOTA_USED_UP = 61, ResultClass.DECLINE, "65", "Limit ulg wykorzystany", "The limit is used up"
    REBATE_OVER_AMOUNT = (
        62,
        ResultClass.DECLINE,
        "13",
        "Rabat przekracza kwotę do zapłaty",
        "The rebate exceeds the amount to pay",
    )
    # Benefits only: a fixed price that is not below the sale's, or a share of so little that it comes to
    # nothing.
    BENEFIT_NOTHING_OFF = (
        63,
        ResultClass.DECLINE,
        "13",
        "Ulga nie obniża tej ceny",
        "The benefit takes nothing off this price",
    )


_CLASS_OF: dict[int, ResultClass] = {int(code): code.result_class for code in ResultCode}


def result_class(code: int) -> ResultClass:
    """Return the class of a code 0..255, known or not.

    A terminal must not fail on a code younger than itself: an unknown number below 10 is an approval, from 10
    to 19 a retry, from 20 to 29 a fault, and above a decline (SPEC.md, "Results").
    """
    known = _CLASS_OF.get(code)
    if known is not None:
        return known
    if code < 10:
        return ResultClass.APPROVE
    if code < 20:
        return ResultClass.RETRY
    return ResultClass.FAULT if code < 30 else ResultClass.DECLINE


_SIGNED_ON: Final = frozenset(
    {ResultCode.PROGRAMME_SUSPENDED, ResultCode.PARTNER_SUSPENDED, ResultCode.PROGRAMME_ENDED}
)


def is_signed_on(code: int) -> bool:
    """Whether a terminal that got this code to its SIGN_ON is signed on, and all fields of the reply hold.

    While programme or partner is suspended, or the programme has ended, new business is refused; reversals,
    status and totals go on (SPEC.md, section 1).
    """
    return result_class(code) is ResultClass.APPROVE or code in _SIGNED_ON


assert all(0 <= code <= CODE_MAX for code in ResultCode)
assert all(
    0 < len(text.encode()) <= RESULT_TEXT_BYTES_MAX
    for code in ResultCode
    for text in (code.text_pl, code.text_en)
)
