"""Compares uses, discounts and refunds with the books, sale by sale and in sum.

Owns what a sale has to leave in each unit: a benefit its discount and one use of each limit of its offer,
nothing once it was reversed or refunded in full. Pure. Must not know how the ledger enters them.

Invariant: offers' limits are taken from the city (`simulators.city.offers`), not from the books.
"""

from collections.abc import Mapping
from typing import Final

from protocol import ResultClass, ResultCode, result_class
from simulators.audit.books import GROSZE, POINTS, USES, Books, JournalRow, Leg
from simulators.audit.differences import AuditResult, Difference, Sums
from simulators.audit.log import Id, Told, Witnessed
from simulators.city.offers import offers_of
from simulators.till.posting import BENEFIT_ADVICE, BENEFIT_USE, EARN, EARN_ADVICE, REDEEM, REFUND, REVERSAL

KIND_OF: Final = {
    EARN: 1, EARN_ADVICE: 2, REDEEM: 3, REVERSAL: 4, BENEFIT_USE: 8, BENEFIT_ADVICE: 9, REFUND: 10,
}  # fmt: skip
TOMBSTONE_KIND: Final = 0
_BENEFITS: Final = frozenset((BENEFIT_USE, BENEFIT_ADVICE))
_BENEFIT_KINDS: Final = frozenset(KIND_OF[kind] for kind in _BENEFITS)
_SALE_KINDS: Final = frozenset((KIND_OF[EARN], KIND_OF[EARN_ADVICE], KIND_OF[REDEEM], *_BENEFIT_KINDS))
_REFUNDABLE: Final = _SALE_KINDS - {KIND_OF[REDEEM]}
"""Points spent are no payment: a redemption is reversed, never refunded (SPEC.md)."""
_PARTNER_USES: Final = 4
_PARTNER_DISCOUNTS: Final = 5
_CARD: Final = 0


