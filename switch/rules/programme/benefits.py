"""What a rules file says of benefits as a whole: what a cashier checks, how often, whether offline.

Owns the shapes of these tables and what a cashier is told to check. Pure. Single offers are not rules: a
partner's are published one by one (`cityswitch offers`).
"""

from __future__ import annotations

from typing import Annotated, Final, Literal, TypeAlias

from msgspec import Meta

from switch.rules.dates import Period
from switch.rules.programme.parts import Code, Grosze, Part, Rule

CHECK_ID: Final = 1
CHECK_GUARDIAN: Final = 2
CHECK_ALONE: Final = 4

PeriodName: TypeAlias = Literal["day", "week", "month", "year", "ever"]
PERIODS: Final[dict[PeriodName, Period]] = {
    "day": Period.DAY,
    "week": Period.WEEK,
    "month": Period.MONTH,
    "year": Period.YEAR,
    "ever": Period.EVER,
}


class Benefits(Rule, frozen=True):
    """How benefits are granted.

    `identity`: a photo document is asked for always (Zgierz § 17), in doubt (Żywiec § 4) or not; of `minor`
    holders without one a guardian's, if `guardian_for_minors`. `alone`: the cashier confirms that no other
    discount was given. `stacks`: offers that do not say otherwise may be used together. `offline`: uses may
    be stored and sent later. `amount_max_grosze`: the largest price a benefit is taken off; more is a slip of
    the keys.
    """

    amount_max_grosze: Grosze
    identity: Literal["always", "in_doubt", "none"]
    guardian_for_minors: bool = False
    alone: bool = True
    stacks: bool = False
    offline: bool = False

    def checks(self, kinds: int, minors: int) -> int:
        """Return what the cashier has to check of such a holder, as bits; `minors`: the kinds of minors."""
        bits = CHECK_ALONE if self.alone else 0
        if self.identity != "always":
            return bits
        if self.guardian_for_minors and kinds and not kinds & ~minors:
            bits |= CHECK_GUARDIAN
        return bits | CHECK_ID


class Limit(Part, frozen=True):
    """A limit of the whole programme: at most `uses` of benefits a period, for a card or for all together.

    `number` is its place in the books and stays for ever. With `kinds` or `flags` it is for such holders
    alone.
    """

    number: Annotated[int, Meta(ge=0, le=7)]
    per: Literal["card", "programme"]
    period: PeriodName
    uses: Annotated[int, Meta(ge=1, le=1_000_000_000)]
    kinds: tuple[Code, ...] = ()
    flags: tuple[Code, ...] = ()


class Limits(Rule, frozen=True):
    """The limits of the whole programme (Zgierz § 18)."""

    quotas: Annotated[tuple[Limit, ...], Meta(min_length=1, max_length=8)]
