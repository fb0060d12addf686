"""The auditor: told what is so in the world, he foretells every reply from the order of commits.

Owns the way from a request to its reply: what stands under its number already, else what it comes to, and
what the books then hold. Must not know the switch. Invariants: a number is decided once; what is put off
leaves nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from protocol import (
    TYPE_OF,
    Balance,
    BenefitAdvice,
    BenefitUse,
    CardReport,
    Earn,
    EarnAdvice,
    Echo,
    KeyChange,
    Quote,
    Redeem,
    Refund,
    ResultCode,
    Reversal,
    SignOff,
    SignOn,
    Status,
    Totals,
    Verify,
    encode_request,
    request_digest,
)
from protocol.fields import CardMessage
from simulators.world.auditor import business, questions, settling
from simulators.world.auditor.books import CANCELLED, NOT_KEPT, Books, Under
from simulators.world.auditor.business import Sale
from simulators.world.auditor.expected import NO_LIMIT, Committed, Expected
from simulators.world.auditor.registry import Registry
from simulators.world.auditor.scene import (
    Scene,
    reasons_of_card,
    reasons_of_place,
    reasons_of_time,
    the_one_told,
)
from simulators.world.auditor.shares import Key, Shares
from simulators.world.facts import Fact

Judge: TypeAlias = Callable[[Committed, Any, Scene], Expected]


class Auditor:
    """What he was told (`learn`), what he has judged (`judge`), and the books that follow from both."""

    def __init__(self, shares: Shares | None = None) -> None:
        self.registry = Registry()
        self._shares = shares or Shares()
        self.books = Books(self._shares)
        self._reports: dict[tuple[int, int], int] = {}
        self._judges: dict[type, Judge] = {
            Earn: self._sale,
            EarnAdvice: self._advice,
            Redeem: self._sale,
            BenefitUse: self._sale,
            BenefitAdvice: self._advice,
            Refund: self._refund,
            Reversal: self._reversal,
            Status: lambda _, message, scene: settling.status(scene, message, self.registry, self.books),
            Balance: self._balance,
            Quote: self._quote,
            Verify: lambda _, message, scene: questions.verify(scene, message, self.registry, self.books),
            Totals: lambda _, message, scene: questions.totals(scene, message, self.books),
            SignOn: lambda _, message, scene: questions.sign_on(scene, message, self.registry, self.books),
            CardReport: self._report,
            KeyChange: _next_key,
            Echo: _acknowledged,
            SignOff: _acknowledged,
        }

    def learn(self, number: int, fact: Fact) -> None:
        """Take in a fact under its registry number; numbers never fall."""
        self.registry.learn(number, fact)

    def share_moved(self, limit: Key, bucket: int, uses: int) -> bool:
        """Take note that a bucket's share of a limit has become larger, or smaller (< 0), `limit` being the
        store's name of it. Return whether that may be.
        """
        return self._shares.move(limit, bucket, uses)

    def judge(self, asked: Committed) -> Expected:
        """Return the reply a request must have had. Requests come in the order of their commits; a question
        that is answered by no commit comes between the two it was answered between.
        """
        message, number = asked.request, asked.registry_number
        terminal = self.registry.terminal(asked.terminal, number)
        partner = self.registry.partner(terminal.partner, number)
        now_ms = asked.accepted_at_ms
        rules = self.registry.rules_at(partner.programme, now_ms, number)
        if rules is None:
            raise LookupError(f"programme {partner.programme} has no rules yet")
        scene = Scene(terminal, partner, number, now_ms, now_ms, rules)
        scene.judge_by(now_ms, rules)
        return self._judges[type(message)](asked, message, scene)

    # What leaves a row.

    def _sale(self, asked: Committed, message: Any, scene: Scene) -> Expected:
        digest = _digest(asked)
        if (told := self._stands(asked, digest)) is not None:
            return told
        against = reasons_of_place(self.registry, scene)
        return self._enter_sale(asked, message, scene, against, digest)

    def _advice(self, asked: Committed, message: Any, scene: Scene) -> Expected:
        digest = _digest(asked)
        if (told := self._stands(asked, digest)) is not None:
            return told
        sold_ms = scene.sold_ms = message.terminal_time * 1_000
        moment = min(sold_ms, scene.now_ms)  # nothing is judged by what is not yet
        then = self.registry.rules_at(scene.programme, moment, scene.number)
        against = reasons_of_time(self.registry, scene, sold_ms, then)
        if ResultCode.ADVICE_OUT_OF_TIME not in against and then is not None:
            scene.judge_by(moment, then)
        return self._enter_sale(asked, message, scene, against, digest)

    def _enter_sale(
        self, asked: Committed, message: Any, scene: Scene, against: set[int], digest: int
    ) -> Expected:
        against |= reasons_of_card(self.registry, scene, message)
        sale = self._come_to(scene, message)
        self._shares.name(asked.wide, sale.wide())
        sale.reasons |= against
        expected = self._told(scene, message, sale)
        if expected.code in NOT_KEPT:
            return Expected(expected.code, scene.now_ms)
        if not expected.code:
            expected.balance = (
                self.books.post(scene.account, sale.points) if sale.points else expected.balance
            )
        row = self._enter(asked, message, expected, scene.account, digest)
        if not expected.code:
            self.books.step[row] = sale.step_grosze
            expected.remaining = self.books.take(row, scene.account, sale.uses)
            self.books.remaining[row] = expected.remaining
        return expected

    def _come_to(self, scene: Scene, message: Any) -> Sale:
        if isinstance(message, Earn | EarnAdvice):
            return business.earn(scene, message)
        if isinstance(message, Redeem):
            return business.redeem(scene, message, self.books)
        return business.benefit(scene, message, self.registry, self.books)

    def _told(self, scene: Scene, message: Any, sale: Sale) -> Expected:
        """Return the reply to a sale before it is posted (SPEC.md, "What a reply holds")."""
        code = sale.code
        expected = Expected(
            code, scene.now_ms, message.amount, balance=self.books.points_of(scene.account), is_kept=True
        )
        if isinstance(message, Redeem):
            expected.amount_grosze = 0 if code else sale.amount_grosze
        if not code:
            expected.discount_grosze, expected.points = sale.discount_grosze, sale.points
            expected.checks = sale.checks
        elif code == ResultCode.CONFIRMATION_MISSING:
            expected.checks = sale.missing
        elif code == ResultCode.QUOTA_USED_UP:
            expected.remaining = 0
        return expected

    def _refund(self, asked: Committed, message: Refund, scene: Scene) -> Expected:
        digest = _digest(asked)
        if (told := self._stands(asked, digest)) is not None:
            return told
        expected, account = settling.refund(scene, message, self.registry, self.books)
        if expected.code in NOT_KEPT:
            return Expected(expected.code, scene.now_ms)
        self._enter(asked, message, expected, account, digest)
        return expected

    def _reversal(self, asked: Committed, message: Reversal, scene: Scene) -> Expected:
        digest = _digest(asked)
        if (told := self._stands(asked, digest)) is not None:
            return told
        expected, account = settling.reversal(scene, message, self.registry, self.books)
        self._enter(asked, message, expected, account, digest)
        return expected

    def _enter(
        self, asked: Committed, message: CardMessage, expected: Expected, account: int, digest: int
    ) -> int:
        kind = TYPE_OF[type(message)]
        under = Under(asked.terminal, message.stan, kind, account, digest, asked.order)
        return self.books.add(under, expected)

    def _stands(self, asked: Committed, digest: int) -> Expected | None:
        """Return what stands under the number already: the stored reply, or a conflict; None: nothing."""
        row = self.books.find(asked.terminal, asked.request.stan)
        if row is None:
            return None
        if self.books.kind[row] != CANCELLED and self.books.digest[row] != digest:
            return Expected(int(ResultCode.STAN_CONFLICT), asked.accepted_at_ms)
        return self.books.told(row)

    # What is asked and leaves none.

    def _balance(self, _: Committed, message: Balance, scene: Scene) -> Expected:
        reasons = reasons_of_place(self.registry, scene) | reasons_of_card(self.registry, scene, message)
        if scene.rules.step_grosze is None and scene.rules.tiers is None:
            reasons.add(int(ResultCode.NOT_SUPPORTED))
        code = the_one_told(reasons)
        balance = 0 if code else self.books.points_of(scene.account)
        return Expected(code, scene.now_ms, balance=balance)

    def _quote(self, _: Committed, message: Quote, scene: Scene) -> Expected:
        against = reasons_of_place(self.registry, scene) | reasons_of_card(self.registry, scene, message)
        sale = business.quoted(scene, message, self.registry, self.books)
        sale.reasons |= against
        if code := sale.code:
            return Expected(code, scene.now_ms)
        return Expected(
            0,
            scene.now_ms,
            sale.amount_grosze,
            sale.discount_grosze,
            sale.points,
            self.books.points_of(scene.account) + sale.points,
            min((self.books.left_for(scene.account, use) - 1 for use in sale.uses), default=NO_LIMIT),
            sale.checks,
        )

    def _report(self, asked: Committed, message: CardReport, scene: Scene) -> Expected:
        if not scene.rules.retains:
            return Expected(int(ResultCode.NOT_SUPPORTED), scene.now_ms)
        digest = _digest(asked)
        first = self._reports.setdefault((asked.terminal, message.stan), digest)
        code = ResultCode.APPROVED if first == digest else ResultCode.STAN_CONFLICT
        return Expected(int(code), scene.now_ms)


def _next_key(asked: Committed, _: Any, scene: Scene) -> Expected:
    """The key after the one that the session has, also where it was told before; none for a terminal that was
    blocked a moment ago (SPEC.md, section 3).
    """
    if scene.terminal.is_blocked:
        return Expected(int(ResultCode.NOT_SUPPORTED), scene.now_ms)
    return Expected(0, scene.now_ms, more={"generation": asked.generation + 1})


def _acknowledged(_: Committed, __: Any, scene: Scene) -> Expected:
    return Expected(0, scene.now_ms)


def _digest(asked: Committed) -> int:
    kind, body = encode_request(asked.request)
    return request_digest(kind, asked.body or body)
