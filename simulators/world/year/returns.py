"""What is brought back, cancelled, asked about and sent again.

Owns refunds, reversals, status questions, repeats and conflicts. Must not know how each is answered.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias

from protocol import Earn, Refund, Request, Reversal, Status, TransactionReply
from simulators.world.year import circumstances as why_
from simulators.world.year.life import Life
from simulators.world.year.offers import EVERYBODY
from simulators.world.year.people import Card
from simulators.world.year.referee import told
from simulators.world.year.sales import APPROVED, Visit, earn, head, use
from simulators.world.year.shops import Sale, Till

Return: TypeAlias = Callable[[Life, Till, Sale], Awaitable[object]]


async def bring_back(life: Life, till: Till) -> None:
    """Take back one of the last sales of a till, or ask about it."""
    if not till.sales:
        await _unseen(life, till)
        return
    sale = till.sales[-1] if life.chance(0.5) else life.random.choice(till.sales)
    await life.random.choice(_RETURNS)(life, till, sale)


async def refund(
    life: Life, till: Till, sale: Sale, amount: int, *why: str, card: Card | None = None, stan: int = 0
) -> TransactionReply:
    """Give grosze of a sale back at a till of the shop, or of another one."""
    if till is not sale.till:
        why += (why_.OTHER_TILL if till.shop is sale.till.shop else why_.OTHER_SHOP,)
    if life.city.has_points and sale.points and sale.points > sale.resident.points:
        why += (why_.BELOW_ZERO,)
    request = Refund(
        *head(life, till, card or sale.card), sale.till.number, stan or sale.request.stan, amount
    )
    reply = told(await life.referee.ask(till.number, request, why))
    if reply.code == APPROVED:
        sale.returned_grosze += amount
        if not sale.is_reversed:
            sale.resident.points = reply.balance
    return reply


async def reverse(
    life: Life, till: Till, stan: int, card: Card, *why: str
) -> tuple[Reversal, TransactionReply]:
    """Cancel a number of a till's own."""
    request = Reversal(*head(life, till, card), stan)
    return request, told(await life.referee.ask(till.number, request, why))


async def _part(life: Life, till: Till, sale: Sale) -> None:
    """A part, then perhaps the rest, then what is left of it is cancelled."""
    left = sale.paid_grosze - sale.returned_grosze
    amount = life.random.randrange(1, left) if left > 1 else 1
    await refund(life, till, sale, amount, why_.PART)
    drawn = life.random.randrange(3)
    if drawn == 0:
        await refund(life, till, sale, sale.paid_grosze - sale.returned_grosze, why_.WHOLE)
    elif drawn == 1:
        await _reversed(life, till, sale, why_.PARTLY_REFUNDED)
        await refund(life, till, sale, 1, why_.OF_A_REVERSED)


async def _whole(life: Life, till: Till, sale: Sale) -> None:
    """All that is left, at whatever till of the shop; of an entry that was free: nothing."""
    at = life.random.choice(till.shop.tills)
    left = sale.paid_grosze - sale.returned_grosze
    why = why_.WHOLE if sale.paid_grosze or sale.is_spending else why_.OF_NOTHING
    reply = await refund(life, at, sale, left, why)
    if life.chance(0.3):
        await refund(life, at, sale, left, "once more")
    if reply.code == APPROVED and life.chance(0.3):
        await _reversed(life, till, sale, "refunded whole")


async def _too_much(life: Life, till: Till, sale: Sale) -> None:
    drawn = life.random.randrange(4)
    if drawn == 0:
        await refund(life, till, sale, sale.paid_grosze - sale.returned_grosze + 1)
    elif drawn == 1:
        await refund(life, till, sale, 0, why_.ZERO_BACK)
    elif drawn == 2:
        await refund(life, till, sale, -1)
    else:
        await refund(life, life.some_till(), sale, 1)


async def _of_a_refund(life: Life, till: Till, sale: Sale) -> None:
    """The refund of a refund, and its reversal."""
    reply = await refund(life, till, sale, min(1, sale.paid_grosze - sale.returned_grosze), why_.PART)
    stan = reply.stan
    await refund(
        life, till, Sale(till, sale.request, sale.resident, sale.card, 0, 0), 1, why_.OF_A_REFUND, stan=stan
    )
    await reverse(life, till, stan, sale.card, why_.OF_A_REFUND)