class UnitsComparison:
    """One comparison; differences and sums go into `result`."""

    def __init__(
        self,
        witnessed: Witnessed,
        books: Books,
        journal: Mapping[Id, JournalRow],
        result: AuditResult,
        *,
        offers_stay: bool = True,
    ) -> None:
        self._witnessed = witnessed
        self._books = books
        self._journal = journal
        self._result = result
        population = witnessed.population
        self._limits: dict[int, int] = (
            {offer.number: len(offer.limits) for offer in offers_of(population)}
            if population and offers_stay
            else {}
        )
        self._offers_stay = offers_stay
        self._refunds: dict[Id, list[JournalRow]] = {}
        for row in journal.values():
            if row.kind == KIND_OF[REFUND] and row.code == 0:
                self._refunds.setdefault((row.original_terminal, row.original_stan), []).append(row)

    def refunded_points(self, sale: JournalRow) -> int:
        """Return by what the refunds of a sale changed its card's points."""
        return sum(row.points for row in self._refunds.get((sale.terminal, sale.stan), ()))

    def is_refunded_whole(self, sale: JournalRow) -> bool:
        """Return whether the refunds of a sale have left nothing of it."""
        refunds = self._refunds.get((sale.terminal, sale.stan), ())
        refunded = sum(refund.amount_grosze for refund in refunds)
        return bool(refunds) and refunded >= sale.amount_grosze - sale.discount_grosze

    def run(self) -> None:
        """Compare every sale, every refund, and the sums."""
        for identity, row in self._journal.items():
            if row.kind in _SALE_KINDS and row.code == 0:
                self._check_sale(identity, row)
        for identity, refunds in self._refunds.items():
            self._check_refunds(identity, refunds)
        self._result.told_sums, self._result.posted_sums = self._told_sums(), self._posted_sums()
        # What is not settled yet has posted or not, and nobody was told which.
        if not self._result.unsettled and self._result.told_sums != self._result.posted_sums:
            self._result.add(
                Difference.SUMS_DIFFER,
                f"told {self._result.told_sums}, posted {self._result.posted_sums}",
            )

    def _check_sale(self, identity: Id, row: JournalRow) -> None:
        undoers = [*self._refunds.get(identity, ())]
        for stan in self._books.reversals.get(identity, ()):
            reversal = self._journal.get((identity[0], stan))
            undoers += [reversal] if reversal is not None else []
        is_undone = bool(self._books.reversals.get(identity)) or self.is_refunded_whole(row)
        net = _sums_of(
            [leg for each in (row, *undoers) for leg in self._books.legs.get(each.transaction_id, ())]
        )
        grosze = 0 if is_undone else row.discount_grosze
        if net.grosze != grosze:
            self._result.add(
                Difference.DISCOUNT_DIFFERS, f"{name_of(identity)}: {net.grosze} grosze posted, not {grosze}"
            )
        uses = self._limits.get(row.offer) if row.kind in _BENEFIT_KINDS else 0
        if uses is not None and net.uses != (0 if is_undone else uses):
            self._result.add(
                Difference.USES_DIFFER,
                f"{name_of(identity)}: {net.uses} uses posted, offer {row.offer} has {uses} limits, "
                f"undone: {is_undone}",
            )

    def _check_refunds(self, identity: Id, refunds: list[JournalRow]) -> None:
        sale = self._journal.get(identity)
        if sale is None or sale.code != 0 or sale.kind not in _REFUNDABLE:
            self._result.add(Difference.REFUND_WITHOUT_SALE, f"{name_of(identity)}: {refunds}")
            return
        refunded = sum(row.amount_grosze for row in refunds)
        if refunded > sale.amount_grosze - sale.discount_grosze:
            self._result.add(
                Difference.REFUND_OVER_SALE, f"{name_of(identity)}: {refunded} grosze refunded of {sale}"
            )

    # Sums

    def _told_sums(self) -> Sums:
        """What the terminals were told comes to; a sale whose answer nobody got was reversed: nothing."""
        points = uses = grosze = 0
        approved = {
            identity: answers[0]
            for identity, answers in self._witnessed.told.items()
            if result_class(answers[0].code) is ResultClass.APPROVE
        }
        refunded: dict[Id, int] = {}
        for identity, answer in approved.items():
            named = _original(identity, answer)
            original = approved.get(named) if named else None
            if answer.type == REVERSAL and original is None:
                continue
            points += answer.points
            if answer.type in _BENEFITS:
                uses += self._limits.get(answer.offer, 0)
                grosze += answer.discount
            elif named and original is not None and original.type in _BENEFITS:
                # What a reversal took back, though told before a refund, is no refund.
                if answer.type == REFUND:
                    refunded[named] = refunded.get(named, 0) + answer.amount
                is_whole = refunded.get(named, 0) >= original.amount - original.discount
                if is_whole if answer.type == REFUND else answer.code == 0:
                    uses -= self._limits.get(original.offer, 0)
                    grosze -= original.discount
        return Sums(points, uses, grosze)

    def _posted_sums(self) -> Sums:
        """What was posted for the same requests, and for their originals, comes to."""
        posted = _sums_of(
            [
                leg
                for identity in self._witnessed.sent
                if not self._is_anothers(identity)
                and (row := self._journal.get(identity)) is not None
                and row.kind != TOMBSTONE_KIND
                for leg in self._books.legs.get(row.transaction_id, ())
            ]
        )
        return posted if self._offers_stay else posted._replace(uses=0)

    def _is_anothers(self, identity: Id) -> bool:
        """Whether a terminal was told that another request has this number."""
        answers = self._witnessed.told.get(identity, ())
        return any(answer.code == ResultCode.STAN_CONFLICT for answer in answers)


def _original(identity: Id, answer: Told) -> Id | None:
    if answer.type == REVERSAL:
        return identity[0], answer.original_stan
    return (answer.original_terminal, answer.original_stan) if answer.type == REFUND else None


def _sums_of(legs: list[Leg]) -> Sums:
    """Return what postings come to: points given to cards, uses taken, grosze taken off."""
    points = uses = grosze = 0
    for leg in legs:
        if leg.unit == POINTS:
            points += leg.points * ((leg.credit & 7 == _CARD) - (leg.debit & 7 == _CARD))
        elif leg.unit == USES:
            uses += leg.points if leg.credit & 7 == _PARTNER_USES else -leg.points
        elif leg.unit == GROSZE:
            grosze += leg.points if leg.debit & 7 == _PARTNER_DISCOUNTS else -leg.points
    return Sums(points, uses, grosze)


def name_of(identity: Id) -> str:
    """Return how a request is named in reports."""
    return f"terminal {identity[0]} STAN {identity[1]}"
