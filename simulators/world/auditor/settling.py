"""What refers to an earlier sale: REVERSAL, STATUS, REFUND.

Owns what each says of its original and does to it. Must not know what stands under the request's own number
already (`auditor`). Invariant: an original is judged by its card's account, never by what the card is now.
"""

from __future__ import annotations

from protocol import (
    TYPE_OF,
    BenefitAdvice,
    BenefitUse,
    Earn,
    EarnAdvice,
    Refund,
    ResultCode,
    Reversal,
    Status,
)
from simulators.world.auditor.books import CANCELLED, Books, Under
from simulators.world.auditor.expected import Expected
from simulators.world.auditor.registry import Registry
from simulators.world.auditor.scene import Scene, find_card, the_one_told

_SALES = {TYPE_OF[kind] for kind in (Earn, EarnAdvice, BenefitUse, BenefitAdvice)}
_SETTLED = {TYPE_OF[Reversal], TYPE_OF[Refund]}
_NO_SUCH_SALE = int(ResultCode.ORIGINAL_UNKNOWN)


def _is_other_card(scene: Scene, books: Books, row: int) -> bool:
    """Whether a card is not the original's; an original whose card was not known may be anybody's."""
    return books.account[row] not in (0, scene.account)


def _cancel(scene: Scene, books: Books, stan: int) -> None:
    """Keep a number from ever being executed; whatever comes under it is told that it was cancelled."""
    told = Expected(int(ResultCode.ORIGINAL_CANCELLED), scene.now_ms, balance=books.points_of(scene.account))
    books.add(Under(scene.terminal.terminal, stan, CANCELLED, scene.account, 0, 0), told)


def reversal(scene: Scene, message: Reversal, registry: Registry, books: Books) -> tuple[Expected, int]:
    """Return the reply, and the account it stands for."""
    find_card(registry, scene, message.card)
    expected = Expected(0, scene.now_ms, is_kept=True, balance=books.points_of(scene.account))
    mismatch = Expected(int(ResultCode.ORIGINAL_MISMATCH), scene.now_ms, is_kept=True)
    if message.original_stan >= message.stan:
        return mismatch, 0
    row = books.find(scene.terminal.terminal, message.original_stan)
    if row is None:
        _cancel(scene, books, message.original_stan)
        expected.code = int(ResultCode.APPROVED_ORIGINAL_UNSEEN)
        return expected, scene.account
    if _is_other_card(scene, books, row):
        return mismatch, 0
    account = books.account[row]
    expected.balance = books.points_of(account)
    if books.kind[row] in _SETTLED:
        expected.code = int(ResultCode.ORIGINAL_NOT_REVERSIBLE)
    elif books.code[row] or books.is_undone[row] or books.is_returned[row]:
        expected.code = int(ResultCode.APPROVED_NOTHING_TO_REVERSE)
    else:
        _undo(expected, books, row, account)
    return expected, account


def _undo(expected: Expected, books: Books, row: int, account: int) -> None:
    """Take back what refunds have left of a sale."""
    books.is_undone[row] = 1
    returned = books.returned[row]
    expected.points = -(books.points[row] + books.returned_points[row])
    expected.amount_grosze = books.amount[row] - returned
    expected.discount_grosze = books.discount[row]
    expected.balance = books.post(account, expected.points)
    expected.remaining = books.give_back(row)


def status(scene: Scene, message: Status, registry: Registry, books: Books) -> Expected:
    """Return what became of a number; one never seen is settled by it."""
    find_card(registry, scene, message.card)
    expected = Expected(0, scene.now_ms)
    if message.original_stan >= message.stan:
        expected.code = int(ResultCode.ORIGINAL_MISMATCH)
        return expected
    row = books.find(scene.terminal.terminal, message.original_stan)
    if row is None:
        _cancel(scene, books, message.original_stan)
        expected.code = int(ResultCode.STAN_UNKNOWN)
    elif _is_other_card(scene, books, row):
        expected.code = int(ResultCode.ORIGINAL_MISMATCH)
    elif books.kind[row] == CANCELLED:
        expected.code = int(ResultCode.STAN_UNKNOWN)
    else:
        expected.original = books.told(row)
    return expected


def refund(scene: Scene, message: Refund, registry: Registry, books: Books) -> tuple[Expected, int]:
    """Return the reply, and the account it stands for; no state of card or programme is against it."""
    reasons = find_card(registry, scene, message.card)
    if not scene.rules.refunds:
        reasons.add(int(ResultCode.NOT_SUPPORTED))
    if message.amount < 0:
        reasons.add(int(ResultCode.AMOUNT_NEGATIVE))
    # What only its original tells is looked at where nothing else is wrong.
    is_here = registry.home(message.original_terminal) == scene.partner.partner
    code = the_one_told(
        reasons or (_reasons_of_original(scene, message, books) if is_here else {_NO_SUCH_SALE})
    )
    account = 0 if code == ResultCode.ORIGINAL_MISMATCH else scene.account
    expected = Expected(code, scene.now_ms, message.amount, balance=books.points_of(account), is_kept=True)
    row = books.find(message.original_terminal, message.original_stan)
    if row is not None and not reasons and code not in (_NO_SUCH_SALE, ResultCode.ORIGINAL_MISMATCH):
        account = books.account[row]
        expected.balance = books.points_of(account)
        if not code:
            _give_back(expected, message, books, row)
    return expected, account


def _reasons_of_original(scene: Scene, message: Refund, books: Books) -> set[int]:
    own = message.original_terminal == scene.terminal.terminal
    if own and message.original_stan >= message.stan:
        return {int(ResultCode.ORIGINAL_MISMATCH)}
    row = books.find(message.original_terminal, message.original_stan)
    if row is None:
        return {_NO_SUCH_SALE}
    if _is_other_card(scene, books, row):
        return {int(ResultCode.ORIGINAL_MISMATCH)}
    if books.kind[row] not in _SALES or books.code[row] or books.is_undone[row]:
        return {int(ResultCode.ORIGINAL_NOT_REFUNDABLE)}
    reasons = set()
    paid = books.amount[row] - books.discount[row]
    if books.returned[row] + message.amount > paid or (not message.amount and books.is_returned[row]):
        reasons.add(int(ResultCode.REFUND_OVER_SALE))
    if message.amount == 0 and paid:
        reasons.add(int(ResultCode.AMOUNT_ZERO))
    balance = books.points_of(books.account[row]) + _points_back(message, books, row)
    if not scene.rules.below_zero and balance < 0 and _points_back(message, books, row) < 0:
        reasons.add(int(ResultCode.POINTS_INSUFFICIENT))
    return reasons


def _points_back(message: Refund, books: Books, row: int) -> int:
    """Return the change of points: after it the sale has earned what the rest of it earns."""
    had = books.points[row] + books.returned_points[row]
    if not books.step[row]:
        return -had
    rest = books.amount[row] - books.discount[row] - books.returned[row] - message.amount
    return rest // books.step[row] - had


def _give_back(expected: Expected, message: Refund, books: Books, row: int) -> None:
    expected.points = _points_back(message, books, row)
    expected.balance = books.post(books.account[row], expected.points)
    books.returned[row] += message.amount
    books.returned_points[row] += expected.points
    if books.returned[row] == books.amount[row] - books.discount[row]:
        books.is_returned[row] = 1
        expected.remaining = books.give_back(row)
