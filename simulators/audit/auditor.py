"""Compares what the terminals sent and were told with the books, believing neither.

Owns the closed list of differences and the comparison, a pure function over `Witnessed` and `Books`;
reading the books with SQL of its own is `audit_books`.

Must not know: how the switch decides or the ledger posts. What it checks is what a city may demand: every
acknowledged approval stands in the journal once with the same figures; nothing acknowledged as declined was
posted; every acknowledged reversal is in the books; nothing was posted that no terminal sent; balances are
the sums of their postings.

Invariant: everything witnessed is compared with something; a difference is counted even where only a few
examples are kept.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final

from ledger.postgres.database import Database
from protocol import ResultClass, ResultCode, result_class
from simulators.audit.books import BookFault, Books, JournalRow, Leg, read_books
from simulators.audit.log import STRANGER, Id, Told, Witnessed, read_logs
from simulators.till.posting import EARN, EARN_ADVICE, REDEEM, REVERSAL

EXAMPLES_MAX: Final = 5
READ_S_MAX: Final = 300.0
_KIND_OF: Final = {EARN: 1, EARN_ADVICE: 2, REDEEM: 3, REVERSAL: 4}
_TOMBSTONE_KIND: Final = 0
_FIGURES: Final = "code, kind, points, balance, amount, transaction"


class Difference(StrEnum):
    """What can be wrong. The values go into reports."""

    APPROVAL_NOT_IN_JOURNAL = "approval_not_in_journal"
    """A terminal was told "approved" and the journal does not have it."""
    FIGURES_DIFFER = "figures_differ"
    """Journal and terminal disagree about code, points, balance, amount, kind or transaction number."""
    APPROVAL_NOT_POSTED = "approval_not_posted"
    """The journal has it, the postings do not, or with other points or accounts."""
    POSTED_TWICE = "posted_twice"
    """One id has more than one effect."""
    DECLINE_POSTED = "decline_posted"
    """A terminal was told "declined" and points moved."""
    DECLINE_NOT_IN_JOURNAL = "decline_not_in_journal"
    """A decline was told that was not journalled: it could still post later."""
    REVERSAL_NOT_IN_BOOKS = "reversal_not_in_books"
    """A reversal was acknowledged, and its original stands unreversed."""
    REVERSAL_REFUSED = "reversal_refused"
    """A reversal was declined though its original stands: reversals are not declined on business grounds."""
    REVERSED_TWICE = "reversed_twice"
    """An original has more than one reversal."""
    REPLAY_DIFFERS = "replay_differs"
    """The same request was answered twice, and differently."""
    NEVER_SENT = "never_sent"
    """The journal has a transaction that its terminal did not send."""
    REQUEST_ALTERED = "request_altered"
    """What was journalled is not what was sent: another kind, amount or original."""
    WRONG_ACCOUNT = "wrong_account"
    """A card's transactions went to two accounts, or two cards share one."""
    BALANCE_DIFFERS = "balance_differs"
    """The cached balance of an account is not the sum of its postings."""
    POSTING_WITHOUT_JOURNAL = "posting_without_journal"
    """Points moved under a transaction number that no journal row has."""
    POSTING_INVALID = "posting_invalid"
    """A posting has no points, or the same account on both sides."""
    BOOKS_UNBALANCED = "books_unbalanced"
    """Debits and credits do not cancel out over all accounts."""


_BOOK_FAULTS: Final = {
    BookFault.BALANCE: Difference.BALANCE_DIFFERS,
    BookFault.ORPHAN: Difference.POSTING_WITHOUT_JOURNAL,
    BookFault.INVALID: Difference.POSTING_INVALID,
    BookFault.UNBALANCED: Difference.BOOKS_UNBALANCED,
}


@dataclass
class Found:
    """How often a difference occurs, and the first few."""

    count: int = 0
    examples: list[str] = field(default_factory=list)


@dataclass
class AuditResult:
    """What an audit found. `unsettled`: sent, never answered, and no acknowledged reversal of it."""

    differences: dict[Difference, Found] = field(default_factory=dict)
    sent: int = 0
    told: int = 0
    approved: int = 0
    declined: int = 0
    reversed: int = 0
    conflicts: int = 0
    answered_again: int = 0
    unsettled: int = 0
    journal_rows: int = 0
    postings: int = 0

    @property
    def is_clean(self) -> bool:
        """Whether nothing differs."""
        return not self.differences

    def add(self, difference: Difference, example: str, count: int = 1) -> None:
        """Count a difference."""
        found = self.differences.setdefault(difference, Found())
        found.count += count
        if len(found.examples) < EXAMPLES_MAX:
            found.examples.append(example)

    def lines(self) -> list[str]:
        """Return the result for people, one line each."""
        lines = [
            f"{self.sent} requests sent, {self.told} answered: {self.approved} approved, "
            f"{self.declined} declined, {self.reversed} reversals, "
            f"{self.answered_again} answered again, {self.conflicts} conflicts, {self.unsettled} unsettled",
            f"{self.journal_rows} journal rows, {self.postings} postings compared",
        ]
        for difference, found in sorted(self.differences.items()):
            lines.append(f"DIFFERENCE {difference.value}: {found.count}")
            lines += [f"  {example}" for example in found.examples]
        return lines if self.differences else [*lines, "no differences"]


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