async def _reversed(life: Life, till: Till, sale: Sale, *why: str) -> None:
    """Cancel a sale; now and then the till has no answer and asks again, or cancels the cancellation."""
    request, reply = await reverse(life, sale.till, sale.request.stan, sale.card, *why)
    if reply.code == APPROVED:
        sale.is_reversed = True
        sale.resident.points = reply.balance
    drawn = life.random.random()
    if drawn < 0.1:
        await _repeat(life, sale.till, request, reply)
    elif drawn < 0.2:
        await reverse(life, sale.till, sale.request.stan, sale.card, why_.OF_A_REVERSED)
    elif drawn < 0.3:
        await reverse(life, sale.till, request.stan, sale.card, why_.OF_A_REVERSAL)
    elif drawn < 0.4:
        await refund(life, sale.till, sale, sale.paid_grosze, why_.OF_A_REVERSED)
    elif drawn < 0.8 and reply.remaining >= 0 and reply.code == APPROVED:
        await _use_again(life, sale)


async def _use_again(life: Life, sale: Sale) -> None:
    """Use a limited offer once more, whose use was given back."""
    number = getattr(sale.request, "offer", 0)
    for offer in sale.till.shop.offers.values():
        if offer.number == number and not sale.till.shop.is_suspended:
            await use(Visit(life, sale.till, sale.resident, sale.card), offer, 2_000, why_.GIVEN_BACK)


async def _other_card(life: Life, till: Till, sale: Sale) -> None:
    """Cancel, ask about and refund somebody else's sale."""
    card = life.anybody().card
    if card is sale.card:
        return
    await reverse(life, sale.till, sale.request.stan, card, why_.OTHER_CARD)
    await life.referee.ask(
        sale.till.number, Status(*head(life, sale.till, card), sale.request.stan), (why_.OTHER_CARD,)
    )
    await refund(life, till, sale, 1, why_.OTHER_CARD, card=card)


async def _status(life: Life, till: Till, sale: Sale) -> None:
    message = Status(*head(life, sale.till, sale.card), sale.request.stan)
    await life.referee.ask(sale.till.number, message)


async def _again(life: Life, till: Till, sale: Sale) -> None:
    """The line was cut before the reply came: the same bytes again, and the reply is the first one's."""
    if life.city.has_points:
        first = await earn(Visit(life, sale.till, sale.resident, sale.card), 1_234)
    else:
        offer = sale.till.shop.offers[EVERYBODY]
        first = await use(Visit(life, sale.till, sale.resident, sale.card), offer, 1_234)
    request = sale.till.sales[-1].request
    if first.code == APPROVED and request.stan == first.stan:
        await _repeat(life, sale.till, request, first)
        await _conflict(life, sale.till, sale)


async def _repeat(life: Life, till: Till, request: Request, first: TransactionReply) -> None:
    reply = await life.referee.ask(till.number, request, (why_.AGAIN,))
    life.referee.must_be(till.number, request, reply, first)


async def _conflict(life: Life, till: Till, sale: Sale) -> None:
    """A till that lost its memory counts from where it was before."""
    message = Earn(sale.request.stan, life.now_ms // 1_000, sale.card.digits, sale.card.entry, 7_777)
    await life.referee.ask(till.number, message, (why_.OTHER_BODY,))


async def _unseen(life: Life, till: Till, sale: Sale | None = None) -> None:
    """Cancel, or ask about, what never arrived; then it arrives."""
    person = sale.resident if sale else life.anybody()
    card = person.card
    lost = head(life, till, card)
    if life.chance(0.5):
        await reverse(life, till, lost[0], card, why_.UNSEEN)
    else:
        await life.referee.ask(till.number, Status(*head(life, till, card), lost[0]), (why_.UNSEEN,))
    await life.referee.ask(till.number, Earn(*lost, 2_000), (why_.UNSEEN,))
    if life.chance(0.2):
        stan = till.next_stan()
        await life.referee.ask(
            till.number,
            Reversal(stan, life.now_ms // 1_000, card.digits, card.entry, stan + 5),
            ("of a later number",),
        )
        wrong = Sale(till, sale.request if sale else Status(*lost, 1), person, card, 0, 0)
        await refund(life, till, wrong, 1, why_.UNSEEN, stan=till.stan + 1_000)


_RETURNS: Final[tuple[Return, ...]] = (
    _part, _part, _whole, _whole, _too_much, _of_a_refund, _reversed, _reversed, _reversed, _other_card,
    _status, _again, _unseen,
)  # fmt: skip
