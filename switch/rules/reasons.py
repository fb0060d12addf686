"""Why a request was answered as it was: one reason for each result code, in Polish and English.

Owns the table an operator's `cityswitch explain` reads, and where in a rules file the paragraph of each
reason stands. A newcomer finds here, by the code a terminal was told, the rule in words; the rule itself is
in `switch/rules/decide/` and, where only the books know, in the ledger. Pure. Must not know a card.
Invariant: every result code has a reason, and every place named is one of the rules or of SPEC.md (a test
holds both).
"""

from __future__ import annotations

from typing import Final, NamedTuple

from ledger.books.posting import Kind
from protocol import ResultCode
from switch.rules.programme import Rules

SPEC: Final = "SPEC.md"


class Reason(NamedTuple):
    """A reason in both languages, and its places: "table.key" of a rules file, or a section of SPEC.md."""

    pl: str
    en: str
    places: tuple[str, ...]


_IDS: Final = (f"{SPEC}, 6",)
_RESULTS: Final = (f"{SPEC}, 7",)

REASONS: Final[dict[ResultCode, Reason]] = {
    ResultCode.APPROVED: Reason("Nic nie stało na przeszkodzie.", "Nothing spoke against it.", _RESULTS),
    ResultCode.APPROVED_ORIGINAL_UNSEEN: Reason(
        "Transakcji, którą anulowano, nie było; gdyby jeszcze przyszła, zostanie odrzucona.",
        "What was to be reversed had never come; should it still come, it is refused.",
        _IDS,
    ),
    ResultCode.APPROVED_NOTHING_TO_REVERSE: Reason(
        "Tej transakcji nie przyjęto, już ją anulowano albo zwrócono w całości.",
        "It was not accepted, is reversed already, or was refunded whole.",
        _IDS,
    ),
    ResultCode.TOTALS_DIFFER: Reason(
        "Terminal policzył inaczej niż księgi.", "The terminal counted otherwise than the books.", _RESULTS
    ),
    ResultCode.TRY_AGAIN: Reason(
        "System nie mógł wtedy rozstrzygnąć; nic nie zapisano.",
        "The switch could not decide then; nothing was kept.",
        _RESULTS,
    ),
    ResultCode.FEED_STALE: Reason(
        "System nie miał wtedy pewności, które karty są zablokowane.",
        "The switch was not certain then which cards were blocked.",
        _RESULTS,
    ),
    ResultCode.SYSTEM_ERROR: Reason("Błąd systemu.", "A fault of the switch.", _RESULTS),
    ResultCode.SUSPENDED_FOR_NOW: Reason(
        "Program lub partner był zawieszony; sprzedaż czeka w terminalu.",
        "Programme or partner was suspended; the sale waits in the terminal.",
        ("programme.states",),
    ),
    ResultCode.NOT_SUPPORTED: Reason(
        "Program nie ma tej operacji.", "The programme has no such operation.", ("programme.code",)
    ),
    ResultCode.STAN_CONFLICT: Reason(
        "Pod tym numerem przyszło wcześniej inne zlecenie.",
        "Another request had come under this number.",
        _IDS,
    ),
    ResultCode.ORIGINAL_MISMATCH: Reason(
        "Wskazana transakcja należy do innej karty albo nie jest wcześniejsza.",
        "What was named is another card's, or is not earlier.",
        _IDS,
    ),
    ResultCode.ORIGINAL_NOT_REVERSIBLE: Reason(
        "Anulowania i zwrotu nie można anulować.", "A reversal or a refund cannot be reversed.", _IDS
    ),
    ResultCode.ORIGINAL_CANCELLED: Reason(
        "Zanim przyszła, została anulowana albo o nią pytano.",
        "Before it came it was reversed, or asked about.",
        _IDS,
    ),
    ResultCode.STAN_UNKNOWN: Reason("Takiej transakcji nie było.", "There was no such transaction.", _IDS),
    ResultCode.ORIGINAL_NOT_REFUNDABLE: Reason(
        "Wskazana operacja nie jest przyjętą sprzedażą albo ją anulowano.",
        "What was named is no accepted sale, or was reversed.",
        ("refund.below_zero",),
    ),
    ResultCode.ORIGINAL_UNKNOWN: Reason(
        "U tego partnera nie było takiej sprzedaży.",
        "There was no such sale at this partner's.",
        ("refund.below_zero",),
    ),
    ResultCode.PROGRAMME_SUSPENDED: Reason(
        "Program był w tej chwili zawieszony.", "The programme was suspended then.", ("programme.states",)
    ),
    ResultCode.PARTNER_SUSPENDED: Reason(
        "Partner był w tej chwili zawieszony albo bez umowy.",
        "The partner was suspended then, or without a contract.",
        _RESULTS,
    ),
    ResultCode.ADVICE_OUT_OF_TIME: Reason(
        "Sprzedaż zgłoszono zbyt późno, z datą z przyszłości albo sprzed pierwszych zasad.",
        "The sale was reported too late, from the future, or from before the first rules.",
        ("programme.advice_age_max_days",),
    ),
    ResultCode.PROGRAMME_ENDED: Reason(
        "Program został wcześniej zakończony.", "The programme had been called off.", ("programme.states",)
    ),
    ResultCode.OFFLINE_NOT_ALLOWED: Reason(
        "Ulgi udziela się tylko po sprawdzeniu karty.",
        "A benefit is granted only after the card was verified.",
        ("benefits.offline",),
    ),
    ResultCode.CARD_NUMBER_INVALID: Reason(
        "Odczytany numer nie jest numerem karty.", "What was read is no card number.", ("card.prefix",)
    ),
    ResultCode.CARD_UNKNOWN: Reason(
        "Takiej karty nie wydano.", "No such card had been issued.", ("card.prefix",)
    ),
    ResultCode.CARD_OTHER_PROGRAMME: Reason(
        "Numer zaczyna się jak w innym programie.",
        "The number begins as another programme's.",
        ("card.prefix",),
    ),
    ResultCode.CARD_RETAIN: Reason(
        "Karta była poszukiwana, a zasady każą ją zatrzymać.",
        "The card was wanted, and the rules let it be kept.",
        ("terminals.retain",),
    ),
    ResultCode.CARD_REPLACED: Reason(
        "Kartę zastąpiła nowa.", "Another card had taken its place.", ("card.duplicate",)
    ),
    ResultCode.CARD_BLOCKED: Reason(
        "Karta była zablokowana, zatrzymana, nieważna lub zamknięta.",
        "The card was blocked, retained, void or closed.",
        ("card.blocked",),
    ),
    ResultCode.CARD_NOT_ACTIVE: Reason(
        "Karty jeszcze nie wydano posiadaczowi.", "The card had not been handed over yet.", ("card.active",)
    ),
    ResultCode.CARD_EXPIRED: Reason(
        "Minął ostatni dzień ważności karty.",
        "The card's last valid day was over.",
        ("card.validity_months",),
    ),
    ResultCode.ENTITLEMENT_ENDED: Reason(
        "Minął ostatni dzień uprawnienia; nie przedłużono go.",
        "The last day of the entitlement was over; it had not been prolonged.",
        ("entitlement.years",),
    ),
    ResultCode.ENTRY_NOT_ALLOWED: Reason(
        "Kartę odczytano w sposób, którego program nie dopuszcza.",
        "The card was read in a way the programme does not allow.",
        ("terminals.entries",),
    ),
    ResultCode.AMOUNT_ZERO: Reason(
        "Kwota wynosiła zero.",
        "The amount was zero.",
        ("earn.step_grosze", *_RESULTS),
    ),
    ResultCode.AMOUNT_NEGATIVE: Reason(
        "Kwota była ujemna.",
        "The amount was negative.",
        ("earn.step_grosze", *_RESULTS),
    ),
    ResultCode.AMOUNT_OVER_LIMIT: Reason(
        "Kwota była większa od największej dopuszczonej.",
        "The amount was above the largest allowed.",
        ("earn.amount_max_grosze", "benefits.amount_max_grosze"),
    ),
    ResultCode.TIER_UNKNOWN: Reason(
        "Punkty wymienia się tylko po ustalonych progach.",
        "Points are exchanged at the fixed tiers only.",
        ("redeem.tiers",),
    ),
    ResultCode.REFUND_OVER_SALE: Reason(
        "Zwroty przekroczyłyby to, co zapłacono.",
        "The refunds would exceed what was paid.",
        ("refund.below_zero",),
    ),
    ResultCode.BENEFIT_UNKNOWN: Reason(
        "Takiej ulgi nie było w opublikowanym wykazie.",
        "The published list had no such benefit.",
        ("benefits.published",),
    ),
    ResultCode.BENEFIT_NOT_FOR_CARD: Reason(
        "Ulga jest dla innych posiadaczy.", "The benefit is for other holders.", ("holders.kinds",)
    ),
    ResultCode.BENEFIT_NOT_NOW: Reason(
        "Ulga nie obowiązuje w tym dniu, o tej godzinie.",
        "The benefit does not hold on that day, at that hour.",
        ("benefits.published",),
    ),
    ResultCode.CONFIRMATION_MISSING: Reason(
        "Kasjer nie potwierdził tego, co trzeba sprawdzić.",
        "The cashier had not confirmed what is to be checked.",
        ("benefits.identity", "benefits.alone"),
    ),
    ResultCode.BENEFIT_OTHER_PARTNER: Reason(
        "Ulgi udziela inny partner lub inna placówka.",
        "Another partner, or another outlet, grants the benefit.",
        ("benefits.published",),
    ),
    ResultCode.POINTS_INSUFFICIENT: Reason(
        "Na karcie było za mało punktów.", "There were not enough points on the card.", ("redeem.tiers",)
    ),
    ResultCode.QUOTA_USED_UP: Reason(
        "Limit użyć w tym okresie był wykorzystany.",
        "The limit of uses in that period was used up.",
        ("limits.quotas", "benefits.limits"),
    ),
    ResultCode.REBATE_OVER_AMOUNT: Reason(
        "Rabat byłby większy od kwoty do zapłaty.",
        "The rebate would be above what was to pay.",
        ("redeem.tiers",),
    ),
    ResultCode.BENEFIT_NOTHING_OFF: Reason(
        "Ulga nie obniżyłaby ceny; limit użyć nie jest naruszony.",
        "The benefit would have taken nothing off; no use of it was counted.",
        ("benefits.published",),
    ),
}

