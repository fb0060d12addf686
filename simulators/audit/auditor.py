"""Compares what the terminals sent and were told with the books, believing neither.

Owns the comparison, a pure function over `Witnessed` and `Books`; what can differ is `differences`, uses,
discounts and refunds are compared by `units`, and `books` reads the books with SQL of its own.

Must not know: how the switch decides or the ledger posts. What it checks is what a city may demand: every
acknowledged approval stands in the journal once with the same figures; nothing acknowledged as declined was
posted; every acknowledged reversal is in the books; nothing was posted that no terminal sent; balances are
the sums of their postings.

Invariant: everything witnessed is compared with something.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from ledger.postgres.database import Database
from protocol import ResultClass, ResultCode, result_class
from simulators.audit.books import POINTS, Books, JournalRow, Leg, read_books
from simulators.audit.differences import BOOK_FAULTS, EXAMPLES_MAX, AuditResult, Difference, Found
from simulators.audit.log import STRANGER, Id, Told, Witnessed, read_logs
from simulators.audit.units import KIND_OF, TOMBSTONE_KIND, UnitsComparison, name_of
from simulators.till.posting import BENEFIT_ADVICE, BENEFIT_USE, EARN, EARN_ADVICE, REDEEM, REFUND, REVERSAL

READ_S_MAX: Final = 300.0
_FIGURES: Final = "code, kind, points, balance, amount, discount, transaction"


async def audit(database: Database, logs: Iterable[Path]) -> AuditResult:
    """Read the logs and the books and compare them; any role that may read the ledger will do.

    Give all logs of the terminals concerned: a transaction that stands in a log left out is reported as
    NEVER_SENT. Raises AuditLogError, OSError and the errors of `Database.run`.
    """
    witnessed = read_logs(logs)
    if witnessed.population is None:
        return AuditResult()
    first = witnessed.population.terminal_id(0)
    last = witnessed.population.terminal_id(witnessed.population.terminals - 1)
    books = await database.run(lambda c: read_books(c, first, last), timeout_s=READ_S_MAX)
    return compare(witnessed, books)


def compare(witnessed: Witnessed, books: Books, *, offers_stay: bool = True) -> AuditResult:
    """Return every difference between what terminals witnessed and the books.

    `offers_stay`: the city's offers are those it began with; where they change, uses are not compared.
    """
    return _Comparison(witnessed, books, offers_stay=offers_stay).run()


class _Comparison:
    def __init__(self, witnessed: Witnessed, books: Books, *, offers_stay: bool) -> None:
        self._offers_stay = offers_stay
        self._witnessed = witnessed
        self._books = books
        self._journal: dict[Id, JournalRow] = {}
        self._reversal_told: set[Id] = set()
        self._account_of: dict[int, int] = {}
        self._card_of: dict[int, int] = {}
        self.result = AuditResult(
            sent=len(witnessed.sent),
            journal_rows=len(books.journal),
            postings=sum(map(len, books.legs.values())),
        )

    def run(self) -> AuditResult:
        self._index_journal()
        self._units = UnitsComparison(
            self._witnessed, self._books, self._journal, self.result, offers_stay=self._offers_stay
        )
        for identity, answers in self._witnessed.told.items():
            self._check_told(identity, answers)
        self._check_journal()
        self._check_reversals()
        self.result.unsettled = sum(
            identity not in self._witnessed.told and identity not in self._reversal_told
            for identity in self._witnessed.sent
        )
        self._units.run()
        for fault, count, examples in self._books.faults:
            difference = BOOK_FAULTS[fault]
            self.result.differences[difference] = Found(count, list(examples[:EXAMPLES_MAX]))
        return self.result

    def _index_journal(self) -> None:
        seen: dict[int, Id] = {}
        for row in self._books.journal:
            identity = (row.terminal, row.stan)
            if identity in self._journal:
                self.result.add(Difference.POSTED_TWICE, f"{name_of(identity)} stands in the journal twice")
            self._journal[identity] = row
            if row.kind == TOMBSTONE_KIND:
                continue  # it carries the transaction number of the reversal that left it
            other = seen.setdefault(row.transaction_id, identity)
            if other is not identity:
                self.result.add(
                    Difference.POSTED_TWICE, f"{name_of(identity)} and {name_of(other)} share a number"
                )

    # What was told

    def _check_told(self, identity: Id, answers: list[Told]) -> None:
        result = self.result
        result.told += 1
        answer = answers[0]
        if len(answers) > 1:
            result.answered_again += 1
            if any(other != answer for other in answers[1:]):
                result.add(Difference.REPLAY_DIFFERS, f"{name_of(identity)}: {answers}")
        if identity not in self._witnessed.sent:
            result.add(Difference.NEVER_SENT, f"{name_of(identity)} was answered and never noted as sent")
        if answer.code == ResultCode.STAN_CONFLICT:
            result.conflicts += 1  # the id belongs to another request, which is compared for itself
            return
        row = self._journal.get(identity)
        if result_class(answer.code) is ResultClass.APPROVE:
            self._check_approval(identity, answer, row)
        else:
            self._check_refusal(identity, answer, row)

    def _check_approval(self, identity: Id, answer: Told, row: JournalRow | None) -> None:
        self.result.approved += 1
        self.result.benefits += answer.type in {BENEFIT_USE, BENEFIT_ADVICE}
        self.result.refunds += answer.type == REFUND
        if answer.type == REVERSAL:
            self.result.reversed += 1
            self._reversal_told.add((identity[0], answer.original_stan))
            self._check_reversal(identity, answer, row)
        if row is None:
            self.result.add(Difference.APPROVAL_NOT_IN_JOURNAL, f"{name_of(identity)}: told {answer}")
            return
        self._check_figures(identity, answer, row)
        self._check_account(identity, answer, row)

    def _check_refusal(self, identity: Id, answer: Told, row: JournalRow | None) -> None:
        self.result.declined += 1
        if answer.type == REVERSAL:
            self._check_refused_reversal(identity, answer)
        if row is None:
            if result_class(answer.code) is not ResultClass.FAULT:
                self.result.add(
                    Difference.DECLINE_NOT_IN_JOURNAL, f"{name_of(identity)}: told code {answer.code}"
                )
            return
        posted = row.kind != TOMBSTONE_KIND and (
            row.code == 0 or row.points or row.transaction_id in self._books.legs
        )
        if posted:
            self.result.add(
                Difference.DECLINE_POSTED, f"{name_of(identity)}: told code {answer.code}, found {row}"
            )
        elif row.code != answer.code:
            self.result.add(
                Difference.FIGURES_DIFFER, f"{name_of(identity)}: told code {answer.code}, journal {row.code}"
            )

    def _check_figures(self, identity: Id, answer: Told, row: JournalRow) -> None:
        kind = KIND_OF[answer.type]
        # The reply to a refund states what is paid back, not what had been taken off (SPEC.md).
        told = (
            *(answer.code, kind, answer.points, answer.balance, answer.amount),
            *(answer.discount, answer.transaction_id),
        )
        stands = (
            *(row.code, row.kind, row.points, row.balance, row.amount_grosze),
            *(0 if answer.type == REFUND else row.discount_grosze, row.transaction_id),
        )
        if told != stands:
            self.result.add(
                Difference.FIGURES_DIFFER,
                f"{name_of(identity)}: {_FIGURES}: told {told}, found {stands}",
            )

    def _check_account(self, identity: Id, answer: Told, row: JournalRow) -> None:
        """The registry alone knows which account a card has; here: always the same one, and nobody else's."""
        if answer.card == STRANGER or not row.account:
            if row.points:
                self.result.add(
                    Difference.WRONG_ACCOUNT, f"{name_of(identity)}: points without a card: {row}"
                )
            return
        account = self._account_of.setdefault(answer.card, row.account)
        card = self._card_of.setdefault(row.account, answer.card)
        if account != row.account or card != answer.card:
            self.result.add(
                Difference.WRONG_ACCOUNT,
                f"{name_of(identity)}: card index {answer.card} on account {row.account}, before on {account}"
                f"; that account was card index {card}'s",
            )

    def _check_reversal(self, identity: Id, answer: Told, row: JournalRow | None) -> None:
        """An acknowledged reversal leaves nothing of its original, whatever the wording of the approval."""
        original = self._journal.get((identity[0], answer.original_stan))
        if original is None:
            fault = "the original's number is still free"
        elif answer.code == ResultCode.APPROVED:
            fault = self._mirror_fault(identity, answer, row, original)
        elif original.code == 0 and not self._is_undone(original):
            fault = f"told code {answer.code}, but the original stands: {original}"
        else:
            fault = ""
        if fault:
            self.result.add(Difference.REVERSAL_NOT_IN_BOOKS, f"{name_of(identity)}: {fault}")

    def _is_undone(self, sale: JournalRow) -> bool:
        is_reversed = (sale.terminal, sale.stan) in self._books.reversals
        return is_reversed or self._units.is_refunded_whole(sale)

    def _check_refused_reversal(self, identity: Id, answer: Told) -> None:
        """A reversal may be refused for a card nobody knows; then its original cannot have posted."""
        name = (identity[0], answer.original_stan)
        self._reversal_told.add(name)
        original = self._journal.get(name)
        standing = original is not None and original.code == 0 and name not in self._books.reversals
        if standing and result_class(answer.code) is not ResultClass.FAULT:
            self.result.add(
                Difference.REVERSAL_REFUSED, f"{name_of(identity)}: code {answer.code}, stands: {original}"
            )

    def _mirror_fault(self, identity: Id, answer: Told, row: JournalRow | None, original: JournalRow) -> str:
        if identity[1] not in self._books.reversals.get((identity[0], answer.original_stan), []):
            return "no reversal of this original is recorded"
        left = original.points + self._units.refunded_points(original)
        if row is None or (row.points, row.account) != (-left, original.account):
            return f"it does not mirror its original: {row} of {original}"
        return ""

    # What stands in the books

    def _check_journal(self) -> None:
        witnessed = self._witnessed
        for identity, row in self._journal.items():
            if row.kind == TOMBSTONE_KIND:
                continue
            self._check_legs(identity, row)
            if identity in witnessed.sent:
                self._check_request(identity, row)
            elif row.stan > witnessed.first_stan.get(row.terminal, row.stan):
                self.result.add(Difference.NEVER_SENT, f"{name_of(identity)}: {row}")

    def _check_request(self, identity: Id, row: JournalRow) -> None:
        answers = self._witnessed.told.get(identity, ())
        if any(answer.code == ResultCode.STAN_CONFLICT for answer in answers):
            return  # what stands there is another request
        sent = self._witnessed.sent[identity]
        altered = row.kind != KIND_OF[sent.type] or row.original_stan != sent.original_stan
        if row.code == 0 and sent.type in {EARN, EARN_ADVICE}:
            altered = altered or row.amount_grosze != sent.amount
        elif row.code == 0 and sent.type in {BENEFIT_USE, BENEFIT_ADVICE}:
            altered = altered or (row.amount_grosze, row.offer) != (sent.amount, sent.offer)
        elif row.code == 0 and sent.type == REFUND:
            named = (row.amount_grosze, row.original_terminal)
            altered = altered or named != (sent.amount, sent.original_terminal)
        elif row.code == 0 and sent.type == REDEEM:
            altered = altered or row.points != -sent.amount
        if altered:
            self.result.add(Difference.REQUEST_ALTERED, f"{name_of(identity)}: sent {sent}, journal {row}")

    def _check_legs(self, identity: Id, row: JournalRow) -> None:
        """Exactly one posting for points that moved, between the accounts of the row, and none otherwise."""
        all_legs = self._books.legs.get(row.transaction_id, ())
        legs = [leg for leg in all_legs if leg.unit == POINTS]
        if row.code != 0 or not row.points:
            if all_legs and row.code != 0:
                self.result.add(
                    Difference.DECLINE_POSTED, f"{name_of(identity)}: code {row.code}, postings {all_legs}"
                )
            elif legs:
                self.result.add(Difference.POSTED_TWICE, f"{name_of(identity)}: no points, postings {legs}")
            return
        expected = (
            Leg(row.counter_account, row.account, row.points)
            if row.points > 0
            else Leg(row.account, row.counter_account, -row.points)
        )
        if expected not in legs:
            self.result.add(Difference.APPROVAL_NOT_POSTED, f"{name_of(identity)}: {row}, postings {legs}")
        elif len(legs) > 1:
            self.result.add(Difference.POSTED_TWICE, f"{name_of(identity)}: postings {legs}")

    def _check_reversals(self) -> None:
        reversed_by: dict[Id, list[int]] = {}
        for row in self._books.journal:
            if row.kind == KIND_OF[REVERSAL] and row.code == 0:
                reversed_by.setdefault((row.terminal, row.original_stan), []).append(row.stan)
        for original, stans in (*reversed_by.items(), *self._books.reversals.items()):
            if len(stans) > 1:
                self.result.add(Difference.REVERSED_TWICE, f"{name_of(original)} by STANs {stans}")
