"""What decisions are made of: the moment a request is judged at, and what came of it.

Owns both shapes. A decision function takes (message, terminal, card, moment) and returns a `Decision`; it
never waits, asks no database and reads no clock (ARCHITECTURE.md, "The life of a transaction").
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import msgspec

from ledger.books.posting import QuotaLeg
from switch.rules.cards import Card
from switch.rules.directory import Terminal


class Moment(msgspec.Struct, frozen=True, gc=False):
    """When a request is judged, and how much is known then.

    `now_ms` is the switch's clock, and `is_clock_right` says whether it can be; `is_stale` that the registry
    in memory may miss changes.
    """

    now_ms: int
    is_stale: bool = False
    is_clock_right: bool = True


class More(msgspec.Struct, frozen=True, gc=False):
    """What few operations decide besides, by the names of `Posting`: redemptions, benefits and refunds."""

    offer: int = 0
    discount_grosze: int = 0
    confirmed: int = 0
    checks: int = 0
    quotas: tuple[QuotaLeg, ...] = ()
    original_terminal: int = 0
    may_go_below: bool = False
    tier: int = 0
    basis: int = 0


class Decision(msgspec.Struct, frozen=True, gc=False):
    """What the switch decided from memory: `code` 0 means "post if the balance allows".

    `points` is the signed change of the card account, against `counter_account`; `amount_grosze` the amount
    keyed (earn; of refused ones too, for the journal shows every attempt) or the rebate given (redeem);
    `rules_version` what it was decided and will be printed by, 0 for the one in force; `step_grosze` what a
    point was awarded for, so that a refund can be reckoned by it; `original_stan` the request that is
    referred to, 0 for none; `account`, unless 0, takes the place of the card's.
    """

    code: int
    points: int = 0
    amount_grosze: int = 0
    counter_account: int = 0
    rules_version: int = 0
    step_grosze: int = 0
    original_stan: int = 0
    account: int = 0
    more: More | None = None


Decide: TypeAlias = Callable[[Any, Terminal, Card | int, Moment], Decision]
"""A decision function: pure. `card` is the result code of a failed look-up where there is no card."""
