"""Benefits against a worker with real books: what is published is granted, a quote comes true."""

import random
from datetime import UTC, datetime
from pathlib import Path

import trio

from ledger.postgres.database import Connection, Database
from ledger.registry.offers import import_offers, read_public, withdraw_offer
from ops.office.public_list import public_list
from protocol import (
    TYPE_OF,
    BenefitUse,
    Earn,
    Quote,
    Redeem,
    Request,
    ResultCode,
    SignOn,
    SignOnReply,
    TransactionReply,
    limits,
)
from switch.rules.programme import parse_rules
from tests.entries import SWIPED
from tests.ledger.books import TESTER
from tests.patience import HANG_S
from tests.postgres import FreshDatabase
from tests.switch.city import RULES
from tests.switch.memory import CARD, Line
from tests.switch.offers import an_offer, draft_of, publish, publish_published
from tests.switch.test_worker import Running, running_worker

FIGURES = ("code", "amount_grosze", "discount_grosze", "points", "balance", "remaining", "checks")


async def known(running: Running, number: int) -> None:
    """Wait until the switch knows an offer."""
    line = await running.line(2)
    quote = Quote(1, 0, CARD, SWIPED, TYPE_OF[BenefitUse], 500, number)
    with trio.fail_after(HANG_S):
        while (await ask(line, quote)).code == ResultCode.BENEFIT_UNKNOWN:
            pass


async def ask(line: Line, request: Request) -> TransactionReply:
    reply = await line.ask(request)
    assert isinstance(reply, TransactionReply)
    return reply


async def test_what_is_published_is_what_is_granted(
    fresh: FreshDatabase, owner: Database, tmp_path: Path
) -> None:
    """Each offer the public list names is granted at its partner's; a draft and a withdrawn one are not."""
    async with running_worker(fresh, owner, tmp_path) as running:

        async def job(connection: Connection) -> set[int]:
            await publish(connection, *(an_offer(number) for number in range(1, 8)))
            await import_offers(
                connection, TESTER, 1, [draft_of(an_offer(8)), draft_of(an_offer(3, name="Inna"))]
            )
            now = datetime.now(UTC)
            await withdraw_offer(connection, TESTER, programme=1, number=5, effective_from=now)
            public = await read_public(connection, 1)
            await publish(connection, an_offer(9))
            listed = public_list(public, parse_rules(RULES), datetime.now(UTC))
            return {offer["number"] for partner in listed["partners"] for offer in partner["offers"]}

        listed = await owner.run(job)
        assert listed == {1, 2, 3, 4, 6, 7}
        await known(running, 9)
        line = await running.line()
        replies = {
            number: await ask(line, BenefitUse(number, 0, CARD, SWIPED, number, 500, 0))
            for number in range(1, 9)
        }
        assert {number for number, reply in replies.items() if not reply.code} == listed
        refused = {reply.code for number, reply in replies.items() if number not in listed}
        assert refused == {ResultCode.BENEFIT_UNKNOWN}


async def test_a_quote_comes_true_if_nothing_changes(
    fresh: FreshDatabase, owner: Database, tmp_path: Path
) -> None:
    """200 random operations: what was quoted just before is what came, refusals and what is left included."""
    chance = random.Random(20_270_601)
    async with running_worker(fresh, owner, tmp_path) as running:
        await owner.run(publish_published)
        limited = an_offer(
            20,
            {"kind": "percent", "percent": "7.5"},
            limits=[
                {"per": "card_and_offer", "uses": 30, "every": "day"},
                {"per": "offer", "uses": 25, "every": "month"},
            ],
            max_discount_grosze=900,
        )
        await owner.run(lambda connection: publish(connection, limited))
        await known(running, 20)
        line, codes = await running.line(), set()
        for stan in range(1, 400, 2):
            amount = chance.choice([0, -3, 99, 1_000, 12_345, 250_000, 10**9])
            tier, offer = chance.choice([100, 250, 7]), chance.choice([7, 8, 9, 10, 11, 12, 20, 20, 99])
            real: Request = chance.choice(
                [
                    Earn(stan + 1, 0, CARD, SWIPED, amount),
                    Redeem(stan + 1, 0, CARD, SWIPED, tier, amount),
                    BenefitUse(stan + 1, 0, CARD, SWIPED, offer, amount, 7),
                ]
            )
            number = tier if isinstance(real, Redeem) else offer if isinstance(real, BenefitUse) else 0
            quoted = await ask(line, Quote(stan, 0, CARD, SWIPED, TYPE_OF[type(real)], amount, number))
            came = await ask(line, real)
            codes.add(came.code)
            compared = FIGURES if not came.code else ("code",)
            assert [getattr(quoted, name) for name in compared] == [getattr(came, name) for name in compared]
            assert quoted.transaction_id == 0
        assert {0, 50, 51, 52, 53, 55, 56, 57, 59, 60, 61, 62} <= codes


async def test_receipts_are_in_the_language_of_the_terminal_and_stay_so(
    fresh: FreshDatabase, owner: Database, tmp_path: Path
) -> None:
    """English after a SIGN_ON in English, Polish without one; a replay is the first reply, byte for byte.

    What is over is not offered."""
    async with running_worker(fresh, owner, tmp_path) as running:
        await owner.run(publish_published)
        await known(running, 12)
        line = await running.line()
        polish = await ask(line, BenefitUse(1, 0, CARD, SWIPED, 7, 1_000, 0))
        assert "Oferta\n" in polish.receipt
        signed = await line.ask(SignOn(2, 0, "till", "en", 0))
        assert isinstance(signed, SignOnReply)
        kinds = {7: 1, 8: 3, 9: 1, 12: 4}  # offer 10 is over
        assert signed.offers == [(number, kind, "Oferta (en)") for number, kind in kinds.items()]
        english = await ask(line, BenefitUse(3, 0, CARD, SWIPED, 12, 1_000, 0))
        assert "Oferta (en)" in english.receipt
        assert "10.00 zł" in english.receipt
        refused = await ask(line, BenefitUse(4, 0, CARD, SWIPED, 7, 1_000, 0))
        assert ResultCode.QUOTA_USED_UP.text_en in refused.receipt
        again = await running.line()
        for stan, offer, first in ((1, 7, polish), (3, 12, english), (4, 7, refused)):
            assert await ask(again, BenefitUse(stan, 0, CARD, SWIPED, offer, 1_000, 0)) == first
        await again.ask(SignOn(5, 0, "till", "de", 0))
        assert "Oferta\n" in (await ask(again, BenefitUse(6, 0, CARD, SWIPED, 12, 1_000, 0))).receipt


async def test_sign_on_lists_the_offers_of_the_partner_in_pages(
    fresh: FreshDatabase, owner: Database, tmp_path: Path
) -> None:
    """Sixty offers by number, in two pages, nobody else's and none that is over."""
    async with running_worker(fresh, owner, tmp_path) as running:
        await owner.run(publish_published)
        more = [an_offer(number) for number in range(100, 160)]
        await owner.run(lambda connection: publish(connection, *more))
        await known(running, 159)
        line = await running.line()
        numbers: list[int] = []
        after, pages = 0, 0
        while pages == 0 or after:
            reply = await line.ask(SignOn(pages + 1, 0, "till", "pl", after))
            assert isinstance(reply, SignOnReply)
            assert len(reply.offers) <= limits.OFFERS_MAX
            numbers += [number for number, _, _ in reply.offers]
            after, pages = reply.offers_next, pages + 1
        assert (pages, numbers) == (2, [7, 8, 9, 12, *range(100, 160)])
