"""What an audit can find: the closed list of differences, and the result as counts, examples and lines.

Must not know how anything is compared (`auditor`, `units`). Invariant: a difference is counted even where
only a few examples are kept.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, NamedTuple

from simulators.audit.books import BookFault

EXAMPLES_MAX: Final = 5


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
    QUOTA_DIFFERS = "quota_differs"
    """What a quota says was used is not the sum of its postings."""
    USES_DIFFER = "uses_differ"
    """A benefit took another number of uses than its offer has limits, or kept some that were given back."""
    DISCOUNT_DIFFERS = "discount_differs"
    """The discount posted for a benefit is not the one told, or stayed though the sale was undone."""
    REFUND_OVER_SALE = "refund_over_sale"
    """More was refunded than had been paid."""
    REFUND_WITHOUT_SALE = "refund_without_sale"
    """A refund of what is no approved sale, or of a redemption."""
    SUMS_DIFFER = "sums_differ"
    """What all terminals were told comes to another sum than what was posted for them, in some unit."""


BOOK_FAULTS: Final = {
    BookFault.BALANCE: Difference.BALANCE_DIFFERS,
    BookFault.ORPHAN: Difference.POSTING_WITHOUT_JOURNAL,
    BookFault.INVALID: Difference.POSTING_INVALID,
    BookFault.UNBALANCED: Difference.BOOKS_UNBALANCED,
    BookFault.QUOTA: Difference.QUOTA_DIFFERS,
}


class Sums(NamedTuple):
    """Net of what was undone: points given to cards, uses of quotas, grosze taken off prices."""

    points: int = 0
    uses: int = 0
    grosze: int = 0

    def plus(self, other: "Sums") -> "Sums":
        """Return the sum, unit by unit."""
        return Sums(self.points + other.points, self.uses + other.uses, self.grosze + other.grosze)


NOTHING: Final = Sums()


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
    benefits: int = 0
    refunds: int = 0
    conflicts: int = 0
    answered_again: int = 0
    unsettled: int = 0
    journal_rows: int = 0
    postings: int = 0
    told_sums: Sums = NOTHING
    posted_sums: Sums = NOTHING

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
            f"{self.declined} declined, {self.reversed} reversals, {self.benefits} benefits, "
            f"{self.refunds} refunds, "
            f"{self.answered_again} answered again, {self.conflicts} conflicts, {self.unsettled} unsettled",
            f"{self.journal_rows} journal rows, {self.postings} postings compared",
            f"told {self.told_sums}, posted {self.posted_sums}",
        ]
        for difference, found in sorted(self.differences.items()):
            lines.append(f"DIFFERENCE {difference.value}: {found.count}")
            lines += [f"  {example}" for example in found.examples]
        return lines if self.differences else [*lines, "no differences"]