def compare(witnessed: Witnessed, books: Books) -> AuditResult:
    """Return every difference between what terminals witnessed and the books."""
    return _Comparison(witnessed, books).run()


class _Comparison:
    def __init__(self, witnessed: Witnessed, books: Books) -> None:
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
        for identity, answers in self._witnessed.told.items():
            self._check_told(identity, answers)
        self._check_journal()
        self._check_reversals()
        self.result.unsettled = sum(
            identity not in self._witnessed.told and identity not in self._reversal_told
            for identity in self._witnessed.sent
        )
        for fault, count, examples in self._books.faults:
            difference = _BOOK_FAULTS[fault]
            self.result.differences[difference] = Found(count, list(examples[:EXAMPLES_MAX]))
        return self.result

    def _index_journal(self) -> None:
        seen: dict[int, Id] = {}
        for row in self._books.journal:
            identity = (row.terminal, row.stan)
            if identity in self._journal:
                self.result.add(Difference.POSTED_TWICE, f"{_name(identity)} stands in the journal twice")
            self._journal[identity] = row
            if row.kind == _TOMBSTONE_KIND:
                continue  # it carries the transaction number of the reversal that left it
            other = seen.setdefault(row.transaction_id, identity)
            if other is not identity:
                self.result.add(
                    Difference.POSTED_TWICE, f"{_name(identity)} and {_name(other)} share a number"
                )

    # What was told

    def _check_told(self, identity: Id, answers: list[Told]) -> None:
        result = self.result
        result.told += 1
        answer = answers[0]
        if len(answers) > 1:
            result.answered_again += 1
            if any(other != answer for other in answers[1:]):
                result.add(Difference.REPLAY_DIFFERS, f"{_name(identity)}: {answers}")
        if identity not in self._witnessed.sent:
            result.add(Difference.NEVER_SENT, f"{_name(identity)} was answered and never noted as sent")
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
        if answer.type == REVERSAL:
            self.result.reversed += 1
            self._reversal_told.add((identity[0], answer.original_stan))
            self._check_reversal(identity, answer, row)
        if row is None:
            self.result.add(Difference.APPROVAL_NOT_IN_JOURNAL, f"{_name(identity)}: told {answer}")
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
                    Difference.DECLINE_NOT_IN_JOURNAL, f"{_name(identity)}: told code {answer.code}"
                )
            return
        posted = row.kind != _TOMBSTONE_KIND and (
            row.code == 0 or row.points or row.transaction_id in self._books.legs
        )
        if posted:
            self.result.add(
                Difference.DECLINE_POSTED, f"{_name(identity)}: told code {answer.code}, found {row}"
            )
        elif row.code != answer.code:
            self.result.add(
                Difference.FIGURES_DIFFER, f"{_name(identity)}: told code {answer.code}, journal {row.code}"
            )

    def _check_figures(self, identity: Id, answer: Told, row: JournalRow) -> None:
        kind = _KIND_OF[answer.type]
        told = (answer.code, kind, answer.points, answer.balance, answer.amount, answer.transaction_id)
        stands = (row.code, row.kind, row.points, row.balance, row.amount_grosze, row.transaction_id)
        if told != stands:
            self.result.add(
                Difference.FIGURES_DIFFER,
                f"{_name(identity)}: {_FIGURES}: told {told}, found {stands}",
            )

    def _check_account(self, identity: Id, answer: Told, row: JournalRow) -> None:
        """The registry alone knows which account a card has; here: always the same one, and nobody else's."""
        if answer.card == STRANGER or not row.account:
            if row.points:
                self.result.add(Difference.WRONG_ACCOUNT, f"{_name(identity)}: points without a card: {row}")
            return
        account = self._account_of.setdefault(answer.card, row.account)
        card = self._card_of.setdefault(row.account, answer.card)
        if account != row.account or card != answer.card:
            self.result.add(
                Difference.WRONG_ACCOUNT,
                f"{_name(identity)}: card index {answer.card} on account {row.account}, before on {account}; "
                f"that account was card index {card}'s",
            )

    def _check_reversal(self, identity: Id, answer: Told, row: JournalRow | None) -> None:
        """An acknowledged reversal leaves nothing of its original, whatever the wording of the approval."""
        original = self._journal.get((identity[0], answer.original_stan))
        if original is None:
            fault = "the original's number is still free"
        elif answer.code == ResultCode.APPROVED:
            fault = self._mirror_fault(identity, answer, row, original)
        elif original.code == 0 and (identity[0], answer.original_stan) not in self._books.reversals:
            fault = f"told code {answer.code}, but the original stands: {original}"
        else:
            fault = ""
        if fault:
            self.result.add(Difference.REVERSAL_NOT_IN_BOOKS, f"{_name(identity)}: {fault}")

    def _check_refused_reversal(self, identity: Id, answer: Told) -> None:
        """A reversal may be refused for a card nobody knows; then its original cannot have posted."""
        name = (identity[0], answer.original_stan)
        self._reversal_told.add(name)
        original = self._journal.get(name)
        standing = original is not None and original.code == 0 and name not in self._books.reversals
        if standing and result_class(answer.code) is not ResultClass.FAULT:
            self.result.add(
                Difference.REVERSAL_REFUSED, f"{_name(identity)}: code {answer.code}, stands: {original}"
            )

    def _mirror_fault(self, identity: Id, answer: Told, row: JournalRow | None, original: JournalRow) -> str:
        if identity[1] not in self._books.reversals.get((identity[0], answer.original_stan), []):
            return "no reversal of this original is recorded"
        if row is None or (row.points, row.account) != (-original.points, original.account):
            return f"it does not mirror its original: {row} of {original}"
        return ""

    # What stands in the books

    def _check_journal(self) -> None:
        witnessed = self._witnessed
        for identity, row in self._journal.items():
            if row.kind == _TOMBSTONE_KIND:
                continue
            self._check_legs(identity, row)
            if identity in witnessed.sent:
                self._check_request(identity, row)
            elif row.stan > witnessed.first_stan.get(row.terminal, row.stan):
                self.result.add(Difference.NEVER_SENT, f"{_name(identity)}: {row}")

    def _check_request(self, identity: Id, row: JournalRow) -> None:
        answers = self._witnessed.told.get(identity, ())
        if any(answer.code == ResultCode.STAN_CONFLICT for answer in answers):
            return  # what stands there is another request
        sent = self._witnessed.sent[identity]
        altered = row.kind != _KIND_OF[sent.type] or row.original_stan != sent.original_stan
        if row.code == 0 and sent.type in {EARN, EARN_ADVICE}:
            altered = altered or row.amount_grosze != sent.amount
        elif row.code == 0 and sent.type == REDEEM:
            altered = altered or row.points != -sent.amount
        if altered:
            self.result.add(Difference.REQUEST_ALTERED, f"{_name(identity)}: sent {sent}, journal {row}")

    def _check_legs(self, identity: Id, row: JournalRow) -> None:
        """Exactly one posting for points that moved, between the accounts of the row, and none otherwise."""
        legs = self._books.legs.get(row.transaction_id, ())
        if row.code != 0 or not row.points:
            if legs and row.code != 0:
                self.result.add(
                    Difference.DECLINE_POSTED, f"{_name(identity)}: code {row.code}, postings {legs}"
                )
            elif legs:
                self.result.add(Difference.POSTED_TWICE, f"{_name(identity)}: no points, postings {legs}")
            return
        expected = (
            Leg(row.counter_account, row.account, row.points)
            if row.points > 0
            else Leg(row.account, row.counter_account, -row.points)
        )
        if expected not in legs:
            self.result.add(Difference.APPROVAL_NOT_POSTED, f"{_name(identity)}: {row}, postings {legs}")
        elif len(legs) > 1:
            self.result.add(Difference.POSTED_TWICE, f"{_name(identity)}: postings {legs}")

    def _check_reversals(self) -> None:
        reversed_by: dict[Id, list[int]] = {}
        for row in self._books.journal:
            if row.kind == _KIND_OF[REVERSAL] and row.code == 0:
                reversed_by.setdefault((row.terminal, row.original_stan), []).append(row.stan)
        for original, stans in (*reversed_by.items(), *self._books.reversals.items()):
            if len(stans) > 1:
                self.result.add(Difference.REVERSED_TWICE, f"{_name(original)} by STANs {stans}")


def _name(identity: Id) -> str:
    return f"terminal {identity[0]} STAN {identity[1]}"
