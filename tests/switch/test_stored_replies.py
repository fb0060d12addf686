"""A stored reply is the first reply, byte for byte, whatever asks for it and whatever has happened since."""

import time
from datetime import UTC, date, datetime, timedelta
from importlib.resources import files
from pathlib import Path

import msgspec
import pytest
import trio

from ledger.postgres.database import Connection, Database
from ledger.registry.card_states import CardStatus
from ledger.registry.cards import CardRow, import_cards
from ledger.registry.duplicates import replace_card
from ledger.registry.partners import set_partner_status
from ledger.registry.programmes import add_programme, add_rules, suspend_programme
from ledger.registry.reads import Status as RowStatus
from protocol import (
    Balance,
    BenefitAdvice,
    BenefitUse,
    Earn,
    EarnAdvice,
    Redeem,
    Refund,
    Request,
    ResultCode,
    Reversal,
    SignOn,
    SignOnReply,
    Status,
    StatusReply,
)
from protocol.messages import TransactionReply, encode
from tests.entries import SWIPED
from tests.ledger.books import TESTER
from tests.patience import HANG_S
from tests.postgres import FreshDatabase
from tests.switch.city import RULES
from tests.switch.memory import CARD, CARDS, UNKNOWN_CARD, Line, card_digits
from tests.switch.offers import an_offer, publish, publish_published
from tests.switch.test_worker import Running, running_worker

STRANGER = card_digits(10_000_000_000)  # of another programme, by its prefix 96161
ZYWIEC = files("switch").joinpath("rules/programmes/zywiec.toml").read_text()
BY_STATUS = {
    CardStatus.BLOCKED: CARDS[1],
    CardStatus.WANTED: CARDS[2],
    CardStatus.REPLACED: CARDS[3],
    CardStatus.ORDERED: CARDS[4],
    CardStatus.CLOSED: CARDS[5],
}
EXPIRED, OTHER = CARDS[6], CARDS[7]
NEW_PLASTIC = card_digits(50)


async def add_cards(running: Running) -> None:
    """Every card the cases need, beside CARD, under rules by which a wanted one is retained."""
    retaining = RULES.replace("retain = false", "retain = true")
    since = datetime(2020, 1, 1, tzinfo=UTC)
    token = running.master.pepper(1).token
    cards = [CardRow(token(digits), digits[-4:], status=status) for status, digits in BY_STATUS.items()]
    cards.append(CardRow(token(EXPIRED), EXPIRED[-4:], expires_on=date(2020, 1, 1)))
    cards.append(CardRow(token(OTHER), OTHER[-4:]))

    async def job(connection: Connection) -> None:
        await add_rules(connection, TESTER, programme=1, effective_from=since, rules_toml=retaining)
        await import_cards(connection, TESTER, 1, cards)
        await add_programme(connection, TESTER, programme=2, code="zywiec", name="Żywiec")
        await add_rules(connection, TESTER, programme=2, effective_from=since, rules_toml=ZYWIEC)
        stranger = CardRow(running.master.pepper(2).token(STRANGER), STRANGER[-4:])
        await import_cards(connection, TESTER, 2, [stranger])
        await publish_published(connection)

    await running.owner.run(job)


def earn(stan: int, card: str = CARD, amount: int = 5_000) -> Earn:
    return Earn(stan=stan, terminal_time=7, card=card, entry=SWIPED, amount=amount)


def undo(stan: int, original: int, card: str = CARD) -> Reversal:
    return Reversal(stan=stan, terminal_time=7, card=card, entry=SWIPED, original_stan=original)


def redeem(stan: int, tier: int, card: str = CARD) -> Redeem:
    return Redeem(stan=stan, terminal_time=7, card=card, entry=SWIPED, tier=tier, amount=0)


def use(stan: int, offer: int, *, confirmed: int = 0, amount: int = 2_000, card: str = CARD) -> BenefitUse:
    return BenefitUse(stan, 7, card, SWIPED, offer, amount, confirmed)


def refund(stan: int, original: int, amount: int, card: str = CARD) -> Refund:
    return Refund(stan, 7, card, SWIPED, 1, original, amount)


