"""What no programme here has is answered, in the shape of its own reply, and nothing is kept of it."""

import pytest

from protocol import (
    REPLY_BIT,
    REPLY_OF,
    TYPE_OF,
    Request,
    ResultCode,
    TransactionReply,
)
from protocol.published.field_matrix import row_of
from protocol.published.spec_tables import FIGURES
from protocol.published.vector_cases import REQUESTS
from switch.flow.operations import OPERATIONS, served
from switch.flow.replies import not_supported
from tests.switch.memory import RULES, Line, running_front

NOT_SERVED = {
    type(request): request for _, request, _ in REQUESTS if OPERATIONS[type(request)].answer is not_supported
}


@pytest.mark.parametrize("request_", NOT_SERVED.values(), ids=lambda request: type(request).__name__)
async def test_it_gets_not_supported_in_its_own_reply(request_: Request) -> None:
    """The terminal reads a reply it knows, with a text to show and no figure that could be mistaken."""
    async with running_front() as memory:
        line = Line(await memory.connect())
        assert await line.sign_in()
        reply = await line.ask(request_)
        assert type(reply) is REPLY_OF[TYPE_OF[type(request_)] | REPLY_BIT]
        assert (reply.stan, reply.code) == (request_.stan, ResultCode.NOT_SUPPORTED)
        assert getattr(reply, "receipt", "-")
        assert memory.ledger.posted == memory.ledger.waiting == []
        if isinstance(reply, TransactionReply):
            row = row_of(type(request_), reply.code)
            assert [getattr(row, name).value for name in FIGURES] == [
                str(getattr(reply, name)).replace("-", "−") for name in FIGURES
            ]


def test_the_sign_on_does_not_offer_it() -> None:
    """A terminal that offers its cashier what SIGN_ON lists never meets NOT_SUPPORTED."""
    assert not set(served(RULES)) & {TYPE_OF[request] for request in NOT_SERVED}
