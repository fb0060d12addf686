"""A question that a programme does not answer gets its own reply, and SIGN_ON does not offer it."""

import pytest

from protocol import (
    REPLY_BIT,
    REPLY_OF,
    TYPE_OF,
    CardReport,
    Quote,
    Request,
    ResultCode,
    Reversal,
    Status,
    Verify,
    VerifyReply,
)
from switch.flow.operations import OPERATIONS, is_served, served
from switch.flow.replies import not_supported
from switch.rules.versions import NO_RULES
from tests.entries import SWIPED

REFUSABLE = (Verify(7, 0, "", SWIPED, 0), CardReport(7, 0, "", SWIPED, 1))


def test_these_are_all_questions_that_may_not_be_offered() -> None:
    """Who adds another makes its reply here, too; what posts is refused by its decision."""
    nothing = NO_RULES.rules
    refusable = {
        kind for kind, row in OPERATIONS.items() if row.decide is None and not row.is_offered(nothing)
    }
    assert refusable == {type(request) for request in REFUSABLE}


def test_without_rules_only_what_settles_or_compares_is_offered() -> None:
    """What needs points, benefits or refunds is not told to be served where the rules have none."""
    nothing = NO_RULES.rules
    offered = {kind for kind, row in OPERATIONS.items() if row.decide is not None and row.is_offered(nothing)}
    assert offered == {Reversal, Status, Quote}


@pytest.mark.parametrize("request_", REFUSABLE, ids=lambda request: type(request).__name__)
@pytest.mark.parametrize(("language", "text"), [(0, "text_pl"), (1, "text_en")])
def test_it_gets_not_supported_in_its_own_reply(request_: Request, language: int, text: str) -> None:
    """The terminal reads the reply it expects, with nothing in it, and a text in its own language."""
    assert not is_served(request_, NO_RULES.rules)
    assert TYPE_OF[type(request_)] not in served(NO_RULES.rules)
    reply = not_supported(request_, 1, language)
    assert type(reply) is REPLY_OF[TYPE_OF[type(request_)] | REPLY_BIT]
    assert (reply.stan, reply.code) == (7, ResultCode.NOT_SUPPORTED)
    if isinstance(reply, VerifyReply):
        assert (reply.checks, reply.benefits, reply.benefits_next) == (0, [], 0)
        assert reply.receipt == getattr(ResultCode.NOT_SUPPORTED, text)