def benefit_cases() -> list[tuple[Request, int]]:
    """Benefits and refunds with every outcome that can be stored."""
    code = ResultCode
    late = BenefitAdvice(109, int(time.time()), CARD, SWIPED, 12, 900, 0)
    return [
        (use(100, 7), code.APPROVED),
        (use(101, 7), code.QUOTA_USED_UP),
        (use(102, 8), code.CONFIRMATION_MISSING),
        (use(103, 8, confirmed=4), code.APPROVED),
        (use(104, 9), code.BENEFIT_NOT_FOR_CARD),
        (use(105, 10), code.BENEFIT_NOT_NOW),
        (use(106, 11), code.BENEFIT_OTHER_PARTNER),
        (use(107, 99), code.BENEFIT_UNKNOWN),
        (use(108, 7, amount=0), code.AMOUNT_ZERO),
        (late, code.APPROVED),
        (earn(110, amount=100_000), code.APPROVED),
        (refund(111, 110, 50_000), code.APPROVED),
        (refund(112, 110, 60_000), code.REFUND_OVER_SALE),
        (refund(113, 99, 100), code.ORIGINAL_UNKNOWN),
        (refund(114, 111, 100), code.ORIGINAL_NOT_REFUNDABLE),
        (refund(115, 110, 100, OTHER), code.ORIGINAL_MISMATCH),
        (refund(116, 103, 1_500), code.APPROVED),
        (undo(117, 100), code.APPROVED),
        (undo(118, 110), code.APPROVED),
        (undo(119, 111), code.ORIGINAL_NOT_REVERSIBLE),
    ]


def cases() -> list[tuple[Request, int]]:
    """Every message with every outcome that can be stored, in the order to be sent."""
    now_s = int(time.time())

    def advice(stan: int, card: str = CARD, at_s: int = now_s) -> EarnAdvice:
        return EarnAdvice(stan=stan, terminal_time=at_s, card=card, entry=SWIPED, amount=2_500)

    code = ResultCode
    return [
        (earn(1, amount=200_000), code.APPROVED),
        (earn(2, amount=999), code.APPROVED),
        (earn(3, "12"), code.CARD_NUMBER_INVALID),
        (earn(4, UNKNOWN_CARD), code.CARD_UNKNOWN),
        (earn(5, STRANGER), code.CARD_OTHER_PROGRAMME),
        (earn(6, BY_STATUS[CardStatus.WANTED]), code.CARD_RETAIN),
        (earn(7, BY_STATUS[CardStatus.REPLACED]), code.CARD_REPLACED),
        (earn(8, BY_STATUS[CardStatus.BLOCKED]), code.CARD_BLOCKED),
        (earn(9, BY_STATUS[CardStatus.CLOSED]), code.CARD_BLOCKED),
        (earn(10, BY_STATUS[CardStatus.ORDERED]), code.CARD_NOT_ACTIVE),
        (earn(11, EXPIRED), code.CARD_EXPIRED),
        (earn(12, amount=0), code.AMOUNT_ZERO),
        (earn(13, amount=-1), code.AMOUNT_NEGATIVE),
        (earn(14, amount=10**12), code.AMOUNT_OVER_LIMIT),
        (advice(20), code.APPROVED),
        (advice(21, at_s=7), code.ADVICE_OUT_OF_TIME),
        (advice(22, EXPIRED), code.CARD_EXPIRED),
        (advice(23, UNKNOWN_CARD), code.CARD_UNKNOWN),
        (advice(24, "12"), code.CARD_NUMBER_INVALID),
        (redeem(30, 100), code.APPROVED),
        (redeem(31, 101), code.TIER_UNKNOWN),
        (redeem(32, 500), code.POINTS_INSUFFICIENT),
        (redeem(33, 100, EXPIRED), code.CARD_EXPIRED),
        (redeem(34, 100, OTHER), code.POINTS_INSUFFICIENT),
        (undo(41, 40), code.APPROVED_ORIGINAL_UNSEEN),
        (earn(40), code.ORIGINAL_CANCELLED),
        (undo(43, 42), code.APPROVED_ORIGINAL_UNSEEN),
        (advice(42), code.ORIGINAL_CANCELLED),
        (undo(45, 44), code.APPROVED_ORIGINAL_UNSEEN),
        (redeem(44, 100), code.ORIGINAL_CANCELLED),
        (undo(50, 1), code.APPROVED),
        (undo(51, 1), code.APPROVED_NOTHING_TO_REVERSE),
        (undo(52, 30), code.APPROVED),
        (undo(53, 20), code.APPROVED),
        (undo(54, 12), code.APPROVED_NOTHING_TO_REVERSE),
        (undo(55, 4, UNKNOWN_CARD), code.APPROVED_NOTHING_TO_REVERSE),
        (undo(56, 5, STRANGER), code.APPROVED_NOTHING_TO_REVERSE),
        (undo(57, 2, OTHER), code.ORIGINAL_MISMATCH),
        (undo(58, 2, UNKNOWN_CARD), code.ORIGINAL_MISMATCH),
        (undo(59, 59), code.ORIGINAL_MISMATCH),
        (undo(60, 90), code.ORIGINAL_MISMATCH),
        (undo(61, 50), code.ORIGINAL_NOT_REVERSIBLE),
        (undo(62, 3, "12"), code.APPROVED_NOTHING_TO_REVERSE),
    ]


