"""What a terminal may ask for: one row an operation.

Owns the table the flow is driven by. An operation with a decision is decided from memory and goes to the
ledger as one posting; one without asks the ledger a question, by itself (`asks_ledger`) or with others
(`asks_together`), or is answered at once. A new operation is a row here, its message, its kind, its decision,
its receipt and its test (CONTRIBUTING.md).
Must not know connections. Invariant: every request of the protocol has a row (a test holds it).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import msgspec

from ledger.books.posting import Kind
from ledger.books.recorded import Recorded
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
    Request,
    Reversal,
    SignOff,
    SignOn,
    Status,
    Totals,
    Verify,
)
from switch.flow.connection import Connection, first_language
from switch.flow.replies import (
    MakeReply,
    status_reply,
    transaction_reply,
)
from switch.rules.decide import (
    Decide,
    decide_balance,
    decide_benefit_advice,
    decide_benefit_use,
    decide_earn,
    decide_earn_advice,
    decide_quote,
    decide_redeem,
    decide_reference,
    decide_refund,
)
from switch.rules.programme import LANGUAGES, Rules

Again: TypeAlias = Callable[[Recorded], Request]
"""How a request is made of its row in the journal, without the card's number."""
OnArrival: TypeAlias = Callable[[Connection, Any], None]
"""What a question changes of its connection at once, before what comes behind it is looked at."""


def _nothing(_: Connection, __: Request) -> None:
    return None


def _speak(connection: Connection, message: SignOn) -> None:
    """Print in the language asked for from here on; one that nobody knows is the programme's first. Keep
    the name of the terminal's program for the operator.
    """
    connection.software = message.software
    if message.language in LANGUAGES:
        connection.language = LANGUAGES.index(message.language)
    elif connection.terminal is not None:
        connection.language = first_language(connection.terminal)


def _always(_: Rules) -> bool:
    return True


def _keeps_cards(rules: Rules) -> bool:
    return rules.terminals.retain


def _gives_points(rules: Rules) -> bool:
    return rules.earn is not None


def _takes_points(rules: Rules) -> bool:
    return rules.redeem is not None


def _grants_benefits(rules: Rules) -> bool:
    return rules.benefits is not None


def _grants_offline(rules: Rules) -> bool:
    return rules.benefits is not None and rules.benefits.offline


def _takes_back(rules: Rules) -> bool:
    return rules.refund is not None


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """How one message is carried out.

    `kind` is the ledger's number of it. `is_new_business`: it may be told to try again when there is too much
    to do or too little is known; what settles an earlier request never is. `price`: what one without
    a decision costs, in units of an allowance (allowance.py); what is posted is bounded by the requests in
    flight alone. What leaves a row in the journal, the kind says; `again` makes the
    request of that row, so that it can be decided again. `is_advice`: it was done off line. `is_offered`:
    whether a programme of these rules has it.
    """

    kind: int = 0
    decide: Decide | None = None
    again: Again | None = None
    reply: MakeReply = transaction_reply
    is_new_business: bool = False
    is_advice: bool = False
    asks_ledger: bool = False
    asks_together: bool = False
    on_arrival: OnArrival = _nothing
    price: float = 0.0
    is_offered: Callable[[Rules], bool] = _always


def _read(row: Recorded) -> tuple[int, int, str, int]:
    return row.stan, row.terminal_time, "", row.entry


OPERATIONS: dict[type[Request], Operation] = {
    Earn: Operation(
        kind=int(Kind.EARN),
        decide=decide_earn,
        again=lambda row: Earn(*_read(row), row.amount_grosze),
        is_new_business=True,
        is_offered=_gives_points,
    ),
    EarnAdvice: Operation(
        kind=int(Kind.EARN_ADVICE),
        decide=decide_earn_advice,
        again=lambda row: EarnAdvice(*_read(row), row.amount_grosze),
        is_new_business=True,
        is_advice=True,
        is_offered=_gives_points,
    ),
    Redeem: Operation(
        kind=int(Kind.REDEEM),
        decide=decide_redeem,
        again=lambda row: Redeem(*_read(row), row.tier, row.basis),
        is_new_business=True,
        is_offered=_takes_points,
    ),
    Balance: Operation(
        kind=int(Kind.BALANCE), decide=decide_balance, is_new_business=True, is_offered=_gives_points
    ),
    Reversal: Operation(
        kind=int(Kind.REVERSAL),
        decide=decide_reference,
        again=lambda row: Reversal(*_read(row), row.original_stan),
    ),
    Status: Operation(kind=int(Kind.STATUS), decide=decide_reference, reply=status_reply),
    SignOn: Operation(asks_ledger=True, price=10.0, on_arrival=_speak),
    Totals: Operation(asks_ledger=True, price=100.0),
    Echo: Operation(price=1.0),
    SignOff: Operation(price=1.0),
    KeyChange: Operation(asks_ledger=True, price=100.0),
    CardReport: Operation(asks_ledger=True, price=100.0, is_offered=_keeps_cards),
    BenefitUse: Operation(
        kind=int(Kind.BENEFIT_USE),
        decide=decide_benefit_use,
        again=lambda row: BenefitUse(*_read(row), row.offer, row.amount_grosze, row.confirmed),
        is_new_business=True,
        is_offered=_grants_benefits,
    ),
    BenefitAdvice: Operation(
        kind=int(Kind.BENEFIT_ADVICE),
        decide=decide_benefit_advice,
        again=lambda row: BenefitAdvice(*_read(row), row.offer, row.amount_grosze, row.confirmed),
        is_new_business=True,
        is_advice=True,
        is_offered=_grants_offline,
    ),
    Refund: Operation(
        kind=int(Kind.REFUND),
        decide=decide_refund,
        again=lambda row: Refund(*_read(row), row.original_terminal, row.original_stan, row.amount_grosze),
        is_new_business=True,
        is_offered=_takes_back,
    ),
    Quote: Operation(kind=int(Kind.QUOTE), decide=decide_quote, is_new_business=True),
    Verify: Operation(kind=int(Kind.VERIFY), asks_together=True, price=1.0, is_offered=_grants_benefits),
}


def is_served(message: Request, rules: Rules) -> bool:
    """Return whether a message is served where these rules hold."""
    return OPERATIONS[type(message)].is_offered(rules)


def served(rules: Rules) -> list[int]:
    """Return the numbers of the messages that are served where these rules hold, in their order."""
    return sorted(TYPE_OF[message] for message, row in OPERATIONS.items() if row.is_offered(rules))