APPROVALS: Final[dict[Kind, Reason]] = {
    Kind.EARN: Reason(
        "Punkty za pełne kwoty zapłaty.", "Points for the full steps of what was paid.", ("earn.step_grosze",)
    ),
    Kind.EARN_ADVICE: Reason(
        "Punkty za pełne kwoty zapłaty, według chwili sprzedaży.",
        "Points for the full steps of what was paid, by the moment of the sale.",
        ("earn.step_grosze", "programme.advice_age_max_days"),
    ),
    Kind.REDEEM: Reason(
        "Próg punktów za jego wartość.", "A tier of points for its value.", ("redeem.tiers",)
    ),
    Kind.REVERSAL: Reason(
        "Wszystko, co dała transakcja, cofnięto.", "All that the transaction did was undone.", _IDS
    ),
    Kind.BENEFIT_USE: Reason(
        "Opublikowana ulga przysługuje tej karcie tu i teraz.",
        "A published benefit holds for this card here and now.",
        ("benefits.published", "holders.kinds"),
    ),
    Kind.BENEFIT_ADVICE: Reason(
        "Opublikowana ulga przysługiwała tej karcie w chwili sprzedaży.",
        "A published benefit held for this card at the moment of the sale.",
        ("benefits.offline", "holders.kinds"),
    ),
    Kind.REFUND: Reason(
        "Zwrot ze sprzedaży; zostają punkty za to, co nadal zapłacone.",
        "A refund of a sale; the points of what is still paid stay.",
        ("refund.below_zero",),
    ),
}
"""Why each operation was approved; any other reason of an operation's own stands in `OF_OPERATION`."""

