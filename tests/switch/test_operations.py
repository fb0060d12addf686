"""The table of operations: complete, and a new operation is a handful of rows and nothing else."""

import pytest

from ledger.books.posting import Kind
from protocol import REPLY_BIT, REPLY_OF, REQUEST_OF, TYPE_OF, ClientSession, ServerSession, TransactionReply
from protocol.fields import Card, Entry, Message, Stan, TerminalTime
from protocol.limits import VERSION
from protocol.messages import decoder
from switch.flow.operations import OPERATIONS, Operation
from switch.rules.decide import Decision, Moment
from switch.rules.directory import Card as KnownCard
from switch.rules.directory import Terminal
from switch.rules.receipts import SECTIONS
from tests.entries import SWIPED
from tests.switch.memory import CARD, CARDS, Line, running_front

GIFT_TYPE, GIFT_KIND = 0x2F, 99


class Gift(Message, frozen=True):
    """An operation that exists in this test only: a gift of `points`."""

    stan: Stan
    terminal_time: TerminalTime
    card: Card
    entry: Entry
    points: int


def decide_gift(message: Gift, terminal: Terminal, card: KnownCard | int, at: Moment) -> Decision:
    if isinstance(card, int):
        return Decision(card)
    return Decision(0, message.points, 0, terminal.partner.issued_account)


def test_every_request_has_a_row() -> None:
    """Whatever the protocol decodes the flow can carry out."""
    assert set(OPERATIONS) == set(REQUEST_OF.values())


def test_kinds_are_the_ledgers_and_stand_once() -> None:
    """An operation that posts has a kind of its own; its approvals have a receipt, or a reply of its own."""
    kinds = [operation.kind for operation in OPERATIONS.values() if operation.decide]
    assert len(set(kinds)) == len(kinds)
    with_receipt = {row.kind for row in OPERATIONS.values() if row.reply is Operation().reply and row.kind}
    assert with_receipt | {int(Kind.VERIFY)} == set(SECTIONS)


async def test_a_new_operation_is_added_in_six_places_and_removed_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Message, kind, decision, row of the table, receipt section; the sixth is this test. Nothing else."""
    with monkeypatch.context() as added:
        # The message: its row in REQUEST_OF, from which protocol makes these when it is loaded.
        added.setitem(REQUEST_OF, GIFT_TYPE, Gift)
        added.setitem(TYPE_OF, Gift, GIFT_TYPE)
        added.setitem(REPLY_OF, GIFT_TYPE | REPLY_BIT, TransactionReply)
        added.setitem(ServerSession._DECODERS, bytes([VERSION, GIFT_TYPE]), decoder(Gift))
        reply_type = bytes([VERSION, GIFT_TYPE | REPLY_BIT])
        added.setitem(ClientSession._DECODERS, reply_type, decoder(TransactionReply))
        # The receipt of its kind, and its row with its decision.
        added.setitem(SECTIONS, GIFT_KIND, "balance")
        added.setitem(OPERATIONS, Gift, Operation(kind=GIFT_KIND, decide=decide_gift, is_new_business=True))
        async with running_front() as memory:
            line = Line(await memory.connect())
            assert await line.sign_in()
            reply = await line.ask(Gift(stan=1, terminal_time=0, card=CARD, entry=SWIPED, points=7))
            assert isinstance(reply, TransactionReply)
            assert (reply.code, reply.points) == (0, 7)
            assert "Stan punktów: 1007" in reply.receipt
            memory.ledger.is_behind = True
            for stan in range(2, 8):
                await line.ask(Gift(stan=stan, terminal_time=0, card=CARDS[1], entry=SWIPED, points=1))
            assert memory.meters.requests_shed == 1
            assert {posting.kind for posting in memory.ledger.posted} == {GIFT_KIND}
    assert Gift not in OPERATIONS
    test_every_request_has_a_row()
