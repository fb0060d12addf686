"""Owns the books of one bucket: what each id came to, for ever, and what that made of accounts and quotas.

This is the specification of the ledger, in the order in which its rules hold for one posting:

1. *An id stands once.* What stands there already is told again if it is the same request, or was settled
   before it came; another request of that id is a conflict, and changes nothing.
2. *Who names an original* undoes it (reversal), asks about it (status) or refunds it. An original of its own
   terminal that nobody has seen is settled by a tombstone, so that it can never be posted; a sale to be
   refunded is not. Whose card is known must name that card's original.
3. *A request of its own* is posted, all of it or nothing, if the balance stays above its floor and every
   quota has a use left.

A code that was decided before is entered without effect; one of class retry leaves nothing at all.

In a batch what stands alone goes first (`_goes_first`), all others after it, in the order of the batch. A row
whose wide quota has no row yet is left, to be sent again; and with it all later ones of its card.

Invariants: a row, once entered, stays; every leg has two accounts and one unit. Knows nothing of other
buckets, of how postings travel, or of time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from ledger.books import result_codes as codes
from ledger.books.posting import (
    NO_DIGITS,
    NO_LIMIT,
    NOT_JOURNALLED,
    PUT_OFF,
    Kind,
    Outcome,
    Posting,
    Unit,
    no_effect,
)
from simulators.world.memory.entries import (
    NO_LEGS,
    NO_REFUNDS,
    Account,
    Entry,
    Leg,
    Listener,
    Refunds,
    id_of,
    own_legs,
    points_leg,
)
from simulators.world.memory.judgements import (
    is_anothers,
    judge_refund,
    judge_reversal,
    judge_status,
    points_of_refund,
)
from simulators.world.memory.quotas import Quotas
from simulators.world.memory.refusals import IDS_CLOSED, NO_DATA_FOUND, refusal


class Answered(NamedTuple):
    """The answer to one posting of a batch: its place, from 1; None: it was left, nothing was done."""

    place: int
    outcome: Outcome | None


class Bucket:
    """One bucket of `buckets`; `listener` is told of all that happens in it."""

    def __init__(self, number: int, buckets: int, listener: Listener) -> None:
        self.number = number
        self.accounts: dict[int, Account] = {}
        self.journal: dict[int, Entry] = {}
        self.quotas = Quotas(number, buckets)
        self.reversed: set[int] = set()
        self.refunds: dict[int, Refunds] = {}
        self.claims: dict[int, tuple[int, int | None]] = {}
        """Where an id of a terminal of this bucket stands, and as which request."""
        self.closing: int | None = None
        """Up to here ids are closed: nothing may be posted with one."""
        self.through = 0
        self.newest_id = 0
        self._is_divided = buckets > 1
        self._listener = listener

    def post_batch(self, postings: Sequence[Posting]) -> tuple[list[Answered], list[Answered]]:
        """Post a batch: the answers of those that went first, and of all others in the order of the batch.

        No id, own or original's, twice in it. Raises as Postgres does, and nothing of it has happened then.
        """
        if self.closing is not None and min(posting.transaction_id for posting in postings) <= self.closing:
            raise refusal(IDS_CLOSED, f"ids of bucket {self.number} are closed up to a mark: number anew")
        times = Counter(posting.account for posting in postings) if len(postings) > 1 else {}
        firsts: list[tuple[int, Posting]] = []
        others: list[tuple[int, Posting]] = []
        for place, posting in enumerate(postings, start=1):
            is_alone = times.get(posting.account, 1) == 1
            (firsts if is_alone and self._goes_first(posting) else others).append((place, posting))
        for _, posting in others:
            self._refuse_unknown(posting)
        first_answers = [Answered(place, self._post(posting)) for place, posting in firsts]
        if not firsts:
            self._open_wide(posting for _, posting in others)
        return first_answers, self._post_in_order(others)

    def _post_in_order(self, postings: Iterable[tuple[int, Posting]]) -> list[Answered]:
        """Where one is left, so are all later ones of its card."""
        answers, left = list[Answered](), set[int]()
        for place, posting in postings:
            outcome = None if posting.account in left else self._post(posting)
            if outcome is None and posting.account > 0:
                left.add(posting.account)
            answers.append(Answered(place, outcome))
        return answers

    def _goes_first(self, posting: Posting) -> bool:
        """A new request of its own, of a card that is here; of one with uses: of quotas of its card alone."""
        if posting.original_stan or posting.code in PUT_OFF or posting.kind in NOT_JOURNALLED:
            return False
        if posting.account not in self.accounts or id_of(posting.terminal, posting.stan) in self.journal:
            return False
        if posting.code or not posting.quotas:
            return True
        return not posting.points and all(use.owner == posting.account for use in posting.quotas)

    def _refuse_unknown(self, posting: Posting) -> None:
        """A request of its own of a card account that is not in this bucket can be no request at all."""
        if posting.account <= 0 or posting.code or posting.original_stan or posting.account in self.accounts:
            return
        if posting.kind in NOT_JOURNALLED or id_of(posting.terminal, posting.stan) not in self.journal:
            raise refusal(NO_DATA_FOUND, f"card account {posting.account} has no row in bucket {self.number}")

    def _open_wide(self, postings: Iterable[Posting]) -> None:
        for posting in postings:
            if posting.quotas and posting.kind not in NOT_JOURNALLED:
                self.quotas.open_wide(posting.quotas)

    def _post(self, posting: Posting) -> Outcome | None:
        """Post one posting under every rule. None: it is left, and nothing was done."""
        is_journalled = posting.kind not in NOT_JOURNALLED
        if is_journalled:
            stands = self.journal.get(id_of(posting.terminal, posting.stan))
            if stands is not None:
                if stands.digest not in (None, posting.digest):
                    return no_effect(posting, codes.STAN_CONFLICT)
                return replace(stands.outcome, replayed=True)
        if posting.code in PUT_OFF and (is_journalled or posting.original_stan):
            return no_effect(posting, posting.code)
        if posting.original_terminal:
            return self._refund(posting)
        if posting.original_stan:
            return self._reverse(posting) if is_journalled else self._tell_status(posting)
        return self._post_own(posting) if is_journalled else self._tell_own(posting)

    # A request of its own

    def _post_own(self, posting: Posting) -> Outcome | None:
        if posting.code or not posting.quotas:
            code = posting.code or self._judge_points(posting)
            return self._enter(posting, posting.account, code, legs=NO_LEGS if code else own_legs(posting))
        if self._judge_points(posting):
            return self._enter(posting, posting.account, codes.POINTS_INSUFFICIENT)
        if not self.quotas.are_open(posting.quotas):
            return None
        rest = self.quotas.rest(posting.quotas)
        if rest >= 1:
            self.quotas.take(posting.quotas)
            legs = own_legs(posting)
            return self._enter(posting, posting.account, codes.APPROVED, legs=legs, remaining=rest - 1)
        if self._is_divided:
            self.quotas.tell_short(posting.quotas)
        return self._enter(posting, posting.account, codes.QUOTA_USED_UP, remaining=0)

    def _judge_points(self, posting: Posting) -> int:
        is_covered = posting.points >= 0 or self._covers(posting.account, posting.points)
        is_covered = is_covered or posting.may_go_below
        return codes.APPROVED if is_covered else codes.POINTS_INSUFFICIENT

    def _covers(self, account_number: int, points: int) -> bool:
        account = self.accounts.get(account_number)
        return account is None or account.balance + points >= account.floor

    def _tell_own(self, posting: Posting) -> Outcome:
        """A question: what a request would come to. Nothing changes."""
        code, remaining = posting.code or self._judge_points(posting), NO_LIMIT
        if not code and posting.quotas:
            rest = self.quotas.rest(posting.quotas)
            remaining = max(rest - 1, 0)
            code = codes.APPROVED if rest >= 1 else codes.QUOTA_USED_UP
        account = self.accounts.get(posting.account)
        outcome = no_effect(posting, code)
        outcome.points = 0 if code else posting.points
        outcome.balance = (account.balance if account else 0) + outcome.points
        outcome.remaining = remaining
        self._listener.told(posting, outcome)
        return outcome

    # What names an original of its own terminal

    def _reverse(self, posting: Posting) -> Outcome:
        """Undo what the original has done and what was not undone by refunds."""
        known, original_id = max(posting.account, 0), id_of(posting.terminal, posting.original_stan)
        if posting.code:
            return self._enter(posting, known, posting.code)
        original = self.journal.get(original_id)
        refunds = self.refunds.get(original_id, NO_REFUNDS)
        code = judge_reversal(posting, original, refunds, is_reversed=original_id in self.reversed)
        if code == codes.ORIGINAL_MISMATCH:
            return self._enter(posting, 0, code)
        if original is None:
            self._settle(posting, known)
            return self._enter(posting, known, code)
        if code:
            return self._enter(posting, original.account, code)
        self.reversed.add(original_id)
        return self._undo(
            posting,
            original,
            points=-original.outcome.points - refunds.points,
            amount_grosze=original.outcome.amount_grosze - refunds.grosze,
            is_whole=True,
        )

    def _tell_status(self, posting: Posting) -> Outcome:
        """Tell what the original came to. One that nobody has seen is settled."""
        original = self.journal.get(id_of(posting.terminal, posting.original_stan))
        code = posting.code or judge_status(posting, original)
        if code == codes.STAN_UNKNOWN and original is None and not posting.code:
            self._settle(posting, max(posting.account, 0))
        outcome = no_effect(posting, code)
        if original is not None and not code:
            outcome.original = replace(original.outcome, replayed=True)
        self._listener.told(posting, outcome)
        return outcome

    def _settle(self, posting: Posting, account: int) -> None:
        """Take the original's id with a tombstone."""
        tombstone = Posting(
            posting.transaction_id,
            posting.terminal,
            posting.original_stan,
            Kind.TOMBSTONE,
            account,
            0,
            0,
            0,
            0,
            codes.ORIGINAL_CANCELLED,
            0,
            posting.rules_version,
            posting.accepted_at_ms,
            posting.terminal_time,
            NO_DIGITS,
            posting.registry_number,
            posting.step_grosze,
        )
        tombstone.offer, tombstone.discount_grosze = posting.offer, posting.discount_grosze
        self._enter(tombstone, account, codes.ORIGINAL_CANCELLED)

    # Refunds

    def _refund(self, posting: Posting) -> Outcome:
        """Give back a part of what was paid, or all of it; of whatever terminal the sale is."""
        known, sale_id = max(posting.account, 0), id_of(posting.original_terminal, posting.original_stan)
        if posting.code:
            return self._enter(posting, known, posting.code)
        if posting.original_terminal == posting.terminal and posting.original_stan >= posting.stan:
            return self._enter(posting, 0, codes.ORIGINAL_MISMATCH)
        sale = self.journal.get(sale_id)
        if sale is None:
            return self._enter(posting, known, codes.ORIGINAL_UNKNOWN)
        if is_anothers(posting, sale):
            return self._enter(posting, 0, codes.ORIGINAL_MISMATCH)
        before = self.refunds.get(sale_id, NO_REFUNDS)
        left_grosze = sale.paid_grosze - before.grosze - posting.amount_grosze
        code = judge_refund(posting, sale, before, is_reversed=sale_id in self.reversed)
        points = 0 if code else points_of_refund(sale, before, left_grosze)
        if points < 0 and not posting.may_go_below and not self._covers(sale.account, points):
            code = codes.POINTS_INSUFFICIENT
        if code:
            return self._enter(posting, sale.account, code)
        self.refunds[sale_id] = Refunds(
            before.times + 1, before.grosze + posting.amount_grosze, before.points + points
        )
        return self._undo(
            posting, sale, points=points, amount_grosze=posting.amount_grosze, is_whole=not left_grosze
        )

    # The rows themselves

    def _undo(
        self, posting: Posting, original: Entry, *, points: int, amount_grosze: int, is_whole: bool
    ) -> Outcome:
        """Enter what undoes an original. With the whole of it its uses and discount are given back, too."""
        told, card = original.outcome, original.account
        legs = [points_leg(card, told.counter_account, points)] if points else []
        remaining = None
        if is_whole:
            mirrored = [leg.mirrored() for leg in original.legs if leg.unit != Unit.POINTS]
            remaining = self.quotas.give_back([leg.quota for leg in mirrored if leg.quota])
            legs += mirrored
        outcome = self._enter(
            posting,
            card,
            codes.APPROVED,
            points=points,
            legs=tuple(legs),
            remaining=NO_LIMIT if remaining is None else remaining,
        )
        outcome.counter_account, outcome.offer = told.counter_account, told.offer
        outcome.amount_grosze = amount_grosze
        if is_whole:
            outcome.discount_grosze = told.discount_grosze
        if posting.original_terminal:
            outcome.step_grosze = told.step_grosze
        return outcome

    def _enter(
        self,
        posting: Posting,
        account_number: int,
        code: int,
        *,
        points: int | None = None,
        legs: tuple[Leg, ...] = NO_LEGS,
        remaining: int = NO_LIMIT,
    ) -> Outcome:
        """Enter a row. The card of another bucket is no card here. `points` None: the posting's own."""
        account = self.accounts.get(account_number)
        change = (0 if code else posting.points) if points is None else points
        if account is not None:
            account.balance += change
        outcome = Outcome(
            code,
            posting.transaction_id,
            change,
            account.balance if account is not None else 0,
            posting.amount_grosze,
            posting.accepted_at_ms,
            posting.rules_version,
            posting.kind,
            posting.counter_account,
            posting.original_stan,
            posting.last4,
            False,
            posting.step_grosze,
            posting.entry,
            posting.language,
            posting.confirmed,
            posting.checks,
            posting.offer,
            posting.discount_grosze,
            posting.original_terminal,
            remaining,
        )
        digest = None if posting.kind == Kind.TOMBSTONE else posting.digest
        found, previous = id_of(posting.terminal, posting.stan), 0
        if account is not None:
            previous, account.newest = account.newest, found
        self.journal[found] = Entry(
            0 if account is None else account_number, digest, legs, outcome, posting.terminal_time, previous
        )
        if legs and posting.transaction_id > self.newest_id:
            self.newest_id = posting.transaction_id
        self._listener.entered(posting, outcome)
        return outcome