OF_OPERATION: Final[dict[tuple[ResultCode, Kind], Reason]] = {
    (ResultCode.POINTS_INSUFFICIENT, Kind.REFUND): Reason(
        "Punkty ze sprzedaży już wydano, a zasady nie pozwalają zejść poniżej zera.",
        "The sale's points were spent, and the rules let no card go below zero.",
        ("refund.below_zero",),
    ),
    (ResultCode.AMOUNT_ZERO, Kind.REFUND): Reason(
        "Kwota zwrotu wynosiła zero.", "The amount to refund was zero.", ("refund.below_zero",)
    ),
    (ResultCode.AMOUNT_NEGATIVE, Kind.REFUND): Reason(
        "Kwota zwrotu była ujemna.", "The amount to refund was negative.", ("refund.below_zero",)
    ),
    (ResultCode.AMOUNT_NEGATIVE, Kind.REDEEM): Reason(
        "Kwota do zapłaty była ujemna.", "The amount to pay was negative.", ("redeem.tiers",)
    ),
}


def reason_for(code: ResultCode, kind: Kind) -> Reason:
    """Return why an operation got a code."""
    if code is ResultCode.APPROVED and kind in APPROVALS:
        return APPROVALS[kind]
    return OF_OPERATION.get((code, kind), REASONS[code])


def paragraphs(reason: Reason, rules: Rules) -> list[str]:
    """Return where a programme's documents say so; what a programme has no table for says nothing."""
    found: list[str] = []
    for place in reason.places:
        if place.startswith(SPEC):
            found.append(place)
        else:
            found += rules.sections(place)
    return list(dict.fromkeys(found))