class Teller:
    """Asks for stored replies again, by the same request and by STATUS."""

    def __init__(self, first: dict[int, tuple[Request, TransactionReply]]) -> None:
        self.first = first
        self.stan = 1_000

    async def check(self, line: Line, when: str, *, card_of: dict[str, str] | None = None) -> None:
        """Every reply is the first one; `card_of` maps a card to the one that asks STATUS instead."""
        for stan, (request, first) in self.first.items():
            again = await line.ask(request)
            assert encode(again) == encode(first), f"STAN {stan} repeated {when}: {again} for {first}"
            self.stan += 1
            card = msgspec.structs.asdict(request)["card"]
            card = (card_of or {}).get(card, card)
            told = await line.ask(
                Status(stan=self.stan, terminal_time=7, card=card, entry=SWIPED, original_stan=stan)
            )
            assert isinstance(told, StatusReply)
            if first.code == ResultCode.ORIGINAL_CANCELLED:
                expected = (ResultCode.STAN_UNKNOWN, None)
            else:
                expected = (ResultCode.APPROVED, first)
            assert (told.code, told.original) == expected, f"STATUS of STAN {stan} {when}: {told}"

    async def wait_balance(self, line: Line, code: int, text: str = "") -> None:
        """Wait until the worker has taken over a change of the registry, as CARD's balance shows it."""
        with trio.fail_after(HANG_S):
            while True:
                self.stan += 1
                reply = await line.ask(Balance(stan=self.stan, terminal_time=7, card=CARD, entry=SWIPED))
                assert isinstance(reply, TransactionReply)
                if reply.code == code and text in reply.receipt:
                    return

    async def wait_offer(self, line: Line, name: str) -> None:
        """Wait until a sign-on names offer 12 so."""
        with trio.fail_after(HANG_S):
            while True:
                self.stan += 1
                reply = await line.ask(SignOn(self.stan, 7, "till", "pl", 11))
                assert isinstance(reply, SignOnReply)
                if reply.offers[0][2] == name:
                    return


@pytest.mark.usefixtures("within_a_day")
async def test_every_stored_reply_stays_what_it_was(
    fresh: FreshDatabase, owner: Database, tmp_path: Path
) -> None:
    """63 replies, repeated and asked for by STATUS: at once, after a restart, after a change of the
    rules, after offers were renamed, after the plastic was replaced, while partner and programme are
    suspended.
    """
    first: dict[int, tuple[Request, TransactionReply]] = {}
    teller = Teller(first)
    async with running_worker(fresh, owner, tmp_path) as running:
        await add_cards(running)
    async with running_worker(fresh, owner, tmp_path) as running:
        line = await running.line()
        for request, code in (*cases(), *benefit_cases()):
            reply = await line.ask(request)
            assert isinstance(reply, TransactionReply)
            assert reply.code == code, f"{request}: {reply}"
            first[request.stan] = (request, reply)
        assert f"nr {50 - 49}" in first[50][1].receipt
        assert first[5][1].balance == 0  # another programme's card tells nothing of its account
        await teller.check(line, "at once")
    async with running_worker(fresh, owner, tmp_path) as running:
        line = await running.line()
        await teller.check(line, "after a restart")
        since = datetime.now(UTC) - timedelta(days=1)
        text = RULES.replace("Stan punktów", "Punkty razem").replace("ODMOWA", "NIE")
        await owner.run(lambda c: add_rules(c, TESTER, programme=1, effective_from=since, rules_toml=text))
        await teller.wait_balance(line, 0, "Punkty razem")
        await teller.check(line, "after a change of the rules")
        renamed = [an_offer(number, name="Zmieniona") for number in (7, 8, 12)]
        await owner.run(lambda c: publish(c, *renamed, since=datetime.now(UTC)))
        await teller.wait_offer(line, "Zmieniona")
        await teller.check(line, "after offers were renamed")
        old, new = (running.master.pepper(1).token(digits) for digits in (CARD, NEW_PLASTIC))
        await owner.run(lambda c: replace_card(c, TESTER, old, new, NEW_PLASTIC[-4:], handed_over=True))
        await teller.wait_balance(line, ResultCode.CARD_REPLACED)
        await teller.check(line, "after the plastic was replaced")
        await teller.check(line, "by the new plastic", card_of={CARD: NEW_PLASTIC})
        await owner.run(lambda c: set_partner_status(c, TESTER, 1, RowStatus.STOPPED))
        await teller.wait_balance(line, ResultCode.PARTNER_SUSPENDED)
        await teller.check(line, "while the partner is suspended")
        await owner.run(lambda c: suspend_programme(c, TESTER, 1, datetime.now(UTC), None))
        await teller.wait_balance(line, ResultCode.PROGRAMME_SUSPENDED)
        await teller.check(line, "while the programme is suspended")
